package fetch

import (
	"context"
	"encoding/hex"
	"net/http"
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

// Whatever a server does on the way, what lies there at the end is the file, and nothing beside it.
func TestServersThatMisbehave(t *testing.T) {
	content := random()
	wrong := append([]byte("wrong"), content[5:]...)
	for name, c := range map[string]struct {
		acts  []act
		asked []string
	}{
		"well":            {nil, []string{""}},
		"cuts off":        {[]act{cut(100_000), cut(150_000)}, []string{"", `bytes=100000- if "one"`, `bytes=250000- if "one"`}},
		"ignores Range":   {[]act{cut(100_000), instead(content)}, []string{"", `bytes=100000- if "one"`}},
		"errors":          {[]act{status(503), status(429), status(500), cut(9)}, []string{"", "", "", "", `bytes=9- if "one"`}},
		"another range":   {[]act{cut(9), ranged("bytes 5-299999/300000", content[5:])}, []string{"", `bytes=9- if "one"`, ""}},
		"no range":        {[]act{cut(9), ranged("", content[5:])}, []string{"", `bytes=9- if "one"`, ""}},
		"416":             {[]act{cut(9), status(416)}, []string{"", `bytes=9- if "one"`, ""}},
		"length not told": {[]act{unannounced(content)}, []string{""}},
		"ends too early":  {[]act{unannounced(content[:7])}, []string{"", "bytes=7-"}},
		"wrong piece":     {[]act{cut(9), ranged("bytes 9-299999/*", wrong[:299_991])}, []string{"", `bytes=9- if "one"`, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, content, c.acts...)
			dir := filepath.Join(t.TempDir(), "new", "folder")
			files, err := Get(t.Context(), setOf(content, s), dir, hasty)
			require.NoError(t, err)
			assert.Equal(t, []Result{{"x.bin", 300_000, setOf(content).Files[0].SHA256, true}}, files)
			assert.Equal(t, content, contents(t, dir, "x.bin"))
			assert.Equal(t, []string{"x.bin"}, listing(t, dir))
			assert.Equal(t, c.asked, s.asked)
		})
	}
}

func TestAServerThatStalls(t *testing.T) {
	content := random()
	s := newServer(t, content, stall(0), stall(100_000), stall(0))
	dir := t.TempDir()
	o := Options{Idle: 100 * time.Millisecond, Backoff: time.Nanosecond, Attempts: 50}
	_, err := Get(t.Context(), setOf(content, s), dir, o)
	require.NoError(t, err)
	assert.Equal(t, content, contents(t, dir, "x.bin"))
	assert.GreaterOrEqual(t, len(s.asked), 4)

	for range 2 {
		s.acts = append(s.acts, stall(7))
	}
	o.Attempts, o.Idle = 2, time.Millisecond
	dir = t.TempDir()
	_, err = Get(t.Context(), setOf(content, s), dir, o)
	require.ErrorContains(t, err, "the server sent nothing for 1ms (2 attempts): try again later, or give another mirror with --url")
	assert.NoFileExists(t, filepath.Join(dir, "x.bin"))
}

func TestWhatCannotBeHad(t *testing.T) {
	content := random()
	wrong := append([]byte("wrong"), content[5:]...)
	hash := fileOf("", wrong).SHA256
	for name, c := range map[string]struct {
		acts  []act
		want  string
		asked int
	}{
		"missing":     {[]act{status(404)}, "404 Not Found", 1},
		"forbidden":   {[]act{status(403)}, "403 Forbidden", 1},
		"broken":      {[]act{status(500), status(500), status(502)}, "502 Bad Gateway (3 attempts)", 3},
		"wrong bytes": {[]act{instead(wrong)}, "not the file that was published: SHA-256 " + hash + ", want " + fileOf("", content).SHA256, 1},
		"a page":      {[]act{instead([]byte("<html>log in</html>"))}, "19 bytes lie there, 300000 were published", 1},
		"too much":    {[]act{unannounced(append(content, 1))}, "more than the 300000 bytes that were published", 1},
		"grown":       {[]act{cut(9), ranged("bytes 9-400000/400001", content)}, "400001 bytes lie there, 300000 were published", 2},
		"shrunk":      {[]act{cut(10), instead(content[:5]), status(500), status(500)}, "5 bytes lie there", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, content, c.acts...)
			dir := t.TempDir()
			o := hasty
			o.Attempts = 3
			_, err := Get(t.Context(), setOf(content, s), dir, o)
			require.ErrorContains(t, err, "data: fetch: x.bin: "+s.URL+"/x.bin: "+c.want)
			assert.ErrorContains(t, err, ": try again later, or give another mirror with --url")
			assert.NotContains(t, err.Error(), "\n")
			assert.Len(t, s.asked, c.asked)
			assert.NoFileExists(t, filepath.Join(dir, "x.bin"))
		})
	}
}

