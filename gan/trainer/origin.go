package trainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/rundir"
	"forger/internal/setting"
	"forger/torch/pt"
)

// Origin is where a run starts from: nothing, or what another left.
type Origin struct {
	dir      *rundir.Dir // nil: to be made
	file     *pt.File    // the checkpoint; nil: from nothing
	path     string      // its
	config   string      // the settings that it keeps
	resolved *Resolved   // what the run decided when it began; nil: to be decided
	notes    []string    // what the user should know
}

// Close gives back what a run has not taken over.
func (o *Origin) Close() {
	if o.file != nil {
		// Only read from: closing it loses nothing.
		_ = o.file.Close()
	}
	if o.dir != nil {
		o.dir.Close()
	}
}

// Name is that of the checkpoint's file; "": there is none.
func (o *Origin) Name() string {
	if o.file == nil {
		return ""
	}
	return filepath.Base(o.path)
}

// Fresh is the origin of a run that begins.
func Fresh(out string) (*Origin, error) {
	if out != "" {
		if err := rundir.HoldsNone(out); err != nil {
			return nil, err
		}
	}
	return &Origin{}, nil
}

// Resume is the origin of a run that goes on in a directory: from its newest checkpoint that verifies, or from its
// config.yaml where it was stopped before its first. With look nothing in the directory is touched.
func Resume(path string, look bool) (_ *Origin, err error) {
	o := &Origin{}
	if o.dir, err = rundir.Open(path, look); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if o.dir.Warning != "" {
		o.notes = append(o.notes, o.dir.Warning)
	}
	if err := o.newest(look); err != nil {
		return nil, err
	}
	if o.file == nil {
		o.notes = append(o.notes, path+": no checkpoint yet: starts over from its config.yaml")
		return o, nil
	}
	if o.config, err = checkpoint.Config(o.file.Root()); err == nil {
		o.resolved, err = resolvedOf(o.config)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.path, err)
	}
	return o, nil
}

// newest finds the newest checkpoint whose every byte is as it was written, and sets damaged ones aside: they would count
// among those that --keep keeps. Whatever else keeps one from being read ends the run, which has lost nothing.
func (o *Origin) newest(look bool) error {
	all, err := o.dir.Checkpoints()
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		file, err := open(all[i])
		if err == nil {
			o.file, o.path = file, all[i]
			if look {
				return nil
			}
			return o.dir.Point(all[i])
		}
		var damaged *pt.DamageError
		if !errors.As(err, &damaged) {
			return fmt.Errorf("%w: the checkpoint may be whole: mend what keeps it from being read, and resume again", err)
		}
		if err := o.setAside(all[i], err, look); err != nil {
			return err
		}
	}
	return o.nothingLost()
}

// setAside tells of a damaged checkpoint, and renames it unless the directory is only looked at.
func (o *Origin) setAside(path string, why error, look bool) error {
	if look {
		o.notes = append(o.notes, fmt.Sprintf("skips a broken checkpoint (%v)", why))
		return nil
	}
	aside, err := o.dir.SetAside(path)
	if err != nil {
		return errors.Join(why, err)
	}
	o.notes = append(o.notes, fmt.Sprintf("skips a broken checkpoint (%v), now %s", why, filepath.Base(aside)))
	return nil
}

// nothingLost refuses to start over where checkpoints were: they may be all that is left of weeks.
func (o *Origin) nothingLost() error {
	broken, err := o.dir.Broken()
	if err != nil || len(broken) == 0 && len(o.notes) == 0 {
		return err
	}
	return fmt.Errorf("%s: its checkpoints are damaged, and none is left to go on from: copy one back from a backup, or start anew with --config %s --out",
		o.dir.Path, o.dir.Config())
}

// open opens a checkpoint and reads every byte of it.
func open(path string) (*pt.File, error) {
	file, err := pt.Open(path)
	if err != nil {
		return nil, err
	}
	if err := file.Verify(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Settings reads the settings of the run into s.
func (o *Origin) Settings(s setting.Set) error {
	if o.file != nil {
		if err := s.ReadJSON(o.config); err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		return nil
	}
	lines, resolved, err := s.ReadFile(o.dir.Config())
	if err != nil {
		return err
	}
	s.AsBefore(func(name string) bool {
		return slices.ContainsFunc(lines, func(l setting.Line) bool { return l.Name == name })
	})
	for _, l := range lines {
		if err := o.take(s, l); err != nil {
			return err
		}
	}
	if resolved != "" {
		if o.resolved, err = ParseResolved(resolved); err != nil {
			return setting.Usagef("%s: %v", o.dir.Config(), err)
		}
	}
	return nil
}

// take reads what a line of config.yaml says into s.
func (o *Origin) take(s setting.Set, l setting.Line) error {
	row, _ := s.Find(l.Name)
	if err := row.Parse(l.Values...); err != nil {
		return setting.Usagef("%s: %v", o.where(l), err)
	}
	return nil
}

func (o *Origin) where(l setting.Line) string {
	return fmt.Sprintf("%s: line %d: %s", o.dir.Config(), l.Line, l.Name)
}

// Edits reads config.yaml into s, which holds the checkpoint's settings, and says where each stands that is there: the file
// was edited, or a resume with other settings ended before its first checkpoint.
func (o *Origin) Edits(s setting.Set) (setting.Given, error) {
	given := setting.Given{}
	if _, err := os.Stat(o.dir.Config()); o.file == nil || errors.Is(err, fs.ErrNotExist) {
		return given, nil
	}
	lines, _, err := s.ReadFile(o.dir.Config())
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if err := o.take(s, l); err != nil {
			return nil, err
		}
		given[l.Name] = o.where(l)
	}
	return given, nil
}

// DataNow is where the data of a spec lies: where the spec says, or where it lay when the run began in another working
// directory.
func (o *Origin) DataNow(spec string) string {
	if o.resolved == nil || data.IsThere(spec) || !data.IsThere(o.resolved.Data) {
		return spec
	}
	return o.resolved.Data
}

// sameData compares the data with that of the checkpoint.
func (p *setup) sameData() error {
	if p.from.file == nil {
		return nil
	}
	was, err := pt.At[string](p.from.file.Root(), "data", "fingerprint")
	if err != nil || was == p.ds.Fingerprint() {
		return err
	}
	n, err := pt.At[int64](p.from.file.Root(), "data", "length")
	if err != nil {
		return err
	}
	if !p.job.AllowDataChange {
		return fmt.Errorf("data %s: not what the checkpoint was trained on, or it changed since (%d images then, %d now): restore it, "+
			"name it with --data, or accept it with --allow-data-change", p.ds.Spec(), n, p.ds.Len())
	}
	p.note("the data changed: %d images then, %d now", n, p.ds.Len())
	return nil
}
