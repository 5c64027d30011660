// Package rank says which of a run's processes this one is and where they meet, from what launchers leave in the environment.
package rank

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// World is a run's processes as one of them sees them.
type World struct {
	Rank, Size int // this process among all, from 0; how many there are, at least 1

	// The same among the processes of this host. LocalSize is 0 where the launcher does not say.
	LocalRank, LocalSize int

	// Where the store is that the ranks meet at: "" and 0 in a world of one. Rank 0 hosts it, unless AgentStore.
	Host string
	Port int

	Launcher   string // who set the variables, "" where nobody did
	AgentStore bool   // torchrun's agent hosts the store, and every rank is a client of it
	Restarts   int    // how often the launcher has started these ranks again

	// Job is a name that all ranks of a run have, and by what the launcher does no other run; "" where it gives none. Keys of the
	// store that begin with it are the run's own, also where another run's store listens at the same port.
	Job string
}

// String is the world as a line, such as "3 of 8, local 1 of 4, torchrun, store 10.0.0.1:29500 hosted by the agent".
func (w World) String() string {
	if w.Launcher == "" {
		return "1 (no launcher)"
	}
	words := []string{fmt.Sprintf("%d of %d", w.Rank, w.Size), fmt.Sprintf("local %d", w.LocalRank)}
	if w.LocalSize > 0 {
		words[1] += fmt.Sprintf(" of %d", w.LocalSize)
	}
	words = append(words, w.Launcher)
	if w.Size > 1 {
		host := "rank 0"
		if w.AgentStore {
			host = "the agent"
		}
		words = append(words, "store "+net.JoinHostPort(w.Host, strconv.Itoa(w.Port))+" hosted by "+host)
	}
	if w.Restarts > 0 {
		words = append(words, fmt.Sprintf("restart %d", w.Restarts))
	}
	return strings.Join(words, ", ")
}

// Device is the index of this rank's CUDA device, of so many that it sees. A launcher that shows each rank one device alone
// (torchrun --virtual-local-rank, a CUDA_VISIBLE_DEVICES for each) does not change the local rank: the one device is taken.
func (w World) Device(visible int) (index int, err error) {
	switch {
	case visible < 1:
		return 0, fmt.Errorf("rank %d: no CUDA device is visible: let the launcher show one, or use --device cpu", w.Rank)
	case visible == 1:
		return 0, nil
	case max(w.LocalRank+1, w.LocalSize) > visible:
		return 0, fmt.Errorf("rank %d: %d ranks on this host, of which this is number %d, and %d CUDA devices are visible: start one rank a device",
			w.Rank, max(w.LocalRank+1, w.LocalSize), w.LocalRank, visible)
	}
	return w.LocalRank, nil
}
