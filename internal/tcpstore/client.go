package tcpstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"
)

// What is wrong with a store, to be told by errors.Is; the error around it names the address, and the keys where there are any.
var (
	ErrTimeout = errors.New("time is up")                // the connection is as good as before, where it was keys that did not come
	ErrLost    = errors.New("the connection is lost")    // and so it stays for all later calls
	ErrForeign = errors.New("no TCPStore listens there") // something else answers, or accepts and does not answer
)

// Client is a connection to a store. Several goroutines may call it, and are served one after another: who waits for a key has
// the others wait. A call without a deadline has that of Dial's timeout.
type Client struct {
	address string
	timeout time.Duration
	conn    net.Conn
	in      decoder
	turn    chan struct{} // holds one token while a call has the connection
	lost    error
}

// Dial connects to the store of host and port, and tries again for as long as none listens, until timeout.
func Dial(ctx context.Context, host string, port int, timeout time.Duration) (*Client, error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last error
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		c, err := dial(ctx, address)
		if err == nil {
			c.timeout = timeout
			return c, nil
		}
		if errors.Is(err, ErrForeign) {
			return nil, fmt.Errorf("store %s: %w", address, err)
		}
		var slow net.Error // that it took too long says less than what was wrong before
		if last == nil || !errors.As(err, &slow) || !slow.Timeout() {
			last = err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, fmt.Errorf("store %s: %w", address, ctx.Err())
			}
			return nil, fmt.Errorf("store %s: %w: not reached within %s: %w", address, ErrTimeout, timeout, last)
		case <-time.After(pause):
		}
	}
}

// dial connects once, and has the server show that it is a store: the answer to a ping is the ping's number.
func dial(ctx context.Context, address string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Client{address: address, conn: conn, in: decoder{r: bufio.NewReader(conn)}, turn: make(chan struct{}, 1)}
	nonce, got := rand.Uint32(), uint32(0)
	err = c.armed(ctx, func() error {
		got, err = c.number32(append(appendUint32([]byte{byte(opValidate)}, magic), appendUint32([]byte{byte(opPing)}, nonce)...))
		return err
	})
	switch {
	case err == nil && got != nonce:
		err = fmt.Errorf("%w: a ping was answered with %#08x instead of %#08x: another program has this port", ErrForeign, got, nonce)
	case errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(ctx.Err(), context.Canceled):
		err = fmt.Errorf("%w: a ping was not answered: another program has this port, or hangs", ErrForeign)
	case err != nil:
		err = fmt.Errorf("it hung up before it answered: %w", err)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// armed runs f, whose reads and writes fail from the moment ctx is done.
func (c *Client) armed(ctx context.Context, f func() error) error {
	fired := make(chan struct{})
	disarm := context.AfterFunc(ctx, func() {
		c.conn.SetDeadline(time.Unix(1, 0))
		close(fired)
	})
	err := f()
	if !disarm() {
		<-fired
	}
	c.conn.SetDeadline(time.Time{})
	return err
}

// errIntact is of a call that ran out of time between messages: the connection is good.
var errIntact = errors.New("out of time")

// call has the connection to itself for f, which is about keys. An error in the midst of a message leaves a connection of no
// use.
func (c *Client) call(ctx context.Context, what string, keys []string, f func() error) error {
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	start := time.Now()
	about := fmt.Sprintf("%s of %s", what, some(keys))
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return c.outOfTime(ctx, about, start)
	}
	if c.lost != nil {
		return c.lost
	}
	if ctx.Err() != nil {
		return c.outOfTime(ctx, about, start)
	}
	err := c.armed(ctx, f)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errIntact):
		return c.outOfTime(ctx, about, start)
	}
	c.conn.Close()
	c.lost = fmt.Errorf("store %s: %w: %s: %w", c.address, ErrLost, about, err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.outOfTime(ctx, about, start)
	}
	return c.lost
}

func (c *Client) outOfTime(ctx context.Context, about string, start time.Time) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return fmt.Errorf("store %s: %s: %w", c.address, about, err)
	}
	return fmt.Errorf("store %s: %w: %s took longer than %s", c.address, ErrTimeout, about, time.Since(start).Round(time.Millisecond))
}
