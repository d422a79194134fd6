package sender

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"udpcam/protocol"
)

const (
	// burstSize is how many bytes leave at once, and burstGap how long after that the next may leave: together 0.8
	// Gbit/s. Switches have queues from about 128 kB a port. time.Sleep rounds up to about a millisecond, so smaller
	// bursts, closer together, would take longer and not be smoother.
	burstSize = 96 << 10
	burstGap  = time.Millisecond

	// spreadBurst is how many bytes leave at once of a frame that is spread for the sake of a path, if that makes for
	// pauses of burstGap at least: so few that no queue minds, and so many that it costs little.
	spreadBurst = 4 << 10

	// maxLate is up to which delay, by a busy machine, later bursts make up for it.
	maxLate = 50 * time.Millisecond

	// paritySlack is by how much a burst that ends a frame may be larger for its parity, so that a frame that leaves
	// at once does not stop doing so when the network gets worse.
	paritySlack = 0.25

	// defaultPace is the share of the frame interval that a frame may take to leave.
	defaultPace = 0.25
)

// A Pace says how fast a frame's datagrams leave, so that they do not overflow the queues of the network. The zero
// value is [PaceShare] of a quarter.
type Pace struct {
	off   bool
	share float64 // of the frame interval
	rate  float64 // bytes a second
}

// PaceOff has every frame leave at once.
var PaceOff = Pace{off: true}

// PaceShare has frames of up to 96 KiB leave at once, and larger ones in bursts of that size a millisecond apart, or
// larger bursts if these would take more than that share, 0 to 1, of the time from one frame to the next.
func PaceShare(share float64) Pace { return Pace{share: min(share, 1), off: share <= 0} }

// PaceRate has all leave at so many bits a second. A source that makes more than that is held up.
func PaceRate(bits float64) Pace { return Pace{rate: bits / 8} }

// ParsePace reads "off", a share of the frame interval such as "25%", or a rate in Mbit/s such as "200" or "200mbit".
// "" is the default.
func ParsePace(s string) (Pace, error) {
	switch s {
	case "":
		return Pace{}, nil
	case "off":
		return PaceOff, nil
	}
	if share, ok := parsePercent(s); ok && share > 0 && share <= 1 {
		return PaceShare(share), nil
	}
	number := strings.TrimSuffix(strings.ToLower(s), "mbit")
	if mbit, err := strconv.ParseFloat(number, 64); err == nil && mbit >= 0.1 && mbit <= 1e6 {
		return PaceRate(mbit * 1e6), nil
	}
	return Pace{}, fmt.Errorf("pace %q: give a share of the time between two frames such as 25%%, "+
		"a rate in Mbit/s such as 200, or off", s)
}

// String returns what ParsePace reads.
func (p Pace) String() string {
	switch {
	case p.off:
		return "off"
	case p.rate > 0:
		return strconv.FormatFloat(p.rate*8/1e6, 'f', -1, 64) + "mbit"
	case p.share == 0:
		return formatPercent(defaultPace)
	}
	return formatPercent(p.share)
}

// A departure says how the datagrams of one frame leave: in bursts, with pauses between them.
type departure struct {
	burst int       // bytes that leave at once, 0 if all do
	slack int       // bytes by which the last burst may be larger
	rate  float64   // bytes a second, for pauses that make up for one another; 0 for pauses of burstGap at least
	left  int       // bytes that may still leave now
	next  time.Time // when the next burst may leave
}

// plan says how a frame of so many bytes, parity included, leaves after the last one, when frames come at such
// intervals and a path wants no more than so many bytes a second, 0 if it takes all.
func (p Pace) plan(size int, interval time.Duration, ceiling float64, last departure) departure {
	if p.off {
		return departure{}
	}
	if rate := p.rate; rate > 0 {
		if ceiling > 0 {
			rate = min(rate, ceiling)
		}
		return departure{burst: perGap(rate), rate: rate, next: last.next}
	}
	share := p.share
	if share == 0 {
		share = defaultPace
	}
	pauses := int(share * float64(interval) / float64(burstGap))
	burst := max(burstSize, size/(pauses+1)+1)
	if spread := max(spreadBurst, perGap(ceiling)); ceiling > 0 && spread < burst {
		return departure{burst: spread, rate: ceiling}
	}
	return departure{burst: burst, slack: int(paritySlack * float64(burst))}
}

// perGap is how many bytes leave in each burst, every burstGap, at a rate in bytes a second.
func perGap(rate float64) int { return max(1, int(rate*burstGap.Seconds())) }

// take returns how many of the datagrams, from the first, may leave now, none if there is a pause until d.next.
// Parity is the end of its frame.
func (d *departure) take(datagrams []protocol.Datagram, parity bool, now time.Time) (n int) {
	if d.burst == 0 {
		return len(datagrams)
	}
	if late := now.Sub(d.next); late >= 0 {
		d.left = d.burst
		if d.rate == 0 || late > maxLate {
			d.next = now
		} else {
			d.left += int(d.rate * late.Seconds())
		}
	}
	room := d.left
	if parity && size(datagrams) <= d.left+d.slack {
		room += d.slack
	}
	for _, g := range datagrams {
		bytes := len(g[0]) + len(g[1])
		if bytes > room && (n > 0 || d.left < d.burst) {
			break
		}
		room -= bytes
		d.left -= bytes
		// What leaves now is paid for in time.
		if d.rate > 0 {
			d.next = d.next.Add(time.Duration(float64(bytes) / d.rate * float64(time.Second)))
		} else {
			d.next = d.next.Add(time.Duration(float64(bytes) / float64(d.burst) * float64(burstGap)))
		}
		n++
	}
	return n
}

// size is how many bytes datagrams have.
func size(datagrams []protocol.Datagram) (bytes int) {
	for _, d := range datagrams {
		bytes += len(d[0]) + len(d[1])
	}
	return bytes
}
