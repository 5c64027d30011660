package gan

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/internal/setting"
	"forger/torch/pt"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every line of every preset is a setting that takes its value, and together they are valid.
func TestPresetsAreSettings(t *testing.T) {
	for name, p := range Presets {
		c := DefaultConfig()
		c.Preset = name
		require.NoError(t, c.takePreset(), name)
		assert.NoError(t, c.Check(), name)
		require.NotEmpty(t, p.Lines(), name)
		for _, l := range p.Lines() {
			row, ok := c.Settings().Find(l.Name)
			require.True(t, ok, "%s: %s", name, l.Name)
			var again Config
			other, _ := again.Settings().Find(l.Name)
			require.NoError(t, other.Parse(l.Values...))
			assert.True(t, row.Same(other), "%s: %s", name, l.Name)
		}
	}
	c := DefaultConfig()
	c.Preset = "biggan"
	assert.ErrorContains(t, c.takePreset(), `--preset "biggan": unknown: have dcgan`)
}

// What a preset plays and how it learns is what gan/method compares with PyTorch under its name; grid25 is ring8's.
func TestPresetsAreThoseComparedWithPyTorch(t *testing.T) {
	var golden, likelihoods struct {
		Runs map[string]struct{ Settings []string }
	}
	torchtest.Golden(t, "method/testdata/gans.json", &golden)
	torchtest.Golden(t, "method/testdata/likelihoods.json", &likelihoods)
	maps.Copy(golden.Runs, likelihoods.Runs)
	elsewhere := []string{"data", "size", "channels", "latent", "gen-width", "disc-width", "depth", "prior", "batch", "steps", "epochs", "warmup"}
	kept := func(texts []string) []string {
		return slices.Sorted(slices.Values(slices.DeleteFunc(texts, func(text string) bool {
			name, _, _ := strings.Cut(text, "=")
			return slices.Contains(elsewhere, name)
		})))
	}
	for name, p := range Presets {
		was := name
		if name == "grid25" {
			was = "ring8"
		}
		assert.Equal(t, kept(slices.Clone(golden.Runs[was].Settings)), kept(strings.Fields(p.set)), name)
	}
}

// What is given goes before the preset, whatever its value; a bound takes the place of all of the preset's.
func TestWhatIsGivenGoesBeforeThePreset(t *testing.T) {
	c := DefaultConfig()
	c.Preset, c.Method.LR, c.Method.Penalties, c.Run.Steps = "wgan", 1e-3, []string{"none"}, 7
	c.Given = setting.Given{"lr": "--lr", "penalty": "--penalty", "steps": "--steps"}
	require.NoError(t, c.takePreset())
	assert.Equal(t, "wasserstein", c.Method.Loss)
	assert.Equal(t, 1e-3, c.Method.LR)
	assert.Equal(t, []string{"none"}, c.Method.Penalties)
	c = DefaultConfig()
	c.Preset, c.Run.Steps, c.Given = "gan2014", 7, setting.Given{"steps": "--steps"}
	require.NoError(t, c.takePreset())
	assert.Equal(t, []int{7, 0}, []int{c.Run.Steps, c.Run.Epochs})
}

// small are the settings that make a preset's networks and batches small.
func small(t *testing.T, preset string) Config {
	c := tinyConfig(t)
	c.Preset = preset
	c.Given = setting.Given{}
	for _, name := range []string{"gen-width", "disc-width", "latent", "batch", "steps"} {
		c.Given[name] = "here"
	}
	if preset == "pixelcnn" { // which has neither
		d := DefaultConfig().Method.Model
		c.Method.Model.Latent, c.Method.Model.DiscWidth, c.Method.Model.GenWidth = d.Latent, d.DiscWidth, 4
		delete(c.Given, "latent")
		delete(c.Given, "disc-width")
	}
	c.Data.Size = vision.Square(smallSizes[preset])
	if !c.Data.Size.IsZero() {
		c.Given["size"] = "here"
	}
	return c
}

// smallSizes are the sides at which presets are tried whose own is larger.
var smallSizes = map[string]int{"dcgan": 16, "wgan": 16, "lsgan": 16, "r3gan": 16, "gan2014": 8, "vae": 8, "pixelcnn": 8}

// A resume of each preset is a resume, and of what no preset has beside.
func TestEveryPresetResumesExactly(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"dcgan": func(c *Config) {
			c.Method.Penalties, c.Method.PenaltyEvery, c.Method.Pack = []string{"r1=auto", "gp=1", "dragan=1"}, 4, 2
			c.Method.InstanceNoise, c.Method.LabelSmoothing, c.Method.EMA, c.Method.EMAWarmup = .1, .1, .9, 6
			c.Method.Schedule, c.Method.Warmup = "cosine", 3
		},
		"wgan": func(c *Config) { c.Method.Momentum, c.Method.MomentumEnd = .5, .7 },
		"lsgan": func(c *Config) {
			c.Method.SpectralNorm, c.Method.Loss, c.Method.Penalties = true, "relativistic", []string{"r1=2:.2", "r2"}
			c.Method.Augment = "translation,color,ada=.3"
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := small(t, name)
			require.NoError(t, c.takePreset())
			c.Preset = ""
			change(&c)
			c.Run.VerifyResume = 5
			_, err := train(t, t.Context(), c, &gantest.Recorder{})
			assert.NoError(t, err)
		})
	}
	for name := range Presets {
		t.Run("plain "+name, func(t *testing.T) {
			c := small(t, name)
			c.Run.VerifyResume = 3
			_, err := train(t, t.Context(), c, &gantest.Recorder{})
			assert.NoError(t, err)
		})
	}
}

