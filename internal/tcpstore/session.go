package tcpstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// session serves one client.
type session struct {
	conn     net.Conn
	in       decoder
	table    *table
	patience time.Duration

	writing sync.Mutex
	pending *waiter       // what the client waits for, whose answer another goroutine gives
	stop    chan struct{} // closed: there is to be no answer
	answers sync.WaitGroup
}

// serve answers until the client leaves, which is no error, or does what it should not. A message that has begun is to come
// whole within patience, as is the first one; between messages a client may be silent for as long as it likes.
func (s *session) serve() error {
	defer s.endWait()
	s.in.r = bufio.NewReader(s.conn)
	for greeted := false; ; greeted = true {
		if greeted {
			s.conn.SetReadDeadline(time.Time{})
		} else {
			s.conn.SetReadDeadline(time.Now().Add(s.patience))
		}
		first, err := s.in.r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		s.conn.SetReadDeadline(time.Now().Add(s.patience))
		s.in.left = maxRequest
		if !greeted {
			err = s.greet(code(first))
		} else {
			err = s.handle(code(first))
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) greet(op code) error {
	if number := s.in.uint32(); s.in.err == nil && (op != opValidate || number != magic) {
		return errors.New("it speaks another protocol")
	}
	return s.in.err
}

// handle reads the rest of a request and answers it.
func (s *session) handle(op code) error {
	if op == opCancelWait {
		s.endWait()
		return s.answer([]byte{waitCanceled})
	}
	if err := s.waited(op); err != nil {
		return err
	}
	out, known := s.reply(op)
	switch {
	case !known:
		return fmt.Errorf("it sent request %d, which this store does not know", op)
	case s.in.err != nil || out == nil:
		return s.in.err
	}
	return s.answer(out)
}

// waited has the answer to a wait that is over go before that to a next request; there is none while it is not.
func (s *session) waited(op code) error {
	if s.pending == nil {
		return nil
	}
	select {
	case <-s.pending.ready:
		s.answers.Wait()
		s.pending = nil
		return nil
	default:
		return fmt.Errorf("it sent request %d while it waits", op)
	}
}

// reply does what a request asks for; nil: it has no answer, or none yet.
func (s *session) reply(op code) (out []byte, known bool) {
	d, t := &s.in, s.table
	switch op {
	case opPing:
		out = appendUint32(nil, d.uint32())
	case opSet:
		key, value := d.key(), d.value()
		d.try(func() error { return t.set(key, value) })
	case opAppend:
		key, value := d.key(), d.value()
		d.try(func() error { return t.appended(key, value) })
	case opCompareSet:
		key, expected, value := d.key(), d.value(), d.value()
		d.try(func() (err error) {
			value, err = t.compareSet(key, expected, value)
			return err
		})
		out = appendSized(nil, value)
	case opAdd:
		key, n := d.key(), int64(d.uint64())
		d.try(func() (err error) {
			n, err = t.add(key, n)
			return err
		})
		out = appendUint64(nil, uint64(n))
	case opGet:
		out = appendSized(nil, t.get(d.key()))
	case opDelete:
		key := d.key()
		d.try(func() error {
			out = appendUint64(nil, t.remove(key))
			return nil
		})
	case opNumKeys:
		out = appendUint64(nil, t.count())
	case opCheck:
		out = []byte{notReady}
		if t.has(d.keys()) {
			out[0] = ready
		}
	case opWait:
		keys := d.keys()
		d.try(func() error { return s.wait(keys) })
	case opMultiGet:
		out = s.multiGet()
	case opMultiSet:
		for range d.count() {
			key, value := d.key(), d.value()
			d.try(func() error { return t.set(key, value) })
		}
	default:
		return nil, false
	}
	return out, true
}

// try does what a message asks for, unless it was not read well.
func (d *decoder) try(f func() error) {
	if d.err == nil {
		d.err = f()
	}
}

// multiGet is one answer of all values. Asked often enough for a long one it would be of any length.
func (s *session) multiGet() (out []byte) {
	for range s.in.count() {
		out = appendSized(out, s.table.get(s.in.key()))
		if len(out) > 4*maxValue && s.in.err == nil {
			s.in.err = fmt.Errorf("it asks for more than %d bytes at once", 4*maxValue)
		}
		if s.in.err != nil {
			return nil
		}
	}
	return out
}

// wait answers once all keys are there. Until then another goroutine holds the answer, and the client may cancel it.
func (s *session) wait(keys []string) error {
	w := s.table.wait(keys)
	if w == nil {
		return s.answer([]byte{stopWaiting})
	}
	stop := make(chan struct{})
	s.pending, s.stop = w, stop
	s.answers.Go(func() {
		select {
		case <-w.ready:
			if s.answer([]byte{stopWaiting}) != nil {
				s.conn.Close() // and the session reads that it is
			}
		case <-stop:
		}
	})
	return nil
}

// endWait returns when no answer to a wait will come any more.
func (s *session) endWait() {
	if s.pending == nil {
		return
	}
	s.table.forget(s.pending)
	close(s.stop)
	s.answers.Wait()
	s.pending = nil
}

func (s *session) answer(message []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(s.patience))
	_, err := s.conn.Write(message)
	return err
}
