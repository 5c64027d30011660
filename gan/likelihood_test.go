package gan

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/metric"
	"forger/gan/report"
	"forger/internal/setting"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// likely is a training of a second that learns a likelihood, as settings and in scripts/golden_likelihoods.py's words.
type likely struct {
	settings string
	sizes    map[string]int
	nets     []string
}

var likelyRuns = map[string]likely{
	"vae": {"method=vae model=mlp binarize=fixed ema=.9", map[string]int{"latent": 3, "gen": 5, "disc": 4, "channels": 1, "side": 8, "depth": 2},
		[]string{"encoder", "decoder"}},
	"vae of colour": {"method=vae model=dcgan binarize=none", map[string]int{"latent": 5, "gen": 4, "disc": 4, "channels": 3, "side": 16},
		[]string{"encoder", "decoder"}},
	"pixelcnn": {"method=pixelcnn model=masked binarize=fixed ema=.9", map[string]int{"gen": 6, "channels": 1, "side": 8, "depth": 2}, []string{"model"}},
	"gated of colour": {"method=pixelcnn model=masked binarize=none gated=true", map[string]int{"gen": 6, "channels": 3, "side": 6, "depth": 2},
		[]string{"model"}},
	"vae given labels": {"method=vae model=mlp conditional=concat binarize=fixed ema=.9",
		map[string]int{"latent": 3, "gen": 5, "disc": 4, "channels": 1, "side": 8, "depth": 2}, []string{"encoder", "decoder"}},
	"vae of colour given labels": {"method=vae model=dcgan conditional=concat binarize=none", map[string]int{"latent": 5, "gen": 4, "disc": 4, "channels": 3, "side": 16},
		[]string{"encoder", "decoder"}},
	"pixelcnn given labels": {"method=pixelcnn model=masked conditional=concat binarize=fixed ema=.9", map[string]int{"gen": 6, "channels": 1, "side": 8, "depth": 2},
		[]string{"model"}},
	"gated of colour given labels": {"method=pixelcnn model=masked conditional=concat binarize=none gated=true", map[string]int{"gen": 6, "channels": 3, "side": 6, "depth": 2},
		[]string{"model"}},
}

// likelyClasses are those of what is given labels.
const likelyClasses = 3

// isConditional tells a training that learns labels.
func (l likely) isConditional() bool { return strings.Contains(l.settings, "conditional=") }

// config is the run of it on 24 pictures.
func (l likely) config(t *testing.T) Config {
	t.Helper()
	c := tinyConfig(t)
	d := DefaultConfig().Method.Model
	c.Method.Model.Latent, c.Method.Model.DiscWidth = d.Latent, d.DiscWidth
	c.Data.Spec, c.Data.Size, c.Data.Channels = "folder:"+gantest.Pictures(t, 24), vision.Square(l.sizes["side"]), l.sizes["channels"]
	if l.isConditional() {
		c.Data.Spec, c.Data.Balance = "folder:"+gantest.Labelled(t, 24, likelyClasses), true
	}
	for name, to := range map[string]*int{"latent": &c.Method.Model.Latent, "gen": &c.Method.Model.GenWidth, "disc": &c.Method.Model.DiscWidth, "depth": &c.Method.Model.Depth} {
		if v, ok := l.sizes[name]; ok {
			*to = v
		}
	}
	require.NoError(t, c.take(l.settings, func(string) bool { return false }))
	c.Run.Steps, c.Run.SampleEvery, c.Run.Threads = 6, 6, 1
	return c
}

// Every method that learns a likelihood is trained, goes on exactly, is measured, and is exported in every format to what PyTorch
// computes from its checkpoint, likelihoods included.
func TestEveryLikelihoodIsTrainedAndExported(t *testing.T) {
	python, dir, told, measured := torchtest.Python(t), t.TempDir(), map[string]any{}, map[string]Evaluation{}
	for name, l := range likelyRuns {
		c, res := trainLikely(t, name, l)
		files := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(files, 0o755))
		exportLikely(t, name, l, c, res.Checkpoint, files)
		o := EvalOptions{Checkpoint: res.Checkpoint, Metrics: []string{"nll"}, N: 100, Device: "cpu", Likelihood: LikelihoodOptions{500}}
		o.Measures.Settings().Reset()
		var err error
		measured[name], err = Eval(t.Context(), o)
		require.NoError(t, err, name)
		told[name] = map[string]any{"settings": l.settings, "sizes": l.sizes}
	}
	text, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cases.json"), text, 0o644))
	var found map[string]opened
	torchtest.JSON(t, &found, python, filepath.Join(torchtest.Root(t), "scripts", "open_likelihoods.py"), dir)
	require.Len(t, found, len(told))
	for name, f := range found {
		f.agrees(t, name, likelyRuns[name], measured[name].Metrics["nll"])
	}
	assert.Equal(t, []any{"mean", "logvar"}, found["vae"].Notes["encoder.onnx"])
	assert.Equal(t, []any{"logits"}, found["vae"].Notes["decoder.onnx"])
	assert.Equal(t, []any{"means"}, found["vae of colour"].Notes["decoder.onnx"])
	assert.Equal(t, []any{"logits"}, found["pixelcnn"].Notes["model.onnx"])
	assert.Equal(t, []any{"labels", "mean", "logvar"}, found["vae given labels"].Notes["encoder.onnx"])
	assert.Equal(t, []any{"labels", "logistics"}, found["gated of colour given labels"].Notes["model.onnx"])
	assert.Equal(t, true, found["gated of colour"].Notes["model.torchscript"], "the state_dict's keys are the network's")
}

