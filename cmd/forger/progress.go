package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"forger/gan/report"

	"github.com/schollz/progressbar/v3"
)

// progress shows a run: a live line on a terminal, plain lines elsewhere.
type progress struct {
	w     io.Writer
	quiet bool
	live  bool
	width int // of the terminal, in columns
	bar   *progressbar.ProgressBar
	first int64 // the step this process goes on from
	total int64
	start time.Time
}

func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, quiet: quiet}
	if t := terminalOn(w); t != nil {
		p.w, p.live, p.width = t, true, 80
		if width := t.width(); width > 0 {
			p.width = width
		}
	}
	return p
}

// barWidth is what a terminal has left for the bar beside the figures; a line that wraps would leave a trail.
func (p *progress) barWidth() int {
	const figures, percent, left = len("training 12345/s wait 12% loss D 12.34 D(x) 0.12 D(G(z)) 0.12 loss G 12.34"), len(" 100% || "), len(" [10m30s:1h2m3s]")
	counts := len("(/)") + 2*len(count(p.total))
	return min(max(p.width-figures-percent-counts-left, 0), 30)
}

func (p *progress) Started(s report.Started) {
	if p.quiet {
		return
	}
	p.first, p.total, p.start = s.Step, s.TotalSteps, time.Now()
	ranks := ""
	if s.Ranks > 1 {
		ranks = fmt.Sprintf("%d ranks, each on ", s.Ranks)
	}
	fmt.Fprintf(p.w, "%sdevice %s (%s), libtorch %s, %d threads, %s\n", ranks, s.Device, s.Why, s.Libtorch, s.Threads, s.Precision)
	where := "nothing is written"
	if s.Dir != "" {
		where = s.Dir
	}
	if s.Step > 0 {
		fmt.Fprintf(p.w, "goes on from step %d\n", s.Step)
	}
	fmt.Fprintf(p.w, "%d an epoch, each %s, %s steps -> %s\n", s.Images, s.Shape, count(s.TotalSteps), where)
	if p.live {
		p.bar = progressbar.NewOptions64(s.TotalSteps, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(p.barWidth()),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true), progressbar.OptionSetDescription("training"), progressbar.OptionSetRenderBlankState(false))
		_ = p.bar.Set64(s.Step)
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

func (p *progress) Logged(l report.Line) {
	if p.quiet {
		return
	}
	if l.Aside {
		if p.bar == nil {
			fmt.Fprintf(p.w, "step %d%s\n", l.Step, means(l, "  %s %.4g"))
		}
		return
	}
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s %.0f/s wait %.0f%%%s", state(l), l.ImagesPerSecond, 100*l.DataWait, means(l, " %s %.2f")))
		return
	}
	left := time.Duration(float64(time.Since(p.start)) / float64(l.Step-p.first) * float64(p.total-l.Step))
	fmt.Fprintf(p.w, "step %d/%s  %s  epoch %.2f  %.0f images/s  data wait %.0f%%%s  %s left\n",
		l.Step, count(p.total), state(l), l.Epoch, l.ImagesPerSecond, 100*l.DataWait, means(l, "  %s %.3f"), left.Round(time.Second))
}

// state is how a training goes, in a word.
func state(l report.Line) string {
	if l.State != "" {
		return l.State
	}
	return "training"
}

// means are the values of a log, each as form has its label and number.
func means(l report.Line, form string) string {
	var b strings.Builder
	for _, m := range l.Means {
		if m.Label == "" {
			continue
		}
		fmt.Fprintf(&b, form, m.Label, m.Value)
	}
	return b.String()
}

func (p *progress) Wrote(path string) {
	if !p.quiet && p.bar == nil {
		fmt.Fprintf(p.w, "wrote %s\n", path)
	}
}

func (p *progress) Warned(text string) {
	if p.bar != nil {
		fmt.Fprintln(p.w)
	}
	fmt.Fprintf(p.w, "forger: train: %s\n", text)
}

// end leaves the live line behind.
func (p *progress) end() {
	if p.bar != nil {
		fmt.Fprintln(p.w)
	}
}

// share shows how far something is: a live line on a terminal, a line every quarter elsewhere.
func share(w io.Writer, what string) func(float64) {
	shown := 0
	if t := terminalOn(w); t != nil {
		return func(share float64) {
			fmt.Fprintf(t, "\r%.0f %% %s", 100*share, what)
			if share >= 1 {
				fmt.Fprintln(t)
			}
		}
	}
	return func(share float64) {
		if quarter := int(4 * share); quarter > shown {
			shown = quarter
			fmt.Fprintf(w, "%d %% %s\n", 25*quarter, what)
		}
	}
}
