package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"forger/gan"
	"forger/gan/export"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newExport() *cobra.Command {
	var o export.Options
	var about strings.Builder
	for _, name := range slices.Sorted(maps.Keys(export.Formats)) {
		fmt.Fprintf(&about, "  %-12s %s\n", name, export.Formats[name].Doc)
	}
	cmd := &cobra.Command{
		Use:   "export --checkpoint FILE [--net NAME] [--format F] --out FILE",
		Short: "Write a network for PyTorch, safetensors, ONNX or TorchScript users",
		Long: "Write a network for PyTorch, safetensors, ONNX or TorchScript users.\n\n--format\n" + about.String() +
			"\nONNX and TorchScript take the generator's latents as [N,Z,1,1], N free. The discriminator ends in the official\n" +
			"Sigmoid (`probability`) when it was trained with minimax or nonsaturating, else in the raw `score`. A VAE's encoder takes\n" +
			"images in [-1,1] and gives `mean` and `logvar`, its decoder `logits` of white, or `means`; a PixelCNN's model gives `logits`, or\n" +
			"`logistics`: a mean and the logarithm of a scale, side by side for each colour.",
		Example: "  forger export --checkpoint runs/0000-dcgan-glyphs --out g.onnx",
		Args:    arguments(0),
		RunE: func(*cobra.Command, []string) error {
			if err := wanted("checkpoint", o.Checkpoint, "a checkpoint, such as runs/.../checkpoints/latest"); err != nil {
				return err
			}
			if o.Format == "" {
				o.Format = export.FormatOf(o.Out)
			}
			if err := wanted("format", o.Format, strings.Join(slices.Sorted(maps.Keys(export.Formats)), ", ")); err != nil {
				return err
			}
			if err := wanted("out", o.Out, "the file to write"); err != nil {
				return err
			}
			return gan.Export(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Checkpoint, "checkpoint", "", "the checkpoint to take it from, or a run's directory: its newest")
	f.StringVar(&o.Net, "net", o.Net, "of a GAN generator, discriminator, or ema: the averaged generator; of a VAE encoder, decoder, ema (the averaged decoder), encoder-ema; of a PixelCNN model, ema (default: the one that samples are drawn from)")
	f.StringVar(&o.Format, "format", "", strings.Join(slices.Sorted(maps.Keys(export.Formats)), ", ")+" (default: what the ending of --out tells)")
	f.StringVar(&o.Out, "out", "", "the file to write; folders on its way are made")
	return cmd
}

// wanted refuses a flag that was left out.
func wanted(flag, value, name string) error {
	if value == "" {
		return setting.Usagef("--%s: not given: name %s", flag, name)
	}
	return nil
}
