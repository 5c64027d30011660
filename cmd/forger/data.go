package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"forger/data"
	"forger/gan/report"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/vision"

	"github.com/spf13/cobra"
)

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "List, inspect, check, preview and dump datasets",
		Args:  arguments(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataList(), newDataInfo(), newDataCheck(), newDataPreview(), newDataDump(), newDataPack(), newDataFetch())
	return cmd
}

// source is what the flags of a data command ask of data: the settings of a training, and its --seed.
type source struct {
	data.Settings
	seed uint64
}

// unpackingOn shows on w how far the unpacking of an archive has come, where that takes long enough to be asked about.
func unpackingOn(w io.Writer, quiet bool) func(done, total int64) {
	const worth = 8 << 20 // bytes
	m := newMeter(newProgress(w, quiet), "unpacking", "bytes")
	return func(done, total int64) {
		if total < worth {
			return
		}
		if m.set(done, total); done == total {
			m.end()
		}
	}
}

// open opens a source as `forger train` does, but its folders are listed as they are now. What the command line alone
// shows to be wrong is a usage error.
func (s source) open(spec string) (data.Dataset, error) { return s.openWith(spec, false) }

// asTraining is open with the lists of folders that trainings keep.
func (s source) asTraining(spec string) (data.Dataset, error) { return s.openWith(spec, true) }

func (s source) openWith(spec string, lists bool) (data.Dataset, error) {
	s.Spec, s.Cache = spec, "none"     // each image is read once
	flags := s.Settings.Settings()[1:] // the source is no flag here
	if err := flags.Check(); err != nil {
		return nil, err
	}
	o, err := s.Options(s.seed)
	if err != nil {
		return nil, err
	}
	o.Relist = !lists
	ds, err := data.Open(spec, o)
	var wrong *data.SpecError
	if errors.As(err, &wrong) {
		return nil, &setting.UsageError{Msg: err.Error()}
	}
	return ds, err
}

// warner tells the user of a command what goes on all the same.
func warner(cmd *cobra.Command) func(text string) {
	name := strings.TrimPrefix(cmd.CommandPath(), "forger ")
	return func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "forger: %s: %s\n", name, text) }
}

// order is the seed of the order in which a training sees the source.
func (s source) order() uint64 {
	_, order := seed.Data(s.seed)
	return order
}

// flags are those of a training's settings.
func (s *source) flags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		row, _ := s.Settings.Settings().Find(name)
		addSettings(cmd.Flags(), setting.Set{row})
	}
}

// imageFlags are those that say in which form images are wanted.
func (s *source) imageFlags(cmd *cobra.Command) { s.flags(cmd, "size", "channels") }

// seedFlag is that of a training, which decides about what of the command.
func (s *source) seedFlag(cmd *cobra.Command, what string) {
	cmd.Flags().Uint64Var(&s.seed, "seed", 0, "of a training: "+what)
}

// selectionFlags are those that say which images of a source are used, and what of them.
func (s *source) selectionFlags(cmd *cobra.Command) {
	s.flags(cmd, "data-weights", "filter", "limit", "data-rules", "crop-before", "fast-decode", "background", "max-pixels")
}

// skipFlag is the one that allows for corrupt files.
func (s *source) skipFlag(cmd *cobra.Command) { s.flags(cmd, "skip-corrupt") }

// readingFlags are those that a training has too.
func (s *source) readingFlags(cmd *cobra.Command) {
	s.selectionFlags(cmd)
	s.flags(cmd, "flip", "skip-corrupt")
}

// reportSkipped lists the corrupt files that were passed over.
func reportSkipped(w io.Writer, ds data.Dataset) {
	skipped := data.Skipped(ds)
	for _, s := range skipped {
		fmt.Fprintf(w, "skipped %s: %s\n", s.Err.File, oneLine(s.Err.Err))
	}
	if n := len(skipped); n > 0 {
		fmt.Fprintf(w, "%d corrupt files skipped\n", n)
	}
}

func newDataList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The sources there are",
		Args:  arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, name := range slices.Sorted(maps.Keys(data.Sources)) {
				s := data.Sources[name]
				fmt.Fprintf(t, "%s\t%s\n", s.Usage, s.Doc)
			}
			return t.Flush()
		},
	}
}

