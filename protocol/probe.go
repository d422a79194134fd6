package protocol

import "time"

// Probe returns an announcement that is as large as the datagrams of frames with that segment size: zeros follow its fields.
// If a report's Largest shows that it came, the path carries such datagrams. See Announce for the other arguments.
func (s *Splitter) Probe(a Announcement, clock *RemoteClock, segmentSize int, now time.Time) []Datagram {
	size := SegmentHeaderSize + segmentSize
	b := make([]byte, 0, size)
	if s.sealing == nil {
		return []Datagram{{pad(a.append(b, s.session, s.stream, clock.echo(now), nil), size), nil}}
	}
	b = a.append(b, s.session, s.stream, clock.echo(now), clock.peer[:])
	return []Datagram{{s.sealing.seal(pad(b, size+prefixSize-controlHeaderSize)), nil}}
}

// pad appends zeros to b until it has size bytes.
func pad(b []byte, size int) []byte { return append(b, make([]byte, max(0, size-len(b)))...) }
