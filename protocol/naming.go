package protocol

import (
	"cmp"
	"net"
	"strconv"
	"time"
)

// name settles under which name the frames of s are handed on: the one it announces, or its host's address if that is
// empty. Two streams never share a name:
//
//   - A new stream from the same host takes the name over: a sender was restarted, and whoever watches that name goes
//     on watching.
//   - A new stream from another host has its host's address added to the name.
//   - A stream whose name was taken over, but which goes on sending, has its host's address added, and if that is not
//     enough, its port.
func (a *Assembler) name(s *stream, announced Announcement, now time.Time) {
	settled := !s.unnamed() && announced.Name == s.announced.Name
	s.announced = announced
	if settled || now.Sub(s.displaced) < aliveAfter {
		return
	}
	host, port := s.host(), strconv.Itoa(int(s.from.Port()))
	name := cmp.Or(announced.Name, host)
	for _, label := range []string{name, name + "@" + host, name + "@" + net.JoinHostPort(host, port)} {
		holder := a.labelled(label, s)
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

// labelled returns the stream, other than s, whose frames are handed on under that name, or nil.
func (a *Assembler) labelled(label string, s *stream) *stream {
	for _, o := range a.streams {
		if o != s && o.label == label {
			return o
		}
	}
	return nil
}
