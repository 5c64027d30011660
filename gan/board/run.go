package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"forger/gan/rundir"
)

// Names in a run's directory.
var (
	inside      rundir.Dir // of no path: its names are those within a run
	metricsFile = inside.Metrics()
	alertsFile  = inside.Alerts()
	configFile  = inside.Config()
	samplesDir  = filepath.Dir(inside.Sample("x"))
	savedDir    = filepath.Dir(inside.Checkpoint(0))
)

// run is a run that was found.
type run struct {
	id, name, path string

	mu      sync.Mutex
	mark    string // of the files that it was last read from
	summary Summary
	pace    pace

	reading sync.Mutex
	history history
	shown   shown // the last of its series
}

// Summary is a run as a list shows it.
type Summary struct {
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	Mark     string             `json:"mark"` // another one: something of the run is new
	State    string             `json:"state"`
	Ill      string             `json:"ill,omitempty"` // what it was last warned of, and is still so
	About    string             `json:"about"`
	Step     int64              `json:"step"`
	Total    int64              `json:"total,omitempty"` // 0: not known
	Left     float64            `json:"left,omitempty"`  // seconds
	Seconds  float64            `json:"seconds,omitempty"`
	Changed  int64              `json:"changed"` // Unix seconds
	Figures  map[string]float64 `json:"figures"` // the last of each
	Picture  string             `json:"picture,omitempty"`
	Alerts   int                `json:"alerts,omitempty"`
	Settings string             `json:"settings,omitempty"` // as text, for the filter
}

// Detail is a run as its own page shows it.
type Detail struct {
	Summary
	Dir         string       `json:"dir"`
	Settings    []Setting    `json:"all"`
	Pictures    []Picture    `json:"pictures"`
	Real        string       `json:"real,omitempty"`
	Alerts      []Alert      `json:"warned"`
	Checkpoints []Checkpoint `json:"checkpoints"`
}

// Picture is a sample grid.
type Picture struct {
	Step int64  `json:"step"`
	Name string `json:"name"`
}

// Alert is a line of alerts.jsonl.
type Alert struct {
	Step int64  `json:"step"`
	Kind string `json:"kind"`
	Text string `json:"text"`
	Over bool   `json:"over,omitempty"`
}

// Checkpoint is a file of checkpoints.
type Checkpoint struct {
	Name  string `json:"name"`
	Step  int64  `json:"step,omitempty"`
	Bytes int64  `json:"bytes"`
	Time  int64  `json:"time"`
}

// look reads what is new of a run, and reports whether anything is.
func (r *run) look(locks map[string]bool, now time.Time) (changed bool, err error) {
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return false, err
	}
	defer root.Close()
	held := locks[lockOf(root)]
	mark, newest := markOf(root)
	r.mu.Lock()
	defer r.mu.Unlock()
	if mark != r.mark {
		r.mark, r.pace = mark, pace{changed: newest}
		r.sum(root)
		changed = true
	}
	state := r.pace.state(held, now)
	if r.summary.Ill == collapsed {
		state = collapsed
	}
	if state != r.summary.State {
		r.summary.State, changed = state, true
	}
	if changed {
		r.summary.Mark = fmt.Sprintf("%s-%s", r.mark, r.summary.State)
	}
	return changed, nil
}

// markOf tells one state of a run's files from another, and when the newest was written.
func markOf(root *os.Root) (mark string, newest time.Time) {
	var b strings.Builder
	for _, name := range []string{metricsFile, alertsFile, configFile, samplesDir, savedDir} {
		if info, err := root.Stat(name); err == nil {
			fmt.Fprintf(&b, "%x.%x.", info.Size(), info.ModTime().UnixNano())
			if info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
	}
	return b.String(), newest
}

// sum makes the summary.
func (r *run) sum(root *os.Root) {
	all := settings(head(root, configFile))
	s := Summary{ID: r.id, Name: r.name, Figures: map[string]float64{}, Changed: r.pace.changed.Unix(), About: about(all)}
	s.Settings = strings.Join(words(all), " ")
	r.pace.lines(&s, tail(root, metricsFile, 64<<10))
	if saved := checkpoints(root); len(saved) > 0 {
		r.pace.saved = saved[len(saved)-1].Step
	}
	r.pace.reach(&s, all)
	for _, a := range alerts(root) {
		s.Alerts++
		s.Ill = a.Kind
		if a.Over || a.Kind == "rollback" {
			s.Ill = ""
		}
	}
	if p := pictures(root); len(p) > 0 {
		s.Picture = p[len(p)-1].Name
	}
	s.State = r.summary.State
	r.summary = s
}

// about is what a run trains, in a few words.
func about(all []Setting) string {
	var parts []string
	for _, name := range []string{"preset", "method", "model", "data", "size", "loss"} {
		v := named(all, name)
		if name == "size" && v != "" {
			v += " px"
		}
		if v != "" && !(name == "method" && v == "gan") {
			parts = append(parts, cut(v, 60))
		}
	}
	return strings.Join(parts, " · ")
}

// words are settings as people would look for them.
func words(all []Setting) (texts []string) {
	for _, s := range all {
		texts = append(texts, cut(s.Name, 60)+"="+cut(s.Value, 120))
	}
	return texts[:min(len(texts), 200)]
}

// cut is text of at most so many characters.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
