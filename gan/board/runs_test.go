package board

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forger/torch/pt"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// made is a run's directory as a test wants it: its files, as a training leaves them.
type made struct {
	dir    string
	step   int // last
	steps  int // of config.yaml
	lr     float64
	height float64 // of the losses
}

// write makes the directory, with a line every 10 steps and a grid every 100.
func (m made) write(t testing.TB) string {
	t.Helper()
	for _, d := range []string{samplesDir, savedDir} {
		require.NoError(t, os.MkdirAll(filepath.Join(m.dir, d), 0o755))
	}
	config := fmt.Sprintf("data: glyphs\nmethod: gan\nmodel: dcgan\nloss: nonsaturating\nlr: %v\nbatch: 64\nsteps: %d\npenalty:\n- r1=2\nresolved:\n  device: cpu\n  images: 60000\n", m.lr, m.steps)
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, configFile), []byte(config), 0o644))
	var b bytes.Buffer
	for step := 10; step <= m.step; step += 10 {
		b.WriteString(m.line(step))
	}
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, metricsFile), b.Bytes(), 0o644))
	for step := 100; step <= m.step; step += 100 {
		m.grid(t, fmt.Sprintf("step-%08d.png", step), byte(step/10))
	}
	m.grid(t, realName, 250)
	saveTiny(t, filepath.Join(m.dir, savedDir, fmt.Sprintf("step-%08d.pt", m.step)), int64(m.step))
	return m.dir
}

// line is one of metrics.jsonl.
func (m made) line(step int) string {
	x := float64(step) / 100
	return fmt.Sprintf(`{"step":%d,"images":%d,"epoch":%v,"loss_d":%v,"d_real":%v,"d_fake":%v,"loss_g":%v,"diversity":%v,"images_per_second":%v,"data_wait":%v,"host_mib":402.5,"seconds":%v}`+"\n",
		step, 64*step, float64(step)*64/60000, m.height*(1+math.Sin(x)/3), .7+.05*math.Cos(x), .3-.05*math.Cos(x), 2*m.height*(1-math.Exp(-x))+.2*math.Sin(7*x), math.Tanh(x), 700+30*math.Sin(3*x), .01, float64(step)/11)
}

// grow writes a line more.
func (m made) grow(t testing.TB, step int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(m.dir, metricsFile), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(m.line(step))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func (m made) grid(t testing.TB, name string, shade byte) {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, 146, 146))
	for y := range 146 {
		for x := range 146 {
			if x%18 > 1 && y%18 > 1 {
				p.SetGray(x, y, color.Gray{Y: shade ^ byte((x/18*y/18)*9)})
			}
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, p))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, samplesDir, name), b.Bytes(), 0o644))
}

// lock holds the run as a process that trains in it does, until the test ends.
func (m made) lock(t testing.TB) {
	t.Helper()
	f, err := os.Create(filepath.Join(m.dir, ".lock"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
}

// age makes a run's files as old as that.
func (m made) age(t testing.TB, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	for _, name := range []string{metricsFile, alertsFile, configFile, samplesDir, savedDir} {
		if err := os.Chtimes(filepath.Join(m.dir, name), then, then); !os.IsNotExist(err) {
			require.NoError(t, err)
		}
	}
}

// saveTiny writes a file as a training saves one, of next to nothing.
func saveTiny(t testing.TB, path string, step int64) {
	t.Helper()
	root := pt.NewDict()
	of := func(pairs ...any) *pt.Dict {
		d := pt.NewDict()
		for i := 0; i < len(pairs); i += 2 {
			d.Set(pairs[i].(string), pairs[i+1])
		}
		return d
	}
	root.Set("generator", of("main.0.weight", pt.Of(make([]float32, 12), 3, 4)))
	root.Set("config", "{}")
	root.Set("format", int64(1))
	root.Set("step", step)
	root.Set("images", 64*step)
	root.Set("data", of("spec", "glyphs", "position", step, "length", int64(60000), "fingerprint", "x"))
	root.Set("meters", of("logged_step", step, "seconds", 55.))
	root.Set("meta", of("version", "devel", "device", "cpu"))
	require.NoError(t, pt.WriteFile(path, root))
}
