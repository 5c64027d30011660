package tcpstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hello is what every client begins with.
var hello = appendUint32([]byte{byte(opValidate)}, magic)

// served is how a session ends whose client sends a message and leaves.
func served(table *table, message []byte) (err error) {
	ours, theirs := net.Pipe()
	var over sync.WaitGroup
	over.Go(func() {
		err = (&session{conn: theirs, table: table, patience: time.Minute}).serve()
		theirs.Close()
	})
	over.Go(func() { io.Copy(io.Discard, ours) })
	ours.Write(message) // an error of it is of a session that has ended
	ours.Close()
	over.Wait()
	return err
}

func TestWhatNoClientSaysEndsItsConnection(t *testing.T) {
	full := newTable()
	full.size = maxTable - perKey
	text := newTable()
	require.NoError(t, text.set("word", []byte("seven")))
	require.NoError(t, text.set("large", make([]byte, maxValue)))
	huge := appendUint64(nil, 1<<63)
	manyLarge := appendUint64([]byte{byte(opMultiGet)}, 6)
	for range 6 {
		manyLarge = appendSized(manyLarge, "large")
	}
	for want, message := range map[string][]byte{
		"it speaks another protocol":                              []byte("GET / HTTP/1.1\r\n\r\n"),
		"it speaks another protocol ":                             appendUint32([]byte{byte(opValidate)}, magic+1),
		"unexpected EOF":                                          hello[:3],
		"unexpected EOF ":                                         append(append([]byte{}, hello...), byte(opSet), 4, 0, 0),
		"a key of 9223372036854775808 bytes, at most 8192 are":    append(append(append([]byte{}, hello...), byte(opGet)), huge...),
		"a value of 9223372036854775808 bytes, at most 8388608":   append(appendSized(append(append([]byte{}, hello...), byte(opSet)), "k"), huge...),
		"a message of 9223372036854775808 keys, at most 131072":   append(append(append([]byte{}, hello...), byte(opWait)), huge...),
		"it sent request 14, which this store does not know":      append(append([]byte{}, hello...), 14),
		"it sent request 255, which this store does not know":     append(append([]byte{}, hello...), 255),
		"it sent request 0, which this store does not know":       append(append([]byte{}, hello...), hello...),
		"it sent request 7 while it waits":                        append(append(append([]byte{}, hello...), requests(opWait, []string{"never"})...), byte(opNumKeys)),
		`it adds to "word", whose value is no number`:             appendUint64(appendSized(append(append([]byte{}, hello...), byte(opAdd)), "word"), 1),
		`it appends to "large" beyond 8388608 bytes`:              appendSized(appendSized(append(append([]byte{}, hello...), byte(opAppend)), "large"), "x"),
		"it asks for more than 33554432 bytes at once":            append(append([]byte{}, hello...), manyLarge...),
		fmt.Sprintf("the store is full, at %d bytes", maxTable):   appendSized(appendSized(append(append([]byte{}, hello...), byte(opSet)), "k"), "v"),
		fmt.Sprintf("a message longer than %d bytes", maxRequest): longest(),
	} {
		table := text
		if strings.HasPrefix(want, "the store is full") {
			table = full
		}
		assert.ErrorContains(t, served(table, message), strings.TrimSpace(want))
		assert.Empty(t, text.waiting, want)
	}
	value := text.get("word")
	assert.Equal(t, "seven", string(value), "the others' keys are as they were")
}

// longest is a request whose parts are within their limits, and which is not.
func longest() []byte {
	m := appendUint64(append(append([]byte{}, hello...), byte(opMultiSet)), 3)
	for range 3 {
		m = appendSized(appendSized(m, "k"), make([]byte, maxValue))
	}
	return m
}

// What is set, appended, deleted and set again is counted once.
func TestATableKnowsItsSize(t *testing.T) {
	table := newTable()
	require.NoError(t, table.set("key", make([]byte, 100)))
	require.NoError(t, table.set("key", make([]byte, 10)))
	require.NoError(t, table.appended("key", make([]byte, 7)))
	assert.Equal(t, 3+17+perKey, table.size)
	table.remove("key")
	assert.Zero(t, table.size)
	whole := make([]byte, maxValue)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = table.set(fmt.Sprint(n), whole)
	}
	assert.EqualError(t, err, "the store is full, at 268435456 bytes")
	assert.Equal(t, 32, n)
}

// A client that connects and says nothing, or half a message, is sent away; one that greeted may be silent.
func TestWhoNeverSpeaksIsSentAway(t *testing.T) {
	lines := make(chan string, 10)
	s, err := Listen("127.0.0.1", 0, func(line string) { lines <- line })
	require.NoError(t, err)
	s.patience = 20 * time.Millisecond
	var over sync.WaitGroup
	over.Go(func() { assert.NoError(t, s.Serve()) })
	defer over.Wait()
	defer s.Close()
	c, err := Dial(t.Context(), "127.0.0.1", s.Port(), time.Minute)
	require.NoError(t, err)
	defer c.Close()
	for _, beginning := range [][]byte{nil, hello[:2], append(append([]byte{}, hello...), byte(opAdd), 1)} {
		conn, err := net.Dial("tcp", s.listener.Addr().String())
		require.NoError(t, err)
		_, err = conn.Write(beginning)
		require.NoError(t, err)
		rest, err := io.ReadAll(conn)
		assert.NoError(t, err)
		assert.Empty(t, rest)
		assert.Contains(t, <-lines, "i/o timeout")
		conn.Close()
	}
	n, err := c.Add(t.Context(), "n", 1)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}

