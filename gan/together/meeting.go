package together

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"forger/internal/rank"
	"forger/internal/tcpstore"
	"forger/torch"
)

// Meeting is a run's processes as one of them has them at hand; nil: it is alone. One goroutine calls it.
type Meeting struct {
	World rank.World

	timeout time.Duration
	backend string
	server  *tcpstore.Server // nil: another hosts the store
	store   *tcpstore.Client
	comm    *torch.Comm
	pulse   *pulse
}

// Meet has the ranks of a world find each other, and returns nil where there is one alone.
func Meet(ctx context.Context, w rank.World, o Options) (_ *Meeting, err error) {
	if w.Size <= 1 {
		return nil, nil
	}
	m := &Meeting{World: w, timeout: o.timeout(), backend: o.Backend}
	defer func() {
		if err != nil {
			m.leave()
		}
	}()
	if w.Rank == 0 && !w.AgentStore {
		if m.server, err = tcpstore.Listen(reach(w.Host), w.Port, func(string) {}); err != nil {
			return nil, err
		}
		go func() { _ = m.server.Serve() }() // its end is the end of the clients' connections, who tell of it
	}
	if m.store, err = tcpstore.Dial(ctx, w.Host, w.Port, m.timeout); err != nil {
		return nil, err
	}
	if m.pulse, err = m.startPulse(ctx); err != nil {
		return nil, err
	}
	return m, m.Blame(m.store.Barrier(ctx, m.key("here"), w.Rank, w.Size))
}

// reach is where the store listens: at all of the machine's addresses, but of a world of one host at the loopback's alone.
func reach(host string) string {
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		return host
	}
	return ""
}

// key is a name in the store that no other run has, nor this one before it was started again.
func (m *Meeting) key(name string) string {
	return fmt.Sprintf("forger/%s/%d/%s", m.World.Job, m.World.Restarts, name)
}

// Leads reports whether this process is the one that writes, watches and decides.
func (m *Meeting) Leads() bool { return m == nil || m.World.Rank == 0 }

// Ranks is how many there are.
func (m *Meeting) Ranks() int {
	if m == nil {
		return 1
	}
	return m.World.Size
}

// Local is how many of the ranks are on this host, as far as that is known.
func (m *Meeting) Local() int {
	if m == nil {
		return 1
	}
	return max(1, m.World.LocalSize)
}

// Tell leaves a value for the other ranks, once.
func (m *Meeting) Tell(what string, value []byte) error {
	return m.Blame(m.store.Set(context.Background(), m.key("told/"+what), value))
}

// Hear waits for what a rank tells.
func (m *Meeting) Hear(ctx context.Context, what string) ([]byte, error) {
	defer context.AfterFunc(ctx, m.pulse.lose)()
	value, err := m.get("told/" + what)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return value, m.Blame(err)
}

// get waits for a key as long as there is hope for it.
func (m *Meeting) get(key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(m.pulse.hope, m.timeout)
	defer cancel()
	value, err := m.store.Get(ctx, m.key(key))
	if err != nil && m.pulse.hope.Err() != nil {
		err = fmt.Errorf("%w: %w", tcpstore.ErrTimeout, err)
	}
	return value, err
}

// Connect joins the ranks' tensors on a device.
func (m *Meeting) Connect(dev torch.Device) (err error) {
	backend := m.backend
	switch {
	case backend == "auto" && dev.CUDA:
		backend = "nccl"
	case backend == "auto":
		backend = "gloo"
	}
	if backend == "gloo" && dev.CUDA || backend == "nccl" && !dev.CUDA {
		return fmt.Errorf("--backend %s: it does not add up on %s: use --backend auto", backend, dev)
	}
	if m.comm, err = torch.NewComm(backend, dev, m.World.Rank, m.World.Size, place{m}, m.timeout); err != nil {
		return m.Blame(err)
	}
	m.pulse.watch(m.comm)
	return nil
}

// Comm is what Connect made; nil before, and of one alone.
func (m *Meeting) Comm() *torch.Comm {
	if m == nil {
		return nil
	}
	return m.comm
}

// place is the store as a torch.Rendezvous.
type place struct{ m *Meeting }

func (p place) Set(key string, value []byte) error {
	return p.m.store.Set(context.Background(), p.m.key(key), value)
}

func (p place) Get(key string) ([]byte, error) {
	return p.m.get(key)
}

// Local is the address that datagrams to the store would leave by; none is sent.
func (p place) Local() netip.Addr {
	c, err := net.Dial("udp", net.JoinHostPort(p.m.World.Host, strconv.Itoa(p.m.World.Port)))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
}

// Close leaves the others with how this rank ended, and has them fail where it did. Whoever hosts the store waits until they have
// read why.
func (m *Meeting) Close(ended error) {
	if m == nil {
		return
	}
	state := leftDone
	var lost *LostError
	var another *FailedError
	switch {
	case errors.As(ended, &lost) || errors.As(ended, &another):
		state = leftLost
	case ended != nil:
		state = leftFailed + strings.Join(strings.Fields(ended.Error()), " ")
	}
	failed := state != leftDone && state != leftLost
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	// Where the store is gone nobody is left to read it.
	_ = m.store.Set(ctx, m.left(m.World.Rank), []byte(state))
	if failed {
		_ = m.store.Set(ctx, m.failed(), []byte(state))
	}
	if m.comm != nil && ended != nil {
		m.comm.Abort()
	}
	_ = m.store.Set(ctx, m.gone(m.World.Rank), []byte(state))
	if m.server != nil {
		var keys []string
		for r := range m.World.Size {
			if lost == nil || !lost.names(r) {
				keys = append(keys, m.gone(r))
			}
		}
		_ = m.store.Wait(ctx, keys...) // those that do not come are as gone as the store will be
	}
	m.leave()
}

// farewell is how long whoever hosts the store waits for the others to end.
const farewell = 10 * time.Second

func (m *Meeting) leave() {
	if m.pulse != nil {
		m.pulse.stop()
	}
	if m.comm != nil {
		m.comm.Close()
	}
	if m.store != nil {
		m.store.Close()
	}
	if m.server != nil {
		m.server.Close()
	}
}
