package gan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"forger/internal/atomicfile"

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

// begin takes the lock and makes what a run's directory has. config.yaml is the first: a directory that has it can be
// resumed, one that has it not can be begun in.
func (d *runDir) begin(config []byte) error {
	if err := d.hold(); err != nil {
		return err
	}
	if err := holdsNoRun(d.path); err != nil { // one that began and ended since the first look
		return err
	}
	return d.open(config)
}

// hold takes the lock: one process trains in a directory.
func (d *runDir) hold() (err error) {
	if d.lock, err = os.OpenFile(filepath.Join(d.path, ".lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return err
	}
	if err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.New("another process trains in it")
	}
	return nil
}

// open writes config.yaml and opens the rest for a run.
func (d *runDir) open(config []byte) (err error) {
	if err := replaceFile(filepath.Join(d.path, "config.yaml"), config); err != nil {
		return err
	}
	for _, sub := range []string{"samples", "checkpoints"} {
		if err := os.MkdirAll(filepath.Join(d.path, sub), 0o755); err != nil {
			return err
		}
	}
	d.metrics, err = os.OpenFile(filepath.Join(d.path, "metrics.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return err
}

// openRun takes the lock of a directory that a run is to go on in, and clears away what a run that was killed left
// half-written.
func openRun(path string) (*runDir, error) {
	d := &runDir{path: path}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s: %w: name a run's directory with --resume", path, bare(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a directory: name a run's directory with --resume", path)
	}
	if holdsNoRun(path) == nil {
		return nil, fmt.Errorf("%s: it holds no run: start one with --out %s", path, path)
	}
	err := d.hold()
	if err == nil {
		err = d.sweep()
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("%s: %w", path, bare(err))
	}
	return d, nil
}

// sweep removes files that were being written when a run was killed.
func (d *runDir) sweep() error {
	for _, sub := range []string{".", "samples", "checkpoints"} {
		for _, pattern := range []string{".*.tmp-*", ".latest.new"} {
			left, err := filepath.Glob(filepath.Join(escapeGlob(d.path), sub, pattern))
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

// goOn makes the directory that of a run that stands at step: the lines of metrics.jsonl beyond it will be written anew.
func (d *runDir) goOn(config []byte, step int64) error {
	path := filepath.Join(d.path, "metrics.jsonl")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if kept := linesUpTo(text, step); len(kept) < len(text) {
		if err := replaceFile(path, kept); err != nil {
			return err
		}
	}
	return d.open(config)
}

// linesUpTo is the part of metrics.jsonl up to a step. A last line that was not finished is none.
func linesUpTo(text []byte, step int64) []byte {
	end := 0
	for line := range bytes.Lines(text) {
		var l LogLine
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &l) != nil || l.Step > step {
			break
		}
		end += len(line)
	}
	return text[:end]
}

func replaceFile(path string, text []byte) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// escapeGlob is a path in which filepath.Glob finds no pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
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
