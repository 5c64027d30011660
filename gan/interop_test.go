package gan

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/gan/model"
	"forger/gan/report"
	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/safetensors"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// officialRun trains the official networks, width 4, for a few steps on one image.
func officialRun(t *testing.T, change func(c *Config)) report.Result {
	t.Helper()
	c := DefaultConfig()
	c.Data.Spec = "folder:" + gantest.Pictures(t, 1)
	c.Data.Size, c.Data.Channels, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Run.Batch, c.Run.Steps, c.Run.Threads = vision.Square(64), 3, 4, 4, 4, 3, 1
	c.Run.Layout, c.Run.Device, c.Run.LogEvery, c.Run.Out = "channels_last", "cpu", 1, filepath.Join(t.TempDir(), "run")
	change(&c)
	res, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	return res
}

// Every export is opened by the program it is for, and draws what the official networks draw.
func TestExportsDrawTheSameImages(t *testing.T) {
	python := torchtest.Python(t)
	res := officialRun(t, func(c *Config) { c.Method.EMA = .5 })
	dir := t.TempDir()
	words := slices.Sorted(maps.Keys(method.Table["gan"].Words))
	for _, net := range words {
		for format := range export.Formats {
			o := export.Options{Checkpoint: res.Checkpoint, Net: net, Format: format, Out: filepath.Join(dir, net+"."+format)}
			require.NoError(t, Export(o), o)
		}
	}
	var found map[string]struct {
		Difference float64
		Note       any
	}
	script := filepath.Join(torchtest.Root(t), "scripts", "open_exports.py")
	torchtest.JSON(t, &found, python, script, res.Checkpoint, "4", dir)
	require.Len(t, found, len(words)*len(export.Formats))
	for name, f := range found {
		assert.Less(t, f.Difference, 2e-5, name)
	}
	assert.Equal(t, "OrderedDict", found["generator.pth"].Note)
	assert.Equal(t, map[string]any{"keys": true, "training": false}, found["discriminator.torchscript"].Note,
		"the state_dict's keys are the network's, and torch.jit.freeze takes it")
	assert.Equal(t, []any{"latents", "images"}, found["ema.onnx"].Note)
	assert.Equal(t, []any{"images", "probability"}, found["discriminator.onnx"].Note)
}

// underMain is a network under the attribute name that open_exports.py gives it.
type underMain struct{ nn.Sequential }

func (m underMain) State(_ string, visit func(nn.Entry)) { m.Sequential.State("main", visit) }

func (m underMain) Describe(g *nn.Graph, _, x string) string {
	return g.Describe(m.Sequential, "main", x)
}

// residualGenerator is open_exports.py's ResidualGenerator.
func residualGenerator(b *model.Builder, o model.Options, of data.Shape) nn.Module {
	s, g, w := b.Scope, b.Init(), o.GenWidth
	conv := func(kernel int, o nn.ConvOptions) nn.Module { return nn.NewConv2d(s, g, w, w, kernel, o) }
	return underMain{nn.Sequential{
		nn.Reshape{-1, o.Latent}, nn.NewLinear(s, g, o.Latent, w*16, false), nn.Reshape{-1, w, 4, 4},
		nn.NewResidual(nn.Sequential{nn.ReLU(), conv(3, nn.ConvOptions{Padding: 1}), nn.NewBatchNorm2d(s, w), nn.Tanh().InPlace()},
			conv(1, nn.ConvOptions{}), nn.ResidualOptions{}),
		nn.NewResidual(nn.Sequential{nn.LeakyReLU(.2), conv(3, nn.ConvOptions{Padding: 1})}, nil, nn.ResidualOptions{}),
		nn.NewConvTranspose2d(s, g, w, of.Channels, 4, nn.ConvOptions{Stride: 4}), nn.Sigmoid().InPlace(),
	}}
}

// A network that is no chain of layers is exported as well, and what it computes is PyTorch's in every format.
func TestExportsOfAResidualNetwork(t *testing.T) {
	python := torchtest.Python(t)
	e := model.Table["dcgan"]
	e.Generator = residualGenerator
	model.Table["residual"] = e
	t.Cleanup(func() { delete(model.Table, "residual") })
	res := officialRun(t, func(c *Config) {
		c.Method.Model.Name, c.Data.Size, c.Data.Channels, c.Run.Batch = "residual", vision.Square(16), 1, 4
	})
	dir := t.TempDir()
	for format := range export.Formats {
		o := export.Options{Checkpoint: res.Checkpoint, Format: format, Out: filepath.Join(dir, "generator."+format)}
		require.NoError(t, Export(o), o)
	}
	var found map[string]struct{ Difference float64 }
	script := filepath.Join(torchtest.Root(t), "scripts", "open_exports.py")
	torchtest.JSON(t, &found, python, script, res.Checkpoint, "4", dir, "residual")
	require.Len(t, found, len(export.Formats))
	for name, f := range found {
		assert.Less(t, f.Difference, 2e-5, name)
	}
}

