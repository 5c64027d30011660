package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"forger/data"
	"forger/gan"
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

// open is data.Open with what the spec alone shows to be wrong as a usage error.
func open(spec string, o data.Options) (data.Dataset, error) {
	if o.Size < 0 || o.Channels != 0 && o.Channels != 1 && o.Channels != 3 {
		return nil, &gan.UsageError{Msg: "--size must be positive, --channels 1 or 3"}
	}
	ds, err := data.Open(spec, o)
	var wrong *data.SpecError
	if errors.As(err, &wrong) {
		return nil, &gan.UsageError{Msg: err.Error()}
	}
	return ds, err
}

// selectionFlags are those that say which images of a source are used, and what of them.
func selectionFlags(cmd *cobra.Command, o *data.Options) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Filter, "filter", "", "only images with these labels: names or globs, e.g. cat,dog or n02*")
	f.IntVar(&o.Limit, "limit", 0, "at most so many images: the first ones, after --filter (default: all)")
	f.IntVar(&o.CropBefore, "crop-before", 0, "take the centre square of so many pixels before the resize (CelebA: 108 or 178)")
	f.BoolVar(&o.FastDecode, "fast-decode", false, "let libjpeg-turbo shrink JPEGs while it decodes")
	f.Var((*background)(o), "background", "under transparent pixels, as RRGGBB (default FFFFFF)")
	f.IntVar(&o.MaxPixels, "max-pixels", 0, fmt.Sprintf("refuse larger images before they are decoded (default %d)", vision.MaxPixels))
}

// background is the flag of Options.Background.
type background data.Options

func (b *background) String() string { return "" }
func (b *background) Type() string   { return "string" }

func (b *background) Set(text string) (err error) {
	b.Background, err = data.ParseBackground(text)
	return err
}

// skipFlag is the one that allows for corrupt files.
func skipFlag(cmd *cobra.Command, o *data.Options) {
	cmd.Flags().IntVar(&o.SkipCorrupt, "skip-corrupt", 0, "how many files may be no images; another image takes the place of each")
}

// readingFlags are those that a training has too.
func readingFlags(cmd *cobra.Command, o *data.Options) {
	selectionFlags(cmd, o)
	cmd.Flags().BoolVar(&o.Flip, "flip", false, "mirror half of the images, anew each epoch")
	skipFlag(cmd, o)
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

// asTraining opens a source with the seed that `forger train --seed` gives it, and with the lists of folders that
// trainings keep.
func asTraining(spec string, o data.Options) (data.Dataset, error) {
	o.Seed, _ = gan.DataSeeds(o.Seed)
	if dir, err := os.UserCacheDir(); err == nil { // without one, nothing is kept
		o.CacheDir = filepath.Join(dir, "forger", "data")
	}
	return open(spec, o)
}

// imageFlags are those that say in which form images are wanted.
func imageFlags(cmd *cobra.Command, o *data.Options) {
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.Size, "size", 0, "image side (default: the source's own)")
	f.IntVar(&o.Channels, "channels", 0, "1 or 3 (default: the source's)")
	f.Uint64Var(&o.Seed, "seed", 0, "of sources that draw their images, and of --shuffled")
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
	var o data.Options
	cmd := &cobra.Command{
		Use:   "info SPEC",
		Short: "What a dataset holds",
		Args:  arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ds, err := open(args[0], o)
			if err != nil {
				return err
			}
			defer ds.Close()
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "%s\t%d\n", elements(ds), ds.Len())
			fmt.Fprintf(t, "shape\t%s\n", ds.Shape())
			fmt.Fprintf(t, "classes\t%s\n", classes(ds))
			fmt.Fprintf(t, "fingerprint\t%s\n", ds.Fingerprint())
			return t.Flush()
		},
	}
	imageFlags(cmd, &o)
	selectionFlags(cmd, &o)
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
	var o data.Options
	out, n := "", 64
	cmd := &cobra.Command{
		Use:   "preview SPEC --out grid.png",
		Short: "A grid of images chosen by the seed, as training sees them",
		Args:  arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || n < 1 {
				return &gan.UsageError{Msg: "--out must name the picture to write, --n be positive"}
			}
			ds, err := asTraining(args[0], o)
			if err != nil {
				return err
			}
			defer ds.Close()
			if ds.Shape().IsPoints() {
				return errors.New("points have no picture yet: use data dump")
			}
			_, order := gan.DataSeeds(o.Seed)
			pixels, count, err := data.Preview(cmd.Context(), ds, n, order)
			if err != nil {
				return err
			}
			reportSkipped(cmd.ErrOrStderr(), ds)
			shape := ds.Shape()
			return vision.SavePNG(out, vision.Grid(pixels, count, shape.Height, shape.Width, shape.Channels, 8))
		},
	}
	imageFlags(cmd, &o)
	readingFlags(cmd, &o)
	cmd.Flags().StringVar(&out, "out", "", "the PNG to write")
	cmd.Flags().IntVar(&n, "n", n, "how many images")
	return cmd
}

func newDataDump() *cobra.Command {
	var o data.Options
	var d data.DumpOptions
	cmd := &cobra.Command{
		Use:   "dump SPEC OUT.npy",
		Short: "Write the bytes that training sees: uint8 [N,H,W,C] (points: float32 [N,D]), and OUT.labels.npy",
		Args:  arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if d.N < 0 {
				return &gan.UsageError{Msg: fmt.Sprintf("--n %d: too small: use 0 (an epoch) or more", d.N)}
			}
			ds, err := asTraining(args[0], o)
			if err != nil {
				return err
			}
			defer ds.Close()
			_, d.Seed = gan.DataSeeds(o.Seed)
			if err := data.Dump(cmd.Context(), ds, args[1], d); err != nil {
				return err
			}
			reportSkipped(cmd.ErrOrStderr(), ds)
			return nil
		},
	}
	imageFlags(cmd, &o)
	readingFlags(cmd, &o)
	cmd.Flags().IntVar(&d.N, "n", 0, "how many images (default: an epoch)")
	cmd.Flags().BoolVar(&d.Shuffled, "shuffled", false, "in the order of a training with this --seed")
	return cmd
}
