package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/data/fetch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDataFetch(t *testing.T) {
	content := []byte("the contents of a file")
	sum := sha256.Sum256(content)
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/tiny.bin", r.URL.Path)
		_, err := w.Write(content)
		assert.NoError(t, err)
	}))
	defer mirror.Close()
	fetch.Sets["tiny"] = fetch.Set{Doc: "for a test", Mirrors: []string{"http://never.asked.invalid/"}, Spec: "mnist:%s", Terms: "be kind",
		Files: []fetch.File{{Name: "tiny.bin", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}}}
	defer delete(fetch.Sets, "tiny")
	dir := filepath.Join(t.TempDir(), "a b")
	var out, errout bytes.Buffer
	code := run(t.Context(), []string{"data", "fetch", "tiny", dir, "--url", mirror.URL + "/tiny.bin"}, &out, &errout)
	require.Equal(t, exitDone, code, errout.String())
	assert.Empty(t, out.String())
	assert.Contains(t, errout.String(), "tiny.bin 22/22 bytes  ")
	assert.Contains(t, errout.String(), "tiny.bin: fetched, 22 bytes, SHA-256 is right\nbe kind\nuse it as --data 'mnist:"+dir+"'\n")
	assert.Equal(t, content, readFile(t, dir, "tiny.bin"))

	errout.Reset()
	code = run(t.Context(), []string{"data", "fetch", "tiny", dir, "--json", "--quiet"}, &out, &errout)
	require.Equal(t, exitDone, code, errout.String())
	assert.Empty(t, errout.String())
	var said struct {
		Name, Spec string
		Files      []fetch.Result
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &said))
	assert.Equal(t, "mnist:"+dir, said.Spec)
	assert.Equal(t, []fetch.Result{{Name: "tiny.bin", Bytes: 22, SHA256: hex.EncodeToString(sum[:])}}, said.Files)
}

func TestDataFetchSaysWhatIsWrong(t *testing.T) {
	mirror := httptest.NewServer(http.NotFoundHandler())
	defer mirror.Close()
	dir := t.TempDir()
	for args, want := range map[string]struct {
		code int
		line string
	}{
		"mnst x":                              {exitUsage, `forger: data fetch: "mnst": unknown dataset: have celeba, cifar10, fashion-mnist, mnist: did you mean mnist?`},
		"mnist":                               {exitUsage, "forger: data fetch: 1 arguments given, 2 wanted: usage: forger data fetch NAME DIR [flags]"},
		"mnist x --url " + mirror.URL:         {exitFailed, "forger: data fetch: data: fetch: train-images-idx3-ubyte.gz: " + mirror.URL + "/train-images-idx3-ubyte.gz: 404 Not Found: check the address and the network"},
		"celeba x --url " + mirror.URL + "/z": {exitFailed, "img_align_celeba.zip: " + mirror.URL + "/z: 404 Not Found: "},
		"mnist x --url ftp://h":               {exitFailed, "not an http or https address"},
	} {
		got := forger(t, dir, none, append([]string{"data", "fetch"}, strings.Fields(args)...)...)
		assert.Equal(t, want.code, got.code, args)
		assert.Contains(t, got.errout, want.line, args)
		assert.Equal(t, 1, strings.Count(got.errout, "\n"), got.errout)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "x"))
	require.NoError(t, err)
	assert.Empty(t, entries)
}
