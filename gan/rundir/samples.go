package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"forger/internal/atomicfile"
)

var stepName = regexp.MustCompile(`^step-(\d{8,18})\.(png|pt)$`)

// StepOf is the step that a picture or a checkpoint is of, by its name; false where it is none.
func StepOf(name string) (step int64, ok bool) {
	m := stepName.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	step, err := strconv.ParseInt(m[1], 10, 64)
	return step, err == nil
}

// Pictures lists those of samples, in the order of their steps.
func (d *Dir) Pictures() (paths []string, err error) {
	dir := filepath.Join(d.Path, samples)
	entries, err := os.ReadDir(dir) // in order of name, which is that of steps
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, atomicfile.Bare(err))
	}
	for _, e := range entries {
		if _, ok := StepOf(e.Name()); ok && filepath.Ext(e.Name()) == ".png" {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}
