package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watchable is a folder with a run of two lines and no grid.
func watchable(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	run := filepath.Join(dir, "runs", "first")
	require.NoError(t, os.MkdirAll(run, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(run, "config.yaml"), []byte("steps: 9\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(run, "metrics.jsonl"), []byte("{\"step\":1,\"loss_g\":2}\n{\"step\":2,\"loss_g\":3}\n"), 0o644))
	return dir
}

// The server says where it is, serves, and ends at once and in peace when it is told to, a page being open.
func TestWatchServesUntilItIsStopped(t *testing.T) {
	cmd := exec.Command(program, "watch", "--listen", "127.0.0.1:0")
	cmd.Dir = watchable(t)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	r, err := http.Get(strings.TrimSpace(address) + "api/events")
	require.NoError(t, err)
	defer r.Body.Close()
	line, err := bufio.NewReader(r.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "retry: 2000\n", line)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	assert.NoError(t, cmd.Wait())
}

func TestReportAndFilmAreTold(t *testing.T) {
	dir := watchable(t)
	got := forger(t, dir, nil, "report", "runs", "--out", "report.html")
	assert.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "wrote report.html: 1 runs, 0 of 0 grids, 0.1 MB")
	assert.FileExists(t, filepath.Join(dir, "report.html"))
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"report --out x.html":                     {exitUsage, "forger: report: no run given"},
		"report runs":                             {exitUsage, "forger: report: --out: not given"},
		"report runs --out x.html --max-mb 0":     {exitUsage, "forger: report: --max-mb 0: too small"},
		"report nowhere --out x.html":             {exitFailed, "forger: report: nowhere: no such file or directory: name a folder of runs"},
		"watch nowhere":                           {exitFailed, "forger: watch: nowhere: no such file or directory"},
		"watch runs --listen here":                {exitUsage, "forger: watch: --listen here: no address"},
		"film runs/first":                         {exitUsage, "forger: film: --out: not given"},
		"film runs/first --out film.avi":          {exitUsage, "forger: film: --out film.avi: neither .gif nor .mp4"},
		"film runs/first --out film.gif":          {exitFailed, "forger: film: runs/first: no grids in its samples"},
		"film runs/first --out film.gif --fps 99": {exitUsage, "forger: film: --fps 99: use 1 to 50"},
	} {
		got := forger(t, dir, nil, strings.Fields(args)...)
		assert.Equal(t, want.code, got.code, args)
		assert.Contains(t, got.errout, want.text, args)
		assert.Equal(t, 1, strings.Count(got.errout, "\n"), got.errout)
	}
}
