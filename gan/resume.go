package gan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/torch/pt"

	"github.com/goccy/go-yaml"
)

// mayChange are the settings that a resumed run may be given anew: they move no value of the training.
var mayChange = []string{
	"steps", "images", "epochs", "log-every", "sample-every", "checkpoint-every", "keep", "workers", "device", "cache", "graph",
	"save", "on-save-error", "dry-run", "verify-resume", "resume", "allow-data-change",
}

// origin is where a run starts from.
type origin struct {
	cfg      Config
	dir      *runDir   // nil: to be made
	file     *pt.File  // the checkpoint; nil: from nothing
	path     string    // its
	resolved *Resolved // what the run decided when it began; nil: to be decided
	notes    []string  // what the user should know
}

func (o *origin) close() {
	if o.file != nil {
		// Only read from: closing it loses nothing.
		_ = o.file.Close()
	}
	if o.dir != nil {
		o.dir.close()
	}
}

// fresh is the origin of a run that begins with cfg.
func fresh(cfg Config) (*origin, error) {
	if cfg.Out != "" {
		if err := holdsNoRun(cfg.Out); err != nil {
			return nil, err
		}
	}
	return &origin{cfg: cfg.filled()}, nil
}

// resumed is the origin of a run that goes on in cfg.Resume: from its newest checkpoint that verifies, or from its
// config.yaml where it was stopped before its first. Of cfg the settings that were given count, the others are the run's.
func resumed(cfg Config) (_ *origin, err error) {
	path := cfg.Resume
	if cfg.Out != "" && filepath.Clean(cfg.Out) != filepath.Clean(path) {
		return nil, usagef("--out %s: a resumed run goes on in its own directory, %s: leave --out away", cfg.Out, path)
	}
	o := &origin{}
	if o.dir, err = openRun(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if err := o.newest(); err != nil {
		return nil, err
	}
	var run Config
	if o.file != nil {
		run, o.resolved, err = configOf(o.file.Root())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.path, err)
		}
	} else {
		if run, o.resolved, err = configFile(filepath.Join(path, "config.yaml")); err != nil {
			return nil, err
		}
		o.notes = append(o.notes, path+": no checkpoint yet: starts over from its config.yaml")
	}
	o.cfg, err = run.changed(cfg)
	return o, err
}

// newest finds the newest checkpoint whose every byte is as it was written, and sets broken ones aside: they would
// count among those that --keep keeps.
func (o *origin) newest() error {
	for {
		path, err := o.dir.newestCheckpoint()
		if path == "" || err != nil {
			return err
		}
		file, err := pt.Open(path)
		if err == nil {
			if err = file.Verify(); err == nil {
				o.file, o.path = file, path
				return o.dir.point(path)
			}
			err = errors.Join(err, file.Close())
		}
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		aside, failed := o.dir.setAside(path)
		if failed != nil {
			return errors.Join(err, failed)
		}
		o.notes = append(o.notes, fmt.Sprintf("skips a broken checkpoint (%v), now %s", err, filepath.Base(aside)))
	}
}

// configOf reads the settings and decisions that a checkpoint keeps.
func configOf(root any) (Config, *Resolved, error) {
	text, err := pt.At[string](root, "config")
	if err != nil {
		return Config{}, nil, errors.New("not a checkpoint of forger: it has no config: name one that forger train wrote")
	}
	format, err := pt.At[int64](root, "format")
	if err != nil || format > checkpointFormat {
		return Config{}, nil, fmt.Errorf("format %d: this program reads up to %d: use a newer forger", format, checkpointFormat)
	}
	return savedConfig(text)
}

// configFile reads a run's config.yaml.
func configFile(path string) (Config, *Resolved, error) {
	cfg := DefaultConfig()
	settings, err := ReadConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, nil, fmt.Errorf("%s: it holds no run: start one with --out", filepath.Dir(path))
	}
	if err != nil {
		return cfg, nil, err
	}
	fields := cfg.Fields()
	for _, s := range settings {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == s.Name })
		if err := yaml.Unmarshal([]byte(s.Value), fields[i].Value); err != nil {
			return cfg, nil, usagef("--config %s: line %d: %s: %s", path, s.Line, s.Name, firstLine(err))
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return cfg, nil, err
	}
	var head struct {
		Resolved *Resolved `yaml:"resolved"`
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		return cfg, nil, usagef("%s: %s", path, firstLine(err))
	}
	return cfg.filled(), head.Resolved, nil
}

// changed is the config of a run with the settings that were given anew. One that may not change is an error that
// shows both values.
func (c Config) changed(by Config) (Config, error) {
	run, anew := c.Fields(), by.Fields()
	var refused []string
	bound := false
	for i, f := range anew {
		if !given(by, f.Name) {
			continue
		}
		same := f.value() == run[i].value()
		switch {
		case slices.Contains(mayChange, f.Name), f.Name == "data" && by.AllowDataChange:
			bound = bound || f.Name == "steps" || f.Name == "images" || f.Name == "epochs"
		case !same && f.Name != "out":
			refused = append(refused, fmt.Sprintf("--%s %v (the run has %v)", f.Name, f.value(), run[i].value()))
		}
	}
	if len(refused) > 0 {
		return c, usagef("%s: a resumed run goes on with its own settings: leave these away, or start another run",
			strings.Join(refused, ", "))
	}
	if bound { // the bounds of before are not those of now
		c.Steps, c.Images, c.Epochs = 0, 0, 0
	}
	run = c.Fields()
	for i, f := range anew {
		if given(by, f.Name) {
			run[i].set(f.value())
		}
	}
	c.Given, c.Out = by.Given, ""
	return c, nil
}

// given reports whether the user gave a setting.
func given(c Config, name string) bool { return slices.Contains(c.Given, name) }

// sameData compares the data with that of the checkpoint.
func (o *origin) sameData(fingerprint string, length int) error {
	if o.file == nil {
		return nil
	}
	was, err := pt.At[string](o.file.Root(), "data", "fingerprint")
	if err != nil || was == fingerprint {
		return err
	}
	n, err := pt.At[int64](o.file.Root(), "data", "length")
	if err != nil {
		return err
	}
	if !o.cfg.AllowDataChange {
		return fmt.Errorf("data %s: it changed since the checkpoint (%d images then, %d now): restore it, or accept it with --allow-data-change",
			o.cfg.Data, n, length)
	}
	o.notes = append(o.notes, fmt.Sprintf("the data changed: %d images then, %d now", n, length))
	return nil
}
