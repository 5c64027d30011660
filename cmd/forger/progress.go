package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"forger/gan"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows a run: a live line on a terminal, plain lines elsewhere.
type progress struct {
	w     io.Writer
	quiet bool
	live  bool
	bar   *progressbar.ProgressBar
	total int64
	start time.Time
}

func newProgress(w io.Writer, quiet bool) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, quiet: quiet, live: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) Started(s gan.Started) {
	if p.quiet {
		return
	}
	p.total, p.start = s.TotalSteps, time.Now()
	fmt.Fprintf(p.w, "device %s (%s), libtorch %s, %d threads, %s\n", s.Device, s.Why, s.Resolved.Libtorch, s.Resolved.Threads, s.Resolved.Precision)
	where := "nothing is written"
	if s.Dir != "" {
		where = s.Dir
	}
	fmt.Fprintf(p.w, "%d images an epoch at %dx%dx%d, %s steps -> %s\n",
		s.Images, s.Resolved.Size, s.Resolved.Size, s.Resolved.Channels, count(s.TotalSteps), where)
	if p.live {
		p.bar = progressbar.NewOptions64(s.TotalSteps, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(8),
			progressbar.OptionUseANSICodes(true), progressbar.OptionSetDescription("training"))
	}
}

func count(n int64) string {
	if n == math.MaxInt64 {
		return "unbounded"
	}
	return fmt.Sprint(n)
}

func (p *progress) Stepped(int64, int64) {
	if p.bar != nil {
		// The bar writes to a terminal; a terminal that is gone does not stop a training.
		_ = p.bar.Add(1)
	}
}

func (p *progress) Logged(l gan.LogLine) {
	if p.quiet {
		return
	}
	if p.bar != nil { // short enough for 80 columns with the bar, the count and the time left
		p.bar.Describe(fmt.Sprintf("%.0f/s D %.2f G %.2f D(x) %.2f D(G(z)) %.2f", l.ImagesPerSecond, l.LossD, l.LossG, l.DReal, l.DFake))
		return
	}
	left := time.Duration(float64(time.Since(p.start)) / float64(l.Step) * float64(p.total-l.Step))
	fmt.Fprintf(p.w, "step %d/%s  epoch %.2f  %.0f images/s  loss D %.3f G %.3f  D(x) %.2f  D(G(z)) %.2f  %s left\n",
		l.Step, count(p.total), l.Epoch, l.ImagesPerSecond, l.LossD, l.LossG, l.DReal, l.DFake, left.Round(time.Second))
}

func (p *progress) Wrote(path string) {
	if !p.quiet && p.bar == nil {
		fmt.Fprintf(p.w, "wrote %s\n", path)
	}
}

// end leaves the live line behind.
func (p *progress) end() {
	if p.bar != nil {
		fmt.Fprintln(p.w)
	}
}
