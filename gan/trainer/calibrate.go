package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"forger/data"
	"forger/gan/method"
	"forger/internal/atomicfile"
	"forger/internal/machine"
	"forger/internal/setting"
	"forger/torch"
)

const (
	worthChanging = .9                    // of the default's time: what is closer is a tie, and a tie goes to the default
	measured      = 20 * time.Millisecond // of steps at least
	convolved     = 8                     // elements of a step of convolutions, about
	dense         = 1024                  // at most of one without, about
)

// chooseLayout is the layout in which the step is faster, of a network of convolutions on a CPU.
func (p *setup) chooseLayout() (string, error) {
	if p.dev.CUDA || p.job.Method.Model.IsDense() {
		return defaultLayout, nil
	}
	return p.faster("layout", [2]string{defaultLayout, "contiguous"}, func(r *Resolved, way string) { r.Layout = way })
}

// chooseThreads is how many a run takes by itself of the most that it may have: that many, or one where dense layers are done
// before a second thread has woken. What that takes is a machine's own.
func (p *setup) chooseThreads(most int) (string, error) {
	if p.dev.CUDA || most < 2 || !p.job.Method.Model.IsDense() {
		return strconv.Itoa(most), nil
	}
	return p.faster("threads", [2]string{strconv.Itoa(most), "1"}, func(r *Resolved, way string) {
		r.Layout, r.Threads = defaultLayout, most
		if way == "1" {
			r.Threads = 1
		}
	})
}

// faster is the first of two ways to compute the step, or the second where it takes less time: found by measuring, and kept in
// the user's cache directory, so that the same settings have the same way each time. take has a step go one of the ways.
func (p *setup) faster(what string, ways [2]string, take func(r *Resolved, way string)) (string, error) {
	key := p.calibrationKey(what + ways[0])
	path, known := readCalibration()
	if way := known[key]; slices.Contains(ways[:], way) {
		return way, nil
	}
	times := [2]float64{math.Inf(1), math.Inf(1)}
	for range 3 { // in turn: what disturbs one disturbs the other
		for i, way := range ways {
			r := p.resolved
			take(&r, way)
			t, err := p.stepSeconds(r)
			if err != nil {
				return "", err
			}
			times[i] = min(times[i], t)
		}
	}
	best := ways[0]
	if times[1] < times[0]*worthChanging {
		best = ways[1]
	}
	known[key] = best
	keepCalibration(path, known)
	return best, nil
}

// common is what rank 0 chooses.
func (p *setup) common(what string, choose func() (string, error)) (string, error) {
	m := p.job.Meeting
	if !m.Leads() {
		chosen, err := m.Hear(context.Background(), what)
		return string(chosen), err
	}
	chosen, err := choose()
	if err != nil || m == nil {
		return chosen, err
	}
	return chosen, m.Tell(what, []byte(chosen))
}

// calibrationBatch is how many elements a step is measured on: a rank's own of dense networks, of others a few; as many as are
// judged at once, or a multiple of them.
func (p *setup) calibrationBatch() int {
	n, pack := convolved, p.job.Method.Pack
	if p.job.Method.Model.IsDense() {
		n = min(dense, p.job.Batch/p.job.Meeting.Ranks())
	}
	return min(p.job.Batch, max(1, (n+pack-1)/pack)*pack)
}

// stepSeconds is the time of a step, after a first one that pays for what is made once.
func (p *setup) stepSeconds(r Resolved) (seconds float64, err error) {
	defer torch.Catch(&err)
	job, shape, batch := p.job, p.ds.Shape(), p.calibrationBatch()
	job.Meeting = nil // each of the ranks could measure
	job.Batch = batch
	t, err := newTrainer(job, r, blank{shape}, torch.CPU, false, nil)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	bytes := make([]byte, batch*shape.Bytes())
	for i := range bytes {
		bytes[i] = byte(i * 151)
	}
	step := func() {
		s := t.root.Child()
		defer s.Close()
		batches := make([]method.Batch, t.m.Batches())
		for i := range batches {
			batches[i] = method.Batch{X: upload(s, bytes, batch, shape), Labels: t.labelled(s, make([]int32, batch))}
		}
		t.m.Step(s, batches, t.m.Variant(0))
	}
	step()
	start, steps := time.Now(), 0
	for ; steps == 0 || time.Since(start) < measured; steps++ {
		step()
	}
	return time.Since(start).Seconds() / float64(steps), nil
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

// calibrationKey names all that a choice depends on: the machine, and every setting that decides what a step computes.
func (p *setup) calibrationKey(what string) string {
	r, form := p.resolved, p.job.Settings.With(setting.Form)
	text := fmt.Sprint(what, machine.Processor(), torch.Version(), r.Threads, r.Precision, r.Conv, p.ds.Shape(), p.calibrationBatch(), fmt.Sprint(form))
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
	path = filepath.Join(dir, "forger", "choices.json")
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
