package bench

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"udpcam/internal/netsim"
)

// A Network is a network between two machines, the same in both directions.
type Network struct {
	Name  string
	Netem string // what happens to packets, as tc-netem(8) takes it, and tc-tbf(8): see [netsim.ParseNetem]
	About string
	// FrameSizes are the sizes to try, in bytes. Nil means UsualFrame.
	FrameSizes []int
	// Changes happen while it is used, in this order.
	Changes []Change
	// Rival is when a second camera like the first joins. 0 means never.
	Rival time.Duration
}

// A Change replaces the network after some time.
type Change struct {
	After time.Duration // since the first frame
	Netem string
}

// UsualFrame is the default size of a frame in bytes. Thirty a second make 19 Mbit/s.
const UsualFrame = 78_000

// uplink carries one camera but not two, and its queue is shorter than a frame.
const uplink = "delay 5ms tbf rate 40mbit limit 64kb"

// Scenarios are the networks that have names.
var Scenarios = []Network{
	{Name: "lan", Netem: "delay 150us", About: "a switched network at home or in a laboratory"},
	{Name: "wifi", Netem: "delay 1500us 500us loss 1%", About: "a wireless network, near its access point"},
	{Name: "busy-wifi", Netem: "delay 4ms 2ms loss 5%", About: "the same, far away, and shared with others"},
	{Name: "radio", Netem: "delay 10ms loss 20%", About: "a radio link at the end of its reach"},
	{Name: "bursty", Netem: "delay 2ms loss gemodel 1% 20%", About: "losses of five packets on average, one in twenty"},
	{Name: "bursty-wifi", Netem: "delay 2ms 1ms loss gemodel 1% 20%", About: "the same, and packets overtake each other"},
	{Name: "lte", Netem: "delay 25ms 4ms loss 0.5% rate 40mbit limit 400", About: "a mobile network"},
	{Name: "bottleneck", Netem: "delay 500us tbf rate 15mbit limit 93750", About: "carries less than the camera makes, and has 50 ms of queue"},
	{Name: "uplink", Netem: uplink, About: "fast enough for the camera, but its queue is shorter than a frame"},
	{Name: "falling", Netem: uplink, About: "the same, but for a while it carries half of what the camera makes",
		Changes: []Change{{3 * time.Second, "delay 5ms tbf rate 10mbit limit 64kb"}, {6 * time.Second, uplink}}},
	{Name: "shared", Netem: uplink, About: "the same, and a second camera joins: together they make a little too much", Rival: time.Second},
	{Name: "ethernet-32k", Netem: "delay 100us tbf rate 100mbit limit 32kb", About: "an old switch with a small buffer"},
	{Name: "ethernet-256k", Netem: "delay 100us tbf rate 100mbit limit 256kb", About: "the same with a large one"},
	{Name: "gigabit", Netem: "delay 50us tbf rate 1gbit limit 128kb", About: "frames that just fit into a switch's buffer, and twice as large ones",
		FrameSizes: []int{118_000, 253_000}},
}

// Undisturbed is a plain cable: nothing is lost or delayed.
var Undisturbed = Network{Name: "a cable"}

// ErrName means that nothing has the name that was asked for.
var ErrName = errors.New("no such")

// find returns the thing of that name. The error wraps ErrName and lists all names.
func find[T any](kind string, all []T, nameOf func(T) string, name string) (found T, err error) {
	var names []string
	for _, v := range all {
		if strings.EqualFold(nameOf(v), name) {
			return v, nil
		}
		names = append(names, nameOf(v))
	}
	return found, fmt.Errorf("%w %s: %q: choose from %s", ErrName, kind, name, strings.Join(names, ", "))
}

// FindScenario returns the network of that name. The error wraps ErrName.
func FindScenario(name string) (Network, error) {
	return find("scenario", Scenarios, func(n Network) string { return n.Name }, name)
}

// manyPackets is a limit that is never reached.
const manyPackets = 100_000

// queueTime is the longest wait in a bottleneck's queue.
const queueTime = 50 * time.Millisecond

// MakeNetwork returns a network that loses a share of packets (0 to 1). burst is the mean number of packets lost in a row
// (1: independent losses). rate is in bits per second, 0 for no bottleneck.
func MakeNetwork(loss, burst float64, rtt, jitter time.Duration, rate float64) Network {
	var words, name []string
	limit := manyPackets
	if rate > 0 {
		perSecond := rate / 8 / 1514
		limit = int(math.Ceil(perSecond * (queueTime + rtt/2 + jitter).Seconds()))
	}
	if rtt > 0 || jitter > 0 {
		words = append(words, fmt.Sprintf("delay %dus", (rtt/2).Microseconds()))
		name = append(name, fmt.Sprintf("rtt %v", rtt))
		if jitter > 0 {
			words = append(words, fmt.Sprintf("%dus", jitter.Microseconds()))
			name = append(name, fmt.Sprintf("jitter %v", jitter))
		}
	}
	switch {
	case loss > 0 && burst > 1:
		leave := 1 / burst
		words = append(words, fmt.Sprintf("loss gemodel %.4g%% %.4g%%", 100*loss*leave/(1-loss), 100*leave))
		name = append(name, fmt.Sprintf("loss %.3g %% in bursts of %.3g", 100*loss, burst))
	case loss > 0:
		words = append(words, fmt.Sprintf("loss %.4g%%", 100*loss))
		fallthrough
	default:
		name = append(name, fmt.Sprintf("loss %.3g %%", 100*loss))
	}
	if rate > 0 {
		words = append(words, fmt.Sprintf("rate %.0fbit", rate))
		name = append(name, fmt.Sprintf("%.3g Mbit/s", rate/1e6))
	}
	words = append(words, fmt.Sprintf("limit %d", limit))
	return Network{Name: strings.Join(name, ", "), Netem: strings.Join(words, " ")}
}

// Words describe the network and its changes.
func (n Network) Words() string {
	words := n.Netem
	for _, c := range n.Changes {
		words += fmt.Sprintf("; after %v: %s", c.After, c.Netem)
	}
	if n.Rival > 0 {
		words += fmt.Sprintf("; after %v: a second camera", n.Rival)
	}
	return words
}

// change makes the changes that happen within a time from now. It ends early if sleep returns false.
func (n Network) change(length time.Duration, sleep func(time.Duration) bool, change func(netem string) error) error {
	now := time.Duration(0)
	for _, c := range n.Changes {
		if c.After >= length || !sleep(c.After-now) {
			break
		}
		now = c.After
		if err := change(c.Netem); err != nil {
			return err
		}
	}
	return nil
}

// describe fills in the network of a row.
func (n Network) describe(r *Row) {
	r.Scenario, r.Netem = n.Name, n.Words()
	p, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		return // only the kernel can read it
	}
	loss := p.Loss
	if b := p.Burst; b.Enter > 0 {
		loss += (1 - loss) * b.Enter / (b.Enter + b.Leave)
		r.Burst = rounded(1/b.Leave, 2)
	}
	r.Loss = rounded(100*loss, 3)
	r.RTT = rounded(ms(2*p.Delay+p.Jitter), 3)
	if p.Jitter > 0 {
		r.Jitter = rounded(ms(p.Jitter/2), 3)
	}
	if p.Rate > 0 {
		r.Rate = rounded(float64(p.Rate)/1e6, 3)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rounded returns v rounded to some decimals, for a row.
func rounded(v float64, decimals int) *float64 {
	scale := math.Pow(10, float64(decimals))
	v = math.Round(v*scale) / scale
	return &v
}
