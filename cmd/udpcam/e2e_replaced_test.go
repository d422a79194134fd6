package main_test

import (
	"strings"
	"testing"
	"time"
)

// The network interface of both ends is replaced by another of the same name, while a stream runs. Before the first there is
// none. Each time the stream goes on soon, without a restart.
func TestE2ENetnsReplaced(t *testing.T) {
	path, _ := film(t, 20, street(t, 5, 6, 7, 8)...)
	for _, c := range []struct {
		name, listen, to string
		early            bool // whether both ends start before there is an interface
		flags            []string
		route            string // "" for none
	}{
		{"IPv4", ":12345", "10.77.0.2:12345", true, nil, ""},
		{"IPv6", ":12345", "[fd77::2]:12345", true, nil, ""},
		{"link-local", ":12345", "[fe80::2%cable]:12345", false, nil, ""},
		{"multicast", "239.77.1.2:12345", "239.77.1.2:12345", true, nil, "239.0.0.0/8"},
		{"multicast, one interface", "239.77.1.2:12345", "239.77.1.2:12345", false, []string{"--interface", "cable"}, ""},
		{"IPv6 multicast, one interface", "[ff15::7712]:12345", "[ff15::7712]:12345", false, []string{"--interface", "cable"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			left, right := cable(t)
			for _, m := range []machine{left, right} {
				m.run(t, "ip", "link", "set", "lo", "up") // without ::1 there is no IPv6, says Go
			}
			prepare := func() {
				for _, m := range []machine{left, right} {
					m.run(t, "ip", "address", "add", "fe80::"+string('0'+rune(m.host))+"/64", "dev", "cable", "nodad")
				}
				if c.route != "" {
					left.run(t, "ip", "route", "add", c.route, "dev", "cable")
				}
			}
			unplug := func() { left.run(t, "ip", "link", "delete", "cable") }
			if unplug(); !c.early {
				plug(t, left, right)
				prepare()
			}
			arrived := &arrivals{}
			in := arrived.of(t, right.command(append([]string{udpcamCommand(t).Path, "recv", "--addr", c.listen, "--out", "-"}, c.flags...)...))
			in.says(t, "listening")
			sender := left.udpcam(t, append([]string{"send", "--addr", c.to, "--source", path, "--fps", "30", "--loop"}, c.flags...)...)
			sender.says(t, "sending|cannot send")
			count := func() int {
				arrived.mu.Lock()
				defer arrived.mu.Unlock()
				return len(arrived.list)
			}
			more := func(what string) {
				before, began := count(), time.Now()
				until(t, what, func() bool { return count() >= before+10 })
				t.Logf("%s after %v", what, time.Since(began))
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("%s only after %v", what, d)
				}
			}
			if c.early {
				time.Sleep(1500 * time.Millisecond)
				plug(t, left, right)
				prepare()
			}
			more("frames come")
			for range 2 {
				unplug()
				sender.says(t, "cannot send")
				plug(t, left, right)
				prepare()
				more("frames come again")
			}
			said := sender.stderr.String()
			t.Logf("the sender says\n%s\nthe receiver says\n%s", said, in.stderr.String())
			if n := strings.Count(said, "cannot send"); n != strings.Count(said, "sending again") || n > 3 {
				t.Error("trouble should be told once, and its end once")
			}
		})
	}
}
