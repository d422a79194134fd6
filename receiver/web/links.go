package web

import (
	"sync"
	"time"

	"udpcam/protocol"
)

// A Receiver tells what is known of how streams come here. *receiver.Receiver is one.
type Receiver interface {
	Stats() protocol.Stats
	Streams() []protocol.StreamInfo
}

// ReceiveFrom tells the server whose frames it is put, so that it can show how they came. The server asks once a second at most,
// from within Put too.
func (s *Server) ReceiveFrom(r Receiver) {
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	s.links.from = r
}

// links is what is known of how streams come here, at most a second old.
type links struct {
	mu      sync.Mutex
	from    Receiver // nil if nobody has said
	read    time.Time
	streams map[string]protocol.StreamInfo
}

// of returns what is known of a stream's way.
func (l *links) of(stream string, now time.Time) (info protocol.StreamInfo, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == nil {
		return info, false
	}
	if l.read.IsZero() || now.Sub(l.read) >= time.Second {
		l.read, l.streams = now, map[string]protocol.StreamInfo{}
		for _, s := range l.from.Streams() {
			l.streams[s.Name] = s
		}
	}
	info, ok = l.streams[stream]
	return info, ok
}

// ahead returns by how much the clock of a stream's sender is ahead of this machine's, 0 if that is not known.
func (l *links) ahead(stream string, now time.Time) time.Duration {
	info, _ := l.of(stream, now)
	return info.ClockOffset
}

// receiver returns whoever the streams come from, nil if nobody has said.
func (l *links) receiver() Receiver {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from
}
