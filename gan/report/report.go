// Package report is who is told of a run: whoever watches it, the file of its metrics, and its pictures.
package report

import (
	"encoding/json"
	"math"

	"forger/data"
)

// Observer is told of a run's progress, on the goroutine that trains: it must not block.
type Observer interface {
	Started(Started)
	Stepped(step, images int64)
	Logged(Line)
	Wrote(path string) // samples or a checkpoint
	Warned(text string)
}

// Started is what is known once everything was checked.
type Started struct {
	Dir        string // the run directory; empty on a dry run
	Device     string
	Why        string // this device
	Libtorch   string
	Precision  string
	Threads    int
	Ranks      int // processes that train together
	Images     int // of an epoch
	Shape      data.Shape
	Step       int64 // done before: 0 but for a resumed run
	TotalSteps int64 // when the first bound is reached
}

// Line is an object of metrics.jsonl: means since the last log.
type Line struct {
	Step            int64   // done
	Images          int64   // real images shown
	Epoch           float64 // passes over the data
	Means           []Mean  // of the method's meters
	ImagesPerSecond float64
	DataWait        float64 // share of the time that the step waited for data
	HostMiB         float64 // memory of the process; 0: nothing says
	DeviceMiB       float64 // of tensors on the CUDA device; 0: on the CPU
	Seconds         float64 // since the start
	Aside           bool    // of an evaluation alone, between two logs
	State           string  // that the training is in, where it is told of: collapsed, saturated, oscillating; "": healthy
}

// Mean is a value of a log: its name in metrics.jsonl, and what people call it.
type Mean struct {
	Name, Label string // no Label: it is for files alone
	Value       float64
	Probability bool // of a discriminator
}

// Value is the mean of a name; 0 where there is none.
func (l Line) Value(name string) float64 {
	for _, m := range l.Means {
		if m.Name == name {
			return m.Value
		}
	}
	return 0
}

// figures are all values of the line, in the order of metrics.jsonl.
func (l Line) figures() []Mean {
	all := []Mean{{Name: "step", Value: float64(l.Step)}, {Name: "images", Value: float64(l.Images)}, {Name: "epoch", Value: l.Epoch}}
	all = append(all, l.Means...)
	if l.Aside {
		return all
	}
	all = append(all, Mean{Name: "images_per_second", Value: l.ImagesPerSecond}, Mean{Name: "data_wait", Value: l.DataWait})
	for _, m := range []Mean{{Name: "host_mib", Value: l.HostMiB}, {Name: "device_mib", Value: l.DeviceMiB}} {
		if m.Value > 0 {
			all = append(all, m)
		}
	}
	return append(all, Mean{Name: "seconds", Value: l.Seconds})
}

func isNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// MarshalJSON writes the means beside the rest, under their names. What is not a number is null.
func (l Line) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range l.figures() {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value := []byte("null")
		if isNumber(f.Value) {
			if value, err = json.Marshal(f.Value); err != nil {
				return nil, err
			}
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// Result is what a finished run leaves.
type Result struct {
	Dir        string
	First      int64 // the step that this process began at
	Step       int64
	Images     int64
	LastSample string
	Checkpoint string
	Stopped    bool      // by a signal, before its bound
	Enough     bool      // ended by --patience
	Best       string    // the checkpoint that evaluations found the best; "": there is none
	Forecast   *Forecast // of a dry run
}

// Forecast is what a run will take, as a dry run sees it.
type Forecast struct {
	StepBytes       int64 // memory of a step at most, beside what lives as long as the run
	FreeBytes       int64 // memory there is for it; 0: not known
	CheckpointBytes int64 // of one
	Checkpoints     int   // that lie on the disk at most
	DiskBytes       int64 // free where they would be written; 0: not known
	StepSeconds     float64
	Steps           int64
}