func TestWhatCannotBeExported(t *testing.T) {
	res := officialRun(t, func(c *Config) { c.Run.Steps = 1 })
	out := filepath.Join(t.TempDir(), "x")
	for want, o := range map[string]export.Options{
		`--net "g": unknown: have decoder, discriminator, ema, encoder,`: {Checkpoint: res.Checkpoint, Net: "g", Format: "pth", Out: out},
		`--format "pickle": unknown: have onnx, pth, safetensors, t`:     {Checkpoint: res.Checkpoint, Net: "generator", Format: "pickle", Out: out},
		`it has no generator_ema: it was trained without --ema`:          {Checkpoint: res.Checkpoint, Net: "ema", Format: "onnx", Out: out},
		`no such file`: {Checkpoint: res.Checkpoint + "x", Net: "generator", Format: "pth", Out: out},
	} {
		assert.ErrorContains(t, Export(o), want)
	}
	assert.NoFileExists(t, out)
}

// PyTorch takes a run up, trains on, and hands it back: networks and Adam's state go on in Forger with PyTorch's losses.
func TestARunTrainedOnByPyTorchGoesOn(t *testing.T) {
	python := torchtest.Python(t)
	res := officialRun(t, func(c *Config) { c.Run.Batch = 1 })
	image := filepath.Join(t.TempDir(), "image.npy")
	config, err := pt.At[string](mustLoad(t, res.Checkpoint), "config")
	require.NoError(t, err)
	cfg := DefaultConfig()
	require.NoError(t, cfg.Settings().ReadJSON(config))
	ds, err := cfg.Data.Open(0, 64)
	require.NoError(t, err)
	require.NoError(t, data.Dump(context.Background(), ds, image, data.DumpOptions{N: 1}))
	var want []struct {
		LossD float64 `json:"loss_d"`
		LossG float64 `json:"loss_g"`
	}
	script := filepath.Join(torchtest.Root(t), "scripts", "train_on.py")
	back := filepath.Join(t.TempDir(), "back.pt")
	torchtest.JSON(t, &want, python, script, res.Checkpoint, image, "4", "4", back)
	written, err := os.ReadFile(back)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(res.Checkpoint, written, 0o644))
	var r gantest.Recorder
	_, err = resume(t, res.Dir, &r, "steps", strconv.Itoa(3+len(want)))
	require.NoError(t, err)
	require.Len(t, r.Lines, len(want))
	for i, line := range r.Lines {
		assert.InDelta(t, want[i].LossD, line.Value("loss_d"), 1e-4, "step %d", line.Step)
		assert.InDelta(t, want[i].LossG, line.Value("loss_g"), 1e-4, "step %d", line.Step)
	}
	t.Run("import", func(t *testing.T) { testImport(t, back) })
}

func mustLoad(t *testing.T, path string) any {
	t.Helper()
	root, err := pt.Load(path)
	require.NoError(t, err)
	return root
}

// testImport starts a run from weights that PyTorch wrote in several forms.
func testImport(t *testing.T, from string) {
	root := mustLoad(t, from+".g.pth").(*pt.Dict)
	tensors := filepath.Join(t.TempDir(), "g.safetensors")
	require.NoError(t, safetensors.WriteFile(tensors, root, nil))
	for _, path := range []string{from + ".g.pth", from + ".parallel.pth", tensors, from} {
		c := DefaultConfig()
		c.Data.Size, c.Data.Channels, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Method.InitGenerator, c.Method.EMA, c.Run.Device = vision.Square(64), 3, 4, 4, path, .9, "cpu"
		// A rate that moves no weight: the checkpoint holds what the run started from.
		c.Run.Steps, c.Method.LR, c.Run.Batch, c.Run.Out = 1, 1e-38, 2, filepath.Join(t.TempDir(), "run")
		res, err := train(t, context.Background(), c, &gantest.Recorder{})
		require.NoError(t, err)
		got := gantest.State(t, res.Checkpoint)
		for key, v := range root.All() {
			if strings.Contains(key.(string), "running") || strings.Contains(key.(string), "tracked") {
				continue
			}
			want, err := v.(*pt.Tensor).Bytes()
			require.NoError(t, err)
			assert.Equal(t, string(want), got[".generator."+key.(string)], "%s: %s", path, key)
			assert.Equal(t, string(want), got[".generator_ema."+key.(string)], "%s: %s", path, key)
		}
	}
	for want, change := range map[string]func(c *Config){
		"misshapen":    func(c *Config) { c.Method.Model.GenWidth = 8; c.Method.InitGenerator = from + ".g.pth" },
		"16 misshapen": func(c *Config) { c.Data.Size = vision.Square(32); c.Method.InitGenerator = from + ".g.pth" },
		"legacy format of before 1.6: convert it": func(c *Config) { c.Method.InitGenerator = from + ".legacy.pth" },
		"--init-discriminator " + from + ".g.pth": func(c *Config) { c.Method.InitDiscriminator = from + ".g.pth" },
	} {
		c := DefaultConfig()
		c.Data.Spec, c.Data.Size, c.Data.Channels, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Run.Device = "glyphs", vision.Square(64), 3, 4, 4, "cpu"
		c.Run.Out = filepath.Join(t.TempDir(), "run")
		change(&c)
		_, err := train(t, context.Background(), c, &gantest.Recorder{})
		require.Error(t, err, want)
		assert.NoDirExists(t, c.Run.Out)
		assert.ErrorContains(t, err, want)
	}
}
