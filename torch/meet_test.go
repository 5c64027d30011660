package torch_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// meeting is a torch.Rendezvous of one process.
type meeting struct {
	values map[string][]byte
	local  netip.Addr
}

func (m meeting) Set(key string, value []byte) error { m.values[key] = value; return nil }

func (m meeting) Get(key string) ([]byte, error) {
	if v, ok := m.values[key]; ok {
		return v, nil
	}
	return nil, errors.New("nobody came")
}

func newMeeting() meeting {
	return meeting{map[string][]byte{}, netip.MustParseAddr("127.0.0.1")}
}

func (m meeting) Local() netip.Addr { return m.local }

// A world of one needs no other, and what cannot be is said in a line.
func TestNewCommSaysWhatCannotBe(t *testing.T) {
	try := func(backend string, dev torch.Device, rank, size int, m meeting, timeout time.Duration) string {
		m.values = map[string][]byte{}
		c, err := torch.NewComm(backend, dev, rank, size, m, timeout)
		if err == nil {
			c.Close()
			c.Close()
			assert.ErrorContains(t, c.Check(), "closed before")
		}
		return fmt.Sprint(err)
	}
	gpu := torch.Device{CUDA: true}
	at := newMeeting()
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_gloo.so")); err == nil {
		assert.Equal(t, "<nil>", try("gloo", torch.CPU, 0, 1, at, time.Second))
	}
	assert.Equal(t, "torch: comm: rank 0 waits for rank 1: nobody came", try("gloo", torch.CPU, 0, 2, at, time.Second))
	assert.Equal(t, `torch: comm: rank 0 has no address: "": name one in MASTER_ADDR that all ranks reach`,
		try("gloo", torch.CPU, 0, 1, meeting{}, time.Second))
	for _, text := range []string{try("gloo", gpu, 0, 1, at, time.Second), try("nccl", torch.CPU, 0, 1, at, time.Second), try("mpi", torch.CPU, 0, 1, at, time.Second)} {
		assert.Contains(t, text, "use gloo on the CPU or nccl on a CUDA device")
	}
	assert.Contains(t, try("gloo", torch.CPU, 0, 1<<40, at, time.Second), "65536 ranks at most")
	assert.Contains(t, try("gloo", torch.CPU, 2, 2, at, time.Second), "rank 2 of 2")
	assert.Contains(t, try("gloo", torch.CPU, 0, 1, at, 0), "0s to wait")
	if n, _ := torch.OpenCUDA(); n == 0 {
		assert.Contains(t, try("nccl", gpu, 0, 1, at, time.Second), "torch: cuda: ")
	}
}

// A rank that told its address and is gone before it was reached is lost, and one that told something else is named.
func TestARankThatIsNotThereIsLost(t *testing.T) {
	needGloo(t)
	other, word, err := torch.NewCommAlone("gloo", "127.0.0.1", torch.CPU, 1, 2, time.Second)
	require.NoError(t, err)
	other.Close()
	joined := func(word []byte) error {
		m := newMeeting()
		m.values["comm/host/1"], m.values["comm/word/1"] = []byte("127.0.0.1"), word
		_, err := torch.NewComm("gloo", torch.CPU, 0, 2, m, 100*time.Millisecond)
		return err
	}
	var e *torch.Error
	require.ErrorAs(t, joined(word), &e)
	assert.Equal(t, torch.PeerLost, e.Code, e.Msg)
	assert.ErrorContains(t, joined([]byte("hello")), "the addresses of rank 1 are of another gloo")
}

// The address that others reach is the one on the way to the meeting, unless that is the loopback's and others are elsewhere.
func TestTheAddressThatOthersReach(t *testing.T) {
	two := func(own, other string) (string, error) {
		m := meeting{map[string][]byte{"comm/host/1": []byte(other)}, netip.MustParseAddr(own)}
		return torch.HostAmong(m, 0, 2)
	}
	host, err := two("::1", "127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host, "one machine")
	host, err = two("::ffff:10.0.0.7", "127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.7", host)
	_, err = two("127.0.0.1", "nowhere")
	assert.ErrorContains(t, err, `rank 1 has no address: "nowhere"`)

	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			host, err = two("127.0.0.1", prefix.Addr().String())
			require.NoError(t, err)
			assert.Equal(t, prefix.Addr().String(), host, "the way to oneself")
			return
		}
	}
	t.Skip("NOT TESTED: this machine has the loopback's address alone")
}
