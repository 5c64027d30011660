package tcpstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// prefix is what PyTorch's clients put before each key of a user's.
const prefix = "/"

// grace is how long a server has for its answer to a wait that is cancelled.
const grace = 10 * time.Second

// send writes a request; an answer that follows is read by what reads it, as one message.
func (c *Client) send(request []byte) error {
	c.in.left, c.in.err = maxRequest, nil
	n, err := c.conn.Write(request)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return errIntact
	}
	return err
}

func (c *Client) number32(request []byte) (n uint32, err error) {
	if err = c.send(request); err == nil {
		n, err = c.in.uint32(), c.in.err
	}
	return n, err
}

func (c *Client) number64(request []byte) (n int64, err error) {
	if err = c.send(request); err == nil {
		n, err = int64(c.in.uint64()), c.in.err
	}
	return n, err
}

func (c *Client) bytes(request []byte) (b []byte, err error) {
	if err = c.send(request); err == nil {
		b, err = c.in.value(), c.in.err
	}
	return b, err
}

// bit reads an answer of 0 or 1.
func (c *Client) bit(request []byte) (b byte, err error) {
	if err = c.send(request); err == nil {
		b, err = c.in.byte(), c.in.err
	}
	if err == nil && b > 1 {
		err = fmt.Errorf("an answer of %d where 0 or 1 belong", b)
	}
	return b, err
}

// request begins a message about one key.
func request(op code, key string) []byte { return appendSized([]byte{byte(op)}, prefix+key) }

// requests is a message about several keys.
func requests(op code, keys []string) []byte {
	b := appendUint64([]byte{byte(op)}, uint64(len(keys)))
	for _, key := range keys {
		b = appendSized(b, prefix+key)
	}
	return b
}

// fits holds a request to the limits of servers, of which PyTorch's would hang up without a word.
func fits(keys []string, values ...[]byte) error {
	if len(keys) > maxKeys {
		return fmt.Errorf("store: %d keys at once: at most %d are taken", len(keys), maxKeys)
	}
	for _, key := range keys {
		if len(prefix+key) > maxKey {
			return fmt.Errorf("store: key %.40q... has %d bytes: at most %d are taken", key, len(key), maxKey-len(prefix))
		}
	}
	for _, value := range values {
		if len(value) > maxValue {
			return fmt.Errorf("store: the value of %s has %d bytes: at most %d are taken", some(keys), len(value), maxValue)
		}
	}
	return nil
}

// Set sets a key. The protocol has no answer to it: that the server has died shows at the next call.
func (c *Client) Set(ctx context.Context, key string, value []byte) error {
	keys := []string{key}
	if err := fits(keys, value); err != nil {
		return err
	}
	return c.call(ctx, "set", keys, func() error { return c.send(appendSized(request(opSet, key), value)) })
}

// Get waits for a key, and is its value.
func (c *Client) Get(ctx context.Context, key string) (value []byte, err error) {
	keys := []string{key}
	if err := fits(keys); err != nil {
		return nil, err
	}
	err = c.call(ctx, "get", keys, func() (err error) {
		if err = c.wait(keys); err == nil {
			value, err = c.bytes(request(opGet, key))
		}
		return err
	})
	return value, err
}

// TryGet is a key's value, if it has one now.
func (c *Client) TryGet(ctx context.Context, key string) (value []byte, ok bool, err error) {
	keys := []string{key}
	if err := fits(keys); err != nil {
		return nil, false, err
	}
	err = c.call(ctx, "get", keys, func() error {
		b, err := c.bit(requests(opCheck, keys))
		if ok = err == nil && b == ready; ok {
			value, err = c.bytes(request(opGet, key))
		}
		return err
	})
	return value, ok && err == nil, err
}

// Check tells whether all of the keys are set.
func (c *Client) Check(ctx context.Context, keys ...string) (all bool, err error) {
	if err := fits(keys); err != nil {
		return false, err
	}
	err = c.call(ctx, "check", keys, func() error {
		b, err := c.bit(requests(opCheck, keys))
		all = err == nil && b == ready
		return err
	})
	return all, err
}

// Add adds to the number that a key's value is the decimal text of, 0 where there is none, and is the sum.
func (c *Client) Add(ctx context.Context, key string, n int64) (sum int64, err error) {
	keys := []string{key}
	if err := fits(keys); err != nil {
		return 0, err
	}
	err = c.call(ctx, "add", keys, func() error {
		sum, err = c.number64(appendUint64(request(opAdd, key), uint64(n)))
		return err
	})
	return sum, err
}

// CompareSet sets a key whose value is expected, or one that is not there where expected is empty. The result is the value
// that the key has then; of one that is not there, and was expected otherwise, it is expected.
func (c *Client) CompareSet(ctx context.Context, key string, expected, value []byte) (now []byte, err error) {
	keys := []string{key}
	if err := fits(keys, expected, value); err != nil {
		return nil, err
	}
	err = c.call(ctx, "compare and set", keys, func() error {
		now, err = c.bytes(appendSized(appendSized(request(opCompareSet, key), expected), value))
		return err
	})
	return now, err
}

// Delete removes a key, and tells whether it was there.
func (c *Client) Delete(ctx context.Context, key string) (was bool, err error) {
	keys := []string{key}
	if err := fits(keys); err != nil {
		return false, err
	}
	err = c.call(ctx, "delete", keys, func() error {
		n, err := c.number64(request(opDelete, key))
		was = err == nil && n > 0
		return err
	})
	return was, err
}

// Wait returns when all of the keys are set. After ErrTimeout the connection is as before.
func (c *Client) Wait(ctx context.Context, keys ...string) error {
	if err := fits(keys); err != nil {
		return err
	}
	return c.call(ctx, "wait", keys, func() error { return c.wait(keys) })
}

// wait is Wait within a call. When time is up the server is told, and its word is awaited: either that it waits no more, or,
// if the keys came in between, that they are there, and then that.
func (c *Client) wait(keys []string) error {
	if err := c.send(requests(opWait, keys)); err != nil {
		return err
	}
	b := c.in.byte()
	if c.in.err == nil && b != stopWaiting {
		return fmt.Errorf("an answer of %d to a wait", b)
	}
	if !errors.Is(c.in.err, os.ErrDeadlineExceeded) {
		return c.in.err
	}
	c.conn.SetDeadline(time.Now().Add(grace))
	b, err := c.bit([]byte{byte(opCancelWait)})
	switch {
	case err != nil:
		return err
	case b == waitCanceled:
		return errIntact
	case c.in.byte() != waitCanceled && c.in.err == nil:
		return errors.New("a wait was cancelled, and the server does not say so")
	}
	return c.in.err
}

// some names keys, the first of them where there are many.
func some(keys []string) string {
	const most = 8
	if len(keys) <= most {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), len(keys)-most)
}
