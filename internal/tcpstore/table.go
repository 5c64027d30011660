package tcpstore

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
)

// maxTable is how many bytes a server keeps, keys and perKey for each included.
const (
	maxTable = 256 << 20
	perKey   = 128
)

// table is what a server keeps, and who waits for what is not there yet.
type table struct {
	mu      sync.Mutex
	values  map[string][]byte
	size    int
	waiting map[string]map[*waiter]struct{}
}

// waiter is a request that is answered once its keys have been set.
type waiter struct {
	missing map[string]struct{}
	ready   chan struct{} // closed when the last one is set
}

func newTable() *table {
	return &table{values: map[string][]byte{}, waiting: map[string]map[*waiter]struct{}{}}
}

// put is set under the lock; it wakes whoever waited for the key.
func (t *table) put(key string, value []byte) error {
	old, has := t.values[key]
	grows := len(value) - len(old)
	if !has {
		grows += len(key) + perKey
	}
	if t.size+grows > maxTable {
		return fmt.Errorf("the store is full, at %d bytes", maxTable)
	}
	t.size += grows
	t.values[key] = value
	for w := range t.waiting[key] {
		if delete(w.missing, key); len(w.missing) == 0 {
			close(w.ready)
		}
	}
	delete(t.waiting, key)
	return nil
}

func (t *table) set(key string, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.put(key, value)
}

// get is the value, empty where there is none, as PyTorch's server has it.
func (t *table) get(key string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.values[key]
}

// add adds to the number that the value is the text of, and is the sum.
func (t *table) add(key string, n int64) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, has := t.values[key]; has {
		before, err := strconv.ParseInt(string(old), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("it adds to %.100q, whose value is no number", key)
		}
		n += before
	}
	return n, t.put(key, strconv.AppendInt(nil, n, 10))
}

// appended puts value behind what is there.
func (t *table) appended(key string, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	whole := append(bytes.Clone(t.values[key]), value...)
	if len(whole) > maxValue {
		return fmt.Errorf("it appends to %.100q beyond %d bytes", key, maxValue)
	}
	return t.put(key, whole)
}

// compareSet sets value where the old one is expected, or where there is none and an empty one is expected. The result is what
// is there then; without a value and with another expectation it is the expectation, by PyTorch's custom.
func (t *table) compareSet(key string, expected, value []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, has := t.values[key]
	switch {
	case !has && len(expected) > 0:
		return expected, nil
	case has && !bytes.Equal(old, expected):
		return old, nil
	}
	return value, t.put(key, value)
}

// remove is how many values are gone by it: 1, or 0 where there was none.
func (t *table) remove(key string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, has := t.values[key]
	if !has {
		return 0
	}
	t.size -= len(key) + len(old) + perKey
	delete(t.values, key)
	return 1
}

func (t *table) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return uint64(len(t.values))
}

// wait is a waiter for the keys that are not there, nil where all are.
func (t *table) wait(keys []string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &waiter{map[string]struct{}{}, make(chan struct{})}
	for _, key := range keys {
		if _, has := t.values[key]; has {
			continue
		}
		w.missing[key] = struct{}{}
		if t.waiting[key] == nil {
			t.waiting[key] = map[*waiter]struct{}{}
		}
		t.waiting[key][w] = struct{}{}
	}
	if len(w.missing) == 0 {
		return nil
	}
	return w
}

func (t *table) has(keys []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if _, has := t.values[key]; !has {
			return false
		}
	}
	return true
}

// forget ends a waiting.
func (t *table) forget(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range w.missing {
		if delete(t.waiting[key], w); len(t.waiting[key]) == 0 {
			delete(t.waiting, key)
		}
	}
}
