package netsim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A Path says what happens to datagrams on their way, in the terms of Linux's netem: see [ParseNetem]. The zero value is
// a perfect network: nothing is lost, and what is sent is there at once.
type Path struct {
	// Loss is the share of packets, 0 to 1, that are lost independently of each other.
	Loss float64
	// Burst makes losses come in bursts, besides Loss.
	Burst Burst
	// Delay is how long a packet takes; Jitter is added to it, evenly between nothing and all of it, for each packet
	// apart, so that packets overtake each other unless there is a Rate.
	Delay, Jitter time.Duration
	// Duplicate is the share of packets that arrive twice; Damage is the share that arrive with one bit flipped.
	Duplicate, Damage float64
	// Rate is what the narrowest link carries, in bits per second, and Queue how many bytes may wait before it; what
	// does not fit is dropped. Each packet is counted with 42 bytes of Ethernet, IPv4 and UDP headers, as tc counts it.
	// A Rate of 0 is no bottleneck, a Queue of 0 has no end.
	Rate, Queue int
	// Limit is how many packets may be under way at once, those before a bottleneck included; what is more is dropped.
	// 0 is no limit.
	Limit int
	// MTU is how many bytes a packet has at the most, IPv4 header included. A larger datagram travels in fragments,
	// and arrives when all of them have. 0 is no limit.
	MTU int
}

// A Burst is the two-state model of Gilbert (Bell System Technical Journal, 1960): in the bad state all is lost.
type Burst struct {
	Enter float64 // the chance, before each packet, to go from the good state to the bad one
	Leave float64 // and from the bad one to the good one: a burst is 1/Leave packets long on average
}

// Sizes of headers in bytes.
const (
	ipv4Header   = 20
	udpHeader    = 8
	ethernet     = 14
	fragmentUnit = 8 // of a fragment's payload, RFC 791
)

// A Fate is what becomes of a datagram on a path.
type Fate uint8

// The fates of datagrams.
const (
	Arrives Fate = iota
	Lost         // by chance
	Full         // dropped because a queue was full
)

// A Crossing is one direction of a path in use. It is for one goroutine at a time.
type Crossing struct {
	Path
	random   *rand.Rand
	bad      bool
	last     time.Time          // when the last packet leaves the bottleneck
	earlier  []service          // at other rates than now, of those that may still wait
	underWay Schedule[struct{}] // when those arrive that count against Limit
}

// A service is that the bottleneck carries at a rate, until it has carried all that came while it had that rate.
type service struct {
	until time.Time
	rate  int
}

// NewCrossing returns a path in use, on which with the same seed and the same packets the same happens.
func NewCrossing(p Path, seed, direction uint64) *Crossing {
	return &Crossing{Path: p, random: rand.New(rand.NewPCG(seed, direction))}
}

// SetPath changes the path. What is on its way already arrives when it would have, and what waits before the bottleneck
// still counts against its queue; what is sent from now on waits behind it, and fares as the new path says. Netem does the
// same; a token bucket would carry at the new rate also what waits already.
func (c *Crossing) SetPath(now time.Time, p Path) {
	if p.Rate != c.Rate {
		c.earlier = append(c.earlier, service{c.last, c.Rate})
	}
	c.earlier = slices.DeleteFunc(c.earlier, func(s service) bool { return !s.until.After(now) })
	c.Path = p
}

// Cross sends a datagram of so many bytes of UDP payload on its way, and returns when it arrives: twice if it is
// duplicated, and never unless its fate is to arrive.
func (c *Crossing) Cross(now time.Time, size int) ([]time.Time, Fate) {
	size += ipv4Header + udpHeader
	if c.MTU == 0 || size <= c.MTU {
		return c.CrossPacket(now, size+ethernet)
	}
	var whole time.Time
	fate := Arrives
	room := (c.MTU - ipv4Header) / fragmentUnit * fragmentUnit
	for left := size - ipv4Header; left > 0; left -= room {
		at, f := c.CrossPacket(now, min(left, room)+ipv4Header+ethernet)
		if f != Arrives {
			fate = f
		} else if at[0].After(whole) {
			whole = at[0]
		}
	}
	if fate != Arrives {
		return nil, fate
	}
	return []time.Time{whole}, fate
}

// CrossPacket does the same with a packet of so many bytes, all headers included, in the order in which netem does it:
// loss, then duplication, then the queue.
func (c *Crossing) CrossPacket(now time.Time, size int) ([]time.Time, Fate) {
	if c.loses() {
		return nil, Lost
	}
	copies := 1
	if c.Duplicate > 0 && c.random.Float64() < c.Duplicate {
		copies = 2
	}
	var arrivals []time.Time
	for range copies {
		if at, ok := c.queue(now, size); ok {
			arrivals = append(arrivals, at)
		}
	}
	if arrivals == nil {
		return nil, Full
	}
	return arrivals, Arrives
}

// queue returns when a packet arrives, or false if there is no room for it.
func (c *Crossing) queue(now time.Time, size int) (at time.Time, ok bool) {
	if c.Limit > 0 {
		for ok := true; ok; {
			_, ok = c.underWay.Due(now)
		}
		if c.underWay.Len() >= c.Limit {
			return at, false
		}
	}
	at = now.Add(c.delay())
	if c.Rate > 0 {
		wait := max(0, c.last.Sub(at))
		if c.Queue > 0 && c.waiting(at)+size > c.Queue {
			return at, false
		}
		at = at.Add(wait + c.serial(size))
		c.last = at
	}
	if c.Limit > 0 {
		c.underWay.Put(at, struct{}{})
	}
	return at, true
}

// waiting is how many bytes wait before the bottleneck at a time, counting of the packet that is just leaving the part that
// has not left.
func (c *Crossing) waiting(at time.Time) int {
	bytes := 0.0
	count := func(s service) {
		if left := s.until.Sub(at); left > 0 {
			bytes += left.Seconds() * float64(s.rate) / 8
			at = s.until
		}
	}
	for _, s := range c.earlier {
		count(s)
	}
	count(service{c.last, c.Rate})
	return int(bytes)
}

// serial is how long the bottleneck takes for so many bytes.
func (c *Crossing) serial(bytes int) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(c.Rate) * float64(time.Second))
}

func (c *Crossing) loses() bool {
	if c.Burst.Enter > 0 {
		chance := c.Burst.Enter
		if c.bad {
			chance = c.Burst.Leave
		}
		if c.random.Float64() < chance {
			c.bad = !c.bad
		}
		if c.bad {
			return true
		}
	}
	return c.Loss > 0 && c.random.Float64() < c.Loss
}

func (c *Crossing) delay() time.Duration {
	if c.Jitter == 0 {
		return c.Delay
	}
	return c.Delay + time.Duration(c.random.Int64N(int64(c.Jitter)))
}

// Mangle flips one bit of a datagram that is to be damaged, and reports whether it did.
func (c *Crossing) Mangle(b []byte) bool {
	if c.Damage == 0 || len(b) == 0 || c.random.Float64() >= c.Damage {
		return false
	}
	b[c.random.IntN(len(b))] ^= 1 << c.random.IntN(8)
	return true
}
