package fetch

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transport answers without a network, so that the clock of a test can stand for the real one.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// slow yields a piece of ten bytes each pause.
type slow struct {
	r     io.Reader
	pause time.Duration
	req   *http.Request
}

func (s slow) Read(b []byte) (int, error) {
	select {
	case <-time.After(s.pause):
		return s.r.Read(b[:10])
	case <-s.req.Context().Done():
		return 0, s.req.Context().Err()
	}
}

// A server may be as slow as it likes while it sends something now and then.
func TestASlowServerIsWaitedFor(t *testing.T) {
	content := []byte("forty bytes, of which ten come at a time")
	for pause, want := range map[time.Duration]string{29 * time.Second: "", 31 * time.Second: "the server sent nothing for 30s (1 attempts)"} {
		synctest.Test(t, func(t *testing.T) {
			set := Set{Mirrors: []string{"http://m/"}, Files: []File{fileOf("x", content)}}
			client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				body := io.NopCloser(slow{bytes.NewReader(content), pause, r})
				return &http.Response{StatusCode: 200, ContentLength: 40, Header: http.Header{}, Body: body}, nil
			})}
			_, err := Get(t.Context(), set, t.TempDir(), Options{Client: client, Attempts: 1})
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, want)
		})
	}
}

// Waits double from a second up to half a minute.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			return nil, errors.New("no route to host")
		})}
		set := Set{Mirrors: []string{"http://m/"}, Files: []File{fileOf("x", nil)}}
		set.Files[0].Size = 1
		_, err := Get(t.Context(), set, t.TempDir(), Options{Client: client, Attempts: 8})
		require.ErrorContains(t, err, "http://m/x: no route to host (8 attempts)")
		const s = time.Second
		assert.Equal(t, []time.Duration{0, 1 * s, 3 * s, 7 * s, 15 * s, 31 * s, 61 * s, 91 * s}, at)
	})
}

func TestWhatIsAsked(t *testing.T) {
	content := random()
	s := newServer(t, content, func(s *server, w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"), "the hash is of the file as it lies there")
		cut(1000)(s, w, r)
	})
	s.etag = `W/"weak"` // says nothing about bytes
	_, err := Get(t.Context(), setOf(content, s), t.TempDir(), hasty)
	require.NoError(t, err)
	assert.Equal(t, []string{"", "bytes=1000-"}, s.asked)
}
