package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"forger/gan"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/internal/atomicfile"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newEval() *cobra.Command {
	o := gan.EvalOptions{N: 10000, Device: "auto"}
	o.Measures.Settings().Reset()
	o.Likelihood.Settings().Reset()
	o.Feature.Settings("").Reset()
	var jsonTo string
	var above, below []string
	cmd := &cobra.Command{
		Use:   "eval --checkpoint FILE|--images SPEC|--self --against SPEC",
		Short: "Score a checkpoint or a set of images against real data",
		Long: "Score a checkpoint or a set of images against real data. Figures of different protocols (features, counts, data) are not to be compared.\n\n" +
			wordList("--metrics", setting.Words(metric.Table, func(m metric.Measure) string { return m.Doc })) + "\n" + wordList("--features", feature.Words()),
		Example: "  forger eval --checkpoint runs/0000-dcgan-mnist/checkpoints/latest --against mnist:DIR --metrics fid,prdc\n" +
			"  forger eval --self --against mnist:DIR   # what a perfect model would have\n" +
			"  forger eval --checkpoint RUN --metrics fid,is --features inception:pt_inception-2015-12-05-6726825d.pth --n 50000\n" +
			"  forger eval --against cifar10:DIR --features inception:FILE --n 50000 --save-stats cifar10.npz",
		Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			limits, err := limitsOf(above, below)
			if err != nil {
				return err
			}
			o.Tell = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) }
			e, err := gan.Eval(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := tellEval(cmd, e, jsonTo); err != nil {
				return err
			}
			return limits.check(e)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Checkpoint, "checkpoint", "", "judge what this checkpoint draws")
	f.StringVar(&o.Images, "images", "", "judge this data: a source as in train's --data")
	f.BoolVar(&o.Self, "self", false, "judge one half of the real data by the other: the floor of every measure")
	f.StringVar(&o.Against, "against", "", "the real data, or a .npz of its statistics (default: what the checkpoint was trained on)")
	f.Var(&o.Size, "size", "image side of the data, or HEIGHTxWIDTH (default: the checkpoint's, or the data's own)")
	f.StringSliceVar(&o.Metrics, "metrics", nil, "what to measure, with commas between (default: by the kind of data)")
	f.StringVar(&o.Features, "features", "", "what images are compared by (default random; of points the points; pixels where no measure that is asked for takes others)")
	addSettings(f, o.Feature.Settings(""))
	f.StringVar(&o.SaveTo, "save-stats", "", "write mean and covariance of the real data's features to this .npz, as pytorch-fid does; nothing need be judged then")
	f.IntVar(&o.N, "n", o.N, "how many samples of each, at most")
	f.Uint64Var(&o.Seed, "seed", 0, "of samples, choices and permutations")
	addSettings(f, o.Measures.Settings())
	addSettings(f, o.Likelihood.Settings())
	f.BoolVar(&o.PerClass, "per-class", false, "FID and coverage of each class too, of a network that learnt labels, and with --features classifier:SPEC how often it sees the class asked for")
	f.StringVar(&o.Neighbours, "neighbours", "", "write samples, each beside the three nearest real images in features, to this .png: has it copied its data?")
	f.BoolVar(&o.Average, "ema", false, "draw from the averaged generator")
	f.StringVar(&jsonTo, "json", "", "write protocol and figures to this file, - for the standard output")
	f.StringArrayVar(&above, "fail-above", nil, "NAME=X: exit with 1 where a figure is above X, e.g. fid=30 or prdc.recall=1 (repeatable)")
	f.StringArrayVar(&below, "fail-below", nil, "NAME=X: exit with 1 where a figure is below X (repeatable)")
	f.StringVar(&o.Device, "device", o.Device, "auto, cpu, cuda or cuda:N")
	return cmd
}

