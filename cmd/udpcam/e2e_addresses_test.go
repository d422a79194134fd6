package main_test

import (
	"fmt"
	"net"
	"regexp"
	"runtime"
	"testing"
)

// A receiver may listen on all addresses of its machine. Its answers must come from the address that the sender sends to: a
// sender accepts no others.

// The receiver knows the round trip only if the sender has taken its reports.
func TestE2EAddresses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux do answers come from the address that was asked")
	}
	path, _ := film(t, 50, street(t, 5, 6)...)
	receiver := udpcam(t, "recv", "--addr", ":0", "--json", "--out", "-")
	port := receiver.says(t, `listening.*:(\d+)"`)[1]
	udpcam(t, "send", "--addr", "127.0.0.2:"+port, "--json", "--source", path, "--fps", "15")
	receiver.says(t, `"rtt_ms":[0-9]`)
}

// answered is what send --json writes once it has answered a request.
var answered = regexp.MustCompile(`"answered":[1-9]`)

// At each address of the receiver, the sender learns of lost packets and repairs them.
func TestE2ENetnsAddresses(t *testing.T) {
	need(t, "nft")
	path, _ := film(t, 20, street(t, 1, 2, 3, 4)...)
	for _, to := range []string{"10.77.0.2", "10.77.0.3", "fd77::2", "fd77::3", "fe80::2%cable", "fe80::3%cable"} {
		t.Run(to, func(t *testing.T) {
			left, right := cable(t)
			right.run(t, "ip", "link", "set", "lo", "up") // without ::1 there is no IPv6, says Go
			right.run(t, "ip", "address", "add", "10.77.0.3/24", "dev", "cable")
			right.run(t, "ip", "address", "add", "fd77::3/64", "dev", "cable", "nodad")
			for _, host := range []int{2, 3} {
				right.run(t, "ip", "address", "add", fmt.Sprintf("fe80::%d/64", host), "dev", "cable", "nodad")
			}
			left.run(t, "ip", "address", "add", "fe80::1/64", "dev", "cable", "nodad")
			right.run(t, "nft", "add table inet loss; add chain inet loss in { type filter hook input priority 0; }; "+
				"add rule inet loss in meta l4proto udp numgen random mod 100 < 20 drop")
			right.udpcam(t, "recv", "--addr", ":12345", "--out", "-").says(t, "listening")
			sender := left.udpcam(t, "send", "--addr", net.JoinHostPort(to, "12345"), "--json", "--source", path, "--fps", "15",
				"--loop", "--fec", "off")
			until(t, "the sender answers a request", func() bool {
				return answered.MatchString(sender.stdout.String())
			})
		})
	}
}
