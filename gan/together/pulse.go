package together

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"forger/internal/tcpstore"
	"forger/torch"
)

// beat is how often a rank shows that it lives.
const beat = time.Second

// pulse counts a number in the store up for as long as this process runs, on a connection of its own, and ends the waiting of one
// that waits in vain: for a device, or for a rank that failed.
type pulse struct {
	store *tcpstore.Client
	end   context.CancelFunc
	ended sync.WaitGroup
	hope  context.Context // ends when a rank has failed
	lose  context.CancelFunc

	comm    atomic.Pointer[torch.Comm] // nil: there is none to watch yet
	waiting atomic.Int64               // since when the ranks are waited for, in nanoseconds; 0: they are not
	late    atomic.Bool                // they were waited for in vain
	failed  bool                       // one of them has failed
}

func (m *Meeting) startPulse(ctx context.Context) (*pulse, error) {
	store, err := tcpstore.Dial(ctx, m.World.Host, m.World.Port, m.timeout)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	p := &pulse{store: store, end: end}
	p.hope, p.lose = context.WithCancel(context.Background())
	p.ended.Go(func() { p.run(ctx, m.beatOf(m.World.Rank), m.failed(), m.timeout) })
	return p, nil
}

// run ends with ctx, or with the store.
func (p *pulse) run(ctx context.Context, key, failed string, timeout time.Duration) {
	defer p.lose()
	clock := time.NewTicker(beat)
	defer clock.Stop()
	for {
		if _, err := p.store.Add(ctx, key, 1); err != nil {
			return
		}
		if bad, err := p.store.Check(ctx, failed); err == nil && bad {
			p.failed = true
			p.lose()
		}
		p.look(timeout)
		select {
		case <-clock.C:
		case <-ctx.Done():
			return
		}
	}
}

// look gives up a world in which the device stands still: calls to it wait for ever.
func (p *pulse) look(timeout time.Duration) {
	comm := p.comm.Load()
	if comm == nil {
		return
	}
	if p.failed {
		timeout = 3 * beat
	}
	since := p.waiting.Load()
	if comm.Check() != nil || since > 0 && time.Since(time.Unix(0, since)) > timeout {
		p.late.Store(true)
		comm.Abort()
	}
}

func (p *pulse) watch(comm *torch.Comm) { p.comm.Store(comm) }

func (p *pulse) stop() {
	p.end()
	p.ended.Wait()
	p.store.Close()
}

func (m *Meeting) beatOf(r int) string { return m.key("beat/" + strconv.Itoa(r)) }
