package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"forger/gan"

	"github.com/spf13/cobra"
)

func newTrain() *cobra.Command {
	cfg := gan.DefaultConfig()
	var config string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a GAN; writes a run directory",
		Long:  "Train a GAN; writes a run directory.\n\n" + tables(gan.Choices()),
		Example: "  forger train --data glyphs --size 32 --steps 500\n" +
			"  forger train --data mnist:DIR --size 32 --epochs 5 --device cuda\n" +
			"  forger train --config runs/0000-dcgan-glyphs/config.yaml --seed 1\n" +
			"  forger train --resume runs/0000-dcgan-glyphs --steps 20000",
		Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Given, err = fillSettings(cmd.Flags(), cfg.Fields(), config); err != nil {
				return err
			}
			w := cmd.ErrOrStderr()
			p := newProgress(w, quiet)
			gan.Version = version()
			res, err := gan.Train(cmd.Context(), cfg, p)
			p.end()
			if err != nil || quiet {
				return err
			}
			switch {
			case cfg.VerifyResume > 0:
				fmt.Fprintf(w, "resume verified: after %d steps, and %[1]d more from the checkpoint, every value is the same to the bit\n", cfg.VerifyResume)
				return nil
			case cfg.DryRun:
				fmt.Fprintln(w, "dry run: one step done, nothing written")
				return nil
			}
			conclude(w, res)
			return nil
		},
	}
	addFields(cmd.Flags(), cfg.Fields())
	cmd.Flags().StringVar(&config, "config", "", "a YAML file of these settings, such as a run's config.yaml")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "say nothing but errors")
	return cmd
}

// tables explains the words of settings, a paragraph each.
func tables(choices map[string][]gan.Choice) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, flag := range slices.Sorted(maps.Keys(choices)) {
		fmt.Fprintf(w, "--%s\n", flag)
		for _, c := range choices[flag] {
			fmt.Fprintf(w, "  %s\t%s\n", c.Word, c.Doc)
		}
	}
	// Writing to a Builder cannot fail.
	_ = w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// conclude says where the pictures are and what to run next.
func conclude(w interface{ Write([]byte) (int, error) }, res gan.Result) {
	how := "done"
	if res.Stopped {
		how = "stopped"
	}
	fmt.Fprintf(w, "%s after %d steps, %d images\n", how, res.Step, res.Images)
	fmt.Fprintf(w, "  pictures    %s (the newest of %s/samples; real.png beside it)\n", res.LastSample, res.Dir)
	fmt.Fprintf(w, "  checkpoint  %s\n", res.Checkpoint)
	fmt.Fprintf(w, "  next        %s sample --checkpoint %s --out grid.png --seed 1\n", quoted(os.Args[0]), quoted(res.Checkpoint))
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&|;<>()*?[]#~`\\") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
