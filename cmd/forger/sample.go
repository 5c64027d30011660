package main

import (
	"strconv"
	"strings"

	"forger/gan"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newSample() *cobra.Command {
	o := gan.SampleOptions{Device: "auto"}
	var seeds string
	cmd := &cobra.Command{
		Use:     "sample --checkpoint FILE|RUN --out grid.png|DIR",
		Short:   "Draw images or points from a checkpoint",
		Example: "  forger sample --checkpoint runs/0000-dcgan-glyphs/checkpoints/latest --out grid.png --n 100 --seed 7",
		Args:    arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSample(cmd, o, seeds); err != nil {
				return err
			}
			o.Tell = share(cmd.ErrOrStderr(), "drawn")
			var err error
			if o.Seeds, err = parseSeeds(seeds); err != nil {
				return err
			}
			return gan.Sample(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Checkpoint, "checkpoint", "", "the checkpoint to draw from, or a run's directory: its newest")
	f.StringVar(&o.Out, "out", "", "a .png: a grid, of points a plot; of points also .npy or .csv; else a directory: a PNG an image, numbered")
	f.IntVar(&o.N, "n", 0, "how many (default: 64 images, 2500 points)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the latents")
	f.StringVar(&seeds, "seeds", "", "an image of each of these seeds, such as 1,5,9 or 10-19, instead of --n and --seed")
	f.Float64Var(&o.Truncation, "truncation", 0, "draw latents anew until no number is farther from 0: likelier images, less variety")
	f.StringVar(&o.Label, "label", "", "of these classes, with commas between, as many each (default: a row of the picture each)")
	f.BoolVar(&o.Average, "ema", false, "draw from the averaged generator")
	f.StringVar(&o.Latents, "latents", "", "a .npy of float32 [N,Z] or [N,Z,1,1] to draw instead of --n and --seed")
	f.StringVar(&o.Raw, "raw", "", "write float32 [N,C,H,W] in [-1,1], of points [N,D], to this .npy, beside --out or alone")
	f.StringVar(&o.Complete, "complete", "", "complete the images of this data, such as folder:DIR, instead of drawing whole ones: of a pixelcnn")
	f.IntVar(&o.KeepRows, "keep-rows", 0, "rows of each image that --complete leaves as they are, from above")
	f.StringVar(&o.Device, "device", o.Device, "auto, cpu, cuda or cuda:N")
	return cmd
}

// checkSample refuses flags that are missing or do not go together. Errors are *setting.UsageError.
func checkSample(cmd *cobra.Command, o gan.SampleOptions, seeds string) error {
	if err := wanted("checkpoint", o.Checkpoint, "a checkpoint, such as runs/.../checkpoints/latest"); err != nil {
		return err
	}
	if o.Raw == "" {
		if err := wanted("out", o.Out, "the picture to write, such as grid.png, or a directory"); err != nil {
			return err
		}
	}
	if o.Latents != "" && (cmd.Flags().Changed("n") || cmd.Flags().Changed("seed")) {
		return &setting.UsageError{Msg: "--latents: the file says how many and which: leave out --n and --seed"}
	}
	if cmd.Flags().Changed("n") && o.N < 1 {
		return setting.Usagef("--n %d: too small: use 1 or more", o.N)
	}
	if seeds != "" && (o.Latents != "" || cmd.Flags().Changed("n") || cmd.Flags().Changed("seed")) {
		return &setting.UsageError{Msg: "--seeds: they say how many and which: leave out --n, --seed and --latents"}
	}
	if cmd.Flags().Changed("truncation") && (!(o.Truncation >= .01) || o.Latents != "") {
		return setting.Usagef("--truncation %v: it wants .01 or more, and no --latents: 0.5 is a strong one, 2 a weak one", o.Truncation)
	}
	switch completes := cmd.Flags().Changed("keep-rows"); {
	case o.Complete == "" && completes:
		return &setting.UsageError{Msg: "--keep-rows: there is nothing to complete: add --complete with data, such as folder:DIR"}
	case o.Complete != "" && !completes:
		return &setting.UsageError{Msg: "--complete: add --keep-rows: how many rows of each image stay"}
	case o.Complete != "" && (o.Latents != "" || seeds != ""):
		return &setting.UsageError{Msg: "--complete: the data say how many: leave out --latents and --seeds"}
	}
	return nil
}

// mostSeeds bounds what a range of them may ask for by a slip.
const mostSeeds = 1 << 20

// parseSeeds reads seeds and ranges of them with commas between.
func parseSeeds(text string) (all []uint64, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		first, failed := strconv.ParseUint(from, 10, 64)
		last, err := strconv.ParseUint(to, 10, 64)
		if failed != nil || err != nil || last < first || last-first >= mostSeeds {
			return nil, setting.Usagef("--seeds %q: %q is neither a number nor a range: write for example 1,5,9 or 10-19", text, part)
		}
		for ; ; first++ {
			all = append(all, first)
			if first == last {
				break
			}
		}
	}
	return all, nil
}
