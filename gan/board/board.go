// Package board shows runs to people: a page of all below some folders, live, and the same as one file. It reads the files
// of run directories and nothing else; what is in them may be anybody's, and is shown as text or left out.
package board

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"forger/gan/rundir"
	"forger/internal/atomicfile"
)

// Board is runs that are looked at.
type Board struct {
	roots []string

	mu     sync.Mutex
	runs   map[string]*run // by id
	found  time.Time       // when folders were last walked
	looked time.Time

	open []*run // whose figures are kept, those that were asked for last at the end

	readers   map[*reader]bool
	verifying chan struct{} // holds one: a checkpoint is being read
}

// Open looks for runs below folders, which must be there.
func Open(roots []string) (*Board, error) {
	b := &Board{runs: map[string]*run{}, readers: map[*reader]bool{}, verifying: make(chan struct{}, 1)}
	for _, root := range roots {
		info, err := os.Stat(root)
		if err == nil && !info.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: name a folder of runs, or a run's directory", root, atomicfile.Bare(err))
		}
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return nil, err
		}
		if !slices.Contains(b.roots, abs) {
			b.roots = append(b.roots, abs)
		}
	}
	return b, nil
}

// Limits of a search.
const (
	maxDepth = 8
	maxRuns  = 2000
	maxSeen  = 200000 // files and folders
)

// find is the directories of runs below the roots: id and name by path. Links are not followed.
func (b *Board) find(ctx context.Context) map[string]string {
	all, seen := map[string]string{}, 0
	for _, root := range b.roots {
		above := ""
		if len(b.roots) > 1 {
			above = filepath.Base(root)
		}
		// What cannot be read holds no run that can be shown.
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			seen++
			if ctx.Err() != nil || seen > maxSeen || len(all) == maxRuns {
				return filepath.SkipAll
			}
			if err != nil || !e.IsDir() {
				return nil
			}
			below, err := filepath.Rel(root, path)
			if err != nil || strings.Count(below, string(filepath.Separator)) >= maxDepth || path != root && e.Name()[0] == '.' {
				return filepath.SkipDir
			}
			if rundir.HoldsNone(path) == nil {
				return nil
			}
			name := filepath.Join(above, below)
			if name == "." {
				name = filepath.Base(root)
			}
			all[path] = strings.ToValidUTF8(cut(name, 200), "�")
			return filepath.SkipDir
		})
	}
	return all
}

// How often folders are walked, and runs looked at, while somebody watches.
const (
	findEvery = 5 * time.Second
	lookEvery = time.Second
)

// refresh looks for runs and at them, where that was not done just now, and tells readers of what is new.
func (b *Board) refresh(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.looked) < lookEvery*9/10 {
		return
	}
	if now.Sub(b.found) >= findEvery {
		b.take(b.find(ctx))
		b.found = now
	}
	locks := heldLocks()
	for id, r := range b.runs {
		changed, err := r.look(locks, now)
		if err != nil {
			delete(b.runs, id)
			changed = true
		}
		if changed {
			b.tell(id)
		}
	}
	b.looked = time.Now()
}

// take enters runs that are new, and forgets those that are gone.
func (b *Board) take(found map[string]string) {
	ids := map[string]bool{}
	for path, name := range found {
		sum := sha256.Sum256([]byte(path))
		id := hex.EncodeToString(sum[:6])
		ids[id] = true
		if b.runs[id] == nil {
			b.runs[id] = &run{id: id, name: name, path: path}
		}
	}
	for id := range b.runs {
		if !ids[id] {
			delete(b.runs, id)
			b.tell(id)
		}
	}
}

// run is the run of an id; nil where there is none. It is all that a reader's words lead to: no path is made of them.
func (b *Board) run(id string) *run {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs[id]
}

// list is what a list of runs shows, in the order of their names.
func (b *Board) list() []Summary {
	b.mu.Lock()
	runs := make([]*run, 0, len(b.runs))
	for _, r := range b.runs {
		runs = append(runs, r)
	}
	b.mu.Unlock()
	all := make([]Summary, 0, len(runs))
	for _, r := range runs {
		all = append(all, r.short())
	}
	slices.SortFunc(all, func(a, b Summary) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (r *run) short() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.summary
}

// maxOpen is of how many runs the figures are kept.
const maxOpen = 32

// opened is run for who asks for its figures.
func (b *Board) opened(id string) *run {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.runs[id]
	if r == nil {
		return nil
	}
	b.open = append(slices.DeleteFunc(b.open, func(o *run) bool { return o == r }), r)
	if len(b.open) > maxOpen {
		go b.open[0].forget()
		b.open = b.open[1:]
	}
	return r
}
