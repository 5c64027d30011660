package gan

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"forger/gan/report"
	"forger/gan/together"
	"forger/gan/trainer"
	"forger/internal/setting"
	"forger/torch"
)

// Train runs cfg to the first of its bounds, or until ctx ends: then the step is finished and everything saved, and
// that is no error. Errors of the command line and the config are *setting.UsageError.
func Train(ctx context.Context, cfg Config, ob report.Observer) (res report.Result, err error) {
	defer torch.Catch(&err)
	if err := cfg.takePreset(); err != nil {
		return res, err
	}
	if err := cfg.Check(); err != nil {
		return res, err
	}
	if cfg.World.Size > 1 {
		return cfg.trainTogether(ctx, ob)
	}
	return cfg.train(ctx, nil, ob)
}

// train is Train of a config that was checked, as one of the ranks that meet; nil: alone.
func (c *Config) train(ctx context.Context, m *together.Meeting, ob report.Observer) (res report.Result, err error) {
	defer torch.Catch(&err)
	if err := c.startedAgain(ctx, m); err != nil {
		return res, err
	}
	if c.Run.Resume == "" {
		out := c.Run.Out
		if !m.Leads() {
			out = "" // rank 0's to make
		}
		from, err := trainer.Fresh(out)
		if err != nil {
			return res, err
		}
		defer from.Close()
		return trainer.Run(ctx, c.job(m), from, ob)
	}
	if out := c.Run.Out; out != "" && filepath.Clean(out) != filepath.Clean(c.Run.Resume) {
		return res, setting.Usagef("--out %s: a resumed run goes on in its own directory, %s: leave --out away", out, c.Run.Resume)
	}
	from, err := c.origin(ctx, m)
	if err != nil {
		return res, err
	}
	defer from.Close()
	run, notes, err := c.resumed(from)
	if err != nil {
		return res, err
	}
	for _, note := range notes {
		ob.Warned(note)
	}
	return trainer.Run(ctx, run.job(m), from, ob)
}

// resumed is the config of the run that goes on: the checkpoint's, with what its config.yaml has otherwise, and with what the
// user gave anew. notes name what then decides other numbers, and what config.yaml changed.
func (c *Config) resumed(from *trainer.Origin) (run Config, notes []string, err error) {
	run = DefaultConfig()
	if err := from.Settings(run.Settings()); err != nil {
		return run, nil, err
	}
	edited, spec := run, run.Data.Spec
	if edited.Given, err = from.Edits(edited.Settings()); err != nil {
		return run, nil, err
	}
	for _, by := range []*Config{&edited, c} {
		changed, bits, err := run.change(by)
		if err != nil {
			return run, nil, err
		}
		if by == &edited && len(changed) > 0 {
			notes = append(notes, fmt.Sprintf("config.yaml differs from the checkpoint: goes on with its %s", strings.Join(changed, ", ")))
		}
		if len(bits) > 0 {
			notes = append(notes, fmt.Sprintf("goes on with %s: the numbers are no more those of the run without", strings.Join(bits, ", ")))
		}
	}
	if run.Data.Spec == spec {
		run.Data.Spec = from.DataNow(spec)
	}
	run.Given, run.Run.Out, run.Data.Unpacking = c.Given, "", c.Data.Unpacking
	return run, notes, edited.Given.Blame(run.Check())
}

// bounds are the settings that end a run.
var bounds = []string{"steps", "images", "epochs"}

// change takes the settings that were given anew, and returns those that are not what they were, and those of them that
// decide numbers. One that may not change is an error that shows both values and says where the new one was given.
func (c *Config) change(by *Config) (changed, bits []string, err error) {
	before := *c
	for _, name := range bounds { // those of before are not those of now
		if by.Given.Has(name) {
			c.Run.Steps, c.Run.Images, c.Run.Epochs = 0, 0, 0
		}
	}
	run, was := c.Settings(), before.Settings()
	var refused []string
	for i, row := range by.Settings() {
		if !by.Given.Has(row.Name) || row.Name == "out" {
			continue
		}
		// Other data is another place of the same data: which it is, is seen when it is open.
		if may := row.Is(setting.Resume) || row.Name == "data"; !may && !row.Same(was[i]) {
			refused = append(refused, fmt.Sprintf("%s %v (the run has %v)", by.Given[row.Name], row.Get(), was[i].Get()))
		}
		run[i].Put(row.Get())
	}
	if len(refused) > 0 {
		return nil, nil, setting.Usagef("%s: a resumed run goes on with its own settings: leave these away, or start another run",
			strings.Join(refused, ", "))
	}
	for i, row := range run {
		if row.Same(was[i]) {
			continue
		}
		text := fmt.Sprintf("%s %v for %v", row.Name, row.Get(), was[i].Get())
		changed = append(changed, text)
		if row.Is(setting.Bits) && row.Name != "data" {
			bits = append(bits, text)
		}
	}
	return changed, bits, nil
}
