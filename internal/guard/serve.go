package guard

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits on one client. A handler may set other deadlines for a request that takes long.
const (
	headerTimeout  = 5 * time.Second  // for a request's header: stops clients that send a header byte by byte
	requestTimeout = 30 * time.Second // for a request, and for its answer
	idleTimeout    = time.Minute      // between two requests of a connection
	maxHeader      = 16 << 10         // bytes of a request's header
	maxStreams     = 64               // requests at once on a connection of HTTP/2: stops many guesses, and much memory
	shutdownGrace  = time.Second / 2  // for answers that are being written when the server ends
)

type connContexter interface {
	ConnContext(context.Context, net.Conn) context.Context
}

// Serve answers HTTP requests on ln until ctx is done, or until listening fails. Then it closes ln, ends the contexts of all
// requests, and returns when all handlers have ended, also those that have taken over their connection.
//
// At most 256 connections are open, not counting those that were taken over. If there are more, one gives way: see [Moved].
// If the handler has a method ConnContext, that is called for each connection, as [http.Server.ConnContext] is.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, log *slog.Logger) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup // counts connections, and handlers that have taken over their connection
	open := connections{all: map[net.Conn]*connection{}, from: map[string]int{}}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			Moved(r.Context(), 0)
			handler.ServeHTTP(w, r)
		}),
		ConnState: func(conn net.Conn, state http.ConnState) {
			switch open.change(conn, state); state {
			case http.StateNew:
				running.Add(1)
			case http.StateClosed, http.StateHijacked:
				running.Done()
			}
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			if h, ok := handler.(connContexter); ok {
				ctx = h.ConnContext(ctx, conn)
			}
			return open.context(ctx, conn)
		},
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("serving HTTP: %w", err)
		served <- nil
	}
	end() // the HTTP server does not know the connections that were taken over
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-served
	running.Wait()
	return err
}
