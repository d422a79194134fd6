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

// Bounds on what a client may cost before it is a viewer, and how long the last ones have at the end.
const (
	headerTimeout  = 5 * time.Second  // for a request's header: stops clients that send it byte by byte
	requestTimeout = 30 * time.Second // for a request and an answer that is no stream
	idleTimeout    = time.Minute      // between two requests of a connection
	maxHeader      = 16 << 10         // bytes of a request's header
	shutdownGrace  = time.Second      // for answers that are being written when the server ends
)

// Serve answers HTTP requests on ln until ctx is done. Then it closes ln and every viewer, and returns nil once nothing
// is left of them. The server may go on, and be served again. Programs that have an HTTP server of their own mount the server
// on that instead.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup // connections, and the handlers that have taken theirs over
	var others conns
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
	end() // the viewers, which the server no longer knows
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-served
	running.Wait()
	return err
}

// maxConns is how many connections there may be that are not viewers', beyond which one that asks nothing gives way. It
// stops whoever opens connections without end from using up memory and file descriptors, and yet nobody is kept out.
const maxConns = 256

// conns knows a server's connections that are not viewers', the oldest first.
type conns struct {
	mu    sync.Mutex
	idle  list.List // those that ask nothing now
	where map[net.Conn]*list.Element
	busy  int
}

// change notes what a connection does, as [http.Server.ConnState] tells it, and closes one if there are too many.
func (c *conns) change(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.where[conn]; e != nil {
		c.idle.Remove(e)
		delete(c.where, conn)
	} else if state != http.StateNew {
		c.busy--
	}
	switch state {
	case http.StateNew, http.StateIdle:
		if c.where == nil {
			c.where = map[net.Conn]*list.Element{}
		}
		c.where[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.busy++
	}
	if oldest := c.idle.Front(); oldest != nil && c.idle.Len()+c.busy > maxConns {
		oldest.Value.(net.Conn).Close() // the server notices, and calls again
	}
}
