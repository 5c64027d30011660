package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"forger/gan"
	"forger/gan/report"
	"forger/internal/rank"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newTrain() *cobra.Command {
	cfg := gan.DefaultConfig()
	var config string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a generative model; writes a run directory",
		Long:  "Train a generative model; writes a run directory.\n\n" + tables(cfg.Settings()),
		Example: "  forger train --data glyphs --size 32 --steps 500\n" +
			"  forger train --data mnist:DIR --size 32 --epochs 5 --device cuda\n" +
			"  forger train --config runs/0000-dcgan-glyphs/config.yaml --seed 1\n" +
			"  forger train --resume runs/0000-dcgan-glyphs --steps 20000",
		Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Given, cfg.Repeat, err = fillSettings(cmd.Flags(), cfg.Settings(), config); err != nil {
				return err
			}
			if cfg.World, err = rank.FromEnv(os.LookupEnv); err != nil {
				return err
			}
			quiet = quiet || cfg.World.Rank > 0
			outliveReaders()
			w := cmd.ErrOrStderr()
			if !quiet {
				tellStrangers(cmd)
			}
			p := newProgress(w, quiet)
			cfg.Data.Unpacking = unpackingOn(w, quiet)
			res, err := gan.Train(cmd.Context(), cfg, p)
			p.end()
			if err != nil || quiet {
				return cfg.Given.Blame(err)
			}
			switch {
			case cfg.Run.VerifyResume > 0:
				fmt.Fprintf(w, "resume verified: after %d steps, and %[1]d more from the checkpoint, every value is the same to the bit\n", cfg.Run.VerifyResume)
				return nil
			case cfg.Run.DryRun:
				foretell(w, *res.Forecast)
				return nil
			}
			conclude(w, res)
			return nil
		},
	}
	addSettings(cmd.Flags(), cfg.Settings())
	cmd.Flags().StringVar(&config, "config", "", "a YAML file of these settings, such as a run's config.yaml")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "say nothing but errors")
	helpWithPreset(cmd, &cfg.Preset)
	return cmd
}

// helpWithPreset begins the help with what the preset sets that is given beside --help.
func helpWithPreset(cmd *cobra.Command, preset *string) {
	help := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if p, ok := gan.Presets[*preset]; ok {
			fmt.Fprintf(cmd.OutOrStdout(), "--preset %s: %s. It sets\n\n", *preset, p.Doc)
			for _, l := range p.Lines() {
				for _, v := range l.Values {
					fmt.Fprintf(cmd.OutOrStdout(), "  --%s=%s\n", l.Name, v)
				}
			}
			fmt.Fprintln(cmd.OutOrStdout())
		}
		help(cmd, args)
	})
}

// tables explains the words of settings, a paragraph each.
func tables(all setting.Set) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range all {
		if len(r.Words) > 0 {
			fmt.Fprintf(w, "--%s\n", r.Name)
		}
		for _, word := range r.Words {
			fmt.Fprintf(w, "  %s\t%s\n", word.Word, word.Doc)
		}
	}
	// Writing to a Builder cannot fail.
	_ = w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// foretell says what a run will take.
func foretell(w io.Writer, f report.Forecast) {
	const mib = 1 << 20
	fmt.Fprintln(w, "dry run: one step done, nothing written")
	fmt.Fprintf(w, "  memory  a step takes about %d MiB%s\n", f.StepBytes/mib, of(f.FreeBytes, "free"))
	fmt.Fprintf(w, "  disk    %d checkpoints of %.1f MiB: %.0f MiB%s\n", f.Checkpoints, float64(f.CheckpointBytes)/mib,
		float64(f.CheckpointBytes)*float64(f.Checkpoints)/mib, of(f.DiskBytes, "free here"))
	fmt.Fprintf(w, "  time    %.3f s for the first step, so at most about %s for %s\n", f.StepSeconds,
		time.Duration(f.StepSeconds*float64(f.Steps)*float64(time.Second)).Round(time.Second), count(f.Steps))
}

// of is " of N MiB free", where that is known.
func of(bytes int64, what string) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d MiB %s", bytes>>20, what)
}

// conclude says where the pictures are and what to run next.
func conclude(w interface{ Write([]byte) (int, error) }, res report.Result) {
	switch {
	case res.Stopped:
		fmt.Fprintf(w, "stopped after %d steps, %d images\n", res.Step, res.Images)
	case res.First == res.Step:
		fmt.Fprintf(w, "nothing was left to train: the end of the run had been reached, at step %d: go on with a later --steps, --images or --epochs\n", res.Step)
	case res.Enough:
		fmt.Fprintf(w, "enough after %d steps, %d images: the evaluations got no better\n", res.Step, res.Images)
	default:
		fmt.Fprintf(w, "done after %d steps, %d images\n", res.Step, res.Images)
	}
	fmt.Fprintf(w, "  pictures    %s (the newest of %s/samples; the real data beside it)\n", res.LastSample, res.Dir)
	fmt.Fprintf(w, "  checkpoint  %s\n", res.Checkpoint)
	if res.Best != "" {
		fmt.Fprintf(w, "  best        %s, as evaluated\n", res.Best)
	}
	fmt.Fprintf(w, "  next        %s sample --checkpoint %s --out grid.png --seed 1\n", quoted(os.Args[0]), quoted(res.Checkpoint))
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&|;<>()*?[]#~`\\") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
