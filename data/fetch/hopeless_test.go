package fetch

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// retried counts the waits that were told of.
func retried(o Options, waits *[]string) Options {
	o.Retrying = func(address string, why error, in time.Duration) { *waits = append(*waits, address+": "+why.Error()) }
	return o
}

// What waiting does not mend is not waited for: a host that does not exist, a certificate that nobody vouches for, a server
// that does not speak TLS.
func TestWhatCannotSucceedIsNotTriedAgain(t *testing.T) {
	content := random()
	quiet := httptest.NewUnstartedServer(http.NotFoundHandler())
	quiet.Config.ErrorLog = log.New(io.Discard, "", 0)
	quiet.StartTLS()
	t.Cleanup(quiet.Close)
	plain := newServer(t, content)
	nowhere := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "mirror.invalid", IsNotFound: true}}
	}}}
	for _, c := range []struct {
		url, want string
		client    *http.Client
	}{
		{quiet.URL + "/x.bin", "certificate", nil},
		{"https" + plain.URL[len("http"):] + "/x.bin", "server gave HTTP response to HTTPS client", nil},
		{"http://mirror.invalid/x.bin", "no such host", nowhere},
	} {
		var waits []string
		o := retried(hasty, &waits)
		o.URL, o.Client = c.url, c.client
		_, err := Get(t.Context(), setOf(content), t.TempDir(), o)
		require.ErrorContains(t, err, c.want)
		assert.NotContains(t, err.Error(), "attempts")
		assert.Empty(t, waits, c.url)
	}
}

// A mirror that refuses may be back in a second: that it is waited for is told each time.
func TestWaitsAreTold(t *testing.T) {
	content := random()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := "http://" + l.Addr().String() + "/x.bin"
	require.NoError(t, l.Close())
	var waits []string
	o := retried(hasty, &waits)
	o.URL, o.Attempts = address, 4
	_, err = Get(t.Context(), setOf(content), t.TempDir(), o)
	require.ErrorContains(t, err, "connection refused (4 attempts)")
	require.Len(t, waits, 3)
	assert.Contains(t, waits[0], address+": ")
	assert.Contains(t, waits[0], "connection refused")
}

// A part that another process moved to its place meanwhile is left to it.
func TestAPartThatWasJustFinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bin")
	p, err := openPart(path, func(string) {})
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, os.Rename(p.name, path))
	assert.ErrorContains(t, p.takeUp(), "another process has just fetched it: run this again")
	require.NoError(t, os.WriteFile(p.name, nil, 0o644)) // and a third one begins
	assert.ErrorContains(t, p.takeUp(), "another process has just fetched it")
}
