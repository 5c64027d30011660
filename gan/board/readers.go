package board

import "sync"

// reader is a page that is open, and what it was not told of yet.
type reader struct {
	mu    sync.Mutex
	news  map[string]bool // ids of runs
	ready chan struct{}   // holds one: there is news
}

// join enters a reader. It is told of what changes from now on.
func (b *Board) join() *reader {
	r := &reader{news: map[string]bool{}, ready: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers[r] = true
	return r
}

func (b *Board) leave(r *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.readers, r)
}

// watched reports whether anybody looks.
func (b *Board) watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.readers) > 0
}

// tell tells every reader that something of a run is new; the board's lock is held.
func (b *Board) tell(id string) {
	for r := range b.readers {
		r.mu.Lock()
		r.news[id] = true
		r.mu.Unlock()
		select {
		case r.ready <- struct{}{}:
		default: // it has not taken the last news yet
		}
	}
}

// take is the runs that the reader was not told of.
func (r *reader) take() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.news {
		ids = append(ids, id)
	}
	clear(r.news)
	return ids
}
