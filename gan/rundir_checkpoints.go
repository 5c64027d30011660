package gan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

var checkpointName = regexp.MustCompile(`^step-\d+\.pt$`)

func (d *runDir) checkpointPath(step int64) string {
	return filepath.Join(d.path, "checkpoints", fmt.Sprintf("step-%08d.pt", step))
}

// checkpoints lists the complete ones, oldest first.
func (d *runDir) checkpoints() ([]string, error) {
	dir := filepath.Join(d.path, "checkpoints")
	entries, err := os.ReadDir(dir) // in order of name, which is that of steps
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, bare(err))
	}
	var paths []string
	for _, e := range entries {
		if checkpointName.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// newestCheckpoint is the last of them, or "".
func (d *runDir) newestCheckpoint() (string, error) {
	all, err := d.checkpoints()
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[len(all)-1], nil
}

// setAside renames a checkpoint that is broken, so that it is neither resumed nor counted; `latest` never names it.
func (d *runDir) setAside(path string) (aside string, err error) {
	link := filepath.Join(filepath.Dir(path), "latest")
	if name, err := os.Readlink(link); err == nil && name == filepath.Base(path) {
		if err := os.Remove(link); err != nil {
			return "", fmt.Errorf("%s: %w", link, bare(err))
		}
	}
	aside = path + ".broken"
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("%s: %w", path, bare(err))
	}
	return aside, nil
}

// published points `latest` at a checkpoint that is complete, and then removes all but the newest keep.
func (d *runDir) published(path string, keep int) error {
	if err := d.point(path); err != nil {
		return err
	}
	all, err := d.checkpoints()
	if err != nil {
		return err
	}
	for _, old := range all[:max(0, len(all)-keep)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("%s: %w", old, bare(err))
		}
	}
	return nil
}

// point makes `latest` a link to a checkpoint. It is renamed into place, so there is no moment without it.
func (d *runDir) point(path string) error {
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
		return fmt.Errorf("%s: %w", link, bare(err))
	}
	return nil
}
