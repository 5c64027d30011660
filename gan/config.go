package gan

import (
	"maps"
	"slices"
	"strings"

	"forger/data"
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
