package fetch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a mirror that misbehaves: each request takes the next of its acts; when there are none left it serves well.
type server struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	content []byte
	etag    string
	acts    []act
	asked   []string // of each request: its Range and If-Range
}

type act func(s *server, w http.ResponseWriter, r *http.Request)

func newServer(t *testing.T, content []byte, acts ...act) *server {
	s := &server{t: t, content: content, etag: `"one"`, acts: acts}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	asked := r.Header.Get("Range")
	if v := r.Header.Get("If-Range"); v != "" {
		asked += " if " + v
	}
	s.asked = append(s.asked, asked)
	do := serve
	if len(s.acts) > 0 {
		do, s.acts = s.acts[0], s.acts[1:]
	}
	s.mu.Unlock()
	do(s, w, r)
}

// serve heeds Range and If-Range, as Go's own file server does.
func serve(s *server, w http.ResponseWriter, r *http.Request) {
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.content))
}

// abort ends the connection in the middle of what was announced.
func abort(w http.ResponseWriter) {
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// cut sends so many bytes of what was asked for, and breaks off.
func cut(n int) act {
	return func(s *server, w http.ResponseWriter, r *http.Request) {
		serve(s, &cutter{w, n}, r)
	}
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.left)])
	if c.left -= n; c.left == 0 || err != nil {
		abort(c.ResponseWriter)
	}
	return n, err
}

// stall sends so many bytes and then nothing, until the other side gives up.
func stall(n int) act {
	return func(s *server, w http.ResponseWriter, r *http.Request) {
		if n > 0 {
			w.Header().Set("ETag", s.etag)
			w.Header().Set("Content-Length", fmt.Sprint(len(s.content)))
			_, err := w.Write(s.content[:n])
			require.NoError(s.t, err)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

// status answers with an error.
func status(code int) act {
	return func(_ *server, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// instead serves other contents, whatever was asked for.
func instead(content []byte) act {
	return func(s *server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, err := w.Write(content)
		require.NoError(s.t, err)
	}
}

// unannounced serves contents without their length.
func unannounced(content []byte) act {
	return func(_ *server, w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write(content) // the other side leaves when it has seen enough
	}
}

// ranged answers a range of its own choice.
func ranged(header string, content []byte) act {
	return func(s *server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", header)
		w.WriteHeader(http.StatusPartialContent)
		_, err := w.Write(content)
		require.NoError(s.t, err)
	}
}

// random is 300,000 bytes, more than any buffer on the way.
func random() []byte {
	b, state := make([]byte, 300_000), uint64(1)
	for i := range b {
		state = state*6364136223846793005 + 1442695040888963407
		b[i] = byte(state >> 56)
	}
	return b
}

func fileOf(name string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{name, int64(len(content)), hex.EncodeToString(sum[:])}
}

// setOf is a set of one file, x.bin, on these mirrors.
func setOf(content []byte, mirrors ...*server) Set {
	set := Set{Files: []File{fileOf("x.bin", content)}}
	for _, m := range mirrors {
		set.Mirrors = append(set.Mirrors, m.URL+"/")
	}
	return set
}

// hasty never waits.
var hasty = Options{Backoff: time.Nanosecond}

func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func contents(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return b
}
