package board

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// pace is what a run's state is judged by.
type pace struct {
	progress float64   // share of the run that its newest line or checkpoint stands at; 0: not known
	line     int64     // step of the newest line
	saved    int64     // step of the newest checkpoint
	interval float64   // seconds between two lines
	changed  time.Time // the newest of its files
}

// States of a run.
const (
	training  = "training"
	finished  = "finished"
	stopped   = "stopped"
	dead      = "dead"
	collapsed = "collapsed"
)

// patience is how long at least a run may be silent before it is taken for one that trains no more, where no lock says.
const patience = 15 * time.Second

// state judges a run. Where locks can be seen, held says that a process trains in it.
func (p pace) state(held bool, now time.Time) string {
	silence := max(patience, time.Duration(3*p.interval*float64(time.Second)))
	switch {
	case held:
		return training
	case p.progress >= 1:
		return finished
	case now.Sub(p.changed) < silence:
		return training
	case p.saved >= p.line && p.saved > 0: // the last thing that a run does that is told to stop
		return stopped
	}
	return dead
}

// lines takes the last lines of metrics.jsonl.
func (p *pace) lines(s *Summary, text []byte) {
	var scan scanner
	type place struct{ step, seconds float64 }
	var places []place
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) || !scan.line(line) {
			continue
		}
		for i, at := range scan.at {
			if v := scan.values[i]; math.IsNaN(v) || math.IsInf(v, 0) {
				delete(s.Figures, scan.names[at])
			} else {
				s.Figures[scan.names[at]] = v
			}
		}
		if i := slices.Index(scan.at, scan.known["seconds"]); i >= 0 && scan.names[scan.at[i]] == "seconds" {
			places = append(places, place{s.Figures["step"], s.Figures["seconds"]})
		}
	}
	p.line = int64(s.Figures["step"])
	s.Step, s.Seconds = p.line, s.Figures["seconds"]
	if n := len(places); n > 1 {
		first, last := places[max(0, n-50)], places[n-1]
		p.interval = (last.seconds - first.seconds) / float64(min(n, 50)-1)
		if steps := last.step - first.step; steps > 0 {
			s.Left = (last.seconds - first.seconds) / steps // a step, for now
		}
	}
}

// epochs is how many passes over the data a run makes where no bound is given.
const epochs = 25

// reach is how far a run has come, by its bounds and its last line: images and epochs grow evenly with steps.
func (p *pace) reach(s *Summary, all []Setting) {
	s.Step = max(s.Step, p.saved)
	byStep := func(name string) float64 {
		if p.line == 0 {
			return 0
		}
		return s.Figures[name] / float64(p.line)
	}
	steps, images, passes := bound(all, "steps"), bound(all, "images"), bound(all, "epochs")
	if steps == 0 && images == 0 && passes == 0 && len(all) > 0 {
		passes = epochs
	}
	total := math.Inf(1)
	if steps > 0 {
		total = steps
	}
	if each := byStep("images"); images > 0 && each > 0 {
		total = min(total, math.Ceil(images/each-1e-6))
	}
	if each := byStep("epoch"); passes > 0 && each > 0 {
		total = min(total, math.Ceil(passes/each-1e-6))
	}
	perStep := s.Left
	s.Left = 0
	if total > 1<<53 || total < 1 {
		return
	}
	s.Total = int64(total)
	p.progress = float64(s.Step) / total
	s.Left = perStep * max(0, total-float64(s.Step))
}
