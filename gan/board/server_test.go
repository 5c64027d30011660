package board

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// secret is what no page may show.
const secret = "what nobody may read"

// boardOf is a board of a folder, with its runs known.
func boardOf(t testing.TB, dir string) *Board {
	t.Helper()
	b, err := Open([]string{dir})
	require.NoError(t, err)
	b.refresh(t.Context())
	return b
}

// get asks a board as a browser on this machine does.
func get(t testing.TB, b *Board, path string, args ...string) *httptest.ResponseRecorder {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost:6007"+path+"?"+q.Encode(), nil)
	w := httptest.NewRecorder()
	guard{next: b.pages()}.ServeHTTP(w, r)
	return w
}

func taken[T any](t testing.TB, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

// A run's state is told by its files, and by its lock where that can be seen.
func TestTheStateOfARun(t *testing.T) {
	now := time.Now()
	for want, p := range map[string]pace{
		training: {line: 50, saved: 0, changed: now, progress: .5},
		finished: {line: 50, saved: 55, changed: now, progress: 1},
		stopped:  {line: 50, saved: 55, changed: now.Add(-time.Minute), progress: .5},
		dead:     {line: 50, saved: 40, changed: now.Add(-time.Minute), progress: .5},
	} {
		assert.Equal(t, want, p.state(false, now), want)
		assert.Equal(t, training, p.state(true, now), "it is locked")
	}
	assert.Equal(t, training, pace{line: 50, changed: now.Add(-time.Minute), interval: 30}.state(false, now), "it writes a line in thirty seconds")

	dir := t.TempDir()
	m := made{dir: filepath.Join(dir, "run"), step: 300, steps: 900}
	m.write(t)
	m.age(t, time.Hour)
	b := boardOf(t, dir)
	s := b.list()[0]
	assert.Equal(t, []any{stopped, int64(300), int64(900), "run"}, []any{s.State, s.Step, s.Total, s.Name})
	assert.InDelta(t, 600./11, s.Left, .1)

	m.lock(t)
	b.looked = time.Time{}
	b.refresh(t.Context())
	if len(heldLocks()) == 0 {
		t.Log("SKIPPED: no locks are listed here")
	} else {
		assert.Equal(t, training, b.list()[0].State)
	}
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, alertsFile), []byte("{\"step\":3,\"kind\":\"saturated\",\"text\":\"x\"}\n{\"step\":9,\"kind\":\"collapsed\",\"text\":\"y\"}\n"), 0o644))
	b.looked = time.Time{}
	b.refresh(t.Context())
	assert.Equal(t, collapsed, b.list()[0].State)
}

// How far a run has come is told by whichever bound comes first.
func TestTheEndOfARun(t *testing.T) {
	for config, want := range map[string]int64{"steps: 900\n": 900, "images: 6400\n": 100, "epochs: 2\n": 1875, "epochs: 2\nsteps: 400\n": 400, "seed: 1\n": 23438} {
		s := Summary{Figures: map[string]float64{"images": 19200, "epoch": 300 * 64. / 60000}, Step: 300}
		p := pace{line: 300}
		p.reach(&s, settings(config))
		assert.Equal(t, want, s.Total, config)
	}
}

func TestSettingsAreRead(t *testing.T) {
	text := "data: \"folder:a \\\"b\\\"\"\npenalty:\n- r1=2\n- gp\nempty: ''\nlr: 0.001 \nresolved:\n  device: cpu\n  graph: \"off\"\nlast: 'it''s'\n# x: y\nnonsense\n: z\n"
	assert.Equal(t, []Setting{{"data", `folder:a "b"`}, {"penalty", "r1=2, gp"}, {"lr", "0.001"}, {"resolved.device", "cpu"}, {"resolved.graph", "off"}, {"last", "it's"}}, settings(text))
}

// hostile is a folder with runs that nobody should trust, beside a file that is none of theirs.
func hostile(t testing.TB) (dir string) {
	t.Helper()
	above := t.TempDir()
	dir = filepath.Join(above, "runs")
	require.NoError(t, os.WriteFile(filepath.Join(above, "secret"), []byte(secret), 0o644))
	m := made{dir: filepath.Join(dir, "links"), step: 200, steps: 900}
	m.write(t)
	outside := filepath.Join(above, "secret")
	for _, name := range []string{alertsFile, filepath.Join(samplesDir, "step-00000900.png"), filepath.Join(savedDir, "step-00000900.pt"), filepath.Join(savedDir, "best.pt")} {
		require.NoError(t, os.Symlink(outside, filepath.Join(m.dir, name)))
	}
	require.NoError(t, os.Remove(filepath.Join(m.dir, configFile)))
	require.NoError(t, os.Symlink("../../secret", filepath.Join(m.dir, configFile)))
	require.NoError(t, os.Symlink(above, filepath.Join(dir, "up")))

	m = made{dir: filepath.Join(dir, "pipe"), step: 0, steps: 900}
	m.write(t)
	require.NoError(t, os.Remove(filepath.Join(m.dir, metricsFile)))
	require.NoError(t, unix.Mkfifo(filepath.Join(m.dir, metricsFile), 0o644))
	require.NoError(t, os.RemoveAll(filepath.Join(m.dir, samplesDir)))
	require.NoError(t, unix.Mkfifo(filepath.Join(m.dir, samplesDir), 0o644))

	m = made{dir: filepath.Join(dir, "<img src=x onerror=alert(1)>\x80"), step: 100, steps: 900}
	m.write(t)
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, metricsFile), []byte("{\"step\":10,\"loss_g\":NaN}\n{\"step\":20,\"<b>\":1,\"loss_g\":1e999}\n[]\n{\"step\":-5}\n\x00\xff\n{\"step\":30,\"loss_g\":2}\n"), 0o644))
	bomb := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 0, 1, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0, 0) // 65536x65536
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, samplesDir, "step-00000200.png"), bomb, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, samplesDir, "step-00000300.png"), []byte(secret), 0o644))
	return dir
}

