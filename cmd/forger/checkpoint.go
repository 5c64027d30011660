package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"forger/gan/checkpoint"
	"forger/gan/rundir"

	"github.com/spf13/cobra"
)

func newCheckpoint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "What a checkpoint holds",
		Args:  arguments(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckpointInfo())
	return cmd
}

func newCheckpointInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info FILE|RUN",
		Short:   "What a checkpoint holds; every byte is checked",
		Example: "  forger checkpoint info runs/0000-dcgan-glyphs/checkpoints/latest --json",
		Args:    arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := rundir.Newest(args[0])
			if err != nil {
				return err
			}
			info, err := checkpoint.ReadInfo(path)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(info)
			}
			return describeCheckpoint(cmd.OutOrStdout(), info)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with the config")
	return cmd
}

func describeCheckpoint(w io.Writer, c checkpoint.Info) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "file\t%s, %d bytes, every one as written\n", c.File, c.Bytes)
	fmt.Fprintf(t, "step\t%d, %d images\n", c.Step, c.Images)
	fmt.Fprintf(t, "data\t%s, %d images an epoch, %d batches used\n", c.Data, c.Length, c.Position)
	for _, p := range c.Parts {
		fmt.Fprintf(t, "%s\t%d tensors, %d numbers\n", p.Name, p.Tensors, p.Numbers)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Meta)) {
		if key != "data" {
			fmt.Fprintf(t, "%s\t%s\n", key, c.Meta[key])
		}
	}
	return t.Flush()
}
