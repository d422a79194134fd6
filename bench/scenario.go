package bench

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"udpcam/protocol/netsim"
)

// A Network is a network between two machines, the same in both directions.
type Network struct {
	Name  string
	Netem string // what happens to packets, as tc-netem(8) takes it
	About string
}

// Scenarios are the networks that have names. A camera of 30 frames of 78 kB a second makes 19 Mbit/s.
var Scenarios = []Network{
	{"lan", "delay 150us", "a switched network at home or in a laboratory"},
	{"wifi", "delay 1500us 500us loss 1%", "a wireless network, near its access point"},
	{"busy-wifi", "delay 4ms 2ms loss 5%", "the same, far away, and shared with others"},
	{"bursty", "delay 2ms loss gemodel 1% 20%", "losses of five packets on average, one in twenty"},
	{"lte", "delay 25ms 4ms loss 0.5% rate 40mbit limit 400", "a mobile network"},
	{"bottleneck", "delay 500us rate 15mbit limit 84", "less than the camera makes, and 65 ms of queue"},
}

// Undisturbed is a network that does nothing to packets.
var Undisturbed = Network{Name: "a cable"}

// ErrScenario is a network that has no such name.
var ErrScenario = errors.New("no such scenario")

// FindScenario returns the network of that name. The error is ErrScenario, wrapped, with the names that there are.
func FindScenario(name string) (Network, error) {
	var names []string
	for _, n := range Scenarios {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Network{}, fmt.Errorf("%w: %q: choose from %s", ErrScenario, name, strings.Join(names, ", "))
}

// manyPackets is a limit that nothing here reaches.
const manyPackets = 100_000

// queueTime is how long packets wait before a bottleneck at the most.
const queueTime = 50 * time.Millisecond

// MakeNetwork returns a network that loses such a share of packets, 0 to 1, in bursts of so many on average (1 for losses
// that are independent), with a round-trip time and jitter, and that carries so many bits a second, 0 for all.
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

// describe fills in what a row says of its network.
func (n Network) describe(r *Row) {
	r.Scenario, r.Netem = n.Name, n.Netem
	p, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		return // the kernel may know better
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

// rounded is a figure to so many decimals, for a row.
func rounded(v float64, decimals int) *float64 {
	scale := math.Pow(10, float64(decimals))
	v = math.Round(v*scale) / scale
	return &v
}
