package board

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"forger/internal/setting"
)

// Server shows a board on an address.
type Server struct {
	URL      string // to be opened, with the token where there is one
	listener net.Listener
	handler  http.Handler
	board    *Board
}

// Listen takes an address, host:port. One that other machines can reach is guarded by a token, which is part of the URL.
func (b *Board) Listen(address string) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, setting.Usagef("--listen %s: no address: write HOST:PORT, such as 127.0.0.1:6007", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("--listen %s: %w: choose another with --listen, port 0 for any", address, err)
	}
	guard := guard{}
	at := l.Addr().(*net.TCPAddr)
	s := &Server{listener: l, board: b, URL: "http://" + net.JoinHostPort(shownHost(host, at.IP), fmt.Sprint(at.Port)) + "/"}
	if !at.IP.IsLoopback() {
		guard.token = rand.Text()
		s.URL += "?token=" + guard.token
	}
	guard.next = b.pages()
	s.handler = guard
	return s, nil
}

// shownHost is a host as a browser may be given it.
func shownHost(host string, ip net.IP) string {
	if host == "" || ip.IsUnspecified() {
		return "localhost"
	}
	return host
}

// Serve serves until ctx ends, and then ends at once, whatever pages are open.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: s.handler, BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	go s.board.follow(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	select {
	case <-ctx.Done():
		return server.Close()
	case err := <-ended:
		return err
	}
}

// follow looks at the runs as long as somebody does.
func (b *Board) follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if b.watched() {
				b.refresh(ctx)
			}
		}
	}
}

// guard lets in who may read: GET alone; with a token who has it, and without one who named this machine, so that no page of
// another site reads runs by a name of its own that leads here.
type guard struct {
	token string // "": none is wanted
	next  http.Handler
}

const cookieName = "forger-watch"

// policy lets a page run the scripts and show the pictures of this server alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this server only shows", http.StatusMethodNotAllowed)
	case g.token == "" && !local(r.Host):
		http.Error(w, "open it as localhost", http.StatusForbidden)
	case g.token != "" && g.has(r.URL.Query().Get("token")):
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: g.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		h.Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case g.token != "" && !g.knows(r):
		http.Error(w, "open the address that forger watch printed, with its token", http.StatusForbidden)
	default:
		g.next.ServeHTTP(w, r)
	}
}

func (g guard) has(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(g.token)) == 1
}

func (g guard) knows(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && g.has(c.Value)
}

// local reports whether a request was made to this machine by one of its own names.
func local(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
