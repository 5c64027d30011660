package gan

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEverySettingIsAField(t *testing.T) {
	var c Config
	byPointer := map[any]Field{}
	for _, f := range c.Fields() {
		assert.NotEmpty(t, f.Help, f.Name)
		byPointer[f.Value] = f
	}
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == "-" {
			continue // about the settings, not one of them
		}
		f, ok := byPointer[v.Field(i).Addr().Interface()]
		require.True(t, ok, "%s has no entry in Fields", v.Type().Field(i).Name)
		assert.Equal(t, v.Type().Field(i).Tag.Get("yaml"), f.Name)
	}
	assert.Len(t, c.Fields(), v.NumField()-1)
}

func TestDefaultsAreValidAndTheContracts(t *testing.T) {
	c := DefaultConfig()
	require.NoError(t, c.Validate())
	f := c.filled()
	assert.Equal(t, 64, f.Size)
	assert.Equal(t, 25, f.Epochs)
	c.Steps = 10
	assert.Zero(t, c.filled().Epochs, "another bound was given")
}

func TestValidateNamesFlagReasonAndRemedy(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		`--data "x": unknown: have cifar10:DIR, folder:DIR, glyphs, mnist:DIR, npy:FILE, packed:FILE, tar:FILE, zip:FILE`: func(c *Config) { c.Data = "x" },
		`--data "mnist": no path given: write mnist:DIR`:                                                                  func(c *Config) { c.Data = "mnist" },
		`--model "biggan": unknown: have dcgan`:                                                                           func(c *Config) { c.Model = "biggan" },
		`--loss "x": unknown: have minimax, nonsaturating`:                                                                func(c *Config) { c.Loss = "x" },
		`--optim "x": unknown: have adam, rmsprop, sgd`:                                                                   func(c *Config) { c.Optim = "x" },
		`--prior "x": unknown: have normal, uniform`:                                                                      func(c *Config) { c.Prior = "x" },
		`--precision "x": unknown: have fp32, tf32, bf16`:                                                                 func(c *Config) { c.Precision = "x" },
		`--device "gpu": unknown: use auto, cpu, cuda or cuda:N`:                                                          func(c *Config) { c.Device = "gpu" },
		`--size 63: dcgan cannot make it: use 16, 32, 64, 128 or 256`:                                                     func(c *Config) { c.Size = 63 },
		`--channels 2: neither gray nor RGB: use 1 or 3`:                                                                  func(c *Config) { c.Channels = 2 },
		`--batch 0: too small: use 1 or more`:                                                                             func(c *Config) { c.Batch = 0 },
		`--disc-steps 0: too small: use 1 or more`:                                                                        func(c *Config) { c.DiscSteps = 0 },
		`--keep 0: too small: use 1 or more`:                                                                              func(c *Config) { c.Keep = 0 },
		`--log-every -1: too small: use 1 or more`:                                                                        func(c *Config) { c.LogEvery = -1 },
		`--steps -1: too small: use 0 or more`:                                                                            func(c *Config) { c.Steps = -1 },
		`--lr -0.1: out of range: use a number above 0`:                                                                   func(c *Config) { c.LR = -.1 },
		`--lr NaN: out of range: use a number above 0`:                                                                    func(c *Config) { c.LR = math.NaN() },
		`--gen-lr -1: out of range: use a number of 0 or more`:                                                            func(c *Config) { c.GenLR = -1 },
		`--beta1 1: out of range: use a number from 0 to below 1`:                                                         func(c *Config) { c.Beta1 = 1 },
	} {
		c := DefaultConfig()
		change(&c)
		err := c.Validate()
		var usage *UsageError
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

func TestReadConfig(t *testing.T) {
	settings, err := ReadConfig(writeFile(t, "# a comment\nbatch: 32\nlr: 1e-4\ndata: mnist:a b\nresolved:\n  size: 3\n  what: ever\ndeterministic: true\n"))
	require.NoError(t, err)
	assert.Equal(t, []Setting{{"batch", "32", 2}, {"lr", "1e-4", 3}, {"data", "mnist:a b", 4}, {"deterministic", "true", 8}}, settings)
	for want, text := range map[string]string{
		`line 2: unknown key "bacth": did you mean "batch"?`: "size: 3\nbacth: 3\n",
		"line 1: size: one value is wanted":                  "size:\n",
		"line 1: batch: one value is wanted":                 "batch: [1, 2]\n",
		"a list of `name: value` is wanted":                  "- 3\n",
		"not YAML":                                           "a: [\n",
	} {
		_, err := ReadConfig(writeFile(t, text))
		var usage *UsageError
		require.ErrorAs(t, err, &usage, text)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err = ReadConfig(filepath.Join(t.TempDir(), "gone.yaml"))
	assert.ErrorContains(t, err, "no such file")
}

// config.yaml holds what was asked and no more, so that repeating a run with a later bound is not cut by a default.
func TestConfigFileHoldsWhatWasAsked(t *testing.T) {
	c := DefaultConfig()
	c.Batch, c.Seed, c.Out, c.LR = 17, 1<<63, "somewhere", 1e-5
	text, err := c.yaml(Resolved{Size: 64, Device: "cpu"})
	require.NoError(t, err)
	settings, err := ReadConfig(writeFile(t, string(text)))
	require.NoError(t, err)
	found := map[string]string{}
	for _, s := range settings {
		found[s.Name] = s.Value
	}
	assert.Equal(t, "17", found["batch"])
	assert.Equal(t, "9223372036854775808", found["seed"])
	assert.Equal(t, "1e-05", found["lr"])
	for _, name := range []string{"out", "dry-run", "epochs", "size", "precision"} {
		assert.NotContains(t, found, name)
	}
	assert.Contains(t, string(text), "resolved:\n  size: 64\n")
}

func TestTheFirstBoundReachedEndsTheRun(t *testing.T) {
	ds := fakeData{n: 100, shape: shape16}
	for _, c := range []struct {
		steps, epochs, k int
		images           int64
		want             int64
	}{
		{steps: 7, epochs: 100, images: 1 << 40, k: 1, want: 7},
		{epochs: 2, k: 1, want: 8}, // 32, 32, 32, 4 images an epoch
		{epochs: 2, k: 3, want: 3},
		{images: 1, k: 1, want: 1},
		{images: 32, k: 1, want: 1},
		{images: 33, k: 1, want: 2},
		{images: 100, k: 1, want: 4},
		{images: 101, k: 1, want: 5},
		{images: 101, k: 2, want: 3},
	} {
		cfg := DefaultConfig()
		cfg.Batch, cfg.Steps, cfg.Epochs, cfg.Images, cfg.DiscSteps = 32, c.steps, c.epochs, c.images, c.k
		tr := &trainer{cfg: cfg, ds: ds}
		assert.Equal(t, c.want, tr.totalSteps(), "%+v", c)
	}
}
