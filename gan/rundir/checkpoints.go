package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"forger/internal/atomicfile"
)

var checkpointName = regexp.MustCompile(`^step-\d+\.pt$`)

// Checkpoint is the path of a step's.
func (d *Dir) Checkpoint(step int64) string {
	return filepath.Join(d.Path, checkpoints, fmt.Sprintf("step-%08d.pt", step))
}

// Checkpoints lists the complete ones, oldest first.
func (d *Dir) Checkpoints() ([]string, error) {
	dir := filepath.Join(d.Path, checkpoints)
	entries, err := os.ReadDir(dir) // in order of name, which is that of steps
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, atomicfile.Bare(err))
	}
	var paths []string
	for _, e := range entries {
		if checkpointName.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// Newest is the checkpoint that a path names: itself, or of a run's directory the newest complete one.
func Newest(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return path, nil // whoever opens it says what is wrong
	}
	all, err := (&Dir{Path: path}).Checkpoints()
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: a directory without checkpoints of a run: name a checkpoint or a run's directory", path)
	}
	if err != nil {
		return "", err
	}
	return all[len(all)-1], nil
}

// SetAside renames a checkpoint that is broken, so that it is neither resumed nor counted; `latest` never names it.
func (d *Dir) SetAside(path string) (aside string, err error) {
	link := filepath.Join(filepath.Dir(path), "latest")
	if name, err := os.Readlink(link); err == nil && name == filepath.Base(path) {
		if err := os.Remove(link); err != nil {
			return "", fmt.Errorf("%s: %w", link, atomicfile.Bare(err))
		}
	}
	aside = path + ".broken"
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("%s: %w", path, atomicfile.Bare(err))
	}
	return aside, nil
}

// Publish points `latest` at a checkpoint that is complete, and then removes all but the newest keep.
func (d *Dir) Publish(path string, keep int) error {
	if err := d.Point(path); err != nil {
		return err
	}
	all, err := d.Checkpoints()
	if err != nil {
		return err
	}
	for _, old := range all[:max(0, len(all)-keep)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("%s: %w", old, atomicfile.Bare(err))
		}
	}
	return nil
}

// Point makes `latest` a link to a checkpoint. It is renamed into place, so there is no moment without it.
func (d *Dir) Point(path string) error {
	dir, name := filepath.Split(path)
	link, beside := filepath.Join(dir, "latest"), filepath.Join(dir, ".latest.new")
	err := os.Remove(beside)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Symlink(name, beside)
	}
	if err == nil {
		err = os.Rename(beside, link)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", link, atomicfile.Bare(err))
	}
	return nil
}

// Broken lists the checkpoints that were set aside.
func (d *Dir) Broken() ([]string, error) {
	return filepath.Glob(filepath.Join(escapeGlob(d.Path), checkpoints, "*.pt.broken"))
}

// Best is the path of the checkpoint that evaluations found the best.
func (d *Dir) Best() string { return filepath.Join(d.Path, checkpoints, "best.pt") }

// UpTo is the newest checkpoint up to a step; "": there is none.
func (d *Dir) UpTo(step int64) (path string, err error) {
	all, err := d.Checkpoints()
	for _, p := range all {
		if p <= d.Checkpoint(step) {
			path = p
		}
	}
	return path, err
}

// SetAsideAfter renames all checkpoints of later steps, so that none is resumed, and points `latest` at what is left.
func (d *Dir) SetAsideAfter(step int64, ending string) error {
	all, err := d.Checkpoints()
	if err != nil {
		return err
	}
	if err := d.Point(d.Checkpoint(step)); err != nil {
		return err
	}
	for _, p := range all {
		if p > d.Checkpoint(step) {
			if err := os.Rename(p, p+ending); err != nil {
				return fmt.Errorf("%s: %w", p, atomicfile.Bare(err))
			}
		}
	}
	return nil
}
