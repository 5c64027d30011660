package torch

/*
#include "gotorch.h"
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"
)

// Rendezvous is where the ranks of a world leave for each other what they need to connect.
type Rendezvous interface {
	Set(key string, value []byte) error
	Get(key string) ([]byte, error) // waits until the key is set
	// Local is this process's own address on its way to the place where they meet, which the others can reach.
	Local() netip.Addr
}

// mostRanks is far above what a machine has sockets for.
const mostRanks = 1 << 16

// NewComm joins rank of size processes, each of which calls it once, through meet, whose keys begin with "comm/". The back end is
// "gloo" for the CPU or "nccl" for dev, a CUDA device, one a rank. It waits for the others that long, and later calls on
// the CPU do. The error names what is missing, or the rank that cannot be reached, and has code PeerLost where a rank did not come.
func NewComm(backend string, dev Device, rank, size int, meet Rendezvous, timeout time.Duration) (*Comm, error) {
	if rank < 0 || rank >= size || size > mostRanks || timeout < time.Millisecond || meet == nil {
		return nil, fmt.Errorf("torch: comm: rank %d of %d, %v to wait: give a rank below the size, %d ranks at most, a time and a place to meet",
			rank, size, timeout, mostRanks)
	}
	host := "127.0.0.1"
	switch {
	case backend == "gloo" && !dev.CUDA:
		if err := Load(); err != nil {
			return nil, err
		}
		var err error
		if host, err = hostAmong(meet, rank, size); err != nil {
			return nil, err
		}
	case backend == "nccl" && dev.CUDA:
		if err := dev.there(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("torch: comm: back end %q on %s: use gloo on the CPU or nccl on a CUDA device", backend, dev)
	}
	c, word, err := newComm(backend, host, dev, rank, size, timeout)
	if err != nil {
		return nil, err
	}
	if err := c.join(meet, word); err != nil {
		c.Abort()
		c.Close()
		return nil, err
	}
	return c, nil
}

// newComm is a rank that is not joined to the others, and what they need of it.
func newComm(backend, host string, dev Device, rank, size int, timeout time.Duration) (*Comm, []byte, error) {
	number := C.int(C.GT_GLOO)
	if backend == "nccl" {
		number = C.GT_NCCL
	}
	chost := C.CString(host)
	defer C.free(unsafe.Pointer(chost))
	word := make([]byte, 256*(size+1)) // an address for each of the others, or an id
	length := C.size_t(len(word))
	var why reason
	c := &Comm{rank: rank, size: size}
	c.h = C.gt_comm_new(number, chost, C.int(dev.Index), C.int(rank), C.int(size), C.int64_t(timeout.Milliseconds()),
		unsafe.Pointer(&word[0]), &length, why.at(), why.room())
	if c.h == nil {
		return nil, nil, fmt.Errorf("torch: comm: %s: %s: %s", backend, oneLine(cString(why[:])), commRemedies[backend])
	}
	return c, word[:length], nil
}

var commRemedies = map[string]string{
	"gloo": "install libgloo (sudo apt-get install libgloo-dev, or libgloo0 beside a program that has libgotorch_gloo.so) and build again",
	"nccl": "install the full libtorch with scripts/setup",
}

// join gives word to the others and connects by theirs.
func (c *Comm) join(meet Rendezvous, word []byte) error {
	words, err := exchange(meet, "comm/word", c.rank, c.size, word)
	if err != nil {
		return err
	}
	var all []byte
	lengths := make([]C.size_t, c.size)
	for i, w := range words {
		all = append(all, w...)
		lengths[i] = C.size_t(len(w))
	}
	all = append(all, 0) // so that it has an address
	var why reason
	return why.failure("comm.join", C.gt_comm_join(c.h, C.int(c.size), unsafe.Pointer(&all[0]), &lengths[0], why.at(), why.room()))
}

// exchange gives value to all ranks, and is what each gave.
func exchange(meet Rendezvous, key string, rank, size int, value []byte) ([][]byte, error) {
	at := func(i int) string { return fmt.Sprintf("%s/%d", key, i) }
	if err := meet.Set(at(rank), value); err != nil {
		return nil, fmt.Errorf("torch: comm: rank %d: %w", rank, err)
	}
	values := make([][]byte, size)
	for i := range values {
		var err error
		if values[i], err = meet.Get(at(i)); err != nil {
			return nil, fmt.Errorf("torch: comm: rank %d waits for rank %d: %w", rank, i, err)
		}
	}
	return values, nil
}

// hostAmong is the address by which the others reach this rank. That is the one on its way to where they meet; but on the
// machine that hosts the meeting it may be the loopback's, of no use to the others, and then it is the one on the way to them.
func hostAmong(meet Rendezvous, rank, size int) (string, error) {
	own := meet.Local().Unmap()
	text, err := own.MarshalText()
	if err != nil {
		return "", fmt.Errorf("torch: comm: rank %d: %w", rank, err)
	}
	hosts, err := exchange(meet, "comm/host", rank, size, text)
	if err != nil {
		return "", err
	}
	for i, h := range hosts {
		var a netip.Addr
		if err := a.UnmarshalText(h); err != nil || !a.IsValid() {
			return "", fmt.Errorf("torch: comm: rank %d has no address: %q: name one in MASTER_ADDR that all ranks reach", i, h)
		}
		if a.IsLoopback() {
			continue
		}
		if !own.IsLoopback() {
			return own.String(), nil
		}
		return toward(a)
	}
	return "127.0.0.1", nil // all on one machine
}

// toward is this machine's address on its way to another. Nothing is sent.
func toward(a netip.Addr) (string, error) {
	conn, err := net.Dial("udp", netip.AddrPortFrom(a, 9).String())
	if err != nil {
		return "", fmt.Errorf("torch: comm: %s cannot be reached: %w", a, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().String(), nil
}
