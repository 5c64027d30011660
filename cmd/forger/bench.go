package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"forger/gan"
	"forger/gan/bench"
	"forger/internal/atomicfile"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

// benchmark is a measurement as it is asked for.
type benchmark struct {
	bench.Options
	config gan.Config
}

// settings are what a measurement takes: its own, and of a run's those that count.
func (b *benchmark) settings() setting.Set {
	return append(b.Options.Settings(), b.config.Settings().With(setting.Bench)...)
}

func newBench() *cobra.Command {
	b := &benchmark{config: gan.DefaultConfig()}
	b.Options.Settings().Reset()
	var report, sweep, config string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure training throughput",
		Example: "  forger bench --synthetic --size 64 --channels 3\n" +
			"  forger bench --data folder:DIR --size 64 --loader-only\n" +
			"  forger bench --synthetic --channels 3 --sweep batch=16,32,64,128",
		Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if b.config.Given, b.config.Repeat, err = fillSettings(cmd.Flags(), b.settings(), config); err != nil {
				return err
			}
			tellStrangers(cmd)
			rounds, err := b.rounds(sweep)
			if err != nil {
				return err
			}
			return b.config.Given.Blame(b.run(cmd, rounds, report))
		},
	}
	f := cmd.Flags()
	addSettings(f, b.settings())
	f.StringVar(&report, "json", "", "also write all figures to this file; -: print them instead of the table")
	f.StringVar(&sweep, "sweep", "", "measure several values of a setting, as in batch=16,32,64, and print a table")
	f.StringVar(&config, "config", "", "a YAML file of these settings, such as a run's config.yaml")
	return cmd
}

// round is a value of the swept setting; without a sweep there is one round that changes nothing.
type round struct{ name, value string }

func (b *benchmark) rounds(sweep string) ([]round, error) {
	if sweep == "" {
		return []round{{}}, nil
	}
	name, values, ok := strings.Cut(sweep, "=")
	if _, known := b.settings().Find(name); !ok || !known {
		return nil, setting.Usagef("--sweep %s: not a setting and its values: write for example batch=16,32,64", sweep)
	}
	var rounds []round
	for value := range strings.SplitSeq(values, ",") {
		rounds = append(rounds, round{name, value})
	}
	return rounds, nil
}

// run measures each round.
func (b *benchmark) run(cmd *cobra.Command, rounds []round, report string) error {
	var results []bench.Result
	for _, r := range rounds {
		if row, ok := b.settings().Find(r.name); ok {
			if err := row.Parse(r.value); err != nil {
				return setting.Usagef("--sweep %s=%s: %v", r.name, r.value, err)
			}
		}
		res, err := gan.Bench(cmd.Context(), b.config, b.Options)
		if err != nil {
			return err
		}
		results = append(results, res)
	}
	if report == "-" {
		return encodeReport(cmd.OutOrStdout(), results)
	}
	if report != "" {
		if err := atomicfile.Write(report, func(w io.Writer) error { return encodeReport(w, results) }); err != nil {
			return err
		}
	}
	if rounds[0].name == "" {
		return describeBench(cmd.OutOrStdout(), results[0])
	}
	return describeSweep(cmd.OutOrStdout(), rounds, results)
}

// encodeReport writes one result as an object, several as a list.
func encodeReport(w io.Writer, results []bench.Result) error {
	var v any = results
	if len(results) == 1 {
		v = results[0]
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func describeBench(w io.Writer, r bench.Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	low, high := slices.Min(r.Windows), slices.Max(r.Windows)
	fmt.Fprintf(t, "images a second\t%.1f (%.1f-%.1f in %d windows)\n", r.ImagesPerSecond, low, high, len(r.Windows))
	fmt.Fprintf(t, "milliseconds a step\t%.2f\n", r.MsPerStep)
	for _, name := range r.Phases {
		if ms, ok := r.Split[name]; ok {
			fmt.Fprintf(t, "  %s\t%.2f\n", strings.ReplaceAll(name, "_", ", "), ms)
		}
	}
	if r.SplitEager {
		fmt.Fprintf(t, "  (its parts\tof a step run operation by operation: as a graph it has none)\n")
	}
	fmt.Fprintf(t, "memory, MiB\t%.0f before the first step, %.0f at most\n", r.BaseMiB, r.PeakMiB)
	if r.GFlops > 0 {
		fmt.Fprintf(t, "arithmetic\t%.2f GFLOP an image, %.0f GFLOP/s: %.0f %% of a matrix product's %.0f\n",
			r.GFlopPerImage, r.GFlops, 100*r.ArithmeticShare, r.PeakGFlops)
		fmt.Fprintf(t, "memory bandwidth\tat least %.0f %% of a copy's %.0f GB/s\n", 100*r.MemoryShare, r.CopyGBs)
	}
	fmt.Fprintf(t, "waited for data\t%.1f %%\n", 100*r.DataWait)
	fmt.Fprintf(t, "on\t%s\n", strings.Join(machine(r), ", "))
	for _, note := range r.Notes {
		fmt.Fprintf(t, "note\t%s\n", note)
	}
	return t.Flush()
}

func machine(r bench.Result) []string {
	on := []string{"batch " + strconv.Itoa(r.Batch), r.Data}
	if r.Libtorch != "" {
		on = append(on, r.Device, r.Precision, r.Layout, r.Conv+" convolutions", "graph "+r.Graph, strconv.Itoa(r.Threads)+" threads", "libtorch "+r.Libtorch)
	}
	return append(on, strconv.Itoa(r.Workers)+" workers")
}

func describeSweep(w io.Writer, rounds []round, results []bench.Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\timages a second\tms a step\tstep MiB\tof a product's rate\t\n", rounds[0].name)
	for i, r := range results {
		fmt.Fprintf(t, "%s\t%.1f\t%.2f\t%.0f\t%.0f %%\t\n", rounds[i].value, r.ImagesPerSecond, r.MsPerStep, r.PeakMiB-r.BaseMiB, 100*r.ArithmeticShare)
	}
	return t.Flush()
}
