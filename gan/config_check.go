package gan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"forger/torch"
)

// UsageError is what the command line and the config alone show to be wrong.
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Validate checks everything that can be checked without the disk, the data and the device. Errors are *UsageError.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkNames, c.checkShape, c.checkRates, c.checkBounds} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkNames() error {
	if err := c.dataSettings().Check(); err != nil {
		return usagef("--%s", err)
	}
	for _, named := range []struct {
		flag, value string
		have        []string
	}{
		{"model", c.Model, names(models)}, {"loss", c.Loss, names(Objectives)},
		{"optim", c.Optim, names(optimizers)}, {"prior", c.Prior, names(priors)},
		{"precision", c.Precision, append([]string{""}, precisions...)},
		{"layout", c.Layout, append([]string{"auto"}, names(layouts)...)},
		{"conv", c.Conv, []string{"auto", "fast", "stock"}}, {"cache", c.Cache, caches}, {"graph", c.Graph, graphs},
		{"save", c.Save, []string{"async", "sync"}}, {"on-save-error", c.OnSaveError, []string{"stop", "warn"}},
	} {
		if !slices.Contains(named.have, named.value) {
			return usagef("--%s %q: unknown: have %s", named.flag, named.value, strings.TrimPrefix(strings.Join(named.have, ", "), ", "))
		}
	}
	if c.Graph == "on" && c.Device == "cpu" && c.Resume == "" {
		return usagef("--graph on: it needs a CUDA device, and --device is cpu: use --graph auto")
	}
	return CheckDevice(c.Device)
}

// CheckDevice refuses a name that no device can have.
func CheckDevice(name string) error {
	if _, err := torch.ParseDevice(name); err != nil && name != "auto" {
		return usagef("--device %q: unknown: use auto, cpu, cuda or cuda:N", name)
	}
	return nil
}

func (c *Config) checkShape() error {
	if c.Size != 0 && !slices.Contains(ModelSizes(c.Model), c.Size) {
		return usagef("--size %d: %s cannot make it: use %s", c.Size, c.Model, alternatives(ModelSizes(c.Model)))
	}
	if c.Channels != 0 && c.Channels != 1 && c.Channels != 3 {
		return usagef("--channels %d: neither gray nor RGB: use 1 or 3", c.Channels)
	}
	if err := atLeast(0, intFlag{"limit", c.Limit}, intFlag{"crop-before", c.CropBefore}, intFlag{"max-pixels", c.MaxPixels},
		intFlag{"skip-corrupt", c.SkipCorrupt}); err != nil {
		return err
	}
	return atLeast(1, intFlag{"latent", c.Latent}, intFlag{"gen-width", c.GenWidth}, intFlag{"disc-width", c.DiscWidth},
		intFlag{"disc-steps", c.DiscSteps}, intFlag{"batch", c.Batch})
}

func (c *Config) checkRates() error {
	for _, r := range []struct {
		flag  string
		value float64
		zero  bool // allowed
		below float64
	}{
		{"lr", c.LR, false, math.Inf(1)}, {"gen-lr", c.GenLR, true, math.Inf(1)}, {"disc-lr", c.DiscLR, true, math.Inf(1)},
		{"beta1", c.Beta1, true, 1}, {"beta2", c.Beta2, true, 1}, {"momentum", c.Momentum, true, 1},
		{"ema", c.EMA, true, 1},
	} {
		if !(r.value > 0 || r.zero && r.value == 0) || !(r.value < r.below) {
			return usagef("--%s %v: out of range: use a number %s", r.flag, r.value, rangeOf(r.zero, r.below))
		}
	}
	if c.Momentum != 0 && c.Optim == "adam" {
		return usagef("--momentum %v: adam has none: use --beta1, or --optim sgd or rmsprop", c.Momentum)
	}
	return nil
}

func rangeOf(zero bool, below float64) string {
	switch {
	case !math.IsInf(below, 1):
		return fmt.Sprintf("from 0 to below %v", below)
	case zero:
		return "of 0 or more"
	}
	return "above 0"
}

func (c *Config) checkBounds() error {
	if err := atLeast(0, intFlag{"verify-resume", c.VerifyResume}, intFlag{"steps", c.Steps}, intFlag{"images", int(c.Images)}, intFlag{"epochs", c.Epochs},
		intFlag{"workers", c.Workers}, intFlag{"threads", c.Threads}); err != nil {
		return err
	}
	return atLeast(1, intFlag{"log-every", c.LogEvery}, intFlag{"sample-every", c.SampleEvery},
		intFlag{"checkpoint-every", c.CheckpointEvery}, intFlag{"keep", c.Keep})
}

type intFlag struct {
	name  string
	value int
}

func atLeast(least int, flags ...intFlag) error {
	for _, f := range flags {
		if f.value < least {
			return usagef("--%s %d: too small: use %d or more", f.name, f.value, least)
		}
	}
	return nil
}

// alternatives is "16, 32 or 64".
func alternatives(of []int) string {
	var b strings.Builder
	for i, n := range of {
		switch {
		case i == len(of)-1 && i > 0:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}
