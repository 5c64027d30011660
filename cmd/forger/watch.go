package main

import (
	"fmt"

	"forger/gan/board"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newWatch() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "watch [DIR...]",
		Short: "A web page of runs, live or finished",
		Long: "A web page of every run below the folders (default runs), read from their files: of runs that train now, on this machine\n" +
			"or on one whose disk this is, and of finished ones. It only reads. On an address that other machines can reach the\n" +
			"page is guarded by the token in the address that is printed.",
		Example: "  forger watch\n  forger watch runs /mnt/cluster/runs --listen 0.0.0.0:6007",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"runs"}
			}
			b, err := board.Open(args)
			if err != nil {
				return err
			}
			s, err := b.Listen(listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", s.URL)
			return s.Serve(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:6007", "HOST:PORT; port 0 for any that is free")
	return cmd
}

func newReport() *cobra.Command {
	var o board.ReportOptions
	cmd := &cobra.Command{
		Use:     "report RUN... --out report.html",
		Short:   "The same page as one file that opens anywhere",
		Example: "  forger report runs/0000-dcgan-glyphs runs/0001-dcgan-glyphs --out report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return setting.Usagef("no run given: usage: %s", cmd.UseLine())
			case o.MaxMB < 1:
				return setting.Usagef("--max-mb %d: too small: use 1 or more", o.MaxMB)
			}
			if err := wanted("out", o.Out, "the file to write, such as report.html"); err != nil {
				return err
			}
			b, err := board.Open(args)
			if err != nil {
				return err
			}
			k, err := b.Report(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %d runs, %d of %d grids, %.1f MB\n", o.Out, k.Runs, k.Pictures, k.OfAll, float64(k.Bytes)/1e6)
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Out, "out", "", "the file to write")
	f.IntVar(&o.MaxMB, "max-mb", 20, "its size at most, in millions of bytes: of more grids some are taken, evenly")
	return cmd
}