// wordList explains the words of a flag.
func wordList(flag string, words []setting.Word) string {
	var b strings.Builder
	fmt.Fprintln(&b, flag)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, word := range words {
		fmt.Fprintf(w, "  %s\t%s\n", word.Word, word.Doc)
	}
	// Writing to a Builder cannot fail.
	_ = w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// tellEval writes what was found, as people read it and as JSON.
func tellEval(cmd *cobra.Command, e gan.Evaluation, jsonTo string) error {
	if jsonTo == "" {
		return writeEval(cmd.OutOrStdout(), e)
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if jsonTo == "-" {
		_, err := cmd.OutOrStdout().Write(text)
		return err
	}
	if err := atomicfile.WriteBytes(jsonTo, text); err != nil {
		return fmt.Errorf("--json %s: %w: name a file that can be written", jsonTo, atomicfile.Bare(err))
	}
	return writeEval(cmd.OutOrStdout(), e)
}

// writeEval is a table of the figures under their protocol.
func writeEval(out io.Writer, e gan.Evaluation) error {
	p := e.Protocol
	if p.Generated != "" {
		fmt.Fprintf(out, "generated  %s, %d samples\n", strings.TrimSuffix(p.Generated+", "+p.Labels, ", "), p.N)
	}
	real := fmt.Sprintf("%d samples", p.NReal)
	if p.NReal == 0 {
		real = "statistics of samples whose number it does not say"
	}
	fmt.Fprintf(out, "real       %s, %s\nfeatures   %s\nseed       %d\n\n", p.Real, real, p.Features, p.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range e.Names {
		r := e.Metrics[name]
		value := "-"
		if v, ok := r.Figure("value"); ok {
			value = figure(v)
		}
		var more []string
		for _, field := range r.More {
			switch v := field.Value.(type) {
			case float64:
				more = append(more, field.Name+" "+figure(v))
			case int:
				more = append(more, fmt.Sprintf("%s %d", field.Name, v))
			case bool, string:
				more = append(more, fmt.Sprintf("%s %v", field.Name, v))
			}
		}
		if r.Note != "" {
			more = append(more, "("+r.Note+")")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, value, strings.Join(more, "  "))
	}
	if err := w.Flush(); err != nil || len(e.Classes) == 0 {
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "class\tn\tfid\tcoverage\tagrees")
	for _, c := range e.Classes {
		agrees := "-"
		if c.Agrees != nil {
			agrees = figure(*c.Agrees)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", c.Class, c.N, figure(c.FID), figure(c.Coverage), agrees)
	}
	return w.Flush()
}

func figure(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }

// limit is what a figure must not pass.
type limit struct {
	flag, name string // "fid" or "prdc.recall"
	bound      float64
}

type limits []limit

// limitsOf reads NAME=X. Errors are *setting.UsageError.
func limitsOf(above, below []string) (all limits, err error) {
	for flag, texts := range map[string][]string{"--fail-above": above, "--fail-below": below} {
		for _, text := range texts {
			name, value, ok := strings.Cut(text, "=")
			bound, failed := strconv.ParseFloat(value, 64)
			if !ok || failed != nil {
				return nil, setting.Usagef("%s %s: NAME=X is wanted, such as fid=30 or prdc.recall=.5", flag, text)
			}
			measure, _, _ := strings.Cut(name, ".")
			if _, known := metric.Table[measure]; !known {
				return nil, setting.Usagef("%s %s: unknown metric: have %s", flag, text, strings.Join(setting.Keys(metric.Table), ", "))
			}
			all = append(all, limit{flag, name, bound})
		}
	}
	return all, nil
}

// check fails on the first figure that passes its limit, or that there is none of.
func (all limits) check(e gan.Evaluation) error {
	for _, l := range all {
		measure, part, _ := strings.Cut(l.name, ".")
		if part == "" {
			part = "value"
		}
		r, measured := e.Metrics[measure]
		if !measured {
			return setting.Usagef("%s %s: it was not measured: add it to --metrics", l.flag, l.name)
		}
		v, ok := r.Figure(part)
		switch {
		case !ok:
			return fmt.Errorf("%s %s: there is no such figure: %s", l.flag, l.name, r.Note)
		case l.flag == "--fail-above" && v > l.bound, l.flag == "--fail-below" && v < l.bound:
			return fmt.Errorf("%s %s=%v: it is %s", l.flag, l.name, l.bound, figure(v))
		}
	}
	return nil
}
