package tcpstore_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"forger/internal/tcpstore"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FORGER_PYTHON")
	if path == "" {
		t.Skip("SKIPPED: FORGER_PYTHON names no interpreter: the store is not checked against PyTorch")
	}
	return path
}

// PyTorch's client does and sees with the server what it does and sees with PyTorch's own two.
func TestPyTorchTakesTheServerForItsOwn(t *testing.T) {
	path := python(t)
	s := serve(t)
	cmd := exec.Command(path, "testdata/client.py", strconv.Itoa(s.Port()))
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	require.NoError(t, err, errout.String())
	var seen map[string]map[string]any
	require.NoError(t, json.Unmarshal(out, &seen))
	require.Len(t, seen["uv"], 16)
	assert.Equal(t, seen["uv"], seen["go"])
	assert.Equal(t, seen["poll"], seen["go"])
	assert.Equal(t, hex.EncodeToString([]byte("one,two")), seen["go"]["append"])
	assert.Equal(t, "DistStoreError", seen["go"]["late"])
}

// The client does with PyTorch's servers what it does with its own, and PyTorch reads what it set.
func TestTheClientSpeaksWithPyTorch(t *testing.T) {
	path := python(t)
	for _, backend := range []string{"uv", "poll"} {
		t.Run(backend, func(t *testing.T) {
			cmd := exec.Command(path, "testdata/server.py", backend)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewReader(out)
			var port int
			_, err = fmt.Fscanln(lines, &port)
			require.NoError(t, err)

			c := dial(t, port)
			exercise(t, c)
			for key, want := range map[string]string{"value": "\x00\xff", "n": "-2", "cas": "second"} {
				_, err := fmt.Fprintln(in, key)
				require.NoError(t, err)
				line, err := lines.ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, hex.EncodeToString([]byte(want)), strings.TrimSpace(line), key)
			}
			require.NoError(t, in.Close())
			_, err = io.Copy(io.Discard, lines)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait())
			_, err = c.Get(t.Context(), "value")
			assert.ErrorIs(t, err, tcpstore.ErrLost)
		})
	}
}

// dial connects with a timeout that no test waits for.
func dial(t *testing.T, port int) *tcpstore.Client {
	t.Helper()
	c, err := tcpstore.Dial(t.Context(), "127.0.0.1", port, time.Minute)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}
