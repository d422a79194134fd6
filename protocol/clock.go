package protocol

import (
	"encoding/binary"
	"slices"
	"time"
)

const clockSize = 16

// A clockEcho is in every announcement and in every report. With it both ends measure the round trip and the difference of
// their clocks, as NTP does (RFC 5905, section 8):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|      Sent, microseconds by the sender of this datagram        |
//	+                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                               |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
//	|      Echo: Sent of the last datagram from the other end       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Held: microseconds from its arrival to Sent, 0 if none    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type clockEcho struct {
	Sent, Echo uint64 // timestamps of 48 bits
	Held       uint32 // microseconds, 0 if there is no echo
}

func (c clockEcho) append(b []byte) []byte {
	b = append(b, byte(c.Sent>>40), byte(c.Sent>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(c.Sent))
	b = append(b, byte(c.Echo>>40), byte(c.Echo>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(c.Echo))
	return binary.BigEndian.AppendUint32(b, c.Held)
}

// parseClockEcho reads the first clockSize bytes of b.
func parseClockEcho(b []byte) clockEcho {
	return clockEcho{
		Sent: binary.BigEndian.Uint64(b) >> 16,
		Echo: binary.BigEndian.Uint64(b[4:]) & timestampMask,
		Held: binary.BigEndian.Uint32(b[12:]),
	}
}

// echoes reports whether the echo is of a datagram that was sent in the time from one moment to another.
func (c clockEcho) echoes(from, to time.Time) bool {
	sent := timeNear(c.Echo, to)
	return c.Held > 0 && !sent.Before(from.Truncate(time.Microsecond)) && !sent.After(to)
}

// echoable is how old a datagram may be that is echoed. So datagrams that somebody has recorded are of no use for long.
const echoable = 5 * time.Second

// clockWindow is how long a RemoteClock uses its best sample. Two clocks drift apart by some 50 µs a second.
const clockWindow = 10 * time.Second

// A RemoteClock compares this end's clock with the other end's. It learns from announcements and reports. The zero value
// knows nothing. It is for one goroutine.
type RemoteClock struct {
	sent     [64]uint64 // Sent of the last datagrams to the other end
	sentNext int        // where in sent the next one goes
	answered time.Time  // when one of them was last echoed

	heard   uint64         // Sent of the last datagram from the other end
	heardAt time.Time      // when the last datagram came, zero if none came
	peer    [saltSize]byte // the receiver's ID, if its datagram was sealed

	smoothed time.Duration // the round trip (RFC 6298)
	best     sample        // the one with the shortest round trip
	next     sample        // the best of the last half window; it follows when best is too old
}

type sample struct {
	at     time.Time
	rtt    time.Duration
	offset time.Duration // by which the other end's clock is ahead
}

// echo is the clock echo to send to the other end now.
func (c *RemoteClock) echo(now time.Time) clockEcho {
	e := clockEcho{Sent: timestamp(now)}
	c.sent[c.sentNext%len(c.sent)] = e.Sent
	c.sentNext++
	if !c.heardAt.IsZero() {
		e.Echo, e.Held = c.heard, uint32(max(1, min(now.Sub(c.heardAt).Microseconds(), 1<<32-1)))
	}
	return e
}

// Answered reports whether feedback echoes a datagram that was sent with this clock's echo, lately. Only somebody who gets
// these datagrams, or reads them on their way, knows to the microsecond when they were sent.
func (c *RemoteClock) Answered(f Feedback, now time.Time) bool { return c.echoed(f.clock, now) }

func (c *RemoteClock) echoed(e clockEcho, now time.Time) bool {
	if !e.echoes(now.Add(-echoable), now) || !slices.Contains(c.sent[:], e.Echo) {
		return false
	}
	c.answered = now
	return true
}

// forged reports whether an echo is none of what this end has sent, although the other end has echoed that lately.
func (c *RemoteClock) forged(e clockEcho, now time.Time) bool {
	return !c.echoed(e, now) && !c.answered.IsZero() && now.Sub(c.answered) < echoable
}

// AppendEcho appends this end's clock echo, of 16 bytes, for a message that leaves now. It is for carriers other than udpcam/1.
func (c *RemoteClock) AppendEcho(b []byte, now time.Time) []byte { return c.echo(now).append(b) }

// HearEcho learns from the clock echo at the beginning of b, which came now. It returns when the message that is echoed left
// here, and its round trip without the time that the other end held it. It returns false if b echoes nothing that this end
// has sent lately.
func (c *RemoteClock) HearEcho(b []byte, now time.Time) (left time.Time, rtt time.Duration, ok bool) {
	if len(b) < clockSize {
		return left, 0, false
	}
	e := parseClockEcho(b)
	if ok = c.echoed(e, now); !ok {
		e.Held = 0 // its time is still worth an echo
	}
	c.hear(e, now)
	left = timeNear(e.Echo, now)
	return left, max(0, now.Sub(left)-time.Duration(e.Held)*time.Microsecond), ok
}

// EchoSent returns when a message with the clock echo at the beginning of b left, by the clock of the other end, if that was
// near now.
func EchoSent(b []byte, now time.Time) (sent time.Time, ok bool) {
	if len(b) < clockSize {
		return sent, false
	}
	return timeNear(parseClockEcho(b).Sent, now), true
}

// Hear learns from feedback that came now. Only reports have a clock echo.
func (c *RemoteClock) Hear(f Feedback, now time.Time) {
	if f.Report != nil {
		c.peer = f.receiver
		c.hear(f.clock, now)
	}
}

// hear learns from a clock echo that came now.
func (c *RemoteClock) hear(e clockEcho, now time.Time) {
	c.heard, c.heardAt = e.Sent, now
	if e.Held == 0 {
		return
	}
	rtt := now.Sub(timeNear(e.Echo, now)) - time.Duration(e.Held)*time.Microsecond
	if rtt < 0 || rtt > clockWindow {
		return // one of the clocks was set meanwhile, or the echo is forged
	}
	s := sample{now, rtt, timeNear(e.Sent, now).Add(rtt / 2).Sub(now)}
	if c.smoothed == 0 {
		c.smoothed = rtt
	}
	c.smoothed += (rtt - c.smoothed) / 8
	if c.next.at.IsZero() || rtt <= c.next.rtt || now.Sub(c.next.at) > clockWindow/2 {
		c.next = s
	}
	if c.best.at.IsZero() || rtt <= c.best.rtt {
		c.best = s
	} else if now.Sub(c.best.at) > clockWindow {
		c.best = c.next
	}
}

// RTT returns the smoothed round-trip time, false if none has been measured.
func (c *RemoteClock) RTT() (time.Duration, bool) { return c.smoothed, !c.best.at.IsZero() }

// Offset returns by how much the other end's clock is ahead of this one. The uncertainty is the largest possible error: half
// of the shortest recent round trip. Offset returns false if nothing has been measured.
func (c *RemoteClock) Offset() (offset, uncertainty time.Duration, ok bool) {
	return c.best.offset, c.best.rtt / 2, !c.best.at.IsZero()
}
