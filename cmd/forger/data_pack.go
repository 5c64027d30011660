package main

import (
	"encoding/json"
	"fmt"
	"time"

	"forger/data"
	"forger/internal/setting"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

func newDataPack() *cobra.Command {
	var s source
	var p data.PackOptions
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "pack SPEC OUT",
		Short: "Decode a dataset once into a file that packed:OUT reads",
		Long: "Decode a dataset once, at one size, into a file that packed:OUT reads at the speed of memory.\n\n" +
			"What is broken off leaves OUT.partial, and the same command goes on with it (also where --skip-corrupt is added; what was\nbegun with it begins again).\n" +
			"The bytes of OUT depend on the dataset and these flags alone. Of a source that draws its images it holds the first\nepoch.",
		Example: "  forger data pack folder:celeba celeba64.pack --size 64\n  forger train --data packed:celeba64.pack --size 64",
		Args:    arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.Workers < 0 {
				return &setting.UsageError{Msg: fmt.Sprintf("--workers %d: too small: use 0 (as many as cores) or more", p.Workers)}
			}
			s.Unpacking = unpackingOn(cmd.ErrOrStderr(), quiet)
			ds, err := s.open(args[0])
			if err != nil {
				return err
			}
			defer ds.Close()
			m := newMeter(newProgress(cmd.ErrOrStderr(), quiet), "packing", "images")
			p.Progress = func(done, total int) { m.set(int64(done), int64(total)) }
			p.Warn = warner(cmd)
			res, err := data.Pack(cmd.Context(), ds, args[1], p)
			m.end()
			reportSkipped(cmd.ErrOrStderr(), ds)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"file": args[1], "spec": ds.Spec(), "images": res.Images, "kept": res.Kept, "height": res.Shape.Height,
					"width": res.Shape.Width, "channels": res.Shape.Channels, "classes": len(ds.Classes()),
					"skipped": len(data.Skipped(ds)), "bytes": res.Bytes, "decoder": res.Decoder, "fingerprint": res.Fingerprint,
				})
			}
			if !quiet {
				fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %d images of %dx%dx%d, %.1f MB\n", args[1], res.Images,
					res.Shape.Height, res.Shape.Width, res.Shape.Channels, float64(res.Bytes)/1e6)
			}
			return nil
		},
	}
	s.imageFlags(cmd)
	s.seedFlag(cmd, "what a source draws")
	s.selectionFlags(cmd)
	s.skipFlag(cmd)
	f := cmd.Flags()
	f.IntVar(&p.Workers, "workers", 0, "how many decode at a time (default: as many as cores)")
	f.BoolVar(&asJSON, "json", false, "say what was written as JSON, on standard output")
	f.BoolVar(&quiet, "quiet", false, "say nothing but errors")
	return cmd
}

// meter shows how far a piece of work has come: a live line on a terminal, a plain line each tenth elsewhere.
type meter struct {
	*progress
	verb, unit   string
	begun, tenth int64 // what was there at the first call; tenths told
	started      bool
}

func newMeter(p *progress, verb, unit string) *meter {
	return &meter{progress: p, verb: verb, unit: unit}
}

// set tells that so much of the total is there. A total that is not known is 0.
func (m *meter) set(done, total int64) {
	if m.quiet {
		return
	}
	if !m.started {
		m.started, m.begun, m.total, m.start = true, done, total, time.Now()
		if m.live {
			m.bar = m.newBar()
		}
	}
	if m.bar != nil {
		// The bar writes to a terminal; a terminal that is gone does not stop the work.
		_ = m.bar.Set64(done)
		return
	}
	if tenth := 10 * done / max(total, 1); total > 0 && tenth > m.tenth {
		m.tenth = tenth
		rate := float64(done-m.begun) / max(time.Since(m.start).Seconds(), 1e-3)
		fmt.Fprintf(m.w, "%s %d/%d %s  %.0f/s\n", m.verb, done, total, m.unit, rate)
	}
}

func (m *meter) newBar() *progressbar.ProgressBar {
	total := m.total
	if total == 0 {
		total = -1 // a spinner
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(m.w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(m.unit), progressbar.OptionShowBytes(m.unit == "bytes"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(m.barWidth()), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionUseANSICodes(true), progressbar.OptionSetDescription(m.verb))
}
