package protocol

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// skipSize is how many bytes an open Skip datagram has.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=8|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    ID of the first frame                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    ID of the last frame                       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
const skipSize = prefixSize + 8

// Skip returns the datagrams that tell a receiver which frames it does not get, from the first to the last: its path does not
// carry all frames, and others get these. So it neither waits for them nor asks for them. The datagrams are the caller's to
// keep.
func (s *Splitter) Skip(first, last uint32) []Datagram {
	b := prefix{Type: typeSkip, Stream: s.stream, Session: s.session}.append(make([]byte, 0, skipSize))
	b = binary.BigEndian.AppendUint32(b, first)
	b = binary.BigEndian.AppendUint32(b, last)
	if s.sealing != nil {
		b = s.sealing.seal(b)
	}
	return []Datagram{{b, nil}}
}

// parseSkip reads a Skip datagram. The error is ErrMalformed.
func parseSkip(b []byte) (first, last uint32, err error) {
	if len(b) < skipSize {
		return 0, 0, ErrMalformed
	}
	first, last = binary.BigEndian.Uint32(b[prefixSize:]), binary.BigEndian.Uint32(b[prefixSize+4:])
	if last != first && !Newer(last, first) {
		return 0, 0, ErrMalformed
	}
	return first, last, nil
}

func (a *Assembler) addSkip(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	size, key := len(b), keyOf(p, from)
	s := a.find(key)
	if s == nil {
		a.tally.leaveOut(DatagramUnannounced)
		return
	}
	if p.Sealed {
		if s, b = a.openAnnouncement(s, key, b, from, now); s == nil {
			return
		}
	}
	first, last, err := parseSkip(b)
	if err != nil {
		a.tally.leaveOut(DatagramMalformed)
		return
	}
	s.heard(size, from, now)
	s.ordering.skip(first, last, now)
	s.attend(now)
}

// skip notes that frames are not sent to this receiver. Nothing is noted of a frame of which something has come. If
// something of it still comes, the frame counts as any other.
func (o *ordering) skip(first, last uint32, now time.Time) {
	if !o.started || o.tooFar(last) {
		return
	}
	if oldest := o.newest + 1; Newer(oldest, first) {
		first = oldest
	}
	if oldest := last - maxPendingFrames + 1; Newer(oldest, first) {
		first = oldest
	}
	for id := first; !Newer(id, last); id++ {
		o.skipOne(id, now)
	}
	if Newer(last, o.reach) {
		o.reach = last
	}
}

func (o *ordering) skipOne(id uint32, now time.Time) {
	p := find(o.pending, id)
	if p == nil {
		p = o.memory.newFrame(id, now.Add(o.config.Deadline))
		if !o.insert(p, now) {
			o.memory.spare = p
			return
		}
	}
	if p.state == unseen {
		o.tally.Skipped++
		p.partial = true // it is not lost
		o.drop(p, FrameSuperseded)
	}
}
