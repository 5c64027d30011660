package main

import (
	"forger/gan"

	"github.com/spf13/cobra"
)

func newInterpolate() *cobra.Command {
	o := gan.InterpolateOptions{Device: "auto"}
	cmd := &cobra.Command{
		Use:   "interpolate --checkpoint FILE --out walk.gif|strip.png",
		Short: "Walk through the latent space: an animated GIF or a strip",
		Example: "  forger interpolate --checkpoint runs/0000-dcgan-glyphs/checkpoints/latest --out walk.gif\n" +
			"  forger interpolate --checkpoint runs/0001-mlp-mnist --from a.png --to b.png --out strip.png",
		Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wanted("checkpoint", o.Checkpoint, "a checkpoint, such as runs/.../checkpoints/latest"); err != nil {
				return err
			}
			if err := wanted("out", o.Out, "the picture to write: a .gif, or a .png for a strip"); err != nil {
				return err
			}
			return gan.Interpolate(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Checkpoint, "checkpoint", "", "the checkpoint to draw from, or a run's directory: its newest")
	f.StringVar(&o.Out, "out", "", "a .gif: 4x4 walks that end where they began; a .png: 8 walks from left to right")
	f.IntVar(&o.Frames, "frames", 0, "pictures of a walk (default 60 of a .gif, 10 of a strip)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the latents")
	f.StringVar(&o.From, "from", "", "walk from this picture's latents, of a VAE, to --to's: one walk between the two pictures")
	f.StringVar(&o.To, "to", "", "the picture at the walk's other end")
	f.StringVar(&o.Label, "label", "", "the class, of a network that learnt labels (default: another with each walk)")
	f.StringVar(&o.ToLabel, "to-label", "", "walk from --label to this class, each walk at one latent")
	f.BoolVar(&o.Average, "ema", false, "draw from the averaged generator")
	f.StringVar(&o.Device, "device", o.Device, "auto, cpu, cuda or cuda:N")
	return cmd
}
