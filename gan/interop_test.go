package gan

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"forger/data"
	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/safetensors"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// officialRun trains the official networks, width 4, for a few steps on one image.
func officialRun(t *testing.T, change func(c *Config)) Result {
	t.Helper()
	c := DefaultConfig()
	c.Data = "folder:" + pictures(t, 1)
	c.Size, c.Channels, c.GenWidth, c.DiscWidth, c.Batch, c.Steps, c.Threads = 64, 3, 4, 4, 4, 3, 1
	c.Layout, c.Device, c.LogEvery, c.Out = "channels_last", "cpu", 1, filepath.Join(t.TempDir(), "run")
	change(&c)
	res, err := train(t, context.Background(), c, &recorder{})
	require.NoError(t, err)
	return res
}

// Every export is opened by the program it is for, and draws what the official networks draw.
func TestExportsDrawTheSameImages(t *testing.T) {
	python := torchtest.Python(t)
	res := officialRun(t, func(c *Config) { c.EMA = .5 })
	dir := t.TempDir()
	for net := range Nets {
		for format := range Formats {
			o := ExportOptions{Checkpoint: res.Checkpoint, Net: net, Format: format, Out: filepath.Join(dir, net+"."+format)}
			require.NoError(t, Export(o), o)
		}
	}
	var found map[string]struct {
		Difference float64
		Note       any
	}
	script := filepath.Join(torchtest.Root(t), "scripts", "open_exports.py")
	torchtest.JSON(t, &found, python, script, res.Checkpoint, "4", dir)
	require.Len(t, found, len(Nets)*len(Formats))
	for name, f := range found {
		assert.Less(t, f.Difference, 2e-5, name)
	}
	assert.Equal(t, "OrderedDict", found["generator.pth"].Note)
	assert.Equal(t, true, found["discriminator.torchscript"].Note, "the state_dict's keys are the network's")
	assert.Equal(t, []any{"latents", "images"}, found["ema.onnx"].Note)
	assert.Equal(t, []any{"images", "probability"}, found["discriminator.onnx"].Note)
}

// residualGenerator is open_exports.py's ResidualGenerator.
func residualGenerator(b Builder, n Network) nn.Module {
	s, g, w := b.Scope, b.Init, n.GenWidth
	conv := func(kernel int, o nn.ConvOptions) nn.Module { return nn.NewConv2d(s, g, w, w, kernel, o) }
	return named{"main", nn.Sequential{
		nn.Reshape{-1, n.Latent}, nn.NewLinear(s, g, n.Latent, w*16, false), nn.Reshape{-1, w, 4, 4},
		nn.NewResidual(nn.Sequential{nn.ReLU(), conv(3, nn.ConvOptions{Padding: 1}), nn.NewBatchNorm2d(s, w), nn.Tanh().InPlace()},
			conv(1, nn.ConvOptions{}), nn.ResidualOptions{}),
		nn.NewResidual(nn.Sequential{nn.LeakyReLU(.2), conv(3, nn.ConvOptions{Padding: 1})}, nil, nn.ResidualOptions{}),
		nn.NewConvTranspose2d(s, g, w, n.Channels, 4, nn.ConvOptions{Stride: 4}), nn.Sigmoid().InPlace(),
	}}
}

// A network that is no chain of layers is exported as well, and what it computes is PyTorch's in every format.
func TestExportsOfAResidualNetwork(t *testing.T) {
	python := torchtest.Python(t)
	models["residual"] = model{"for tests", []int{16}, residualGenerator, dcganDiscriminator}
	t.Cleanup(func() { delete(models, "residual") })
	res := officialRun(t, func(c *Config) { c.Model, c.Size, c.Channels, c.Batch = "residual", 16, 1, 4 })
	dir := t.TempDir()
	for format := range Formats {
		o := ExportOptions{Checkpoint: res.Checkpoint, Net: "generator", Format: format, Out: filepath.Join(dir, "generator."+format)}
		require.NoError(t, Export(o), o)
	}
	var found map[string]struct{ Difference float64 }
	script := filepath.Join(torchtest.Root(t), "scripts", "open_exports.py")
	torchtest.JSON(t, &found, python, script, res.Checkpoint, "4", dir, "residual")
	require.Len(t, found, len(Formats))
	for name, f := range found {
		assert.Less(t, f.Difference, 2e-5, name)
	}
}

