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
//   - While the holder of a name goes on sending, a new stream gets its host's address added to the name. If that name is
//     taken too, its port is added.
//   - If the holder falls silent, the new stream takes the name. It may be the same sender after a restart.
//   - If the old holder then sends again, it gets the name back.
//
// While it is open which of these it is, s has no name.
func (a *Assembler) name(s *stream, now time.Time) {
	host, port := s.key.from.Addr(), strconv.Itoa(int(s.from.Port()))
	if !host.IsValid() {
		host = s.from.Addr()
	}
	address := host.Unmap().String()
	name := cmp.Or(s.announced.Name, address)
	for _, label := range []string{name, name + "@" + address, name + "@" + net.JoinHostPort(address, port)} {
		holder := a.holderOf(label, s)
		switch {
		case holder == nil:
		case s.owned == label && s.joined.Before(holder.joined): // s is the old holder
			holder.label = ""
		case now.Sub(holder.seen) >= fellSilent:
			holder.label = ""
		case holder.seen.Sub(s.joined) < provenTime: // it may have ended just before s began
			return
		default:
			continue
		}
		s.label, s.owned = label, label
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