func newDataInfo() *cobra.Command {
	var s source
	cmd := &cobra.Command{
		Use:   "info SPEC",
		Short: "What a dataset holds",
		Args:  arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.Unpacking = unpackingOn(cmd.ErrOrStderr(), false)
			ds, err := s.open(args[0])
			if err != nil {
				return err
			}
			defer ds.Close()
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "%s\t%d\n", elements(ds), ds.Len())
			fmt.Fprintf(t, "shape\t%s\n", ds.Shape())
			fmt.Fprintf(t, "classes\t%s\n", classes(ds))
			if passed := data.PassedOver(ds); passed != "" {
				fmt.Fprintf(t, "passed over\t%s\n", passed)
			}
			fmt.Fprintf(t, "fingerprint\t%s\n", ds.Fingerprint())
			return t.Flush()
		},
	}
	s.imageFlags(cmd)
	s.seedFlag(cmd, "what a source draws")
	s.selectionFlags(cmd)
	return cmd
}

// elements is what a dataset is a list of.
func elements(ds data.Dataset) string {
	if ds.Shape().IsPoints() {
		return "points"
	}
	return "images"
}

func classes(ds data.Dataset) string {
	all := ds.Classes()
	if all == nil {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(all), strings.Join(all, ", "))
}

func newDataPreview() *cobra.Command {
	var s source
	out, n := "", 0
	cmd := &cobra.Command{
		Use:   "preview SPEC --out grid.png",
		Short: "A grid of images (of points a plot) chosen by the seed, as training sees them",
		Args:  arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || cmd.Flags().Changed("n") && n < 1 {
				return &setting.UsageError{Msg: "--out must name the picture to write, --n be positive"}
			}
			s.Unpacking = unpackingOn(cmd.ErrOrStderr(), false)
			ds, err := s.asTraining(args[0])
			if err != nil {
				return err
			}
			defer ds.Close()
			shape := ds.Shape()
			if !report.HasPicture(shape) {
				return fmt.Errorf("points of %s have no picture: use data dump", shape)
			}
			if n == 0 {
				n = report.Shown(shape)
			}
			samples, labels, err := data.Preview(cmd.Context(), ds, n, s.order())
			if err != nil {
				return err
			}
			reportSkipped(cmd.ErrOrStderr(), ds)
			if shape.IsPoints() {
				return vision.SavePNG(out, report.Samples{Real: samples, Mixture: data.MixtureOf(args[0])}.Plot(shape))
			}
			return vision.SavePNG(out, vision.Grid(samples, len(labels), shape.Height, shape.Width, shape.Channels, 8))
		},
	}
	s.imageFlags(cmd)
	s.seedFlag(cmd, "what a source draws, and which images are chosen: those that it begins with")
	s.readingFlags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the PNG to write")
	cmd.Flags().IntVar(&n, "n", 0, "how many (default: 64 images, 2500 points)")
	return cmd
}

func newDataDump() *cobra.Command {
	var s source
	var d data.DumpOptions
	cmd := &cobra.Command{
		Use:   "dump SPEC OUT.npy",
		Short: "Write the bytes that training sees: uint8 [N,H,W,C] (points: float32 [N,D]), and OUT.labels.npy",
		Args:  arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if d.N < 0 {
				return &setting.UsageError{Msg: fmt.Sprintf("--n %d: too small: use 0 (an epoch) or more", d.N)}
			}
			s.Unpacking = unpackingOn(cmd.ErrOrStderr(), false)
			ds, err := s.asTraining(args[0])
			if err != nil {
				return err
			}
			defer ds.Close()
			d.Seed = s.order()
			if err := data.Dump(cmd.Context(), ds, args[1], d); err != nil {
				return err
			}
			reportSkipped(cmd.ErrOrStderr(), ds)
			return nil
		},
	}
	s.imageFlags(cmd)
	s.seedFlag(cmd, "what a source draws, and the order of --shuffled")
	s.readingFlags(cmd)
	cmd.Flags().IntVar(&d.N, "n", 0, "how many images (default: an epoch)")
	cmd.Flags().BoolVar(&d.Shuffled, "shuffled", false, "in the order of a training with this --seed")
	return cmd
}