func TestWhatCannotBeExported(t *testing.T) {
	res := officialRun(t, func(c *Config) { c.Steps = 1 })
	out := filepath.Join(t.TempDir(), "x")
	for want, o := range map[string]ExportOptions{
		`--net "g": unknown: have discriminator, ema, generator`:     {res.Checkpoint, "g", "pth", out},
		`--format "pickle": unknown: have onnx, pth, safetensors, t`: {res.Checkpoint, "generator", "pickle", out},
		`it has no generator_ema: it was trained without --ema`:      {res.Checkpoint, "ema", "onnx", out},
		`no such file`: {res.Checkpoint + "x", "generator", "pth", out},
	} {
		assert.ErrorContains(t, Export(o), want)
	}
	assert.NoFileExists(t, out)
}

// PyTorch takes a run up, trains on, and hands it back: networks and Adam's state go on in Forger with PyTorch's losses.
func TestARunTrainedOnByPyTorchGoesOn(t *testing.T) {
	python := torchtest.Python(t)
	res := officialRun(t, func(c *Config) { c.Batch = 1 })
	image := filepath.Join(t.TempDir(), "image.npy")
	cfg, _, err := configOf(mustLoad(t, res.Checkpoint))
	require.NoError(t, err)
	ds, err := data.Open(cfg.Data, data.Options{Size: 64, Channels: 3})
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
	var r recorder
	_, err = resume(t, res.Dir, &r, "steps", strconv.Itoa(3+len(want)))
	require.NoError(t, err)
	require.Len(t, r.lines, len(want))
	for i, line := range r.lines {
		assert.InDelta(t, want[i].LossD, line.LossD, 1e-4, "step %d", line.Step)
		assert.InDelta(t, want[i].LossG, line.LossG, 1e-4, "step %d", line.Step)
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
		c.Size, c.Channels, c.GenWidth, c.DiscWidth, c.InitGenerator, c.EMA, c.Device = 64, 3, 4, 4, path, .9, "cpu"
		onTrainer(t, c, func(tr *trainer) {
			for _, net := range []nn.Module{tr.st.gen, tr.st.average.net} {
				for _, e := range nn.Entries(net) {
					saved, err := pt.At[*pt.Tensor](root, e.Name)
					require.NoError(t, err)
					want, err := saved.Bytes()
					require.NoError(t, err)
					assert.Equal(t, want, e.Tensor.Bytes(), "%s: %s", path, e.Name)
				}
			}
		})
	}
	for want, change := range map[string]func(c *Config){
		"misshapen":    func(c *Config) { c.GenWidth = 8; c.InitGenerator = from + ".g.pth" },
		"16 misshapen": func(c *Config) { c.Size = 32; c.InitGenerator = from + ".g.pth" },
		"legacy format of before 1.6: convert it": func(c *Config) { c.InitGenerator = from + ".legacy.pth" },
		"--init-discriminator " + from + ".g.pth": func(c *Config) { c.InitDiscriminator = from + ".g.pth" },
	} {
		c := DefaultConfig()
		c.Data, c.Size, c.Channels, c.GenWidth, c.DiscWidth, c.Device = "glyphs", 64, 3, 4, 4, "cpu"
		c.Out = filepath.Join(t.TempDir(), "run")
		change(&c)
		_, err := train(t, context.Background(), c, &recorder{})
		require.Error(t, err, want)
		assert.NoDirExists(t, c.Out)
		assert.ErrorContains(t, err, want)
	}
}

// onTrainer calls body with a trainer at the origin of c.
func onTrainer(t *testing.T, c Config, body func(tr *trainer)) {
	t.Helper()
	o, err := fresh(c)
	require.NoError(t, err)
	ds, err := o.cfg.open()
	require.NoError(t, err)
	defer ds.Close()
	dev, _, err := OpenDevice(c.Device)
	require.NoError(t, err)
	resolved, err := o.resolve(ds, dev)
	require.NoError(t, err)
	tr, err := o.trainer(t.Context(), resolved, ds, dev)
	require.NoError(t, err)
	defer tr.close()
	body(tr)
}
