// Package rundir is a run's directory: its names, its lock, and which checkpoint is the latest. It knows nothing of what
// the files hold.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"forger/internal/atomicfile"
	"forger/internal/filelock"
)

// Dir is a run's directory, which one process holds.
type Dir struct {
	Path    string
	Warning string // that nothing keeps other processes away; "": a lock does
	lock    *os.File
}

// Names in a run's directory.
const (
	configName  = "config.yaml"
	metricsName = "metrics.jsonl"
	alertsName  = "alerts.jsonl"
	samples     = "samples"
	checkpoints = "checkpoints"
)

// Create makes the directory out, or with "" the next of runs/NNNN-name, takes its lock and writes config.yaml. A directory
// that holds a run is refused. One that was made here and cannot be filled is taken away again.
func Create(out, name string, config []byte) (*Dir, error) {
	path, made, err := makePath(out, name)
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: path}
	if err := d.hold(); err != nil {
		d.Close()
		return nil, refused(path, err) // whoever holds it fills it now: nothing is taken away
	}
	if err := d.fill(config, made); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// fill begins in a directory that is held. One that was made for this and cannot be filled is taken away again, but not
// where another run began and ended in it since the first look.
func (d *Dir) fill(config []byte, made bool) error {
	if err := HoldsNone(d.Path); err != nil {
		return err
	}
	err := d.Begin(config)
	switch {
	case err == nil:
		return nil
	case made:
		return errors.Join(refused(d.Path, err), os.RemoveAll(d.Path))
	}
	return refused(d.Path, err)
}

func refused(path string, err error) error {
	return fmt.Errorf("%s: %w: choose a directory that can be written with --out", path, atomicfile.Bare(err))
}

// makePath makes the directory; made reports whether it was not there.
func makePath(out, name string) (path string, made bool, err error) {
	if out == "" {
		path, err = next("runs", name)
		return path, true, err
	}
	if err := HoldsNone(out); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(out)), 0o755); err != nil {
		return "", false, refused(out, err)
	}
	err = os.Mkdir(out, 0o755)
	made = err == nil
	if info, failed := os.Stat(out); failed == nil && info.IsDir() {
		err = nil
	}
	if err != nil {
		return "", false, refused(out, err)
	}
	return out, made, nil
}

// HoldsNone refuses a directory that a run has written to.
func HoldsNone(path string) error {
	for _, mark := range []string{configName, metricsName, checkpoints} {
		if _, err := os.Stat(filepath.Join(path, mark)); err == nil {
			return fmt.Errorf("%s: it holds a run already: choose another --out", path)
		}
	}
	return nil
}

var number = regexp.MustCompile(`^(\d{4,})-`)

// next makes the first directory after all that have a number.
func next(parent, name string) (string, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", refused(parent, err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", fmt.Errorf("%s: %w: choose another directory with --out", parent, atomicfile.Bare(err))
	}
	n := 0
	for _, e := range entries {
		if m := number.FindStringSubmatch(e.Name()); m != nil {
			if of, err := strconv.Atoi(m[1]); err == nil {
				n = max(n, of+1)
			}
		}
	}
	for ; ; n++ { // another process may be taking numbers too
		path := filepath.Join(parent, fmt.Sprintf("%04d-%s", n, name))
		err := os.Mkdir(path, 0o755)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", refused(path, err)
		}
	}
}

// hold takes the lock: one process trains in a directory.
func (d *Dir) hold() (err error) {
	if d.lock, err = os.OpenFile(filepath.Join(d.Path, ".lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return err
	}
	if d.Warning, err = filelock.Try(d.lock); errors.Is(err, filelock.ErrHeld) {
		return errors.New("another process trains in it")
	}
	return err
}

// Begin writes config.yaml and makes the folders of a run. config.yaml is the first: a directory that has it can be
// resumed, one that has it not can be begun in.
func (d *Dir) Begin(config []byte) error {
	if err := atomicfile.WriteBytes(d.Config(), config); err != nil {
		return err
	}
	for _, sub := range []string{samples, checkpoints} {
		if err := os.MkdirAll(filepath.Join(d.Path, sub), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Open takes the lock of a directory that a run is to go on in, and clears away what a run that was killed left
// half-written. With look it does neither, for who only looks at it.
func Open(path string, look bool) (*Dir, error) {
	d := &Dir{Path: path}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s: %w: name a run's directory with --resume", path, atomicfile.Bare(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a directory: name a run's directory with --resume", path)
	}
	if HoldsNone(path) == nil {
		return nil, fmt.Errorf("%s: it holds no run: start one with --out %s", path, path)
	}
	if look {
		return d, nil
	}
	err := d.hold()
	if err == nil {
		err = d.sweep()
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("%s: %w", path, atomicfile.Bare(err))
	}
	return d, nil
}

// sweep removes files that were being written when a run was killed.
func (d *Dir) sweep() error {
	for _, sub := range []string{".", samples, checkpoints} {
		for _, pattern := range []string{".*.tmp-*", ".latest.new"} {
			left, err := filepath.Glob(filepath.Join(escapeGlob(d.Path), sub, pattern))
			if err != nil {
				return err
			}
			for _, path := range left {
				if err := os.Remove(path); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Config, Metrics and Sample are the paths of a run's files.
func (d *Dir) Config() string { return filepath.Join(d.Path, configName) }

// Metrics is the file of a line a log.
func (d *Dir) Metrics() string { return filepath.Join(d.Path, metricsName) }

// Alerts is the file of what a run warned of.
func (d *Dir) Alerts() string { return filepath.Join(d.Path, alertsName) }

// Sample is a file among the samples.
func (d *Dir) Sample(name string) string { return filepath.Join(d.Path, samples, name) }

// Close gives the lock back.
func (d *Dir) Close() {
	if d.lock != nil {
		d.lock.Close()
	}
}

// escapeGlob is a path in which filepath.Glob finds no pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
