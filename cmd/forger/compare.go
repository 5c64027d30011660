package main

import (
	"fmt"

	"forger/gan"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newCompare() *cobra.Command {
	var o gan.CompareOptions
	o.N, o.Device = 10000, "auto"
	o.Measures.Settings().Reset()
	o.Likelihood.Settings().Reset()
	o.Feature.Settings("").Reset()
	cmd := &cobra.Command{
		Use:   "compare CHECKPOINT|RUN ... --against SPEC --out DIR",
		Short: "Several checkpoints under one protocol: tables and a picture",
		Long: "Several checkpoints (GAN, VAE, autoregressive ...) under one protocol: DIR/compare.md, compare.json and compare.png. Each model draws\n" +
			"once; figures of different features, or of different ways to take an image's likelihood, have tables of their own.\n\n" +
			wordList("--metrics", setting.Words(metric.Table, func(m metric.Measure) string { return m.Doc })) + "\n" + wordList("--features", feature.Words()),
		Example: "  forger compare runs/0000-dcgan-mnist runs/0001-mlp-mnist runs/0002-masked-mnist --against mnist:DIR --out compared",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := wanted("out", o.Out, "the folder to write compare.md, compare.json and compare.png to"); err != nil {
				return err
			}
			o.Checkpoints = args
			o.Tell = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) }
			c, err := gan.Compare(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), c.Markdown())
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Against, "against", "", "the real data")
	f.StringVar(&o.Out, "out", "", "the folder to write to; it is made")
	f.StringSliceVar(&o.Metrics, "metrics", nil, "what to measure, with commas between (default: quality by two kinds of features, Parzen, nll)")
	f.StringVar(&o.Features, "features", "", "what images are compared by (default: random, and a classifier where the data have labels)")
	addSettings(f, o.Feature.Settings(""))
	f.IntVar(&o.N, "n", o.N, "how many samples of each, at most")
	f.Uint64Var(&o.Seed, "seed", 0, "of samples, choices and permutations")
	addSettings(f, o.Measures.Settings())
	addSettings(f, o.Likelihood.Settings())
	f.BoolVar(&o.Average, "ema", false, "draw from the averaged networks")
	f.StringVar(&o.Device, "device", o.Device, "auto, cpu, cuda or cuda:N")
	return cmd
}
