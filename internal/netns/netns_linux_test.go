package netns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"udpcam/internal/netns"
	"udpcam/internal/netsim"
)

// plug returns a cable, or skips the test where there can be none.
func plug(t *testing.T, make func() (*netns.Cable, error)) *netns.Cable {
	t.Helper()
	c, err := make()
	if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrNetem) || errors.Is(err, netns.ErrTun) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// cables are the kinds of cable, with the same network on each.
var cables = map[string]func() (*netns.Cable, error){
	"netem": func() (*netns.Cable, error) { return netns.NewCable("delay 20ms loss 20% limit 10000") },
	"tun": func() (*netns.Cable, error) {
		return netns.NewTunnel(netsim.Path{Delay: 20 * time.Millisecond, Loss: 0.2}, 1)
	},
}

// Packets cross with a delay, and some are lost. Each machine sees only its own network.
func TestNetnsCable(t *testing.T) {
	for name, make := range cables {
		t.Run(name, func(t *testing.T) {
			c := plug(t, make)
			var from, to net.PacketConn
			err := errors.Join(
				c.A.Do(func() (err error) { from, err = net.ListenPacket("udp4", "10.77.1.2:0"); return err }),
				c.B.Do(func() (err error) { to, err = net.ListenPacket("udp4", "10.77.2.2:1000"); return err }))
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			defer to.Close()
			to.(*net.UDPConn).SetReadBuffer(1 << 20) // room for all packets, if this test has to wait for a core
			const sent = 500
			began := time.Now()
			for range sent {
				if _, err := from.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netns.AddrB, 1000))); err != nil {
					t.Fatal(err)
				}
			}
			came := 0
			var first time.Duration
			for buffer := [9]byte{}; ; came++ {
				to.SetReadDeadline(time.Now().Add(time.Second))
				if _, _, err := to.ReadFrom(buffer[:]); err != nil {
					break
				}
				if came == 0 {
					first = time.Since(began)
				}
			}
			if came < sent*7/10 || came > sent*9/10 || first < 20*time.Millisecond {
				t.Errorf("%d of %d packets came, the first after %v; want 80 %%, after 20 ms", came, sent, first)
			}
			a, b, err := c.Sent()
			if want := uint64(sent * (20 + 8 + 1)); err != nil || a.Packets != sent || a.Bytes != want || b.Packets != 0 {
				t.Errorf("sent %+v and %+v, %v, want %d bytes", a, b, err, want)
			}
		})
	}
}

// A command that is started on a machine sees that machine's addresses. It ends with the process that made the cable: the
// end-to-end tests kill such a process.
func TestNetnsStart(t *testing.T) {
	c := plug(t, cables["tun"])
	cmd := exec.CommandContext(context.Background(), "ip", "-4", "-brief", "address")
	var out strings.Builder
	cmd.Stdout = &out
	if err := c.A.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "10.77.1.2") {
		t.Errorf("%v: %s", err, out.String())
	}
	home, _ := os.ReadFile("/proc/net/dev")
	if strings.Contains(string(home), "cable:") {
		t.Error("the device is in this process's own namespace")
	}
}

// If tc does not understand the arguments, the error has tc's own words.
func TestNetnsBadNetem(t *testing.T) {
	for args, want := range map[string]string{"delay tomorrow": "tomorrow", "gibberish": `: What is "gibberish"?`} {
		_, err := netns.NewCable(args)
		if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrNetem) {
			t.Skip(err)
		}
		if !errors.Is(err, netns.ErrArguments) || !strings.Contains(err.Error(), want) || len(err.Error()) > 120 {
			t.Errorf("%s: %v", args, err)
		}
	}
}
