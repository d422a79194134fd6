package protocol

import (
	"cmp"
	"net"
	"strconv"
	"time"
)

// name chooses the name under which the frames of s are handed on. It is the announced name, or the host's address if that
// is empty. Two streams never share a name:
//
//   - A new stream from the same host takes the name over. The sender was restarted, and viewers of that name see the new
//     stream.
//   - A new stream from another host gets its host's address added to the name.
//   - A stream that lost its name in this way, and goes on sending, gets its host's address added. If that is not enough,
//     it gets its port added too.
func (a *Assembler) name(s *stream, announced Announcement, now time.Time) {
	settled := s.label != "" && announced.Name == s.announced.Name
	s.announced = announced
	if settled || now.Sub(s.displaced) < aliveAfter {
		return
	}
	host, port := s.host(), strconv.Itoa(int(s.from.Port()))
	name := cmp.Or(announced.Name, host)
	for _, label := range []string{name, name + "@" + host, name + "@" + net.JoinHostPort(host, port)} {
		holder := a.holderOf(label, s)
		if holder != nil && (holder.host() != host || !s.displaced.IsZero()) {
			continue
		}
		if holder != nil {
			holder.label, holder.displaced = "", now
		}
		s.label = label
		return
	}
}

// holderOf returns the stream, other than s, that has that name, or nil.
func (a *Assembler) holderOf(label string, s *stream) *stream {
	for _, o := range a.streams {
		if o != s && o.label == label {
			return o
		}
	}
	return nil
}
