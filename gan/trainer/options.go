// Package trainer is the loop that trains, whatever the method: where a run starts from, what it decides, how batches reach
// the device, what happens every so many steps, and how it ends. It knows no method by name.
package trainer

import (
	"slices"
	"strings"

	"forger/data"
	"forger/gan/method"
	"forger/gan/together"
	"forger/internal/setting"
	"forger/torch"
)

// Options say how to run: how long, where, and what to leave behind.
type Options struct {
	Batch  int
	Steps  int // the first bound reached ends the run; 0: none
	Images int64
	Epochs int
	Seed   uint64

	Device, Precision, Layout, Conv string
	Deterministic                   bool
	Graph                           string
	Workers, Threads                int // 0: one a core

	Out                                    string
	LogEvery, SampleEvery, CheckpointEvery int
	Keep                                   int
	Save, OnSaveError                      string
	TensorBoard                            bool
	DryRun                                 bool

	Watch    Watching
	Together together.Options

	Resume          string
	AllowDataChange bool
	VerifyResume    int
}

// epochs is how many passes over the data a run makes where no bound is given.
const epochs = 25

var (
	precisions = []string{"", "fp32", "tf32", "bf16"}
	// layouts are the orders of images and weights in memory.
	layouts = map[string]torch.Format{"channels_last": torch.ChannelsLast, "contiguous": torch.Contiguous}
	// graphs are how the step may be run on CUDA: as one graph where that can be, always so, or operation by operation.
	graphs = []string{"auto", "on", "off"}
)

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	return slices.Concat(o.length(), o.machine(), o.cadences(), o.Watch.Settings(), o.Together.Settings(), o.start())
}

func (o *Options) length() setting.Set {
	const bound = setting.Auto | setting.Resume
	return setting.Set{
		{Name: "batch", Help: "images a batch", Value: &o.Batch, Default: 64, Check: setting.AtLeast(1), Marks: setting.Bits | setting.Bench},
		{Name: "steps", Help: "stop after so many steps (generator updates); the first bound reached ends the run", Value: &o.Steps, Check: setting.AtLeast(0), Marks: bound},
		{Name: "images", Help: "stop after so many real images", Value: &o.Images, Check: setting.AtLeast(0), Marks: bound},
		{Name: "epochs", Help: "stop after so many passes over the data (default 25 where no bound is given)", Value: &o.Epochs, Check: setting.AtLeast(0), Marks: bound},
		{Name: "seed", Help: "a run is a function of its config and seed", Value: &o.Seed, Marks: setting.Bits | setting.Bench},
	}
}

func (o *Options) machine() setting.Set {
	const bits = setting.Bits | setting.Bench
	return setting.Set{
		{Name: "device", Help: "auto, cpu, cuda or cuda:N", Value: &o.Device, Default: "auto", Check: knownDevice, Marks: bits | setting.Resume},
		{Name: "precision", Help: "of products: fp32, tf32, bf16 (default tf32 on CUDA, else fp32)", Value: &o.Precision,
			Check: setting.OneOf(precisions...), Marks: bits | setting.Auto | setting.Resume},
		{Name: "layout", Help: "of images and weights in memory: auto (what is faster here), channels_last, contiguous", Value: &o.Layout, Default: "auto",
			Check: setting.OneOf(append([]string{"auto"}, setting.Keys(layouts)...)...), Marks: bits},
		{Name: "conv", Help: "convolutions on the CPU: auto (minimal filtering where it is faster), fast (wherever it can be), stock (libtorch's)",
			Value: &o.Conv, Default: "auto", Check: setting.OneOf("auto", "fast", "stock"), Marks: bits | setting.Form},
		{Name: "deterministic", Help: "kernels that give the same bits each time", Value: &o.Deterministic, Marks: bits},
		{Name: "graph", Help: "the step as one CUDA graph: auto (where it can be), on, off", Value: &o.Graph, Default: "auto",
			Check: setting.OneOf(graphs...), Marks: setting.Resume | setting.Bench},
		{Name: "workers", Help: "loader workers (default: one a core); they decide nothing but speed", Value: &o.Workers,
			Check: setting.AtLeast(0), Marks: setting.Auto | setting.Resume | setting.Bench},
		{Name: "threads", Help: "libtorch's intra-op threads (default: one a core; of dense networks one in all, where that is found faster)", Value: &o.Threads,
			Check: setting.Between(0, int64(torch.MaxThreads())), Marks: bits | setting.Auto},
	}
}

