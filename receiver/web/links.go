package web

import (
	"sync"
	"time"

	"udpcam/protocol"
)

// A Receiver knows how streams come here over the network. *receiver.Receiver is one.
type Receiver interface {
	Stats() protocol.Stats
	Streams() []protocol.StreamInfo
}

// ReceiveFrom names the receiver whose frames are put, so that the server can show how they came. The server asks it at most
// once a second, also from within Put.
func (s *Server) ReceiveFrom(r Receiver) {
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	s.links.from = r
}

// links tell how the streams come over the network. They are at most a second old.
type links struct {
	mu      sync.Mutex
	from    Receiver // nil if there is none
	asked   time.Time
	streams map[string]protocol.StreamInfo
}

// of returns how a stream comes, and false if that is not known.
func (l *links) of(stream string, now time.Time) (info protocol.StreamInfo, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from != nil && now.Sub(l.asked) >= time.Second {
		l.asked, l.streams = now, map[string]protocol.StreamInfo{}
		for _, s := range l.from.Streams() {
			l.streams[s.Name] = s
		}
	}
	info, ok = l.streams[stream]
	return info, ok
}

func (l *links) receiver() Receiver {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from
}
