package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"forger/data"
	"forger/gan/method"
	"forger/internal/atomicfile"
	"forger/internal/machine"
	"forger/internal/setting"
	"forger/torch"
)

const (
	worthChanging    = .9 // of the default's time: what is closer is a tie, and a tie goes to the default
	calibrationBatch = 8  // elements at most
)

// chooseLayout is the layout in which the step is faster: on a CPU found by measuring, and kept in the user's cache
// directory, so that the same settings have the same layout each time.
func (p *setup) chooseLayout() (string, error) {
	if p.dev.CUDA {
		return defaultLayout, nil
	}
	key := p.calibrationKey()
	path, known := readCalibration()
	if layout, ok := known[key]; ok && layouts[layout] != 0 {
		return layout, nil
	}
	times := map[string]float64{}
	for range 3 { // in turn: what disturbs one disturbs the other
		for layout := range layouts {
			seconds, err := p.stepSeconds(layout)
			if err != nil {
				return "", err
			}
			if before, ok := times[layout]; !ok || seconds < before {
				times[layout] = seconds
			}
		}
	}
	best := defaultLayout
	for layout, seconds := range times {
		if seconds < times[best]*worthChanging {
			best = layout
		}
	}
	known[key] = best
	keepCalibration(path, known)
	return best, nil
}

// commonLayout is the one that rank 0 chooses.
func (p *setup) commonLayout() (string, error) {
	const what = "layout"
	m := p.job.Meeting
	if !m.Leads() {
		layout, err := m.Hear(context.Background(), what)
		return string(layout), err
	}
	layout, err := p.chooseLayout()
	if err != nil || m == nil {
		return layout, err
	}
	return layout, m.Tell(what, []byte(layout))
}

// stepSeconds is the time of a step in a layout, after a first one that pays for what is made once.
func (p *setup) stepSeconds(layout string) (seconds float64, err error) {
	defer torch.Catch(&err)
	job, r, shape := p.job, p.resolved, p.ds.Shape()
	job.Meeting = nil // each of the ranks could measure
	job.Batch, r.Layout = min(job.Batch, calibrationBatch), layout
	t, err := newTrainer(job, r, blank{shape}, torch.CPU, false, nil)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	bytes := make([]byte, job.Batch*shape.Bytes())
	for i := range bytes {
		bytes[i] = byte(i * 151)
	}
	for range 2 {
		start := time.Now()
		s := t.root.Child()
		batches := make([]method.Batch, t.m.Batches())
		for i := range batches {
			batches[i] = method.Batch{X: upload(s, bytes, job.Batch, shape), Labels: t.labelled(s, make([]int32, job.Batch))}
		}
		t.m.Step(s, batches, t.m.Variant(0))
		s.Close()
		seconds = time.Since(start).Seconds()
	}
	return seconds, nil
}

// blank is a dataset of a shape and nothing else.
type blank struct{ of data.Shape }

func (b blank) Spec() string                  { return "blank" }
func (b blank) Len() int                      { return 1 }
func (b blank) Shape() data.Shape             { return b.of }
func (b blank) Read(_, _ int, _ []byte) error { return nil }
func (b blank) Label(int) int                 { return -1 }
func (b blank) Classes() []string             { return nil }
func (b blank) Fingerprint() string           { return "blank" }
func (b blank) Close() error                  { return nil }

// calibrationKey names all that the choice depends on: the machine, and every setting that decides what a step computes.
func (p *setup) calibrationKey() string {
	r, form := p.resolved, p.job.Settings.With(setting.Form)
	text := fmt.Sprint(machine.Processor(), torch.Version(), r.Threads, r.Precision, r.Conv, p.ds.Shape(), min(p.job.Batch, calibrationBatch), fmt.Sprint(form))
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// readCalibration reads what was found before. A file that cannot be read is as good as none.
func readCalibration() (path string, known map[string]string) {
	known = map[string]string{}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", known
	}
	path = filepath.Join(dir, "forger", "layouts.json")
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &known) != nil {
		known = map[string]string{}
	}
	return path, known
}

// keepCalibration writes for the next run. That it cannot be written costs that run the measurement, and nothing else.
func keepCalibration(path string, known map[string]string) {
	text, err := json.Marshal(known)
	if path == "" || err != nil || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	_ = atomicfile.WriteBytes(path, text)
}
