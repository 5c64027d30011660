// Package gantest holds what tests of several rooms share: an observer that remembers, small data sets, and what a run left.
package gantest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/report"
	"forger/torch/pt"

	"github.com/stretchr/testify/require"
)

// Recorder is an Observer that remembers.
type Recorder struct {
	Start  report.Started
	Lines  []report.Line
	Warns  []string
	OnStep func(step int64)
}

// Started, Logged, Wrote, Warned and Stepped are an Observer's.
func (r *Recorder) Started(s report.Started) { r.Start = s }

// Logged keeps a line.
func (r *Recorder) Logged(l report.Line) { r.Lines = append(r.Lines, l) }

// Wrote forgets.
func (r *Recorder) Wrote(string) {}

// Warned keeps a text.
func (r *Recorder) Warned(s string) { r.Warns = append(r.Warns, s) }

// Stepped calls OnStep.
func (r *Recorder) Stepped(step, _ int64) {
	if r.OnStep != nil {
		r.OnStep(step)
	}
}

// Pictures is a folder of n PNG files, 16x16, each of its own gray.
func Pictures(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 16, 16))
		for k := range m.Pix {
			m.Pix[k] = byte(10*i + k)
		}
		m.SetGray(i%16, 3, color.Gray{Y: 255})
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), b.Bytes(), 0o644))
	}
	return dir
}

// Labelled writes so many pictures into a new folder, picture i of class i modulo classes.
func Labelled(t testing.TB, n, classes int) string {
	t.Helper()
	dir := Pictures(t, n)
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "%03d.png,class%d\n", i, i%classes)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "labels.csv"), []byte(lines.String()), 0o644))
	return dir
}

// Left is everything of a run that another of the same seed must repeat.
type Left struct {
	State   map[string]any // of the checkpoint, by path, but for its config and the time that the training took
	Metrics []map[string]any
	Samples map[string][]byte
}

// LeftBy reads what a run left.
func LeftBy(t testing.TB, res report.Result) Left {
	t.Helper()
	l := Left{State: State(t, res.Checkpoint), Samples: map[string][]byte{}}
	text, err := os.ReadFile(filepath.Join(res.Dir, "metrics.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for _, timing := range []string{"images_per_second", "data_wait", "host_mib", "device_mib", "seconds"} {
			delete(m, timing)
		}
		l.Metrics = append(l.Metrics, m)
	}
	files, err := filepath.Glob(filepath.Join(res.Dir, "samples", "*.png"))
	require.NoError(t, err)
	for _, path := range files {
		l.Samples[filepath.Base(path)], err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return l
}

// State is the values of a checkpoint by path, but for its config and the time that the training took.
func State(t testing.TB, checkpoint string) map[string]any {
	t.Helper()
	root, err := pt.Load(checkpoint)
	require.NoError(t, err)
	all := map[string]any{}
	flatten(t, "", root, all)
	delete(all, ".config")
	delete(all, ".meters.seconds")
	return all
}

func flatten(t testing.TB, name string, v any, into map[string]any) {
	switch v := v.(type) {
	case *pt.Dict:
		for k, inner := range v.All() {
			flatten(t, fmt.Sprint(name, ".", k), inner, into)
		}
	case *pt.Tensor:
		data, err := v.Bytes()
		require.NoError(t, err)
		into[name] = string(data)
	default:
		into[name] = v
	}
}