// trainLikely is a training that goes on exactly, says what its likelihood is of, and can be benchmarked.
func trainLikely(t *testing.T, name string, l likely) (Config, report.Result) {
	t.Helper()
	c := l.config(t)
	c.Run.VerifyResume = 3
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err, name)
	c.Run.VerifyResume = 0
	var r gantest.Recorder
	res, err := train(t, t.Context(), c, &r)
	require.NoError(t, err, name)
	assert.Contains(t, strings.Join(r.Warns, " "), "likelihood: ", name)
	assert.Equal(t, l.isConditional(), strings.Contains(strings.Join(r.Warns, " "), ", given the label"), name)
	if l.isConditional() {
		side := l.sizes["side"] + 2
		assert.Equal(t, [2]int{likelyClasses*side + 2, 8*side + 2}, pictureSize(t, res.LastSample), "%s: a row each class", name)
	}
	_, err = os.Stat(filepath.Join(c.Run.Out, "samples", "reconstructions-00000006.png"))
	assert.Equal(t, l.nets[0] == "encoder", err == nil, "reconstructions of %s", name)
	b, err := Bench(t.Context(), c, bench.Options{Steps: 1, Synthetic: true})
	require.NoError(t, err, name)
	assert.Positive(t, b.GFlopPerImage, name)
	return c, res
}

// exportLikely writes every network in every format, and the images of the training.
func exportLikely(t *testing.T, name string, l likely, c Config, checkpoint, dir string) {
	t.Helper()
	for _, net := range append(l.nets, "ema") {
		for format := range export.Formats {
			err := Export(export.Options{Checkpoint: checkpoint, Net: net, Format: format, Out: filepath.Join(dir, net+"."+format)})
			if net == "ema" && c.Method.EMA == 0 {
				assert.ErrorContains(t, err, "trained without --ema", name)
				continue
			}
			require.NoError(t, err, name)
		}
	}
	drawn := l.nets[len(l.nets)-1]
	unnamed := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, Export(export.Options{Checkpoint: checkpoint, Format: "safetensors", Out: unnamed}), name)
	want, err := os.ReadFile(filepath.Join(dir, drawn+".safetensors"))
	require.NoError(t, err)
	got, err := os.ReadFile(unnamed)
	require.NoError(t, err)
	assert.Equal(t, want, got, "%s: %s is what samples are drawn from", name, drawn)
	ds, err := c.Data.Open(0, 0)
	require.NoError(t, err)
	defer ds.Close()
	require.NoError(t, data.Dump(t.Context(), ds, filepath.Join(dir, "x.npy"), data.DumpOptions{N: 24}))
}

// opened is what PyTorch finds of a training's exports: how far from the checkpoint they are, what they say of themselves, and
// the bound and the likelihood of each image.
type opened struct {
	Differences map[string]float64
	Notes       map[string]any
	NLL         [2][]float64
}

func (f opened) agrees(t *testing.T, name string, l likely, e metric.Result) {
	t.Helper()
	require.Len(t, f.Differences, len(l.nets)*len(export.Formats), name)
	for file, off := range f.Differences {
		assert.Less(t, off, 2e-5, "%s: %s", name, file)
	}
	assert.Equal(t, l.isConditional(), strings.HasSuffix(e.Text("likelihood"), ", given the label"), name)
	exact := e.More[3].Value.(bool)
	tolerance := 1e-4
	if !exact { // its samples are others
		tolerance = .1
		bound, _ := e.Figure("bound")
		assert.InDelta(t, mean(f.NLL[0]), bound, tolerance, name)
	}
	assert.InDelta(t, mean(f.NLL[1]), e.Value, tolerance, name)
	bits, _ := e.Figure("bits_per_dim")
	z := l.sizes
	assert.InDelta(t, e.Value/(float64(z["side"]*z["side"]*z["channels"])*math.Ln2), bits, 1e-9)
	images, _ := e.Figure("images")
	assert.Equal(t, 24., images)
}

