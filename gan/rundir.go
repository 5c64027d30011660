package gan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// runDir is a run's directory, which one process holds.
type runDir struct {
	path    string
	lock    *os.File
	metrics *os.File
}

// createRun makes the directory cfg asks for, or the next of runs/NNNN-MODEL-DATA, and everything in it that a run
// begins with. A directory that holds a run is refused. One that cannot be filled is taken away again.
func createRun(cfg Config, config []byte) (*runDir, error) {
	path, made, err := makeRunPath(cfg)
	if err != nil {
		return nil, err
	}
	d := &runDir{path: path}
	if err := d.begin(config); err != nil {
		d.close()
		err = fmt.Errorf("%s: %w: choose a directory that can be written with --out", path, bare(err))
		if made {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
		return nil, err
	}
	return d, nil
}

func makeRunPath(cfg Config) (path string, made bool, err error) {
	if cfg.Out == "" {
		path, err = nextRun("runs", cfg)
		return path, true, err
	}
	if err := holdsNoRun(cfg.Out); err != nil {
		return "", false, err
	}
	_, err = os.Stat(cfg.Out)
	made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(cfg.Out, 0o755); err != nil {
		return "", false, fmt.Errorf("%s: %w: choose a directory that can be written with --out", cfg.Out, bare(err))
	}
	return cfg.Out, made, nil
}

// holdsNoRun refuses a directory that a run has written to.
func holdsNoRun(path string) error {
	for _, mark := range []string{"config.yaml", "metrics.jsonl", "checkpoints"} {
		if _, err := os.Stat(filepath.Join(path, mark)); err == nil {
			return fmt.Errorf("%s: it holds a run already: choose another --out", path)
		}
	}
	return nil
}

var runNumber = regexp.MustCompile(`^(\d{4,})-`)

// nextRun makes the first directory after all that have a number.
func nextRun(parent string, cfg Config) (string, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("%s: %w: choose a directory that can be written with --out", parent, bare(err))
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", fmt.Errorf("%s: %w: choose another directory with --out", parent, bare(err))
	}
	next := 0
	for _, e := range entries {
		if m := runNumber.FindStringSubmatch(e.Name()); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				next = max(next, n+1)
			}
		}
	}
	source, _, _ := strings.Cut(cfg.Data, ":")
	for ; ; next++ { // another process may be taking numbers too
		path := filepath.Join(parent, fmt.Sprintf("%04d-%s-%s", next, cfg.Model, source))
		err := os.Mkdir(path, 0o755)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("%s: %w: choose a directory that can be written with --out", path, bare(err))
		}
	}
}

func (d *runDir) begin(config []byte) (err error) {
	if d.lock, err = os.OpenFile(filepath.Join(d.path, ".lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return err
	}
	if err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.New("another process trains in it")
	}
	if err := holdsNoRun(d.path); err != nil { // one that began and ended since the first look
		return err
	}
	for _, sub := range []string{"samples", "checkpoints"} {
		if err := os.MkdirAll(filepath.Join(d.path, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(d.path, "config.yaml"), config, 0o644); err != nil {
		return err
	}
	d.metrics, err = os.OpenFile(filepath.Join(d.path, "metrics.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return err
}

func (d *runDir) close() {
	for _, f := range []*os.File{d.metrics, d.lock} {
		if f != nil {
			f.Close()
		}
	}
}

// log appends a line to metrics.jsonl; a line that does not fit the disk is taken back.
func (d *runDir) log(line LogLine) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	size, err := d.metrics.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("metrics.jsonl: %w", bare(err))
	}
	if _, err := d.metrics.Write(append(text, '\n')); err != nil {
		return errors.Join(fmt.Errorf("%s: %w: free some space", d.metrics.Name(), bare(err)), d.metrics.Truncate(size))
	}
	return nil
}

func (d *runDir) sample(name string) string { return filepath.Join(d.path, "samples", name) }

func (d *runDir) checkpointPath(step int64) string {
	return filepath.Join(d.path, "checkpoints", fmt.Sprintf("step-%08d.pt", step))
}

// published points `latest` at a checkpoint that is complete, and then removes all but the newest keep.
func (d *runDir) published(path string, keep int) error {
	dir, name := filepath.Split(path)
	link := filepath.Join(dir, "latest")
	beside := filepath.Join(dir, ".latest.new")
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", link, bare(err))
	}
	if err := os.Symlink(name, beside); err != nil {
		return fmt.Errorf("%s: %w", link, bare(err))
	}
	if err := os.Rename(beside, link); err != nil {
		return fmt.Errorf("%s: %w", link, bare(err))
	}
	entries, err := os.ReadDir(dir) // in order of name, which is that of steps
	if err != nil {
		return fmt.Errorf("%s: %w", dir, bare(err))
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !checkpointName.MatchString(e.Name()) })
	for _, old := range entries[:max(0, len(entries)-keep)] {
		if err := os.Remove(filepath.Join(dir, old.Name())); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, old.Name()), bare(err))
		}
	}
	return nil
}

var checkpointName = regexp.MustCompile(`^step-\d+\.pt$`)

// bare is a file error without its path and operation, which the message has already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
