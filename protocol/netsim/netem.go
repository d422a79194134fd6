package netsim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrNetem is a network that is given in netem's words and cannot be simulated.
var ErrNetem = errors.New("this network cannot be simulated")

// netemLimit is the limit of a netem that is given none, in packets.
const netemLimit = 1000

// ParseNetem reads a path as `tc qdisc add … netem` takes it (tc-netem(8)), for instance
//
//	delay 2ms 1ms loss gemodel 1% 20%
//
// It knows limit, delay with its jitter, loss (random) and loss gemodel with its first two numbers, duplicate, corrupt and
// rate. Correlations, distributions, reorder and slot are beyond it. Numbers without a unit are what tc takes them for:
// microseconds and bits a second. The error is ErrNetem, wrapped.
func ParseNetem(args string) (Path, error) {
	n := netem{words: strings.Fields(args), path: Path{Limit: netemLimit}}
	for len(n.words) > 0 && n.err == nil {
		n.option(n.next())
	}
	if n.err != nil {
		return Path{}, fmt.Errorf("netem %q: %w: %w", args, ErrNetem, n.err)
	}
	return n.path, nil
}

// A netem is a parser: what is left to be read, and what has been.
type netem struct {
	words []string
	path  Path
	err   error
}

func (n *netem) option(name string) {
	p := &n.path
	switch name {
	case "limit":
		p.Limit = int(n.number("", 1))
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
		n.fail("%s %s: correlations and more are beyond it", name, n.peek())
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

// number reads a number that ends in unit, in multiples of scale.
func (n *netem) number(unit string, scale float64) float64 {
	word := n.next()
	v, err := strconv.ParseFloat(strings.TrimSuffix(word, unit), 64)
	if err != nil || v < 0 || v*scale > 1e15 {
		n.fail("%q is no number such as 1%s", word, unit)
	}
	return v * scale
}

func (n *netem) percent() float64 {
	share := n.number("%", 0.01)
	if share > 1 {
		n.fail("%g%% is more than all", 100*share)
	}
	return share
}

func (n *netem) duration() time.Duration {
	word := n.peek()
	for _, u := range []struct {
		name  string
		scale time.Duration
	}{{"msec", time.Millisecond}, {"ms", time.Millisecond}, {"usec", time.Microsecond}, {"us", time.Microsecond},
		{"sec", time.Second}, {"s", time.Second}} {
		if strings.HasSuffix(word, u.name) {
			return time.Duration(n.number(u.name, float64(u.scale)))
		}
	}
	return time.Duration(n.number("", float64(time.Microsecond)))
}

func (n *netem) rate() int {
	word := strings.ToLower(n.peek())
	for _, u := range []struct {
		name  string
		scale float64
	}{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}, {"gbps", 8e9}, {"mbps", 8e6}, {"kbps", 8e3}, {"bps", 8}} {
		if strings.HasSuffix(word, u.name) {
			n.words[0] = word
			return int(n.number(u.name, u.scale))
		}
	}
	return int(n.number("", 1))
}
