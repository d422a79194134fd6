package guard

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxConnections is how many connections may be open. It stops connections that never end from using up memory and file
	// descriptors.
	maxConnections = 256
	// maxHeld is how many bytes the requests of a server may hold together, as far as handlers tell with Moved: four of the
	// largest pictures. It stops uploads that never end from filling the memory.
	maxHeld = 64 << 20
)

// connections are a server's connections that are not taken over. Nobody is refused: if there are too many, or their
// requests hold too many bytes, one gives way. It is one of the household that has the most connections. Of these it is the
// one that has not moved for the longest time. So idle connections and requests that stall or drip give way first, and
// nobody can crowd out others by opening many.
type connections struct {
	mu   sync.Mutex
	all  map[net.Conn]*connection
	from map[string]int // how many of all a household has
	held int            // bytes, of all
}

type connection struct {
	of        *connections
	conn      net.Conn
	household string
	moved     time.Time // when it was opened, or a request on it began, moved or ended
	held      int       // bytes
	gone      bool      // closed, or taken over
	ctx       context.Context
	end       context.CancelFunc // of ctx
}

type connectionKey struct{}

// Moved notes that a request on a server of [Serve] makes progress: the client has sent or taken another few kilobytes, or a
// whole picture. held is how many bytes the request holds in memory now.
func Moved(request context.Context, held int) {
	if c, ok := request.Value(connectionKey{}).(*connection); ok {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.moved = time.Now()
		c.holds(held)
		c.of.makeRoom()
	}
}

// Lasting returns the context of the connection that a request came on. Unlike the request's own context, it does not end
// when the client has hung up. It ends when the server does, and when the connection has given way to others or has been
// taken over. Without [Serve], it is the request's own.
func Lasting(request context.Context) context.Context {
	if c, ok := request.Value(connectionKey{}).(*connection); ok {
		return c.ctx
	}
	return request
}

// context is for [http.Server.ConnContext]. It is called before change.
func (cs *connections) context(ctx context.Context, conn net.Conn) context.Context {
	c := &connection{of: cs, conn: conn, household: Household(conn.RemoteAddr().String()), moved: time.Now()}
	c.ctx, c.end = context.WithCancel(ctx)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.all[conn] = c
	cs.from[c.household]++
	cs.makeRoom()
	return context.WithValue(ctx, connectionKey{}, c)
}

// change is for [http.Server.ConnState]: it is called when the state of a connection changes.
func (cs *connections) change(conn net.Conn, state http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.all[conn]
	if c == nil { // it has given way
		return
	}
	switch state {
	case http.StateIdle:
		c.moved = time.Now()
		c.holds(0)
	case http.StateClosed, http.StateHijacked:
		c.remove()
	}
}

// makeRoom lets connections give way while there are too many, or while they hold too much.
func (cs *connections) makeRoom() {
	for len(cs.all) > maxConnections || cs.held > maxHeld {
		var last *connection
		for _, c := range cs.all {
			if (cs.held <= maxHeld || c.held > 0) && (last == nil || c.givesWayBefore(last)) {
				last = c
			}
		}
		last.remove()
		last.close()
	}
}

func (c *connection) givesWayBefore(other *connection) bool {
	if a, b := c.of.from[c.household], other.of.from[other.household]; a != b {
		return a > b
	}
	return c.moved.Before(other.moved)
}

func (c *connection) holds(bytes int) {
	if !c.gone {
		c.of.held += bytes - c.held
		c.held = bytes
	}
}

func (c *connection) remove() {
	c.holds(0)
	c.gone = true
	c.end()
	delete(c.of.all, c.conn)
	if c.of.from[c.household]--; c.of.from[c.household] == 0 {
		delete(c.of.from, c.household)
	}
}

// close closes the connection below TLS, whose own Close may wait for a client that does not read. What such a client has
// left unread is discarded.
func (c *connection) close() {
	DiscardUntaken(c.conn)
	if tcp := TCP(c.conn); tcp != nil {
		tcp.Close()
	} else {
		c.conn.Close()
	}
}

// TCP returns the TCP connection that conn is or that TLS runs on, or nil.
func TCP(conn net.Conn) *net.TCPConn {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}
