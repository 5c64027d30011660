package torch_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Meeting is what a test's processes leave for each other, in the test's.
type Meeting struct {
	mu     sync.Mutex
	set    *sync.Cond
	values map[string][]byte
	over   bool
}

// Put is a call of net/rpc's: a key and its value.
func (m *Meeting) Put(kv [2]string, _ *bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[kv[0]] = []byte(kv[1])
	m.set.Broadcast()
	return nil
}

// Take waits for a key.
func (m *Meeting) Take(key string, value *[]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.values[key] == nil {
		if m.over {
			return fmt.Errorf("%s was never set", key)
		}
		m.set.Wait()
	}
	*value = m.values[key]
	return nil
}

// host has the meeting listen until the test ends.
func host(t testing.TB) (address string) {
	t.Helper()
	m := &Meeting{values: map[string][]byte{}}
	m.set = sync.NewCond(&m.mu)
	server := rpc.NewServer()
	require.NoError(t, server.Register(m))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil { // closed below
				return
			}
			go server.ServeConn(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		m.mu.Lock()
		m.over = true
		m.set.Broadcast()
		m.mu.Unlock()
	})
	return l.Addr().String()
}

// guest is a torch.Rendezvous in a rank's process.
type guest struct{ client *rpc.Client }

func (g guest) Set(key string, value []byte) error {
	return g.client.Call("Meeting.Put", [2]string{key, string(value)}, new(bool))
}

func (g guest) Get(key string) (value []byte, err error) {
	err = g.client.Call("Meeting.Take", key, &value)
	return value, err
}

func (guest) Local() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

// rank is one process of a test's world.
type rank struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stays  io.WriteCloser // until it is closed, where a deed waits for that
	errors bytes.Buffer
}

// processes starts the test binary as ranks that do what, and kills what is left of them after a minute or at the test's end.
func processes(t testing.TB, what string, size int, env ...string) []*rank {
	t.Helper()
	needGloo(t)
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	address := host(t)
	ranks := make([]*rank, size)
	for i := range ranks {
		r := &rank{cmd: exec.CommandContext(ctx, self)}
		r.cmd.Env = append(os.Environ(), inChild+"=rank", "OMP_NUM_THREADS=1", "TEST_DOES="+what, "TEST_MEETING="+address,
			"TEST_RANK="+strconv.Itoa(i), "TEST_SIZE="+strconv.Itoa(size))
		r.cmd.Env = append(r.cmd.Env, env...)
		out, err := r.cmd.StdoutPipe()
		require.NoError(t, err)
		r.stays, err = r.cmd.StdinPipe()
		require.NoError(t, err)
		r.lines = bufio.NewScanner(out)
		r.lines.Buffer(nil, 1<<22)
		r.cmd.Stderr = &r.errors
		require.NoError(t, r.cmd.Start())
		ranks[i] = r
	}
	t.Cleanup(func() {
		cancel()
		for _, r := range ranks {
			_ = r.cmd.Wait() // a test that is to see its end has waited before
		}
	})
	return ranks
}

// line is what a rank says next.
func (r *rank) line(t testing.TB) string {
	t.Helper()
	ok := r.lines.Scan()
	if !ok {
		_ = r.cmd.Wait()
	}
	require.True(t, ok, "a rank ended: %s", &r.errors)
	return r.lines.Text()
}

// say reads what a rank says next into v.
func (r *rank) say(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.line(t)), v))
}

// needGloo skips a test where there is no gloo.
func needGloo(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_gloo.so")); err != nil {
		t.Skip("NOT TESTED: libgotorch_gloo.so was not built here: sudo apt-get install libgloo-dev: " + err.Error())
	}
}

// libraries is the folder of libgotorch.so.
func libraries(t testing.TB) string {
	t.Helper()
	lib, err := filepath.Abs(cmp.Or(os.Getenv("FORGER_LIB"), filepath.Join("..", "build")))
	require.NoError(t, err)
	return strings.TrimSuffix(lib, "/libgotorch.so")
}

// number is that of a variable of a rank's environment.
func number(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		panic(err)
	}
	return n
}

// rankMain is the main of a rank: it joins the others and does what TEST_DOES names.
func rankMain() {
	client, err := rpc.Dial("tcp", os.Getenv("TEST_MEETING"))
	if err != nil {
		panic(err)
	}
	timeout := 30 * time.Second
	if given, err := time.ParseDuration(os.Getenv("TEST_TIMEOUT")); err == nil {
		timeout = given
	}
	if os.Getenv("LD_LIBRARY_PATH") != "" {
		_, _ = torch.OpenCUDA() // a stand-in's, which fails once the CUDA library is open
	}
	s, err := torch.NewScope()
	if err != nil {
		panic(err)
	}
	defer s.Close()
	c, err := torch.NewComm("gloo", torch.CPU, number("TEST_RANK"), number("TEST_SIZE"), guest{client}, timeout)
	if err != nil {
		panic(err)
	}
	defer c.Close()
	deeds[os.Getenv("TEST_DOES")](s, c)
}

// tell prints a value for the test.
func tell(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// told is every rank's next word.
func told[T any](t testing.TB, ranks []*rank) []T {
	t.Helper()
	all := make([]T, len(ranks))
	for i, r := range ranks {
		r.say(t, &all[i])
	}
	return all
}

// ended waits for ranks that are to end well.
func ended(t testing.TB, ranks []*rank) {
	t.Helper()
	for _, r := range ranks {
		assert.NoError(t, r.stays.Close())
		assert.NoError(t, r.cmd.Wait(), &r.errors)
	}
}
