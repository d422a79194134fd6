package netsim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A Path describes what happens to datagrams on their way, in the terms of Linux's netem: see [ParseNetem]. The zero value
// is a perfect network: it loses nothing and delays nothing.
type Path struct {
	// Loss is the probability, 0 to 1, that a packet is lost. Each packet is decided independently.
	Loss float64
	// Burst adds losses that come in bursts.
	Burst Burst
	// Delay is how long each packet takes. A random part of Jitter, evenly distributed, is added for each packet.
	// With Jitter and without Rate, packets can overtake each other.
	Delay, Jitter time.Duration
	// Duplicate is the share of packets that arrive twice. Damage is the share that arrive with one bit flipped.
	Duplicate, Damage float64
	// Rate is the speed of the narrowest link in bits per second. Queue is how many bytes may wait before it; packets
	// that do not fit are dropped. Like tc, it counts 42 bytes of Ethernet, IPv4 and UDP headers for each packet.
	// Rate 0 means no bottleneck. Queue 0 means no limit.
	Rate, Queue int
	// Limit is how many packets may be under way at once, including those that wait before the bottleneck. Further
	// packets are dropped. 0 means no limit.
	Limit int
	// MTU is the largest packet in bytes, including the IPv4 header. A larger datagram travels in fragments and
	// arrives when all of them have arrived. 0 means no limit.
	MTU int
}

// A Burst is Gilbert's model with two states (Bell System Technical Journal, 1960). In the bad state every packet is lost.
type Burst struct {
	Enter float64 // probability of going from good to bad, before each packet
	Leave float64 // probability of going from bad to good: a burst has 1/Leave packets on average
}

// Sizes of headers in bytes.
const (
	ipv4Header   = 20
	udpHeader    = 8
	ethernet     = 14
	fragmentUnit = 8 // a fragment's payload is a multiple of this, RFC 791
)

// A Fate is what happens to a datagram on a path.
type Fate uint8

// Fates of datagrams.
const (
	Arrives Fate = iota
	Lost         // by chance
	Full         // dropped because a queue was full
)

// A Crossing is one direction of a path in use. Only one goroutine may use it at a time.
type Crossing struct {
	Path
	random   *rand.Rand
	bad      bool
	last     time.Time          // when the last packet leaves the bottleneck
	earlier  []service          // earlier rates at which packets may still wait
	underWay Schedule[struct{}] // arrival times of the packets that count against Limit
}

// A service is a rate of the bottleneck, and when the last packet that came at that rate leaves it.
type service struct {
	until time.Time
	rate  int
}

// NewCrossing returns one direction of a path. The same seed and the same packets give the same result.
func NewCrossing(p Path, seed, direction uint64) *Crossing {
	return &Crossing{Path: p, random: rand.New(rand.NewPCG(seed, direction))}
}

// SetPath changes the path for packets sent from now on. Packets already on their way arrive as planned, and those that
// wait before the bottleneck still count against its queue. New packets wait behind them. Netem does the same. A token
// bucket (tbf) would send the waiting packets at the new rate too.
func (c *Crossing) SetPath(now time.Time, p Path) {
	if p.Rate != c.Rate {
		c.earlier = append(c.earlier, service{c.last, c.Rate})
	}
	c.earlier = slices.DeleteFunc(c.earlier, func(s service) bool { return !s.until.After(now) })
	c.Path = p
}

// Cross sends a datagram with size bytes of UDP payload and returns when it arrives. There are two times if the datagram
// is duplicated, and none unless its fate is Arrives.
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

// CrossPacket is like Cross for a packet of size bytes, including all headers. Like netem, it decides loss first, then
// duplication, then the queue.
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

// queue returns when a packet arrives, or false if the queue is full.
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

// waiting returns how many bytes wait before the bottleneck at a time, including the rest of the packet that is leaving.
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

// serial returns how long the bottleneck takes to send bytes.
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

// Mangle flips one bit of b with probability Damage, and reports whether it did.
func (c *Crossing) Mangle(b []byte) bool {
	if c.Damage == 0 || len(b) == 0 || c.random.Float64() >= c.Damage {
		return false
	}
	b[c.random.IntN(len(b))] ^= 1 << c.random.IntN(8)
	return true
}