// config.yaml has the preset's settings as values, and a run by it needs no preset.
func TestARunKeepsWhatThePresetSet(t *testing.T) {
	c := small(t, "wgan")
	c.Run.Steps = 2
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	again := DefaultConfig()
	lines, _, err := again.Settings().ReadFile(filepath.Join(res.Dir, "config.yaml"))
	require.NoError(t, err)
	found := map[string][]string{}
	for _, l := range lines {
		found[l.Name] = l.Values
	}
	assert.Equal(t, []string{"wasserstein"}, found["loss"])
	assert.Equal(t, []string{"clip=.01"}, found["penalty"])
	assert.NotContains(t, found, "preset")
	// Five batches a step: 2 steps saw 80 images.
	assert.Equal(t, int64(80), res.Images)
}

// A schedule is of the run's length: a run that goes on to another bound says what becomes of it.
func TestAnotherBoundMovesTheSchedule(t *testing.T) {
	dir := stoppedRun(t, func(c *Config) { c.Method.Schedule, c.Method.InstanceNoise = "linear", .5 })
	var r gantest.Recorder
	_, err := resume(t, dir, &r, "steps", "12")
	require.NoError(t, err)
	assert.Contains(t, r.Warns, "the run is of 12 steps now, of 6 before, and its schedules go by that: lr_g 0.0001 for 0, lr_d 0.0001 for 0, instance_noise 0.25 for 0")
	r = gantest.Recorder{}
	_, err = resume(t, stoppedRun(t, func(*Config) {}), &r, "steps", "12")
	require.NoError(t, err)
	assert.Empty(t, r.Warns, "without a schedule the length decides nothing")
}

// r1=auto is StyleGAN2-ADA's weight, and is told.
func TestTheHeuristicWeightIsTold(t *testing.T) {
	c := tinyConfig(t)
	c.Method.Penalties, c.Method.Loss, c.Run.Steps = []string{"r1=auto"}, "wasserstein", 1
	var r gantest.Recorder
	_, err := train(t, t.Context(), c, &r)
	require.NoError(t, err)
	assert.Contains(t, r.Warns, "--penalty r1=auto: weight 0.0064, .0002 side^2 / batch")
	c.Method.Penalties, c.Run.Out = nil, filepath.Join(t.TempDir(), "bare")
	r = gantest.Recorder{}
	_, err = train(t, t.Context(), c, &r)
	require.NoError(t, err)
	assert.Contains(t, r.Warns, "--loss wasserstein: nothing holds the discriminator, and its loss has no bound: add --penalty gp, --penalty clip or --spectral-norm")
}

// A discriminator with spectral normalisation is exported as it computes, under the plain network's keys.
func TestANormalisedDiscriminatorIsExportedPlain(t *testing.T) {
	c := tinyConfig(t)
	c.Method.SpectralNorm, c.Run.Steps = true, 2
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	saved, err := pt.At[*pt.Dict](mustLoad(t, res.Checkpoint), "discriminator")
	require.NoError(t, err)
	assert.Contains(t, saved.Keys(), any("main.0.parametrizations.weight.original"))
	for _, format := range []string{"pth", "safetensors", "onnx", "torchscript"} {
		out := filepath.Join(t.TempDir(), "d."+format)
		require.NoError(t, Export(export.Options{Checkpoint: res.Checkpoint, Net: "discriminator", Format: format, Out: out}), format)
		if format != "pth" {
			continue
		}
		plain := mustLoad(t, out)
		w, err := pt.At[*pt.Tensor](plain, "main.0.weight")
		require.NoError(t, err)
		before, err := pt.At[*pt.Tensor](saved, "main.0.parametrizations.weight.original")
		require.NoError(t, err)
		assert.Equal(t, before.Shape, w.Shape)
		assert.NotEqual(t, mustBytes(t, before), mustBytes(t, w))
		// It is weights to start from, of a discriminator without the normalisation.
		c := tinyConfig(t)
		c.Method.InitDiscriminator, c.Run.Steps = out, 1
		_, err = train(t, t.Context(), c, &gantest.Recorder{})
		assert.NoError(t, err)
	}
}

func mustBytes(t *testing.T, x *pt.Tensor) []byte {
	t.Helper()
	b, err := x.Bytes()
	require.NoError(t, err)
	return b
}

// Penalties, packing and more updates are counted.
func TestArithmeticOfPenalties(t *testing.T) {
	flops := func(change func(c *Config)) float64 {
		c := tinyConfig(t)
		c.Run.Steps, c.Data.Channels = 0, 1
		change(&c)
		res, err := Bench(t.Context(), c, bench.Options{Steps: 1, Synthetic: true})
		require.NoError(t, err)
		return res.GFlopPerImage
	}
	plain := flops(func(*Config) {})
	r1 := flops(func(c *Config) { c.Method.Penalties = []string{"r1"} })
	gp := flops(func(c *Config) { c.Method.Penalties = []string{"gp"} })
	lazy := flops(func(c *Config) { c.Method.Penalties, c.Method.PenaltyEvery = []string{"gp"}, 4 })
	assert.Greater(t, r1, plain)
	assert.Greater(t, gp, r1)
	assert.InDelta(t, (gp-plain)/4, lazy-plain, 1e-12)
	assert.Equal(t, plain, flops(func(c *Config) { c.Method.SpectralNorm = true }), "what makes the weights ready is not counted")
}
