package tcpstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// maxClients is how many connections a server keeps; a rank needs a few.
const maxClients = 16 << 10

// Server is a store, of all that PyTorch's clients ask for but queues and list_keys. It trusts its network as PyTorch's does: whoever reaches it may set any key, and fill it.
type Server struct {
	listener net.Listener
	say      func(line string)
	table    *table
	patience time.Duration
	most     int // clients

	mu       sync.Mutex
	closed   bool
	clients  map[net.Conn]struct{}
	left     chan struct{} // holds one token after a client has left
	sessions sync.WaitGroup
}

// Listen opens a port for a store, any free one for 0, of host alone or of all of the machine's addresses where host is "".
// Say is told, a line each and from several goroutines, of connections that ended otherwise than by the client, and why.
func Listen(host string, port int, say func(line string)) (*Server, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("store: %w: set MASTER_PORT to a free port, if another run has this one", err)
	}
	return &Server{listener: l, say: say, table: newTable(), patience: 30 * time.Second, most: maxClients, clients: map[net.Conn]struct{}{}, left: make(chan struct{}, 1)}, nil
}

// Port is where the server listens.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Serve answers clients until Close, which is no error.
func (s *Server) Serve() error {
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
			s.say(fmt.Sprintf("store: a client waits to be let in: %v", err))
			time.Sleep(100 * time.Millisecond)
		case err != nil:
			return fmt.Errorf("store: %w", err)
		case !s.enter(conn):
			conn.Close()
		}
	}
}

// enter starts a session, unless there are too many or there is to be no more.
func (s *Server) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if len(s.clients) >= s.most {
		s.say(fmt.Sprintf("store: %s was sent away: there are %d clients", conn.RemoteAddr(), s.most))
		return false
	}
	s.clients[conn] = struct{}{}
	s.sessions.Go(func() {
		err := (&session{conn: conn, table: s.table, patience: s.patience}).serve()
		s.leave(conn, err)
	})
	return true
}

func (s *Server) leave(conn net.Conn, err error) {
	conn.Close()
	s.mu.Lock()
	delete(s.clients, conn)
	closed := s.closed
	s.mu.Unlock()
	select {
	case s.left <- struct{}{}:
	default:
	}
	if err != nil && !closed {
		s.say(fmt.Sprintf("store: the connection of %s has ended: %v", conn.RemoteAddr(), err))
	}
}

// Drain returns when every client has left: a rank that hosts the store closes its own and drains, lest others lose the store
// in the midst of their last call.
func (s *Server) Drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		n := len(s.clients)
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-s.left:
		case <-ctx.Done():
			return fmt.Errorf("store: %w: %d clients have not left", ErrTimeout, n)
		}
	}
}

// Close ends all sessions, and returns when nothing of the server runs any more but the return of Serve.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for conn := range s.clients {
		conn.Close()
	}
	s.mu.Unlock()
	s.sessions.Wait()
	return err
}