// A client that asks on before it has read that its wait is over gets both answers, in order.
func TestAnswersComeInOrder(t *testing.T) {
	for range 100 {
		ours, theirs := net.Pipe()
		s := session{conn: theirs, table: newTable(), patience: time.Minute}
		answers := make([]byte, 9)
		var over sync.WaitGroup
		over.Go(func() { io.ReadFull(ours, answers) })
		require.NoError(t, s.wait([]string{"key"}))
		require.NoError(t, s.table.set("key", nil))
		require.NoError(t, s.handle(opNumKeys))
		theirs.Close()
		over.Wait()
		require.Equal(t, appendUint64([]byte{stopWaiting}, 1), answers)
	}
}

func TestThereIsAnEndToClients(t *testing.T) {
	lines := make(chan string, 10)
	s, err := Listen("127.0.0.1", 0, func(line string) { lines <- line })
	require.NoError(t, err)
	s.most = 1
	var over sync.WaitGroup
	over.Go(func() { assert.NoError(t, s.Serve()) })
	defer over.Wait()
	defer s.Close()
	c, err := Dial(t.Context(), "127.0.0.1", s.Port(), time.Minute)
	require.NoError(t, err)
	defer c.Close()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	rest, err := io.ReadAll(conn)
	assert.NoError(t, err)
	assert.Empty(t, rest)
	assert.Contains(t, <-lines, "was sent away: there are 1 clients")
	require.NoError(t, c.Set(t.Context(), "key", nil))
}

// A client that never reads its answers is sent away, and no other waits for it.
func TestWhoNeverReadsIsSentAway(t *testing.T) {
	ours, theirs := net.Pipe() // which holds nothing: whoever writes waits for the reader
	defer ours.Close()
	table := newTable()
	var err error
	var over sync.WaitGroup
	over.Go(func() {
		err = (&session{conn: theirs, table: table, patience: 20 * time.Millisecond}).serve()
		theirs.Close()
	})
	_, werr := ours.Write(append(append([]byte{}, hello...), requests(opWait, []string{"key"})...))
	require.NoError(t, werr)
	require.NoError(t, table.set(prefix+"key", nil))
	over.Wait()
	assert.Error(t, err)
	assert.Empty(t, table.waiting)
}

// No bytes make a server fall, remember who waits, or keep more than it may.
func FuzzSession(f *testing.F) {
	for _, message := range [][]byte{
		nil, {byte(opPing), 1, 2, 3, 4}, request(opGet, "a"), requests(opWait, []string{"a", "b"}), requests(opMultiGet, []string{"a", "a"}),
		append(requests(opWait, []string{"a", "b"}), byte(opCancelWait), byte(opNumKeys)), requests(opCheck, []string{"b"}),
		appendSized(request(opSet, "a"), "1"), appendSized(request(opAppend, "a"), "2"), appendUint64(request(opAdd, "a"), 3), request(opDelete, "a"),
		appendSized(appendSized(request(opCompareSet, "a"), ""), "4"), appendSized(appendSized(appendUint64([]byte{byte(opMultiSet)}, 1), "/c"), "5"), {14}, {255},
	} {
		f.Add(true, message)
	}
	f.Add(false, []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, greets bool, message []byte) {
		if greets {
			message = append(append([]byte{}, hello...), message...)
		}
		table := newTable()
		served(table, message)
		size := 0
		for key, value := range table.values {
			size += len(key) + len(value) + perKey
		}
		assert.Equal(t, size, table.size)
		assert.Empty(t, table.waiting)
	})
}

// No answers make a client fall or hang, and an error is one of those that it promises.
func FuzzClient(f *testing.F) {
	for _, answers := range [][]byte{nil, {0}, {1}, {0, 1}, {2}, appendSized([]byte{0}, "value"), appendUint64([]byte{0}, 1<<63), appendUint64(nil, 7)} {
		f.Add(answers)
	}
	f.Fuzz(func(t *testing.T, answers []byte) {
		for _, ask := range []func(*Client, context.Context) error{
			func(c *Client, ctx context.Context) error { _, err := c.Get(ctx, "key"); return err },
			func(c *Client, ctx context.Context) error { _, _, err := c.TryGet(ctx, "key"); return err },
			func(c *Client, ctx context.Context) error { _, err := c.Add(ctx, "key", 1); return err },
			func(c *Client, ctx context.Context) error { _, err := c.CompareSet(ctx, "key", nil, nil); return err },
			func(c *Client, ctx context.Context) error { return c.Barrier(ctx, "key", 0, 2) },
		} {
			ours, theirs := net.Pipe()
			var over sync.WaitGroup
			over.Go(func() { io.Copy(io.Discard, theirs) })
			over.Go(func() {
				theirs.Write(answers)
				theirs.Close()
			})
			c := &Client{address: "fuzz", timeout: time.Minute, conn: ours, in: decoder{r: bufio.NewReader(ours)}, turn: make(chan struct{}, 1)}
			if err := ask(c, context.Background()); err != nil && !errors.Is(err, ErrLost) {
				t.Error(err)
			}
			c.Close()
			over.Wait()
		}
	})
}
