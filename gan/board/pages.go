package board

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"forger/gan/checkpoint"
)

//go:embed page
var page embed.FS

// assets are the page's files: what the browser asks for, which file that is, and its type.
var assets = []struct{ path, file, kind string }{
	{"GET /{$}", "index.html", "text/html; charset=utf-8"},
	{"GET /icon.svg", "icon.svg", "image/svg+xml"},
	{"GET /style.css", "style.css", "text/css; charset=utf-8"},
	{"GET /uplot.css", "uplot/uPlot.min.css", "text/css; charset=utf-8"},
	{"GET /uplot.js", "uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8"},
	{"GET /page.js", "page.js", "text/javascript; charset=utf-8"},
	{"GET /charts.js", "charts.js", "text/javascript; charset=utf-8"},
}

// pages are what the server gives out.
func (b *Board) pages() http.Handler {
	mux := http.NewServeMux()
	for _, a := range assets {
		body := asset(a.file)
		mux.HandleFunc(a.path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", a.kind)
			_, _ = w.Write(body) // a reader that is gone needs nothing
		})
	}
	mux.HandleFunc("GET /api/runs", func(w http.ResponseWriter, r *http.Request) {
		b.refresh(r.Context())
		give(w, b.list(), nil)
	})
	mux.HandleFunc("GET /api/events", b.events)
	mux.HandleFunc("GET /api/run", b.ofRun(func(w http.ResponseWriter, _ *http.Request, r *run) {
		d, err := r.detail()
		give(w, d, err)
	}))
	mux.HandleFunc("GET /api/series", b.ofRun(b.giveSeries))
	mux.HandleFunc("GET /api/picture", b.ofRun(givePicture))
	mux.HandleFunc("GET /api/checkpoint", b.ofRun(b.giveCheckpoint))
	return mux
}

// asset is a file of the page; all are there, for they are compiled in.
func asset(name string) []byte {
	body, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(err)
	}
	return body
}

// ofRun answers for the run whose id is asked for.
func (b *Board) ofRun(answer func(http.ResponseWriter, *http.Request, *run)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if found := b.opened(r.URL.Query().Get("id")); found != nil {
			answer(w, r, found)
			return
		}
		http.Error(w, "there is no such run any more", http.StatusNotFound)
	}
}

// give writes a value as JSON.
func give(w http.ResponseWriter, v any, err error) {
	var body []byte
	if err == nil {
		body, err = json.Marshal(v)
	}
	giveJSON(w, body, err)
}

func giveJSON(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a reader that is gone needs nothing
}

// defaultPoints is about how many buckets a chart has.
const defaultPoints = 1000

func (b *Board) giveSeries(w http.ResponseWriter, r *http.Request, of *run) {
	q := r.URL.Query()
	number := func(name string, otherwise int64) int64 {
		if v, err := strconv.ParseFloat(q.Get(name), 64); err == nil && v >= 0 && v < math.MaxInt64 {
			return int64(v)
		}
		return otherwise
	}
	points := max(10, min(number("points", defaultPoints), historyBuckets))
	body, err := of.series(span{number("from", 0), number("to", math.MaxInt64), int(points)})
	giveJSON(w, body, err)
}

func givePicture(w http.ResponseWriter, r *http.Request, of *run) {
	root, err := os.OpenRoot(of.path)
	if err != nil {
		http.Error(w, "the run is gone", http.StatusNotFound)
		return
	}
	defer root.Close()
	name := r.URL.Query().Get("name")
	if name != realName && !slices.ContainsFunc(pictures(root), func(p Picture) bool { return p.Name == name }) {
		http.Error(w, "there is no such picture", http.StatusNotFound)
		return
	}
	f, info, err := picture(root, filepath.Join(samplesDir, name))
	if err != nil {
		http.Error(w, "left out: "+err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "image/png")
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// giveCheckpoint reads a checkpoint, every byte of it, one at a time for all readers.
func (b *Board) giveCheckpoint(w http.ResponseWriter, r *http.Request, of *run) {
	select {
	case b.verifying <- struct{}{}:
		defer func() { <-b.verifying }()
	case <-r.Context().Done():
		return
	}
	info, err := of.checkpoint(r.URL.Query().Get("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	give(w, info, nil)
}

// checkpoint is what `checkpoint info` says of one of the run's.
func (r *run) checkpoint(name string) (info checkpoint.Info, err error) {
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return info, err
	}
	defer root.Close()
	if !slices.ContainsFunc(checkpoints(root), func(c Checkpoint) bool { return c.Name == name }) {
		return info, fmt.Errorf("there is no such checkpoint any more")
	}
	f, err := open(root, filepath.Join(savedDir, name))
	if err != nil {
		return info, err
	}
	defer f.Close()
	// The file that is open, not what a link may meanwhile lead to.
	if info, err = checkpoint.ReadInfo(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err != nil {
		return info, err
	}
	info.File = name
	return info, nil
}

// News is what a page is told of as it happens.
type News struct {
	Runs []Summary `json:"runs"`
	Gone []string  `json:"gone,omitempty"`
}

// heartbeat is how often a page hears that the server is there.
const heartbeat = 15 * time.Second

// events are server-sent: the summary of each run that changes.
func (b *Board) events(w http.ResponseWriter, r *http.Request) {
	me := b.join()
	defer b.leave(me)
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	say := func(text string) error {
		if err := out.SetWriteDeadline(time.Now().Add(heartbeat)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		return out.Flush()
	}
	if say("retry: 2000\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			err = say(": here\n\n")
		case <-me.ready:
			var body []byte
			if body, err = json.Marshal(b.news(me.take())); err == nil {
				err = say(fmt.Sprintf("data: %s\n\n", body))
			}
		}
		if err != nil {
			return
		}
	}
}

func (b *Board) news(ids []string) (n News) {
	n.Runs = []Summary{}
	for _, id := range ids {
		if r := b.run(id); r != nil {
			n.Runs = append(n.Runs, r.short())
		} else {
			n.Gone = append(n.Gone, id)
		}
	}
	return n
}
