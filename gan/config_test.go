package gan

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"forger/gan/trainer"
	"forger/internal/setting"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every field of the options is a setting, and each is there once.
func TestEveryOptionIsASetting(t *testing.T) {
	var c Config
	at, names := map[any]bool{}, map[string]bool{}
	for _, r := range c.Settings() {
		assert.NotEmpty(t, r.Help, r.Name)
		assert.False(t, at[r.Value] || names[r.Name], "%s is there twice", r.Name)
		at[r.Value], names[r.Name] = true, true
	}
	count := 1 // Preset
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			_, whole := v.Field(i).Addr().Interface().(setting.Value)
			switch f := v.Field(i); {
			case f.Kind() == reflect.Struct && !whole:
				walk(f)
			case f.Kind() == reflect.Func: // whom to tell, or to ask
			default:
				count++
				assert.True(t, at[f.Addr().Interface()], "%s is no setting", v.Type().Field(i).Name)
			}
		}
	}
	for _, options := range []any{&c.Data, &c.Method, &c.Run} {
		walk(reflect.ValueOf(options).Elem())
	}
	assert.Len(t, c.Settings(), count)
}

// A run from before there were rules of data goes on by the first ones, and a new one records those of now.
func TestARunKeepsItsRulesOfData(t *testing.T) {
	for config, want := range map[string]int{`{"limit": 5}`: 1, `{"limit": 5, "data-rules": 2}`: 2, `{"data-rules": 1}`: 1} {
		c := DefaultConfig()
		require.NoError(t, c.Settings().ReadJSON(config))
		assert.Equal(t, want, c.Data.Rules, config)
	}
	c := DefaultConfig()
	assert.Equal(t, 2, c.Settings().Map()["data-rules"])

	// So does one that was stopped before its first checkpoint.
	for config, want := range map[string]int{"limit: 5\nresolved: {}\n": 1, "limit: 5\ndata-rules: 2\nresolved: {}\n": 2} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o644))
		from, err := trainer.Resume(dir, true)
		require.NoError(t, err)
		c := DefaultConfig()
		require.NoError(t, from.Settings(c.Settings()))
		from.Close()
		assert.Equal(t, want, c.Data.Rules, config)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	c := DefaultConfig()
	require.NoError(t, c.Check())
}

func TestValidateNamesFlagReasonAndRemedy(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		`--data "x": unknown: have cifar10:DIR, folder:DIR, gaussian1d, glyphs, grid25, mnist:DIR, mnist-test:DIR, npy:FILE, packed:FILE, ring8, stacked-mnist:DIR, tar:FILE, zip:FILE`: func(c *Config) { c.Data.Spec = "x" },
		`--data "mnist": no path given: write mnist:DIR`:                                                                           func(c *Config) { c.Data.Spec = "mnist" },
		`--model "biggan": unknown: have dcgan, masked, mlp, r3gan, resnet, toy`:                                                   func(c *Config) { c.Method.Model.Name = "biggan" },
		`--loss "x": unknown: have hinge, lsgan, minimax, nonsaturating, relativistic, wasserstein`:                                func(c *Config) { c.Method.Loss = "x" },
		`--penalty "r3": unknown: have none, clip, dragan, gp, r1, r2`:                                                             func(c *Config) { c.Method.Penalties = []string{"r3"} },
		`--schedule "x": unknown: have constant, cosine, exponential, linear`:                                                      func(c *Config) { c.Method.Schedule = "x" },
		`--preset "x": unknown: have dcgan, gan2014, gaussian1d, grid25, lsgan, pixelcnn, r3gan, ring8, sngan, vae, wgan, wgan-gp`: func(c *Config) { c.Preset = "x" },
		`--pack 3: it does not divide --batch 64: use --batch 66`:                                                                  func(c *Config) { c.Method.Pack = 3 },
		`--optim "x": unknown: have adam, rmsprop, sgd`:                                                                            func(c *Config) { c.Method.Optim = "x" },
		`--prior "x": unknown: have normal, uniform, uniform-unit, uniform01`:                                                      func(c *Config) { c.Method.Prior = "x" },
		`--precision "x": unknown: have fp32, tf32, bf16`:                                                                          func(c *Config) { c.Run.Precision = "x" },
		`--device "gpu": unknown: use auto, cpu, cuda or cuda:N`:                                                                   func(c *Config) { c.Run.Device = "gpu" },
		`--size 63: dcgan cannot make it: use 16, 32, 64, 128, 256, 512 or 1024`:                                                   func(c *Config) { c.Data.Size = vision.Square(63) },
		`--init-mean: the generator of dcgan has no biases of its pixels: use --model mlp, or leave it out`:                        func(c *Config) { c.Method.Model.FromMean = true },
		`--channels 2: neither gray nor RGB: use 1 or 3`:                                                                           func(c *Config) { c.Data.Channels = 2 },
		`--batch 0: too small: use 1 or more`:                                                                                      func(c *Config) { c.Run.Batch = 0 },
		`--disc-steps 0: too small: use 1 or more`:                                                                                 func(c *Config) { c.Method.DiscSteps = 0 },
		`--keep 0: too small: use 1 or more`:                                                                                       func(c *Config) { c.Run.Keep = 0 },
		`--log-every -1: too small: use 1 or more`:                                                                                 func(c *Config) { c.Run.LogEvery = -1 },
		`--steps -1: too small: use 0 or more`:                                                                                     func(c *Config) { c.Run.Steps = -1 },
		`--lr -0.1: out of range: use a number above 0`:                                                                            func(c *Config) { c.Method.LR = -.1 },
		`--lr NaN: out of range: use a number above 0`:                                                                             func(c *Config) { c.Method.LR = math.NaN() },
		`--gen-lr -1: out of range: use a number of 0 or more`:                                                                     func(c *Config) { c.Method.GenLR = -1 },
		`--beta1 1: out of range: use a number from 0 to below 1`:                                                                  func(c *Config) { c.Method.Beta1 = 1 },
	} {
		c := DefaultConfig()
		change(&c)
		err := c.Check()
		var usage *setting.UsageError
		require.ErrorAs(t, err, &usage, want)
		assert.Equal(t, want, err.Error())
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// config.yaml holds what was asked and no more, so that repeating a run with a later bound is not cut by a default.
func TestConfigFileHoldsWhatWasAsked(t *testing.T) {
	c := DefaultConfig()
	c.Run.Batch, c.Run.Seed, c.Run.Out, c.Method.LR = 17, 1<<63, "somewhere", 1e-5
	text, err := c.Settings().YAML(trainer.Resolved{Size: vision.Square(64), Device: "cpu"})
	require.NoError(t, err)
	settings, resolved, err := c.Settings().ReadFile(writeFile(t, string(text)))
	require.NoError(t, err)
	found := map[string]string{}
	for _, s := range settings {
		found[s.Name] = s.Values[0]
	}
	assert.Equal(t, "17", found["batch"])
	assert.Equal(t, "9223372036854775808", found["seed"])
	assert.Equal(t, "1e-05", found["lr"])
	for _, name := range []string{"out", "dry-run", "epochs", "size", "precision"} {
		assert.NotContains(t, found, name)
	}
	r, err := trainer.ParseResolved(resolved)
	require.NoError(t, err)
	assert.Equal(t, &trainer.Resolved{Size: vision.Square(64), Device: "cpu"}, r)
}
