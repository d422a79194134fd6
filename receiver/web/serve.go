package web

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits on a client that is not a viewer.
const (
	headerTimeout  = 5 * time.Second  // for a request's header: stops clients that send a header byte by byte
	requestTimeout = 30 * time.Second // for a request, and an answer that is not a stream
	idleTimeout    = time.Minute      // between two requests of a connection
	maxHeader      = 16 << 10         // bytes of a request's header
	shutdownGrace  = time.Second      // for answers that are being written when the server ends
)

// Serve answers HTTP requests on ln until ctx is done. Then it closes ln and every viewer, and returns nil when all have
// ended. Serve may be called again. A program with an HTTP server of its own mounts s on that instead.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup // counts connections, and handlers that have taken over their connection
	others := conns{place: map[net.Conn]*list.Element{}}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			s.ServeHTTP(w, r)
		}),
		ConnState: func(conn net.Conn, state http.ConnState) {
			others.change(conn, state)
			switch state {
			case http.StateNew:
				running.Add(1)
			case http.StateClosed, http.StateHijacked:
				running.Done()
			}
		},
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.ConnContext,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("web: serving HTTP: %w", err)
		served <- nil
	}
	end() // closes the viewers: the HTTP server no longer knows their connections
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-served
	running.Wait()
	return err
}

// maxConns is how many connections may be open, not counting viewers. If there are more, the oldest idle one is closed.
// This stops connections that never end from using up memory and file descriptors. Nobody is refused.
const maxConns = 256

// conns are a server's connections that are not viewers'.
type conns struct {
	mu    sync.Mutex
	idle  list.List                  // without a request now, the oldest first
	place map[net.Conn]*list.Element // each connection's element in idle; nil if the connection is being closed
	busy  int
}

// change is for [http.Server.ConnState]: it is called when the state of a connection changes. It closes a connection if
// there are too many.
func (c *conns) change(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, waiting := c.place[conn]
	switch {
	case place != nil:
		c.idle.Remove(place)
	case !waiting && state != http.StateNew:
		c.busy--
	}
	delete(c.place, conn)
	switch state {
	case http.StateNew, http.StateIdle:
		c.place[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.busy++
	}
	if oldest := c.idle.Front(); oldest != nil && c.idle.Len()+c.busy > maxConns {
		conn := c.idle.Remove(oldest).(net.Conn)
		c.place[conn] = nil
		discardUntaken(conn)
		conn.Close() // the server notices, and calls again
	}
}
