package gan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"forger/data"
	"forger/torch"
)

// Config is what a user asks of a training run. Its yaml tags are the names of the flags; zero in a field marked auto
// means that the run decides and records its decision in Resolved.
type Config struct {
	Data     string `yaml:"data"`
	Model    string `yaml:"model"`
	Size     int    `yaml:"size"`     // auto
	Channels int    `yaml:"channels"` // auto

	Latent    int    `yaml:"latent"`
	GenWidth  int    `yaml:"gen-width"`
	DiscWidth int    `yaml:"disc-width"`
	Prior     string `yaml:"prior"`

	Loss      string  `yaml:"loss"`
	DiscSteps int     `yaml:"disc-steps"`
	Optim     string  `yaml:"optim"`
	LR        float64 `yaml:"lr"`
	Beta1     float64 `yaml:"beta1"`
	Beta2     float64 `yaml:"beta2"`
	Momentum  float64 `yaml:"momentum"`
	GenLR     float64 `yaml:"gen-lr"`  // auto: lr
	DiscLR    float64 `yaml:"disc-lr"` // auto: lr

	Batch  int   `yaml:"batch"`
	Steps  int   `yaml:"steps"`
	Images int64 `yaml:"images"`
	Epochs int   `yaml:"epochs"` // auto: 25 where no other bound is given

	Seed          uint64 `yaml:"seed"`
	Device        string `yaml:"device"`
	Precision     string `yaml:"precision"` // auto
	Layout        string `yaml:"layout"`
	Conv          string `yaml:"conv"`
	Deterministic bool   `yaml:"deterministic"`
	Graph         string `yaml:"graph"`
	Workers       int    `yaml:"workers"` // auto
	Threads       int    `yaml:"threads"` // auto

	Filter      string `yaml:"filter"`
	Limit       int    `yaml:"limit"`
	Flip        bool   `yaml:"flip"`
	CropBefore  int    `yaml:"crop-before"`
	FastDecode  bool   `yaml:"fast-decode"`
	Background  string `yaml:"background"`
	MaxPixels   int    `yaml:"max-pixels"`
	SkipCorrupt int    `yaml:"skip-corrupt"`
	DropLast    bool   `yaml:"drop-last"`
	Cache       string `yaml:"cache"`

	EMA               float64 `yaml:"ema"`
	InitGenerator     string  `yaml:"init-generator"`
	InitDiscriminator string  `yaml:"init-discriminator"`

	Out             string `yaml:"out"`
	LogEvery        int    `yaml:"log-every"`
	SampleEvery     int    `yaml:"sample-every"`
	CheckpointEvery int    `yaml:"checkpoint-every"`
	Keep            int    `yaml:"keep"`
	Save            string `yaml:"save"`
	OnSaveError     string `yaml:"on-save-error"`
	DryRun          bool   `yaml:"dry-run"`

	Resume          string `yaml:"resume"`
	AllowDataChange bool   `yaml:"allow-data-change"`
	VerifyResume    int    `yaml:"verify-resume"`

	// Given names the settings that the user gave: of a resumed run the others are the run's own.
	Given []string `yaml:"-"`
}

// DefaultConfig is a run on which nothing was asked: the official DCGAN's settings.
func DefaultConfig() Config {
	return Config{
		Data: "glyphs", Model: "dcgan", Latent: 100, GenWidth: 64, DiscWidth: 64, Prior: "normal",
		Loss: "nonsaturating", DiscSteps: 1, Optim: "adam", LR: 2e-4, Beta1: .5, Beta2: .999, Batch: 64,
		Device: "auto", Layout: "auto", Conv: "auto", Graph: "auto", Cache: "auto", LogEvery: 50, SampleEvery: 500, CheckpointEvery: 1000, Keep: 3,
		Save: "async", OnSaveError: "stop",
	}
}

// Field is one setting of a Config: its name as a flag and as a key of a file, its help, and where it is kept.
type Field struct {
	Name, Help string
	Value      any // *string, *int, *int64, *uint64, *float64 or *bool
}

