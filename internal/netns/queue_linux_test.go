package netns_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/netns"
	"udpcam/internal/netsim"
)

// The bottleneck of these tests, in tc's words: it carries 15 Mbit/s, and 94 kB may wait before it. They wait for 50 ms at
// most.
const bottleneck = "tbf rate 15mbit limit 93750"

// narrow are the kinds of cable with that bottleneck, and what stands before it in tc's words. Kernels without netem often
// have tbf.
var narrow = []struct {
	name, before string
	make         func(words string) (*netns.Cable, error)
}{
	{"tbf", "", netns.NewCable},
	{"netem and tbf", "delay 1ms ", netns.NewCable},
	{"tun", "", func(words string) (*netns.Cable, error) {
		p, err := netsim.ParseNetem(words)
		if err != nil {
			return nil, err
		}
		return netns.NewTunnel(p, 1)
	}},
}

const (
	datagram = 1000          // bytes, the last of a call may have fewer
	onWire   = datagram + 42 // as tc counts them
)

// A cramming is the result of sending datagrams as fast as the socket takes them.
type cramming struct {
	sent, came int
	writing    time.Duration // how long the sending took
	held       int           // the most bytes that waited and counted against the socket's buffer
	lasting    time.Duration // from the arrival of the first to that of the last
}

// cram sends datagrams from A to B, eight in a call, out of a socket whose buffer holds fewer than the bottleneck's queue.
func cram(t *testing.T, c *netns.Cable, datagrams int) (r cramming) {
	t.Helper()
	const perCall = 8
	var from, to *net.UDPConn
	err := errors.Join(
		c.A.Do(func() (err error) {
			from, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netns.AddrB, 1000)))
			return err
		}),
		c.B.Do(func() (err error) {
			to, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netns.AddrB, 1000)))
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	raw, err := from.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, datagram) })
	if err != nil {
		t.Skip("no UDP_SEGMENT:", err)
	}
	if err := errors.Join(from.SetWriteBuffer(perCall*2*datagram), to.SetReadBuffer(1<<20)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var began time.Time
		for buffer := [2 * datagram]byte{}; ; r.came++ {
			to.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			if _, err := to.Read(buffer[:]); err != nil {
				return
			}
			if r.came == 0 {
				began = time.Now()
			}
			r.lasting = time.Since(began)
		}
	}()
	began := time.Now()
	for ; r.sent < datagrams; r.sent += perCall {
		if _, err := from.Write(make([]byte, perCall*datagram)); err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			held, _ := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
			r.held = max(r.held, held)
		})
	}
	r.writing = time.Since(began)
	<-done
	return r
}

// A bottleneck in the network does not hold the sender back. The sender's socket takes whatever is sent. Packets leave one
// by one, even if one call sent them. Packets that do not fit the queue are lost. If the queue were on the sender's own
// device, the socket's buffer would be full, and sending would take as long as the bottleneck.
func TestNetnsQueueOverflows(t *testing.T) {
	for _, kind := range narrow {
		t.Run(kind.name, func(t *testing.T) {
			inOneOf(t, 6, func() error {
				c := plug(t, func() (*netns.Cable, error) { return kind.make(kind.before + bottleneck) })
				r := cram(t, c, 1000)
				a, _, err := c.Sent()
				if err != nil || a.Packets != uint64(r.sent) {
					return fmt.Errorf("%d packets were sent for %d datagrams, %w", a.Packets, r.sent, err)
				}
				carried := func(d time.Duration) int { return int(d.Seconds() * 15e6 / 8 / onWire) }
				if r.writing > 250*time.Millisecond {
					return fmt.Errorf("sending took %v: if the socket waits for the queue it takes half a second", r.writing)
				}
				if room := 93750/onWire + carried(r.writing); r.came < room*9/10 || r.came > room*11/10+5 {
					return fmt.Errorf("%d of %d datagrams came, want about %d: what the queue holds, and leaves it while they are sent", r.came, r.sent, room)
				}
				if want := carried(r.lasting); r.came < want*9/10 || r.came > want*11/10+5 {
					return fmt.Errorf("%d datagrams came within %v, want about %d", r.came, r.lasting, want)
				}
				return nil
			})
		})
	}
}

// inOneOf makes up to that many attempts, until one succeeds. On a busy machine some may fail. If the code is wrong, all
// fail.
func inOneOf(t *testing.T, attempts int, try func() error) {
	t.Helper()
	var err error
	for range attempts {
		if err = try(); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

// Here the queue is on the sender's own device. This shows that the test above would notice it.
func TestNetnsQueueOfTheSender(t *testing.T) {
	c := plug(t, netns.NewDirect)
	tc := exec.Command("tc", strings.Fields("qdisc add dev cable root tbf rate 15mbit burst 3000 limit 93750")...)
	var said strings.Builder
	tc.Stderr = &said
	if err := errors.Join(c.A.Start(tc), tc.Wait()); err != nil {
		t.Skip(said.String())
	}
	if r := cram(t, c, 1000); r.held == 0 || r.writing < 300*time.Millisecond || r.came < r.sent*9/10 {
		t.Errorf("%+v: the socket should have waited for the queue", r)
	}
}

// A network changes while it is used.
func TestNetnsChange(t *testing.T) {
	for _, kind := range narrow {
		t.Run(kind.name, func(t *testing.T) {
			c := plug(t, func() (*netns.Cable, error) { return kind.make(kind.before + bottleneck) })
			for _, change := range []struct {
				words string
				bits  float64
			}{{"tbf rate 60mbit limit 93750", 60e6}, {"tbf rate 5mbit limit 93750", 5e6}} {
				if err := c.Change(kind.before + change.words); err != nil {
					t.Fatal(err)
				}
				inOneOf(t, 6, func() error {
					r := cram(t, c, 200)
					if rate := float64(r.came) * onWire * 8 / r.lasting.Seconds(); rate < 0.75*change.bits || rate > 1.2*change.bits {
						return fmt.Errorf("%s: %.3g bits a second came through, %+v", change.words, rate, r)
					}
					return nil
				})
			}
			if err := c.Change(kind.before + "tbf rate slow limit 9kb"); err == nil {
				t.Error("a rate that is none was taken")
			}
		})
	}
}
