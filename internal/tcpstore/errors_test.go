package tcpstore_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"forger/internal/tcpstore"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsWrongWithAStoreIsToldApart(t *testing.T) {
	var heard said
	s := host(t, 0, &heard)
	port := s.Port()
	address := fmt.Sprintf("store 127.0.0.1:%d: ", port)
	_, err := tcpstore.Listen("127.0.0.1", port, heard.say)
	assert.ErrorContains(t, err, "address already in use: set MASTER_PORT to a free port, if another run has this one")

	c := dial(t, port)
	require.NoError(t, s.Close())
	_, err = c.Get(t.Context(), "key")
	assert.ErrorIs(t, err, tcpstore.ErrLost)
	assert.ErrorContains(t, err, address+"the connection is lost: get of key: ")
	assert.ErrorIs(t, c.Wait(t.Context(), "other"), tcpstore.ErrLost)

	_, err = tcpstore.Dial(t.Context(), "127.0.0.1", port, 30*time.Millisecond)
	assert.ErrorIs(t, err, tcpstore.ErrTimeout)
	assert.ErrorContains(t, err, address+"time is up: not reached within 30ms: ")
	assert.ErrorContains(t, err, "connection refused")

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tcpstore.Dial(cancelled, "127.0.0.1", port, time.Minute)
	assert.ErrorIs(t, err, context.Canceled)
}

// stranger is a server of another protocol: it says what it says to whoever connects, and no more.
func stranger(t *testing.T, greeting string) (port int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var over sync.WaitGroup
	over.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte(greeting))
			t.Cleanup(func() { conn.Close() })
		}
	})
	t.Cleanup(func() {
		l.Close()
		over.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

func TestAnotherProtocolIsNoStore(t *testing.T) {
	_, err := tcpstore.Dial(t.Context(), "127.0.0.1", stranger(t, "SSH-2.0-OpenSSH_9.2p1\r\n"), time.Minute)
	assert.ErrorIs(t, err, tcpstore.ErrForeign)
	assert.ErrorContains(t, err, "no TCPStore listens there: a ping was answered with 0x2d485353 instead of 0x")
	_, err = tcpstore.Dial(t.Context(), "127.0.0.1", stranger(t, ""), 30*time.Millisecond)
	assert.ErrorIs(t, err, tcpstore.ErrForeign)
	assert.ErrorContains(t, err, "no TCPStore listens there: a ping was not answered")
}

// A server that stops within an answer: the call says that time is up, and the connection is of no more use.
func TestHalfAnAnswerIsTheEndOfAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		hello := make([]byte, 10)
		conn.Read(hello)
		conn.Write(hello[6:])
		conn.Write([]byte{1, 0, 0})
		t.Cleanup(func() { conn.Close() })
	}()
	c := dial(t, l.Addr().(*net.TCPAddr).Port)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = c.Add(ctx, "n", 1)
	assert.ErrorIs(t, err, tcpstore.ErrTimeout)
	_, err = c.Add(t.Context(), "n", 1)
	assert.ErrorIs(t, err, tcpstore.ErrLost)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
