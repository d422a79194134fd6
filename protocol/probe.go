package protocol

import "time"

// Probe returns an announcement that is as large as the datagrams of frames with that segment size: zeros follow its fields.
// If a report's Largest shows that it came, the path carries such datagrams. See Announce for the other arguments.
func (s *Splitter) Probe(a Announcement, clock *RemoteClock, segmentSize int, now time.Time) []Datagram {
	size := SegmentHeaderSize + segmentSize
	b := a.append(make([]byte, 0, size), s.session, s.stream, clock.echo(now))
	if s.sealing == nil {
		return []Datagram{{pad(b, size), nil}}
	}
	b = pad(append(b, clock.peer[:]...), size+prefixSize-controlHeaderSize)
	return []Datagram{{s.sealing.seal(b), nil}}
}

// pad appends zeros to b until it has size bytes.
func pad(b []byte, size int) []byte { return append(b, make([]byte, max(0, size-len(b)))...) }
