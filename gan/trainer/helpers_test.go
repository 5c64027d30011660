package trainer

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/gan/model"
	"forger/gan/report"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
	"forger/vision"

	"github.com/stretchr/testify/require"
)

var shape16 = data.Shape{Height: 16, Width: 16, Channels: 1}

// fakeData is a source whose image i is a gradient, until image bad.
type fakeData struct {
	n     int
	bad   *atomic.Int64 // nil, or 0: none
	shape data.Shape
	panic bool // at the bad image
}

func (f fakeData) Spec() string        { return "fake" }
func (f fakeData) Len() int            { return f.n }
func (f fakeData) Shape() data.Shape   { return f.shape }
func (f fakeData) Label(int) int       { return -1 }
func (f fakeData) Classes() []string   { return nil }
func (f fakeData) Fingerprint() string { return "fake" }
func (f fakeData) Close() error        { return nil }
func (f fakeData) Read(_, i int, dst []byte) error {
	if f.bad != nil && i > 0 && int64(i) == f.bad.Load() {
		if f.panic {
			panic("image 13 is broken")
		}
		return errors.New("image 13 is broken")
	}
	for k := range dst {
		dst[k] = byte(i + k)
	}
	return nil
}

// config is what the front door makes of flags.
type config struct {
	Data   data.Settings
	Method method.Options
	Run    Options
}

func (c *config) settings() setting.Set {
	return append(append(c.Data.Settings(), c.Method.Settings()...), c.Run.Settings()...)
}

func (c *config) job() Job {
	return Job{Options: c.Run, Data: c.Data, Method: c.Method, Settings: c.settings()}
}

func defaults() config {
	var c config
	c.settings().Reset()
	return c
}

// tinyConfig is a run of a second, on CUDA where there is one.
func tinyConfig(t *testing.T) config {
	c := defaults()
	c.Data.Size, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Method.Model.Latent, c.Run.Batch = vision.Square(16), 2, 2, 4, 8
	c.Run.Steps, c.Run.LogEvery, c.Run.SampleEvery, c.Run.CheckpointEvery = 12, 4, 6, 5
	c.Run.Device, c.Run.Deterministic, c.Run.Layout = "auto", true, "channels_last"
	c.Run.Out = filepath.Join(t.TempDir(), "run")
	return c
}

// train trains on a thread of its own: a failed run leaves nothing on the test's.
func train(t *testing.T, ctx context.Context, c config, r *gantest.Recorder) (report.Result, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	from, err := Fresh(c.Run.Out)
	require.NoError(t, err)
	return Run(ctx, c.job(), from, r)
}

// onTrainer calls body with a trainer at the origin of c.
func onTrainer(t *testing.T, c config, body func(tr *Trainer)) {
	t.Helper()
	_, err := Borrow(t.Context(), c.job(), func(tr *Trainer) error {
		body(tr)
		return nil
	})
	require.NoError(t, err)
}

// withDropout adds a model with dropout to the table, for the stream that it draws from.
func withDropout(t *testing.T) {
	t.Cleanup(func() { delete(model.Table, "dropout") })
	e := model.Table["dcgan"]
	e.Discriminator = func(b *model.Builder, _ model.Options, of data.Shape) nn.Module {
		in := of.Bytes()
		return nn.Sequential{
			nn.Reshape{-1, in},
			nn.NewLinear(b.Scope, b.Init(), in, 8, false), nn.LeakyReLU(.2), &nn.Dropout{P: .5, Generator: b.Stream("dropout")},
			nn.NewLinear(b.Scope, b.Init(), 8, 1, false), nn.Reshape{-1},
		}
	}
	model.Table["dropout"] = e
}

// tapped is a method of which a test sees or spoils the steps.
type tapped struct {
	method.Method
	step func(s *torch.Scope, batches []method.Batch, variant int)
}

func (m tapped) Step(s *torch.Scope, batches []method.Batch, variant int) {
	m.step(s, batches, variant)
}