// What a run's directory has instead of files of its own is left out, and keeps nobody waiting.
func TestNothingOutsideARunIsShown(t *testing.T) {
	b := boardOf(t, hostile(t))
	all := taken[[]Summary](t, get(t, b, "/api/runs"))
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
		d := taken[Detail](t, get(t, b, "/api/run", "id", s.ID))
		for _, p := range d.Pictures {
			w := get(t, b, "/api/picture", "id", s.ID, "name", p.Name)
			if p.Step < 200 || p.Step == 200 && s.Name == "links" {
				assert.Equal(t, http.StatusOK, w.Code)
				continue
			}
			assert.Equal(t, http.StatusUnsupportedMediaType, w.Code, p.Name)
			assert.NotContains(t, w.Body.String(), secret)
		}
		for _, c := range d.Checkpoints {
			assert.NotContains(t, get(t, b, "/api/checkpoint", "id", s.ID, "name", c.Name).Body.String(), secret)
			assert.NotEqual(t, int64(900), c.Step, "a link is none")
		}
		assert.NotContains(t, get(t, b, "/api/series", "id", s.ID).Body.String(), secret)
		text, err := json.Marshal(d)
		require.NoError(t, err)
		assert.NotContains(t, string(text), secret)
	}
	assert.Equal(t, []string{"<img src=x onerror=alert(1)>�", "links", "pipe"}, names)
	s := taken[struct {
		Steps   []int64
		Skipped int64
		Figures []struct{ Name string }
	}](t, get(t, b, "/api/series", "id", all[0].ID))
	assert.Equal(t, []int64{10, 20, 30}, s.Steps)
	assert.Equal(t, int64(3), s.Skipped)

	out := filepath.Join(t.TempDir(), "report.html")
	k, err := b.Report(t.Context(), ReportOptions{Out: out, MaxMB: 20})
	require.NoError(t, err)
	assert.Equal(t, 3, k.Pictures, "those that are pictures")
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.NotContains(t, string(text), secret)
	assert.NotContains(t, string(text), "<img")
}

// Whatever is asked, nothing but runs is shown.
func FuzzQuestions(f *testing.F) {
	b := boardOf(f, hostile(f))
	id := b.list()[1].ID
	handler := guard{next: b.pages()}
	f.Add("/api/picture", id, "../../secret")
	f.Add("/api/picture", id, "step-00000900.png")
	f.Add("/api/checkpoint", id, "../config.yaml")
	f.Add("/api/run", "../"+id, "")
	f.Add("/..%2f..%2fsecret", "", "")
	f.Fuzz(func(t *testing.T, path, id, name string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.URL.Path = path
		r.URL.RawQuery = url.Values{"id": {id}, "name": {name}, "from": {name}, "points": {name}}.Encode()
		if strings.HasSuffix(path, "events") {
			return // it does not end
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.NotContains(t, w.Body.String(), secret)
		require.Less(t, w.Code, 600)
	})
}

// Only who may look is let in: GET alone, this machine by a name of its own, or the token.
func TestWhoIsLetIn(t *testing.T) {
	for _, c := range []struct {
		method, url, cookie, token string
		want                       int
	}{
		{"GET", "http://localhost:6007/", "", "", 200},
		{"GET", "http://127.0.0.1/", "", "", 200},
		{"HEAD", "http://[::1]:6007/", "", "", 200},
		{"POST", "http://localhost/", "", "", 405},
		{"GET", "http://evil.example/", "", "", 403},
		{"GET", "http://evil.example:6007/api/runs", "", "", 403},
		{"GET", "http://10.0.0.1/", "", "t", 403},
		{"GET", "http://10.0.0.1/api/runs", "x", "t", 403},
		{"GET", "http://10.0.0.1/?token=x", "", "t", 403},
		{"GET", "http://10.0.0.1/?token=t", "", "t", 303},
		{"GET", "http://10.0.0.1/", "t", "t", 200},
		{"DELETE", "http://10.0.0.1/", "t", "t", 405},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
		}
		w := httptest.NewRecorder()
		guard{c.token, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}.ServeHTTP(w, r)
		assert.Equal(t, c.want, w.Code, "%s %s", c.method, c.url)
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		assert.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe")
	}
}