// A server that breaks off for ever is given up, unless it gets on by a mebibyte each few times.
func TestRetriesAreBounded(t *testing.T) {
	var acts []act
	for range 40 {
		acts = append(acts, cut(100))
	}
	content := random()
	s := newServer(t, content, acts...)
	o := hasty
	o.Attempts = 4
	_, err := Get(t.Context(), setOf(content, s), t.TempDir(), o)
	require.ErrorContains(t, err, "cut off at 400 of 300000 bytes: unexpected EOF (4 attempts)")
	assert.Len(t, s.asked, 4)

	large := make([]byte, 10*stride)
	acts = nil
	for range 9 {
		acts = append(acts, cut(stride))
	}
	s = newServer(t, large, acts...)
	o.Attempts = 2
	_, err = Get(t.Context(), setOf(large, s), t.TempDir(), o)
	require.NoError(t, err)
	assert.Len(t, s.asked, 10)
}

func TestMirrorsAreTriedInTurn(t *testing.T) {
	content := random()
	one := newServer(t, content, cut(1000), status(404))
	two := newServer(t, content)
	two.etag = `"two"`
	dir := t.TempDir()
	_, err := Get(t.Context(), setOf(content, one, two), dir, hasty)
	require.NoError(t, err)
	assert.Equal(t, []string{"bytes=1000-"}, two.asked, "the bytes of the first are kept: the hash vouches for them")
	assert.Equal(t, content, contents(t, dir, "x.bin"))

	one = newServer(t, content, status(404))
	two = newServer(t, content, status(410))
	_, err = Get(t.Context(), setOf(content, one, two), t.TempDir(), hasty)
	assert.ErrorContains(t, err, "x.bin: "+one.URL+"/x.bin: 404 Not Found; "+two.URL+"/x.bin: 410 Gone: try again")

	set := setOf(content, newServer(t, content, status(404)))
	set.ByHand = "get it by hand"
	_, err = Get(t.Context(), set, t.TempDir(), hasty)
	assert.ErrorContains(t, err, "404 Not Found: get it by hand")
}

// Another process goes on where one was broken off, also when the file at the server is another one by then.
func TestGoingOn(t *testing.T) {
	content := random()
	for name, c := range map[string]struct {
		etag  string
		asked string
	}{
		"the same file": {`"one"`, `bytes=1000- if "one"`},
		"another file":  {`"new"`, `bytes=1000- if "one"`},
	} {
		s := newServer(t, append([]byte("another"), content[7:]...), cut(1000))
		dir := t.TempDir()
		o := hasty
		o.Attempts = 1
		if c.etag == s.etag {
			s.content = content
		}
		_, err := Get(t.Context(), setOf(content, s), dir, o)
		require.ErrorContains(t, err, "cut off at 1000 of 300000 bytes", name)
		assert.Equal(t, []string{"x.bin.part", "x.bin.part.from"}, listing(t, dir), name)
		s.content, s.etag = content, c.etag
		_, err = Get(t.Context(), setOf(content, s), dir, o)
		require.NoError(t, err, name)
		assert.Equal(t, c.asked, s.asked[1], name)
		assert.Equal(t, content, contents(t, dir, "x.bin"), name)
		assert.Equal(t, []string{"x.bin"}, listing(t, dir), name)
	}
}

func TestAPartOfUnknownOrigin(t *testing.T) {
	content := random()
	for name, part := range map[string][]byte{"good": content[:500], "bad": []byte("something else"), "whole": content,
		"whole and bad": make([]byte, len(content)), "too long": make([]byte, len(content)+1)} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "x.bin.part"), part, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "x.bin.part.from"), []byte(`{"url":`), 0o644))
		_, err := Get(t.Context(), setOf(content, newServer(t, content)), dir, hasty)
		require.NoError(t, err, name)
		assert.Equal(t, content, contents(t, dir, "x.bin"), name)
		assert.Equal(t, []string{"x.bin"}, listing(t, dir), name)
	}
}

