package protocol

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// name chooses the name under which the frames of s are handed on. It is the announced name, or the host's address if that
// is empty. Two streams never share a name:
//
//   - While the holder of a name goes on sending, a new stream gets its host's address added to the name. If that name is
//     taken too, its port is added.
//   - If the holder falls silent, the new stream takes the name. It may be the same sender after a restart. From the same host
//     that is more likely, so less silence is needed, and none if the stream is sealed: its sender has the key.
//   - If the old holder then goes on sending, it gets the name back.
//
// As long as it is not known which of these holds, s keeps the name that it has, if any.
func (a *Assembler) name(s *stream, now time.Time) {
	host, port, name := s.host(), strconv.Itoa(int(s.home().Port())), s.name()
	for _, label := range []string{name, name + "@" + host, name + "@" + net.JoinHostPort(host, port)} {
		holder := a.holderOf(label, s)
		switch {
		case holder == nil:
		case a.nearer(s, holder):
			holder.label, holder.lost = "", now
		case a.nearer(holder, s) && holder.silence(now) < fellSilent:
			continue
		case s.owned == label && s.joined.Before(holder.joined): // s is the old holder
			if s.seen.Sub(s.lost) < provenTime {
				return // what came may have been on its way when s ended
			}
			holder.label, holder.lost = "", now
		case holder.silence(now) >= fellSilent, s.host() == holder.host() && s.replaces(holder, now):
			holder.label, holder.lost = "", now
		case holder.seen.Sub(s.joined) < provenTime: // it may have ended just before s began
			return
		default:
			continue
		}
		s.label, s.owned = label, label
		return
	}
}

// nearer reports whether s has the better claim to a name: a relay that goes to its senders takes a camera's own stream rather than
// the same from another relay. Nobody else may claim that, because it could be anybody's stream.
func (a *Assembler) nearer(s, o *stream) bool {
	return a.shared.config.Relay != 0 && a.shared.config.Wanted != nil && s.described && s.announced.Via == (Relays{}) &&
		o.announced.Via != (Relays{})
}

// silence is how long nothing has come of the stream. A relay announces a stream also while nothing comes of it there, so only
// pictures count then.
func (s *stream) silence(now time.Time) time.Duration {
	if s.announced.Via != (Relays{}) {
		return now.Sub(s.fed)
	}
	return now.Sub(s.seen)
}

// replaces reports whether s is probably the same sender as the holder of a name, after a restart. Both are on one host.
func (s *stream) replaces(holder *stream, now time.Time) bool {
	return holder.silence(now) >= restarted || s.opener != nil && s.owned == ""
}

// announce notes an announcement. A stream that is open keeps its name and its relays until several announcements in a row have
// others: a single one may be forged.
func (s *stream) announce(n Announcement) {
	switch {
	case !s.described || s.opener != nil || n.Name == s.announced.Name && n.Via == s.announced.Via:
		s.renames = 0
	case s.renames < maxRenames:
		s.renames++
		n.Name, n.Via = s.announced.Name, s.announced.Via
	}
	s.announced, s.described = n, true
}

// name is the name that the stream would like to have.
func (s *stream) name() string { return cmp.Or(s.announced.Name, s.host()) }

// home is the address that the stream belongs to, and host its IP address. Guests of the stream have others.
func (s *stream) home() netip.AddrPort {
	if s.key.from.IsValid() {
		return s.key.from
	}
	return s.from
}

func (s *stream) host() string { return s.home().Addr().Unmap().String() }

// holderOf returns the stream, other than s, that has that name, or nil.
func (a *Assembler) holderOf(label string, s *stream) *stream {
	for _, o := range a.streams {
		if o != s && o.label == label {
			return o
		}
	}
	return nil
}