// An address that others can reach has a token in it, one of this machine alone has none.
func TestListenSaysWhatToOpen(t *testing.T) {
	b := boardOf(t, t.TempDir())
	s, err := b.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer s.listener.Close()
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/$`, s.URL)
	_, err = b.Listen(s.listener.Addr().String())
	assert.ErrorContains(t, err, "address already in use: choose another with --listen, port 0 for any")
	open, err := b.Listen("0.0.0.0:0")
	require.NoError(t, err)
	defer open.listener.Close()
	assert.Regexp(t, `^http://localhost:\d+/\?token=[A-Z2-7]{26}$`, open.URL)
	_, err = b.Listen("6007")
	assert.ErrorContains(t, err, "--listen 6007: no address")
	_, err = Open([]string{filepath.Join(t.TempDir(), "none")})
	assert.ErrorContains(t, err, "no such file or directory: name a folder of runs")
}

// Fifty pages are told of a line as it is written, and the server ends at once.
func TestFiftyPagesAreToldOfALine(t *testing.T) {
	dir := t.TempDir()
	m := made{dir: filepath.Join(dir, "run"), step: 300, steps: 900}
	m.write(t)
	b := boardOf(t, dir)
	s, err := b.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	const pages = 50
	open, steps := make(chan error, pages), make(chan int64, pages)
	for range pages {
		go func() {
			r, err := http.Get(s.URL + "api/events")
			if err != nil {
				open <- err
				return
			}
			defer r.Body.Close()
			lines := bufio.NewReader(r.Body)
			_, err = lines.ReadString('\n') // the server has entered it
			open <- err
			for {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					steps <- -1
					return
				}
				var n News
				if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && json.Unmarshal(data, &n) == nil && len(n.Runs) > 0 && n.Runs[0].Step == 310 {
					steps <- n.Runs[0].Step
					_, _ = io.Copy(io.Discard, r.Body)
					return
				}
			}
		}()
	}
	for range pages {
		require.NoError(t, <-open)
	}
	m.grow(t, 310)
	for range pages {
		assert.Equal(t, int64(310), <-steps)
	}
	stop()
	require.NoError(t, <-ended)
	_, err = http.Get(s.URL)
	assert.Error(t, err)
}

// Runs that come and go are found, and told of.
func TestRunsComeAndGo(t *testing.T) {
	dir := t.TempDir()
	b := boardOf(t, dir)
	assert.Empty(t, b.list())
	me := b.join()
	defer b.leave(me)
	again := func() News {
		b.looked, b.found = time.Time{}, time.Time{}
		b.refresh(t.Context())
		return b.news(me.take())
	}
	m := made{dir: filepath.Join(dir, "deep", "er", "run"), step: 100, steps: 900}
	m.write(t)
	n := again()
	require.Len(t, n.Runs, 1)
	assert.Equal(t, "deep/er/run", n.Runs[0].Name)
	assert.Empty(t, again().Runs, "nothing is new")
	require.NoError(t, os.RemoveAll(m.dir))
	n = again()
	assert.Empty(t, n.Runs)
	assert.Len(t, n.Gone, 1)
	assert.Equal(t, http.StatusNotFound, get(t, b, "/api/run", "id", n.Gone[0]).Code)
}

// A report takes as many grids as there is room for, and says which.
func TestAReportFitsItsSize(t *testing.T) {
	dir := t.TempDir()
	m := made{dir: filepath.Join(dir, "run"), step: 2000, steps: 2000}
	m.write(t)
	noise := make([]byte, 200000)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	for step := 100; step <= 2000; step += 100 { // grids of 200 kB
		path := filepath.Join(m.dir, samplesDir, fmt.Sprintf("step-%08d.png", step))
		grid, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(grid, noise...), 0o644))
	}
	b := boardOf(t, dir)
	for limit, want := range map[int]int{1: 3, 20: 20} {
		out := filepath.Join(dir, "report.html")
		k, err := b.Report(t.Context(), ReportOptions{Out: out, MaxMB: limit})
		require.NoError(t, err)
		info, err := os.Stat(out)
		require.NoError(t, err)
		assert.LessOrEqual(t, info.Size(), int64(limit)*1e6)
		assert.Equal(t, []int{1, want, 20}, []int{k.Runs, k.Pictures, k.OfAll})
	}
	_, err := boardOf(t, t.TempDir()).Report(t.Context(), ReportOptions{Out: "x", MaxMB: 1})
	assert.ErrorContains(t, err, "no run there: name a run's directory")
}