func mean(of []float64) (sum float64) {
	for _, v := range of {
		sum += v / float64(len(of))
	}
	return sum
}

// What a method does not read is refused, given or not the default; the model is the method's own where none is given.
func TestSettingsOfOtherMethodsAreRefused(t *testing.T) {
	for given, want := range map[string]string{
		"method=vae loss=hinge":                                 "--loss hinge: --method vae does not read it: leave it out, or use --method gan",
		"method=vae loss=nonsaturating":                         "--loss nonsaturating: --method vae does not read it",
		"method=gan beta=2":                                     "--beta 2: --method gan does not read it: leave it out, or use --method vae",
		"method=pixelcnn latent=3":                              "--latent 3: --method pixelcnn does not read it: leave it out, or use --method gan or vae",
		"method=gan binarize=fixed":                             "--binarize fixed: --method gan does not read it: leave it out, or use --method pixelcnn or vae",
		"method=gan model=masked":                               "--model masked: it has no generator: use dcgan, mlp, r3gan, resnet, toy",
		"method=vae model=resnet":                               "--model resnet: it has no encoder: use dcgan, mlp",
		"method=pixelcnn model=mlp":                             "--model mlp: it has no masked convolutions: use masked",
		"method=vae iw-samples=5 beta=2":                        "--iw-samples 5 --beta 2: the importance-weighted bound has no divergence to weigh",
		"method=vae iw-samples=5 free-bits=1":                   "has no divergence to leave free",
		"method=gan init-encoder=a.pth":                         "--init-encoder a.pth: --method gan does not read it: leave it out, or use --method vae",
		"method=gan init-model=a.pth":                           "--init-model a.pth: --method gan does not read it: leave it out, or use --method pixelcnn",
		"method=pixelcnn init-decoder=a.pth":                    "--init-decoder a.pth: --method pixelcnn does not read it: leave it out, or use --method vae",
		"method=vae init-generator=a.pth":                       "--init-generator a.pth: --method vae does not read it: leave it out, or use --method gan",
		"method=pixelcnn init-mean=true":                        "--init-mean true: --method pixelcnn does not read it: leave it out, or use --method gan or vae",
		"method=vae model=mlp gated=true":                       "--gated true: --method vae does not read it",
		"method=vae model=mlp data=ring8":                       "--model mlp: it makes images",
		"method=vae model=mlp size=8 channels=3 binarize=fixed": "--binarize fixed: black and white is of gray images, and these have 3 channels",
	} {
		t.Run(given, func(t *testing.T) {
			c := DefaultConfig()
			c.Given = setting.Given{}
			require.NoError(t, c.take(given, func(string) bool { return false }))
			for _, l := range presetLines(given) {
				c.Given[l.Name] = "--" + l.Name
			}
			c.Run.DryRun, c.Run.Device = true, "cpu"
			_, err := train(t, t.Context(), c, &gantest.Recorder{})
			assert.ErrorContains(t, err, want)
		})
	}
	c := DefaultConfig()
	c.Method.Method = "pixelcnn"
	require.NoError(t, c.takePreset())
	assert.Equal(t, []any{"masked", 1e-3, .9}, []any{c.Method.Model.Name, c.Method.LR, c.Method.Beta1})
	require.NoError(t, c.Check())
	assert.False(t, c.Method.Model.FromMean)
	c = DefaultConfig()
	c.Method.Method = "vae"
	require.NoError(t, c.takePreset())
	assert.Equal(t, []any{"dcgan", 1e-3, true}, []any{c.Method.Model.Name, c.Method.LR, c.Method.Model.FromMean})
	require.NoError(t, c.Check())
}

// A run's own config.yaml, which has the settings of all methods, repeats it.
func TestALikelihoodsRunIsRepeatedByItsFile(t *testing.T) {
	c := likelyRuns["pixelcnn"].config(t)
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	again := DefaultConfig()
	read, _, err := again.Settings().ReadFile(filepath.Join(res.Dir, "config.yaml"))
	require.NoError(t, err)
	again.Given = setting.Given{}
	for _, l := range read {
		row, _ := again.Settings().Find(l.Name)
		require.NoError(t, row.Parse(l.Values...))
		again.Given[l.Name] = fmt.Sprintf("--config x: line %d: %s", l.Line, l.Name)
	}
	again.Run.Out = filepath.Join(t.TempDir(), "again")
	repeated, err := train(t, t.Context(), again, &gantest.Recorder{})
	require.NoError(t, err)
	assert.Equal(t, gantest.LeftBy(t, res).State, gantest.LeftBy(t, repeated).State)
}
