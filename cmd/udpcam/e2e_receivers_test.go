package main_test

import (
	"net"
	"strings"
	"testing"
)

// send says whether somebody receives at the address.
func TestE2EReceivers(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	// This socket takes datagrams from one address only. The system refuses all others, as if nobody listened.
	local := net.IPv4(127, 0, 0, 1)
	closed, err := net.DialUDP("udp", &net.UDPAddr{IP: local}, &net.UDPAddr{IP: local, Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed.Close() })
	send := func(addr string) *process {
		return udpcam(t, "send", "--addr", addr, "--source", "test:?size=320x240", "--json")
	}
	t.Run("nobody answers", func(t *testing.T) {
		p := send(silent.LocalAddr().String())
		p.says(t, "nothing has answered from 127.0.0.1:\\d+: is udpcam recv running there")
		until(t, "the status says so", func() bool {
			return strings.Contains(p.stdout.String(), `"state":"silent","trouble":"nothing has answered`)
		})
		p.stop(t)
	})
	t.Run("the port is closed", func(t *testing.T) {
		p := send(closed.LocalAddr().String())
		p.says(t, "nobody listens at 127.0.0.1:\\d+: is udpcam recv running there")
		until(t, "the status says so", func() bool { return strings.Contains(p.stdout.String(), `"state":"refused"`) })
		p.stop(t)
	})
	t.Run("somebody comes and goes", func(t *testing.T) {
		r, addr := recv(t, "--out", t.TempDir()+"/newest.jpg")
		p := send(addr)
		p.says(t, "a receiver answers")
		until(t, "the status says so", func() bool {
			return strings.Contains(p.stdout.String(), `"state":"answering","rtt_ms":0.`)
		})
		r.stop(t)
		p.says(t, "(nobody listens at|does not answer any more)")
		p.stop(t)
	})
}

// Without any network nothing can be sent. That is an error at the end.
func TestE2ENetnsNoNetwork(t *testing.T) {
	left, _ := cable(t)
	left.run(t, "ip", "link", "set", "cable", "down")
	p := left.udpcam(t, "send", "--addr", "10.77.0.2", "--source", "test:?size=320x240", "--frames", "10")
	p.ends(t, 1)
	said := p.stderr.String()
	if !strings.Contains(said, "network is unreachable") || !strings.Contains(said, "is this machine connected to a network?") {
		t.Errorf("it says:\n%s", said)
	}
}
