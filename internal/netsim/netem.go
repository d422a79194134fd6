package netsim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrNetem means that netsim cannot simulate what netem's arguments describe.
var ErrNetem = errors.New("this network cannot be simulated")

// netemLimit is netem's default limit in packets.
const netemLimit = 1000

// ParseNetem parses the arguments of `tc qdisc add … netem` (tc-netem(8)). The word tbf may follow, with the arguments of
// `tc qdisc add … tbf` (tc-tbf(8)) for a bottleneck at the end of the path. Examples:
//
//	delay 2ms 1ms loss gemodel 1% 20%
//	delay 2ms tbf rate 40mbit limit 64kb
//
// From netem it knows limit, delay with jitter, loss (random), loss gemodel with its first two numbers, duplicate, corrupt
// and rate. It does not know correlations, distributions, reorder and slot. From tbf it knows rate and limit (the bytes
// that may wait). As in tc, numbers without a unit are microseconds, bits per second or bytes. The error wraps ErrNetem.
func ParseNetem(args string) (Path, error) {
	n := netem{words: strings.Fields(args)}
	if n.peek() != "tbf" {
		n.path.Limit = netemLimit
	}
	for len(n.words) > 0 && n.err == nil {
		if name := n.next(); name == "tbf" {
			n.tbf()
		} else {
			n.option(name)
		}
	}
	if n.err != nil {
		return Path{}, fmt.Errorf("netem %q: %w: %w", args, ErrNetem, n.err)
	}
	return n.path, nil
}

// A netem is a parser: the words left to read, and the path so far.
type netem struct {
	words []string
	path  Path
	err   error
}

func (n *netem) option(name string) {
	p := &n.path
	switch name {
	case "limit":
		p.Limit = int(n.quantity(1))
	case "delay":
		mean := n.duration()
		if n.numeric() {
			jitter := min(n.duration(), mean) // netem has no delay below zero
			mean, p.Jitter = mean-jitter, 2*jitter
		}
		p.Delay = mean
	case "loss":
		switch n.peek() {
		case "gemodel":
			n.next()
			p.Burst.Enter = n.percent()
			p.Burst.Leave = 1 - p.Burst.Enter
			if n.numeric() {
				p.Burst.Leave = n.percent()
			}
		case "random":
			n.next()
			fallthrough
		default:
			p.Loss = n.percent()
		}
	case "duplicate":
		p.Duplicate = n.percent()
	case "corrupt":
		p.Damage = n.percent()
	case "rate":
		p.Rate = n.rate()
	default:
		n.fail("it has no %q; it knows limit, delay, loss, loss gemodel, duplicate, corrupt and rate", name)
	}
	if n.err == nil && n.numeric() {
		n.fail("%s %s: correlations and distributions cannot be simulated", name, n.peek())
	}
}

// tbf reads the arguments after the word tbf.
func (n *netem) tbf() {
	p := &n.path
	if p.Rate > 0 {
		n.fail("there are two rates, netem's and tbf's")
	}
	for len(n.words) > 0 && n.err == nil {
		switch name := n.next(); name {
		case "rate":
			p.Rate = n.rate()
		case "limit":
			p.Queue = n.size()
		default:
			n.fail("tbf has no %q; it knows rate and limit", name)
		}
	}
	if n.err == nil && (p.Rate == 0 || p.Queue == 0) {
		n.fail("tbf needs a rate and a limit")
	}
}

func (n *netem) peek() string {
	if len(n.words) == 0 {
		return ""
	}
	return n.words[0]
}

func (n *netem) next() string {
	word := n.peek()
	if len(n.words) > 0 {
		n.words = n.words[1:]
	}
	return word
}

// numeric reports whether a number comes next.
func (n *netem) numeric() bool {
	word := n.peek()
	return word != "" && strings.ContainsRune("0123456789.", rune(word[0]))
}

func (n *netem) fail(format string, args ...any) {
	if n.err == nil {
		n.err = fmt.Errorf(format, args...)
	}
}

func (n *netem) percent() float64 {
	share := n.quantity(0.01, unit{"%", 0.01})
	if share > 1 {
		n.fail("%g%% is more than 100%%", 100*share)
	}
	return share
}

func (n *netem) duration() time.Duration {
	return time.Duration(n.quantity(1e3, unit{"ms", 1e6}, unit{"msec", 1e6}, unit{"us", 1e3}, unit{"usec", 1e3}, unit{"s", 1e9}, unit{"sec", 1e9}))
}

// rate reads a rate in bits per second.
func (n *netem) rate() int {
	return int(n.quantity(1, unit{"mbit", 1e6}, unit{"kbit", 1e3}, unit{"gbit", 1e9}, unit{"bit", 1},
		unit{"mbps", 8e6}, unit{"kbps", 8e3}, unit{"gbps", 8e9}, unit{"bps", 8}))
}

// size reads a size in bytes.
func (n *netem) size() int {
	return int(n.quantity(1, unit{"kb", 1 << 10}, unit{"k", 1 << 10}, unit{"mb", 1 << 20}, unit{"m", 1 << 20}, unit{"b", 1}))
}

// A unit is a suffix of a number and its factor.
type unit struct {
	name  string
	scale float64
}

// quantity reads a number and multiplies it by the scale of the first unit that fits, or by scale if it has no unit.
func (n *netem) quantity(scale float64, units ...unit) float64 {
	word, example := n.next(), "1"
	figure := strings.ToLower(word)
	if len(units) > 0 {
		example += units[0].name
	}
	for _, u := range units {
		if f, ok := strings.CutSuffix(figure, u.name); ok {
			figure, scale = f, u.scale
			break
		}
	}
	v, err := strconv.ParseFloat(figure, 64)
	if err != nil || !(v >= 0 && v*scale <= 1e15) { // NaN too
		n.fail("%q is no number such as %s", word, example)
	}
	return v * scale
}
