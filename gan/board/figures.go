package board

import (
	"encoding/json"
	"math"
	"os"
	"strconv"

	"forger/gan/report/figure"
)

// Series is a run's figures over its steps: for each bucket of neighbouring lines the mean, the least and the largest.
type Series struct {
	Mark    string    `json:"mark"`
	Lines   int64     `json:"lines"`
	Skipped int64     `json:"skipped,omitempty"`
	Steps   []int64   `json:"steps"` // the last of each bucket
	Figures []Figures `json:"figures"`
}

// Figures is one figure of a Series. Where each bucket has one line alone, Least and Largest are absent.
type Figures struct {
	Name    string `json:"name"`
	Group   string `json:"group"`
	Short   string `json:"short"`
	Mean    curve  `json:"mean"`
	Least   curve  `json:"least,omitempty"`
	Largest curve  `json:"largest,omitempty"`
}

// span is which part of a run's figures is asked for, and in about how many buckets.
type span struct {
	from, to int64
	points   int
}

// shown is a series as it was last given to a reader: many may look at the same.
type shown struct {
	span
	mark string
	body []byte
}

// series is the figures of a span as JSON.
func (r *run) series(of span) ([]byte, error) {
	mark := r.short().Mark
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.shown.span == of && r.shown.mark == mark {
		return r.shown.body, nil
	}
	s, err := r.read(of)
	if err != nil {
		return nil, err
	}
	s.Mark = mark
	body, err := json.Marshal(s)
	if err == nil {
		r.shown = shown{of, mark, body}
	}
	return body, err
}

// read reads the figures of a span from the run's file, as far as they are not known.
func (r *run) read(of span) (s Series, err error) {
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return s, err
	}
	defer root.Close()
	s.Figures, s.Steps = []Figures{}, []int64{}
	f, err := open(root, metricsFile)
	if err != nil {
		return s, nil // none yet
	}
	defer f.Close()
	if err := r.history.read(f); err != nil {
		return s, err
	}
	view, err := r.history.view(f, of.from, of.to, of.points)
	if err != nil {
		return s, err
	}
	s.Lines, s.Skipped = r.history.all.lines, r.history.skipped
	for _, b := range view.buckets {
		s.Steps = append(s.Steps, b.last)
	}
	for place, c := range view.columns {
		name := r.history.scan.names[place]
		if name != "step" && len(c.cells) > 0 {
			f := figure.Of(name)
			one := Figures{Name: name, Group: f.Group, Short: f.Short}
			one.fill(c.cells, len(view.buckets))
			s.Figures = append(s.Figures, one)
		}
	}
	return s, nil
}

// forget gives back what is kept of the run's figures.
func (r *run) forget() {
	r.reading.Lock()
	defer r.reading.Unlock()
	r.history, r.shown = history{}, shown{}
}

// fill takes a figure's cells; n buckets there are.
func (f *Figures) fill(cells []cell, n int) {
	f.Mean, f.Least, f.Largest = blank(n), blank(n), blank(n)
	several := false
	for i, c := range cells {
		if c.count > 0 {
			several = several || c.count > 1
			f.Mean[i], f.Least[i], f.Largest[i] = c.sum/float64(c.count), float64(c.least), float64(c.largest)
		}
	}
	if !several {
		f.Least, f.Largest = nil, nil
	}
}

// curve is values; NaN where there is none, which is null in JSON. Seven digits of each are written: enough for a chart.
type curve []float64

func blank(n int) curve {
	c := make(curve, n)
	for i := range c {
		c[i] = math.NaN()
	}
	return c
}

func (c curve) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, v, 'g', 7, 64)
	}
	return append(b, ']'), nil
}
