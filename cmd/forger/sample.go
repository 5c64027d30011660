package main

import (
	"fmt"

	"forger/gan"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newSample() *cobra.Command {
	o := gan.SampleOptions{Device: "auto"}
	cmd := &cobra.Command{
		Use:     "sample --checkpoint FILE --out grid.png|DIR",
		Short:   "Draw images or points from a checkpoint",
		Example: "  forger sample --checkpoint runs/0000-dcgan-glyphs/checkpoints/latest --out grid.png --n 100 --seed 7",
		Args:    arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wanted("checkpoint", o.Checkpoint, "a checkpoint, such as runs/.../checkpoints/latest"); err != nil {
				return err
			}
			if err := wanted("out", o.Out, "the picture to write, such as grid.png, or a directory"); err != nil {
				return err
			}
			if o.Latents != "" && (cmd.Flags().Changed("n") || cmd.Flags().Changed("seed")) {
				return &setting.UsageError{Msg: "--latents: the file says how many and which: leave out --n and --seed"}
			}
			if cmd.Flags().Changed("n") && o.N < 1 {
				return &setting.UsageError{Msg: fmt.Sprintf("--n %d: too small: use 1 or more", o.N)}
			}
			return gan.Sample(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Checkpoint, "checkpoint", "", "the checkpoint to draw from")
	f.StringVar(&o.Out, "out", "", "a .png: a grid, of points a plot; of points also .npy or .csv; else a directory: a PNG an image, numbered")
	f.IntVar(&o.N, "n", 0, "how many (default: 64 images, 2500 points)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the latents")
	f.BoolVar(&o.Average, "ema", false, "draw from the averaged generator")
	f.StringVar(&o.Latents, "latents", "", "a .npy of float32 [N,Z] to draw instead of --n and --seed")
	f.StringVar(&o.Raw, "raw", "", "also write float32 [N,C,H,W] in [-1,1], of points [N,D], to this .npy")
	f.StringVar(&o.Device, "device", o.Device, "auto, cpu, cuda or cuda:N")
	return cmd
}
