package gan

import (
	"forger/data"
	"forger/gan/method"
	"forger/gan/together"
	"forger/gan/trainer"
	"forger/internal/rank"
	"forger/internal/setting"
)

// Config is what a user asks of a run, put together from the options of the rooms below.
type Config struct {
	Preset string // a key of Presets; "": none
	Data   data.Settings
	Method method.Options
	Run    trainer.Options
	World  rank.World // the processes that the run is started as

	Given  setting.Given     // what the user gave: of a resumed run the rest is the run's own
	Repeat *trainer.Resolved // what the run decided whose config.yaml is repeated; nil: none is
}

// DefaultConfig is a run on which nothing was asked: the official DCGAN's settings.
func DefaultConfig() Config {
	var c Config
	c.Settings().Reset()
	return c
}

// Settings lists every setting, in the order of the help.
func (c *Config) Settings() setting.Set {
	first := setting.Set{{Name: "preset", Help: "a paper's settings in one word; what else is given goes before them", Value: &c.Preset,
		Check: setting.OneOf(append([]string{""}, setting.Keys(Presets)...)...), Marks: setting.Once | setting.Bench,
		Words: setting.Words(Presets, func(p Preset) string { return p.Doc })}}
	return append(append(append(first, c.Data.Settings()...), c.Method.Settings()...), c.Run.Settings()...)
}

// Check checks everything that can be checked without the disk, the data and the device. Errors are *setting.UsageError.
func (c *Config) Check() error {
	if err := c.Settings().Check(); err != nil {
		return err
	}
	if err := c.Method.CheckRead(c.Given); err != nil {
		return err
	}
	for _, check := range []func() error{c.Data.Check, c.Method.Check, c.Run.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := c.Method.CheckBatch(c.Run.Batch); err != nil {
		return err
	}
	return c.Method.Model.CheckSize(c.Data.Size)
}

// job is the config as the trainer takes it, of one of the ranks that meet; nil: of a run of one.
func (c *Config) job(m *together.Meeting) trainer.Job {
	return trainer.Job{
		Options: c.Run, Data: c.Data, Method: c.Method, Settings: c.Settings(), Given: c.Given, Meeting: m, Repeat: c.Repeat,
	}
}

// networks is a checkpoint.Reader.
func networks(config string) (method.Options, data.Shape, error) {
	c, r, err := recorded(config)
	return c.Method, r.Shape(), err
}

// recorded is what a checkpoint keeps of its run's config, and what the run decided.
func recorded(config string) (c Config, r trainer.Resolved, err error) {
	c = DefaultConfig()
	if err := c.Settings().ReadJSON(config); err != nil {
		return c, r, err
	}
	if err := c.Check(); err != nil {
		return c, r, err
	}
	r, err = trainer.ResolvedOf(config)
	return c, r, err
}
