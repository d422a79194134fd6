package web

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

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