// Fields lists every setting, in the order of the help.
func (c *Config) Fields() []Field {
	return []Field{
		{"data", "the images: " + strings.Join(dataUsages(), ", "), &c.Data},
		{"model", "the networks: " + joinNames(models), &c.Model},
		{"size", "image side; dcgan: 16, 32, 64, 128 or 256 (default 64)", &c.Size},
		{"channels", "1 or 3; images are converted (default: the source's)", &c.Channels},
		{"latent", "size of the latent (nz)", &c.Latent},
		{"gen-width", "width of the generator (ngf)", &c.GenWidth},
		{"disc-width", "width of the discriminator (ndf)", &c.DiscWidth},
		{"prior", "distribution of the latents: " + joinNames(priors), &c.Prior},
		{"loss", "the objective: " + joinNames(Objectives), &c.Loss},
		{"disc-steps", "discriminator updates a generator update, each with a batch of its own", &c.DiscSteps},
		{"optim", "the optimizer of both networks: " + joinNames(optimizers), &c.Optim},
		{"lr", "learning rate", &c.LR},
		{"beta1", "Adam's first beta", &c.Beta1},
		{"beta2", "Adam's second beta", &c.Beta2},
		{"momentum", "momentum of sgd and rmsprop", &c.Momentum},
		{"gen-lr", "learning rate of the generator (default: --lr)", &c.GenLR},
		{"disc-lr", "learning rate of the discriminator (default: --lr)", &c.DiscLR},
		{"batch", "images a batch", &c.Batch},
		{"steps", "stop after so many generator updates; the first bound reached ends the run", &c.Steps},
		{"images", "stop after so many real images", &c.Images},
		{"epochs", "stop after so many passes over the data (default 25 where no bound is given)", &c.Epochs},
		{"seed", "a run is a function of its config and seed", &c.Seed},
		{"device", "auto, cpu, cuda or cuda:N", &c.Device},
		{"precision", "of products: " + strings.Join(precisions, ", ") + " (default tf32 on CUDA, else fp32)", &c.Precision},
		{"layout", "of images and weights in memory: auto (what is faster here), " + joinNames(layouts), &c.Layout},
		{"conv", "convolutions on the CPU: auto (minimal filtering where it is faster), fast (wherever it can be), stock (libtorch's)", &c.Conv},
		{"deterministic", "kernels that give the same bits each time", &c.Deterministic},
		{"graph", "the step as one CUDA graph: auto (where it can be), on, off", &c.Graph},
		{"workers", "loader workers (default: one a core); they decide nothing but speed", &c.Workers},
		{"threads", "libtorch's intra-op threads (default: one a core)", &c.Threads},
		{"filter", "keep the images with these labels: names or patterns, with commas between", &c.Filter},
		{"limit", "use so many images at most, the first ones", &c.Limit},
		{"flip", "mirror half of the images, anew each epoch", &c.Flip},
		{"crop-before", "take the centre square of so many pixels before the resize (CelebA: 108 or 178)", &c.CropBefore},
		{"fast-decode", "let libjpeg-turbo shrink JPEGs while it decodes", &c.FastDecode},
		{"background", "under transparent pixels, as RRGGBB (default FFFFFF)", &c.Background},
		{"max-pixels", "refuse larger images before they are decoded (default 178956970)", &c.MaxPixels},
		{"skip-corrupt", "so many files may be no images; they are listed and others stand in for them", &c.SkipCorrupt},
		{"drop-last", "leave out an epoch's last batch where it is not full", &c.DropLast},
		{"cache", "where decoded images stay: " + strings.Join(caches, ", "), &c.Cache},
		{"ema", "decay of the averaged generator; 0: there is none", &c.EMA},
		{"init-generator", "weights to start from: .pth, .pt or .safetensors", &c.InitGenerator},
		{"init-discriminator", "weights to start from: .pth, .pt or .safetensors", &c.InitDiscriminator},
		{"out", "run directory (default runs/NNNN-MODEL-DATA)", &c.Out},
		{"log-every", "steps between logs", &c.LogEvery},
		{"sample-every", "steps between sample grids", &c.SampleEvery},
		{"checkpoint-every", "steps between checkpoints", &c.CheckpointEvery},
		{"keep", "how many checkpoints stay", &c.Keep},
		{"save", "checkpoints: async (written while the training goes on) or sync (no copy of the state in memory)", &c.Save},
		{"on-save-error", "a checkpoint that cannot be written: stop or warn", &c.OnSaveError},
		{"dry-run", "check everything, run one step, write nothing", &c.DryRun},
		{"resume", "go on with the run in this directory, exactly", &c.Resume},
		{"allow-data-change", "resume on data that is not what it was", &c.AllowDataChange},
		{"verify-resume", "prove it: N steps, save, N more against resume, N more; writes nothing", &c.VerifyResume},
	}
}

// auto are settings whose zero means that the run decides; a config file leaves them out then.
var auto = map[string]bool{
	"size": true, "channels": true, "gen-lr": true, "disc-lr": true, "steps": true, "images": true, "epochs": true,
	"precision": true, "workers": true, "threads": true, "init-generator": true, "init-discriminator": true,
	"filter": true, "limit": true, "crop-before": true, "background": true, "max-pixels": true, "skip-corrupt": true,
}

// notOfTheRun are settings that say how one start of a run was made, and are not repeated with it.
var notOfTheRun = map[string]bool{
	"out": true, "dry-run": true, "resume": true, "allow-data-change": true, "verify-resume": true,
}

var precisions = []string{"fp32", "tf32", "bf16"}

func dataUsages() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(data.Sources)) {
		all = append(all, data.Sources[name].Usage)
	}
	return all
}

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
	if _, _, _, err := data.Parse(c.Data); err != nil {
		return usagef("--%s", err)
	}
	if _, err := c.dataOptions(); err != nil {
		return err
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

func names[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

// filled is c with the defaults that depend on other settings.
func (c Config) filled() Config {
	if c.Size == 0 {
		c.Size = 64
	}
	if c.Steps == 0 && c.Images == 0 && c.Epochs == 0 {
		c.Epochs = 25
	}
	return c
}
