package torchtest

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/assert"
)

// place is where the ranks of one process meet.
type place struct {
	mu     sync.Mutex
	values map[string]chan []byte
}

func (p *place) at(key string) chan []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values[key] == nil {
		p.values[key] = make(chan []byte, 1)
	}
	return p.values[key]
}

func (p *place) Set(key string, value []byte) error {
	p.at(key) <- value
	return nil
}

func (p *place) Get(key string) ([]byte, error) {
	at := p.at(key)
	value := <-at
	at <- value // for the next who asks
	return value, nil
}

func (p *place) Local() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

// Ranks calls body for each of so many ranks on the CPU at once, on goroutines of this process that stand for processes, and
// waits for all. The one that ends early has the others fail instead of wait.
func Ranks(t *testing.T, size int, body func(rank int, c *torch.Comm)) {
	t.Helper()
	meet := &place{values: map[string]chan []byte{}}
	var all sync.WaitGroup
	for rank := range size {
		all.Go(func() {
			c, err := torch.NewComm("gloo", torch.CPU, rank, size, meet, time.Minute)
			if !assert.NoError(t, err) {
				return
			}
			defer c.Close()
			body(rank, c)
		})
	}
	all.Wait()
}