func TestWhatIsThereIsCheckedAndKept(t *testing.T) {
	content := random()
	s := newServer(t, content)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.bin"), content, 0o644))
	files, err := Get(t.Context(), setOf(content, s), dir, hasty)
	require.NoError(t, err)
	assert.False(t, files[0].Fetched)
	assert.Empty(t, s.asked)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.bin"), []byte("mine"), 0o644))
	_, err = Get(t.Context(), setOf(content, s), dir, hasty)
	assert.EqualError(t, err, "data: fetch: x.bin: what lies in "+dir+" is another file (4 bytes, want 300000): move it away")
	assert.Equal(t, "mine", string(contents(t, dir, "x.bin")))
	assert.Empty(t, s.asked)
}

func TestAnAddressInPlaceOfTheMirrors(t *testing.T) {
	content := random()
	s := newServer(t, content)
	set := setOf(content)
	set.Mirrors = []string{"http://never.asked.invalid/"}
	two := set
	two.Files = []File{fileOf("a", content), fileOf("b", content)}
	for address, want := range map[string][]string{"/file?id=7": {"/file?id=7"}, "/folder/": {"/folder/x.bin"}} {
		var paths []string
		s.acts = []act{func(s *server, w http.ResponseWriter, r *http.Request) {
			paths = append(paths, r.URL.String())
			serve(s, w, r)
		}}
		o := hasty
		o.URL = s.URL + address
		_, err := Get(t.Context(), set, t.TempDir(), o)
		require.NoError(t, err)
		assert.Equal(t, want, paths)
	}
	assert.Equal(t, []string{"http://m/d/a"}, addresses(two, two.Files[0], "http://m/d"))
	for address, want := range map[string]string{
		"file:///etc/passwd": "not an http or https address",
		"x.bin":              "not an http or https address",
		"http://[":           "missing ']' in host",
	} {
		o := hasty
		o.URL = address
		dir := t.TempDir()
		_, err := Get(t.Context(), set, dir, o)
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "check the address and the network")
		assert.Empty(t, listing(t, dir))
	}
}

func TestFetchIsInterrupted(t *testing.T) {
	content := random()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newServer(t, content, stall(1000))
	o := hasty
	o.Progress = func(_ string, done, total int64) {
		assert.Equal(t, int64(len(content)), total)
		if done == 1000 {
			cancel()
		}
	}
	dir := t.TempDir()
	_, err := Get(ctx, setOf(content, s), dir, o)
	require.EqualError(t, err, "data: fetch: x.bin: interrupted: "+dir+"/x.bin.part keeps 1000 of 300000 bytes, and the same command goes on from there")
	assert.Len(t, s.asked, 1)
	dir = t.TempDir()
	_, err = Get(ctx, setOf(content, s), dir, hasty)
	require.EqualError(t, err, "data: fetch: x.bin: interrupted")
	assert.Empty(t, listing(t, dir))
}

func TestTwoProcessesDoNotFetchOneFile(t *testing.T) {
	content := random()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "x.bin.part"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	_, err = Get(t.Context(), setOf(content, newServer(t, content)), dir, hasty)
	assert.ErrorContains(t, err, "another process is fetching it into "+f.Name()+": wait for it")
}

// The table is whole: each entry can be asked for and checked.
func TestTable(t *testing.T) {
	for name, set := range Sets {
		assert.NotEmpty(t, set.Doc, name)
		assert.Contains(t, set.Spec, ":%s", name)
		require.NotEmpty(t, set.Mirrors, name)
		for _, m := range set.Mirrors {
			u, err := url.Parse(m)
			require.NoError(t, err)
			assert.True(t, strings.HasSuffix(u.Path, "/"), m)
		}
		for _, f := range set.Files {
			sum, err := hex.DecodeString(f.SHA256)
			require.NoError(t, err)
			assert.Len(t, sum, 32, f.Name)
			assert.Positive(t, f.Size, f.Name)
		}
	}
}
