//go:build languages

package conform

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
)

var programs = flag.String("programs", "", "the folder with the programs that make languages has built")

// An implementation is the wire in one language, with its programs. {dir} is the folder of what was built, {root} that of this
// project, {key} how its programs get the key.
type implementation struct {
	name               string
	send, listen, recv string // "" if it has no such program
	from               string
	key                string
}

var implementations = []implementation{
	{"Go", "{dir}/udpcam send --source - --fec 20% --name {name} {key} --addr {addr}",
		"{dir}/udpcam send --source - --fec 20% --name {name} {key} --hidden --listen {listen}",
		"{dir}/udpcam recv --out - {key} --addr {addr}", "{dir}/udpcam recv --out - {key} --from {from}", "--key "},
	{"C", "{dir}/udpcam-send --parity 20 --name {name} {key} {addr}", "{dir}/udpcam-send --parity 20 --name {name} {key} --listen {listen}",
		"{dir}/udpcam-recv --out - {key} {addr}", "{dir}/udpcam-recv --out - {key} --from {from}", "--key "},
	{"C++", "{dir}/udpcam-cpp-send --parity 20 --name {name} {key} {addr}", "{dir}/udpcam-cpp-send --parity 20 --name {name} {key} --listen {listen}",
		"{dir}/udpcam-cpp-recv --out - {key} {addr}", "{dir}/udpcam-cpp-recv --out - {key} --from {from}", "--key "},
	{"Python", "env PYTHONPATH={root}/protocol/python/src {python} -m udpcam send --parity 20 --name {name} {key} {addr}",
		"",
		"env PYTHONPATH={root}/protocol/python/src {python} -m udpcam recv --out - {key} {addr}",
		"env PYTHONPATH={root}/protocol/python/src {python} -m udpcam recv --out - {key} --from {from}", "--key "},
	{"JS", "", "", "node {root}/protocol/js/udpcam-recv.mjs --out - {key} {addr}", "node {root}/protocol/js/udpcam-recv.mjs --out - {key} --from {from}",
		"--key "},
}

// command fills in what is the same for all runs.
func (i implementation) command(t *testing.T, line string, key protocol.Key) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(*programs)
	if err != nil || *programs == "" {
		t.Fatal("give the folder of the programs with -programs, as make languages does")
	}
	keyed := ""
	if key != (protocol.Key{}) {
		keyed = i.key + key.Text()
	}
	return strings.NewReplacer("{dir}", dir, "{root}", root, "{key}", keyed, "{python}", python(), "{name}", fmt.Sprintf("door%d", rand.IntN(1e6))).Replace(line)
}

// python is a Python 3 with numpy: that of Debian's packages may not be the first in PATH.
var python = sync.OnceValue(func() string {
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(path, "-c", "import numpy, cryptography").Run() == nil {
			return path
		}
	}
	return "python3"
})

// keys are no key, and one.
var keys = map[string]protocol.Key{"open": {}, "sealed": protocol.NewKey()}

// atOnce bounds how many pairs run at the same time.
var atOnce = make(chan struct{}, 6)

// TestE2EPairs has every sender send to every receiver: first over a clean network, then over one that loses 5 % each way. All frames
// come, byte for byte.
func TestE2EPairs(t *testing.T) {
	for _, s := range implementations {
		for _, r := range implementations {
			for kind, key := range keys {
				if s.send == "" {
					continue
				}
				t.Run(s.name+" to "+r.name+", "+kind, func(t *testing.T) { again(t, func() error { return pair(t, s, r, key) }) })
			}
		}
	}
}

// TestE2ESubscribed has every receiver that subscribes go to every sender that can be subscribed to.
func TestE2ESubscribed(t *testing.T) {
	for _, s := range implementations {
		for _, r := range implementations {
			for kind, key := range keys {
				if s.listen == "" || r.from == "" {
					continue
				}
				t.Run(r.name+" from "+s.name+", "+kind, func(t *testing.T) { again(t, func() error { return subscribedPair(t, s, r, key) }) })
			}
		}
	}
}

// again runs a test in parallel with others, three times at most: a machine that is very busy loses frames by itself.
func again(t *testing.T, run func() error) {
	t.Parallel()
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	var err error
	for range 3 {
		if err = run(); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

func pair(t *testing.T, s, r implementation, key protocol.Key) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	recv, err := start(r.command(t, r.recv, key), map[string]string{"addr": at.String()})
	if err != nil {
		return err
	}
	defer recv.End()
	if err := recv.listening(at); err != nil {
		return recv.Failure(err)
	}
	path, err := newPath(at)
	if err != nil {
		return err
	}
	defer path.Close()
	send, err := start(s.command(t, s.send, key), map[string]string{"addr": path.addr().String()})
	if err != nil {
		return err
	}
	defer send.End()
	return watchPair(send, recv, func() { path.lose(0.05) })
}

func subscribedPair(t *testing.T, s, r implementation, key protocol.Key) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	send, err := start(s.command(t, s.listen, key), map[string]string{"listen": at.String()})
	if err != nil {
		return err
	}
	defer send.End()
	if err := send.listening(at); err != nil {
		return send.Failure(err)
	}
	recv, err := start(r.command(t, r.from, key), map[string]string{"from": at.String()})
	if err != nil {
		return err
	}
	defer recv.End()
	return watchPair(send, recv, func() {})
}

