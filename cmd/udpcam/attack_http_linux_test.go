package main_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// The attacks on a receiver's HTTP server. Each goes on until ctx ends.
var httpAttacks = []struct {
	name  string
	mount func(ctx context.Context, a *webAttacker)
}{
	// Connections that say nothing, or half a request.
	{"idle connections", func(ctx context.Context, a *webAttacker) {
		a.many(ctx, 200, func(conn net.Conn, n int) {
			if n%2 == 0 {
				fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\n", a.host)
			}
			wait(ctx, conn)
		})
	}},
	// Requests for many pictures. Some are read fast, so that the connection may have much on its way. The others never are.
	{"unread snapshots", func(ctx context.Context, a *webAttacker) {
		a.many(ctx, 120, func(conn net.Conn, n int) {
			conn.(*net.TCPConn).SetReadBuffer(64 << 10) // what is not read must wait at the server
			for range 20 {
				fmt.Fprintf(conn, "GET /streams/%s/snapshot.jpg HTTP/1.1\r\nHost: %s\r\n%s\r\n", a.stream, a.host, a.login)
			}
			io.CopyN(io.Discard, conn, 600_000)
			wait(ctx, conn)
		})
	}},
	{"unread streams", func(ctx context.Context, a *webAttacker) {
		a.many(ctx, 100, func(conn net.Conn, n int) {
			conn.(*net.TCPConn).SetReadBuffer(4096)
			fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\n%s\r\n", a.host, a.login)
			wait(ctx, conn)
		})
	}},
	// Pages that never say that they have drawn a picture.
	{"WebSockets", func(ctx context.Context, a *webAttacker) {
		a.many(ctx, 300, func(conn net.Conn, n int) {
			fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n%s\r\n", a.host, a.login)
			io.Copy(io.Discard, conn)
		})
	}},
	// Guesses from many addresses, one of them that of the owner.
	{"wrong passwords", func(ctx context.Context, a *webAttacker) {
		a.many(ctx, 50, func(conn net.Conn, n int) {
			for guess := 0; ; guess++ {
				login := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "me:guess%d-%d", n, guess))
				fmt.Fprintf(conn, "GET /snapshot.jpg HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n\r\n", a.host, login)
				if _, err := conn.Read(make([]byte, 4096)); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}},
}

// A webAttacker attacks one HTTP server from the router's addresses.
type webAttacker struct {
	from   machine
	beside machine // if set, one connection comes from there
	own    string  // format of its addresses
	only   bool    // it uses one address alone
	first  int     // number of this address
	host   string  // address and port
	stream string  // whose snapshots it asks for
	login  string  // a header with the right password, or ""
}

// newWebAttacker attacks machine i. A right login makes it a guest who behaves badly.
func newWebAttacker(l *lan, i int, host string, guest bool) *webAttacker {
	a := &webAttacker{from: l.router, own: fmt.Sprintf("10.77.%d.", i) + "%d", host: host, stream: "cam"}
	if guest {
		a.login = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login)) + "\r\n"
	}
	return a
}

// many keeps n connections busy until ctx ends. It opens each again whenever it is closed, at most twice a second. The
// password attack uses all addresses, the others one.
func (a *webAttacker) many(ctx context.Context, n int, use func(conn net.Conn, n int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
				address := a.first
				if !a.only {
					address = i % 50
				}
				conn, err := a.from.dial(fmt.Sprintf(a.own, 101+address), a.host)
				if a.beside.pid != "" && i == 0 {
					conn, err = a.beside.dial("", a.host)
				}
				if err != nil {
					continue
				}
				stop := context.AfterFunc(ctx, func() { conn.Close() })
				use(conn, i)
				stop()
				conn.Close()
			}
		})
	}
	all.Wait()
}

// wait waits until the server closes the connection or ctx ends. It reads nothing until ctx ends or a write fails.
func wait(ctx context.Context, conn net.Conn) {
	for ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		if gone(conn) {
			return
		}
	}
}
