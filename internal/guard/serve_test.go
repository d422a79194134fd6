package guard

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd is a listener for connections in memory, from any addresses.
type crowd struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (c *crowd) Accept() (net.Conn, error) {
	select {
	case conn := <-c.conns:
		return conn, nil
	case <-c.closed:
		return nil, net.ErrClosed
	}
}

func (c *crowd) Close() error   { c.once.Do(func() { close(c.closed) }); return nil }
func (c *crowd) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { addr, _ := net.ResolveTCPAddr("tcp", f.addr); return addr }

// come returns the client's end of a connection from an address, on which the client has said something.
func (c *crowd) come(addr, says string) net.Conn {
	near, far := net.Pipe()
	c.conns <- from{far, addr}
	near.SetWriteDeadline(time.Now().Add(time.Second)) // the server may have closed it
	io.WriteString(near, says)
	return near
}

// ask makes a request on a connection, and returns the answer's status, 0 if there is none.
func ask(conn net.Conn, path string) int {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return 0
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return r.StatusCode
}

// serveCrowd serves a crowd until the test ends.
func serveCrowd(t *testing.T, handler http.HandlerFunc) *crowd {
	c := &crowd{conns: make(chan net.Conn), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, c, handler, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c
}

// readAll waits for the end of a body.
func readAll(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }

func isOpen(conn net.Conn) bool {
	synctest.Wait()
	conn.SetReadDeadline(time.Now())
	_, err := conn.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// However many connections strangers open, from one address or from many, and whatever they leave undone: a newcomer is
// answered, and a client with one connection that does something now and then keeps it.
func TestCrowd(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
	for name, says := range map[string]string{
		"idle":           "",
		"half a header":  "GET / HTTP/1.1\r\nHo",
		"stalled upload": post + "abc",
	} {
		for _, many := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, many addresses: %t", name, many), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := serveCrowd(t, readAll)
					honest := c.come("192.0.2.1:1000", "")
					defer honest.Close()
					for i := range 4 * maxConnections {
						addr := "198.51.100.1:1000"
						if many {
							addr = fmt.Sprintf("[2001:db8:%x::1]:1000", i)
						}
						stranger := c.come(addr, says)
						defer stranger.Close()
						if i%(maxConnections/2) != 0 {
							continue
						}
						time.Sleep(time.Millisecond)
						if status := ask(honest, "/"); status != 200 {
							t.Fatalf("after %d strangers, a connection is answered %d", i, status)
						}
						newcomer := c.come("192.0.2.2:1000", "")
						if status := ask(newcomer, "/"); status != 200 {
							t.Fatalf("after %d strangers, a newcomer is answered %d", i, status)
						}
						newcomer.Close()
					}
				})
			})
		}
	}
}

// Who opens many loses them first. A client with one keeps it, also if it does nothing.
func TestCrowdShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveCrowd(t, readAll)
		var honest []net.Conn
		for i := range 10 {
			conn := c.come(fmt.Sprintf("192.0.2.%d:1000", i), "")
			defer conn.Close()
			honest = append(honest, conn)
		}
		for i := range 2 * maxConnections {
			stranger := c.come(fmt.Sprintf("198.51.100.%d:1000", i%8), "")
			defer stranger.Close()
		}
		for i, conn := range honest {
			if !isOpen(conn) {
				t.Errorf("connection %d is closed", i)
			}
		}
	})
}

// What requests hold in memory is bounded too. Who holds it, and does not go on, gives way.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveCrowd(t, func(_ http.ResponseWriter, r *http.Request) {
			Moved(r.Context(), maxHeld/4)
			<-Lasting(r.Context()).Done()
		})
		var all []net.Conn
		for i := range 6 {
			conn := c.come(fmt.Sprintf("192.0.2.%d:1000", i), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			defer conn.Close()
			all = append(all, conn)
			time.Sleep(time.Millisecond)
		}
		for i, conn := range all {
			if isOpen(conn) != (i >= 2) {
				t.Errorf("connection %d is open: %t", i, isOpen(conn))
			}
		}
	})
}

// The same over TLS: clients that do not begin the handshake, and clients that do not read what they have asked for.
func TestCrowdTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	large := make([]byte, 16<<20)
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Write(large)
		}
	}
	config := &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	go func() {
		ended <- Serve(ctx, tls.NewListener(ln, config), http.HandlerFunc(handler), slog.New(slog.DiscardHandler))
	}()
	trusting := &tls.Config{InsecureSkipVerify: true}
	for i := range 2 * maxConnections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%4 == 0 {
			io.WriteString(tls.Client(conn, trusting), "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		if i%64 != 63 {
			continue
		}
		client := &http.Client{Timeout: 30 * time.Second,
			Transport: &http.Transport{TLSClientConfig: trusting.Clone(), ForceAttemptHTTP2: i%128 == 63, DisableKeepAlives: true}}
		began := time.Now()
		r, err := client.Get("https://" + address + "/")
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("after %d strangers: %v", i, err)
		}
		r.Body.Close()
		if took := time.Since(began); took > 4*time.Second { // a second less than TLS waits before it closes
			t.Errorf("after %d strangers, an answer takes %v", i, took)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