// watchPair feeds the sender pictures, and compares what the receiver shows.
func watchPair(send, recv *program, worse func()) error {
	number := 0
	feed := func(size int) ([]byte, error) {
		number++
		jpeg := picture(number, size)
		_, err := send.Stdin.Write(jpeg)
		time.Sleep(33 * time.Millisecond)
		return jpeg, err
	}
	for began := time.Now(); len(recv.shown()) == 0; { // the first ones may come before the receiver knows the stream
		if _, err := feed(3000); err != nil {
			return send.Failure(err)
		}
		if time.Since(began) > startWait {
			return fmt.Errorf("nothing is shown after %v; the sender said: %s; the receiver said: %s", startWait, send.Said(), recv.Said())
		}
	}
	for range 10 {
		if _, err := feed(3000); err != nil {
			return send.Failure(err)
		}
	}
	var want [][]byte
	for i := range 40 {
		if i == 10 {
			worse()
		}
		jpeg, err := feed([]int{20_000, 80_000, 45_000, 1500}[i%4])
		if err != nil {
			return send.Failure(err)
		}
		want = append(want, jpeg)
	}
	for range 3 { // they show that the last ones have ended
		if _, err := feed(3000); err != nil {
			return send.Failure(err)
		}
	}
	missing := func() (n, first int) {
		all := recv.shown()
		for i, jpeg := range want {
			at := -1
			for j, s := range all {
				if bytes.Equal(s.jpeg, jpeg) {
					at = j
					break
				}
			}
			if at < 0 {
				if n++; n == 1 {
					first = i
				}
				continue
			}
			all = all[at+1:] // in order
		}
		return n, first
	}
	if !until(5*time.Second, func() bool { n, _ := missing(); return n == 0 }) {
		n, first := missing()
		return fmt.Errorf("%d of %d frames are missing or out of order, the first of them is %d; the sender said: %s; the receiver said: %s", n, len(want),
			first, send.Said(), recv.Said())
	}
	return nil
}

// A lossyPath relays datagrams between a sender and a receiver, as a network that loses and delays some does.
type lossyPath struct {
	in, out *net.UDPConn // in is what the sender sends to, out sends to the receiver

	mu          sync.Mutex
	sender      netip.AddrPort
	there, back *netsim.Crossing
}

func newPath(to netip.AddrPort) (*lossyPath, error) {
	in, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	out, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		in.Close()
		return nil, err
	}
	delay := netsim.Path{Delay: 10 * time.Millisecond}
	p := &lossyPath{in: in, out: out, there: netsim.NewCrossing(delay, 7, 0), back: netsim.NewCrossing(delay, 7, 1)}
	go p.relay(in, func(b []byte, from netip.AddrPort) {
		p.sender = from
		p.cross(p.there, b, out, to)
	})
	go p.relay(out, func(b []byte, from netip.AddrPort) { p.cross(p.back, b, in, p.sender) })
	return p, nil
}

func (p *lossyPath) addr() netip.AddrPort { return addressOf(p.in) }

func (p *lossyPath) relay(from *net.UDPConn, pass func([]byte, netip.AddrPort)) {
	b := make([]byte, 1<<16)
	for {
		n, at, err := from.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		pass(bytes.Clone(b[:n]), at)
		p.mu.Unlock()
	}
}

// cross sends a datagram when it has crossed the network. p.mu is held.
func (p *lossyPath) cross(over *netsim.Crossing, b []byte, by *net.UDPConn, to netip.AddrPort) {
	arrivals, _ := over.Cross(time.Now(), len(b))
	for _, at := range arrivals {
		time.AfterFunc(time.Until(at), func() { by.WriteToUDPAddrPort(b, to) })
	}
}

// lose makes the network lose a share of the datagrams from now on.
func (p *lossyPath) lose(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []*netsim.Crossing{p.there, p.back} {
		c.SetPath(time.Now(), netsim.Path{Delay: 10 * time.Millisecond, Loss: share})
	}
}

func (p *lossyPath) Close() {
	p.in.Close()
	p.out.Close()
}

// TestE2EConform tests every program against every rule. Most rules wait most of the time, so many are tested at once.
func TestE2EConform(t *testing.T) {
	few := make(chan struct{}, 3)
	for _, i := range implementations {
		for kind, key := range keys {
			for name, c := range map[string]Config{"recv": {Command: i.recv, Role: Receiver}, "recv --from": {Command: i.from, Role: Receiver},
				"send": {Command: i.send, Role: Sender}, "send --listen": {Command: i.listen, Role: Sender}} {
				if c.Command == "" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s, %s", i.name, name, kind), func(t *testing.T) {
					t.Parallel()
					few <- struct{}{}
					defer func() { <-few }()
					c.Command, c.Key, c.At = i.command(t, c.Command, key), Key(key), 8
					if _, err := Run(t.Context(), c, func(r Result) {
						if !r.Passed {
							t.Errorf("%s: %s\nexpected %s\nsaw %s", r.Rule, r.Says, r.Expected, r.Saw)
						}
					}); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}
