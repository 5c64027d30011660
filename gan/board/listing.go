package board

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/gan/rundir"
)

// maxEntries is how many files of a folder are looked at.
const maxEntries = 20000

// entries lists a folder of a run.
func entries(root *os.Root, name string) []fs.DirEntry {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	all, err := f.ReadDir(maxEntries)
	if err != nil {
		return nil
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// pictures lists the grids of a run, oldest first.
func pictures(root *os.Root) (all []Picture) {
	for _, e := range entries(root, samplesDir) {
		if step, ok := rundir.StepOf(e.Name()); ok && filepath.Ext(e.Name()) == ".png" {
			all = append(all, Picture{step, e.Name()})
		}
	}
	slices.SortStableFunc(all, func(a, b Picture) int { return cmp.Compare(a.Step, b.Step) })
	return all
}

// checkpoints lists those of a run, oldest first.
func checkpoints(root *os.Root) (all []Checkpoint) {
	for _, e := range entries(root, savedDir) {
		step, ok := rundir.StepOf(e.Name())
		if e.Name() != filepath.Base(inside.Best()) && !(ok && filepath.Ext(e.Name()) == ".pt") {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, Checkpoint{e.Name(), step, info.Size(), info.ModTime().Unix()})
		}
	}
	slices.SortStableFunc(all, func(a, b Checkpoint) int { return cmp.Compare(a.Step, b.Step) })
	return all
}

// alerts lists what a run warned of, the last of it where it is much.
func alerts(root *os.Root) (all []Alert) {
	for line := range bytes.Lines(tail(root, alertsFile, maxText)) {
		var a Alert
		if json.Unmarshal(line, &a) == nil && a.Kind != "" {
			a.Kind, a.Text = cut(a.Kind, 40), cut(a.Text, 600)
			all = append(all, a)
		}
	}
	return all
}

// detail reads what a run's page shows.
func (r *run) detail() (d Detail, err error) {
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return d, err
	}
	defer root.Close()
	r.mu.Lock()
	d.Summary = r.summary
	d.Summary.Figures = maps.Clone(r.summary.Figures)
	r.mu.Unlock()
	d.Summary.Settings = ""
	d.Dir, d.Settings, d.Pictures = r.path, listed(settings(head(root, configFile))), listed(pictures(root))
	d.Alerts, d.Checkpoints = listed(alerts(root)), listed(checkpoints(root))
	if f, err := open(root, filepath.Join(samplesDir, realName)); err == nil {
		d.Real = realName
		f.Close()
	}
	return d, nil
}

// listed is a list that is one in JSON too where nothing is in it.
func listed[T any](all []T) []T { return append([]T{}, all...) }

const realName = "real.png"