func (o *Options) cadences() setting.Set {
	return setting.Set{
		{Name: "out", Help: "run directory (default runs/NNNN-MODEL-DATA)", Value: &o.Out, Marks: setting.Once},
		{Name: "log-every", Help: "steps between logs", Value: &o.LogEvery, Default: 50, Check: setting.AtLeast(1), Marks: setting.Resume},
		{Name: "sample-every", Help: "steps between sample grids", Value: &o.SampleEvery, Default: 500, Check: setting.AtLeast(1), Marks: setting.Resume},
		{Name: "checkpoint-every", Help: "steps between checkpoints", Value: &o.CheckpointEvery, Default: 1000, Check: setting.AtLeast(1), Marks: setting.Resume},
		{Name: "keep", Help: "how many checkpoints stay", Value: &o.Keep, Default: 3, Check: setting.AtLeast(1), Marks: setting.Resume},
		{Name: "save", Help: "checkpoints: async (written while the training goes on) or sync (no copy of the state in memory)", Value: &o.Save,
			Default: "async", Check: setting.OneOf("async", "sync"), Marks: setting.Resume},
		{Name: "on-save-error", Help: "a checkpoint that cannot be written: stop or warn", Value: &o.OnSaveError, Default: "stop",
			Check: setting.OneOf("stop", "warn"), Marks: setting.Resume},
		{Name: "tensorboard", Help: "write the same for TensorBoard: events.out.tfevents.*", Value: &o.TensorBoard, Default: true, Marks: setting.Resume},
	}
}

func (o *Options) start() setting.Set {
	const once = setting.Once | setting.Resume
	return setting.Set{
		{Name: "dry-run", Help: "check everything, forecast memory, disk and time, run one step, write nothing", Value: &o.DryRun, Marks: once},
		{Name: "resume", Help: "go on with the run in this directory, exactly", Value: &o.Resume, Marks: once},
		{Name: "allow-data-change", Help: "resume on data that is not what it was", Value: &o.AllowDataChange, Marks: once},
		{Name: "verify-resume", Help: "prove it: N steps, save, N more against resume, N more; writes nothing", Value: &o.VerifyResume,
			Check: setting.AtLeast(0), Marks: once},
	}
}

// Check tells what the options show to be wrong together. Errors are *setting.UsageError.
func (o Options) Check() error {
	if o.Graph == "on" && o.Device == "cpu" && o.Resume == "" {
		return setting.Usagef("--graph on: it needs a CUDA device, and --device is cpu: use --graph auto")
	}
	return o.Watch.check()
}

func knownDevice(r setting.Row) error { return CheckDevice(r.Get().(string)) }

// CheckDevice refuses a name that no device can have.
func CheckDevice(name string) error {
	if _, err := torch.ParseDevice(name); err != nil && name != "auto" {
		return setting.Usagef("--device %q: unknown: use auto, cpu, cuda or cuda:N", name)
	}
	return nil
}

// Job is a run as it is asked for.
type Job struct {
	Options
	Data     data.Settings
	Method   method.Options
	Settings setting.Set // all that the program has, for the files that keep them
	Given    setting.Given
	Meeting  *together.Meeting // the ranks of the run; nil: there is one
	Repeat   *Resolved         // what the run decided whose config.yaml is repeated; nil: none is
}

// name is what a run's directory is called after its number.
func (j Job) name() string {
	source, _, _ := strings.Cut(j.Data.Spec, ":")
	return j.Method.Model.Name + "-" + source
}
