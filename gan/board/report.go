package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forger/gan/checkpoint"
	"forger/internal/atomicfile"
)

// ReportOptions say what to write into a report.
type ReportOptions struct {
	Out   string
	MaxMB int // of the file, of which pictures take what is left
}

// Kept is what a report holds.
type Kept struct {
	Runs            int
	Pictures, OfAll int
	Bytes           int64
}

// told is what a report says of a run: what a page would ask for.
type told struct {
	Run    Detail                     `json:"run"`
	Series json.RawMessage            `json:"series"`
	Saved  map[string]checkpoint.Info `json:"saved,omitempty"` // by the file's name
	Files  map[string]string          `json:"files"`           // pictures by name, as data URLs
}

// Report writes the board as one file that opens anywhere, without a server: the same page, with the data in it.
func (b *Board) Report(ctx context.Context, o ReportOptions) (k Kept, err error) {
	b.refresh(ctx)
	all := b.list()
	if len(all) == 0 {
		return k, fmt.Errorf("%s: no run there: name a run's directory, or a folder of runs", strings.Join(b.roots, ", "))
	}
	var runs []told
	for _, s := range all {
		t, err := b.run(s.ID).tell()
		if err != nil {
			return k, fmt.Errorf("%s: %w", s.Name, err)
		}
		runs = append(runs, t)
		k.OfAll += len(t.Run.Pictures)
	}
	bare, err := bind(runs)
	if err != nil {
		return k, err
	}
	left := int64(o.MaxMB)*1e6 - int64(len(bare))
	for i := range runs {
		if err := ctx.Err(); err != nil {
			return k, fmt.Errorf("report: %w", err)
		}
		share := left / int64(len(runs)-i)
		used, err := b.run(runs[i].Run.ID).embed(&runs[i], share)
		if err != nil {
			return k, err
		}
		left -= used
		k.Pictures += len(runs[i].Run.Pictures)
	}
	body, err := bind(runs)
	if err != nil {
		return k, err
	}
	k.Runs, k.Bytes = len(runs), int64(len(body))
	return k, atomicfile.Write(o.Out, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
}

// tell is all of a run but its pictures.
func (r *run) tell() (t told, err error) {
	if t.Run, err = r.detail(); err != nil {
		return t, err
	}
	t.Files = map[string]string{}
	if t.Series, err = r.series(span{0, math.MaxInt64, 2 * defaultPoints}); err != nil {
		return t, err
	}
	if n := len(t.Run.Checkpoints); n > 0 {
		name := t.Run.Checkpoints[n-1].Name
		if info, err := r.checkpoint(name); err == nil { // one that is broken has nothing to say
			t.Saved = map[string]checkpoint.Info{name: info}
		}
	}
	return t, nil
}

// embed takes a run's pictures into a report, evenly as many as fit into so many bytes and the last one first; what the
// report has not is not listed in it.
func (r *run) embed(t *told, room int64) (used int64, err error) {
	root, err := os.OpenRoot(r.path)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	sizes := map[string]int64{}
	size := func(name string) int64 {
		if _, ok := sizes[name]; !ok {
			if f, info, err := picture(root, filepath.Join(samplesDir, name)); err == nil {
				sizes[name] = int64(base64.StdEncoding.EncodedLen(int(info.Size()))) + 100
				f.Close()
			} else {
				sizes[name] = math.MaxInt32 // it cannot be shown
			}
		}
		return sizes[name]
	}
	take := func(name string) error {
		text, err := root.ReadFile(filepath.Join(samplesDir, name))
		if err == nil {
			t.Files[name] = "data:image/png;base64," + base64.StdEncoding.EncodeToString(text)
			used += size(name)
		}
		return err
	}
	if t.Run.Real != "" {
		if size(t.Run.Real) > room {
			t.Run.Real = ""
		} else if err := take(t.Run.Real); err != nil {
			return 0, err
		}
	}
	some := t.Run.Pictures
	for n := len(some); ; n-- {
		some = evenly(t.Run.Pictures, n)
		sum := used
		for _, p := range some {
			sum += size(p.Name)
		}
		if sum <= room || n == 0 {
			break
		}
	}
	t.Run.Pictures = some
	t.Run.Summary.Picture = ""
	for _, p := range some {
		if err := take(p.Name); err != nil {
			return 0, err
		}
		t.Run.Summary.Picture = p.Name
	}
	return used, nil
}

// evenly is n of all, the last among them.
func evenly(all []Picture, n int) []Picture {
	some := make([]Picture, 0, n)
	for i := range n {
		some = append(some, all[(i+1)*len(all)/n-1])
	}
	return some
}

// bind makes one file of the page and the data.
func bind(runs []told) ([]byte, error) {
	data, err := json.Marshal(map[string]any{"made": time.Now().Format("2006-01-02 15:04"), "runs": runs}) // escapes <, > and &
	if err != nil {
		return nil, err
	}
	var styles, scripts []string // their hashes
	body := asset("index.html")
	swap := func(tag, name, file string, hashes *[]string) {
		text := asset(file)
		sum := sha256.Sum256(text)
		*hashes = append(*hashes, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		body = bytes.Replace(body, []byte(tag), []byte("<"+name+">"+string(text)+"</"+name+">"), 1)
	}
	swap(`<link rel="stylesheet" href="uplot.css">`, "style", "uplot/uPlot.min.css", &styles)
	swap(`<link rel="stylesheet" href="style.css">`, "style", "style.css", &styles)
	swap(`<script src="uplot.js"></script>`, "script", "uplot/uPlot.iife.min.js", &scripts)
	swap(`<script src="charts.js"></script>`, "script", "charts.js", &scripts)
	swap(`<script src="page.js"></script>`, "script", "page.js", &scripts)
	policy := fmt.Sprintf(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src %s; style-src %s; img-src data:; base-uri 'none'; form-action 'none'">`,
		strings.Join(scripts, " "), strings.Join(styles, " "))
	body = bytes.Replace(body, []byte(`<link rel="icon" href="icon.svg">`), []byte(policy), 1)
	body = bytes.Replace(body, []byte("<noscript>"), []byte(`<script type="application/json" id="data">`+string(data)+"</script>\n<noscript>"), 1)
	return body, nil
}
