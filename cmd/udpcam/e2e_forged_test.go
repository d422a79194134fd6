package main_test

import (
	"regexp"
	"strings"
	"testing"
)

// Somebody forges messages of routers that the sender's packets are too big, and that no receiver is there: to every port, or
// about packets that he has seen. Segments stay as large as they are, and no frame fails.
func TestE2ENetnsForgedICMP(t *testing.T) {
	need(t, "python3")
	path, _ := film(t, 20, street(t, 1, 2, 3, 4)...)
	for _, c := range []struct{ name, from, to string }{
		{"IPv4", "10.77.0.1", "10.77.0.2"},
		{"IPv6", "fd77::1", "fd77::2"},
	} {
		for _, how := range []string{"blind", "seen"} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				left, right := cable(t)
				addr := c.to + ":12345"
				if strings.Contains(c.to, ":") {
					addr = "[" + c.to + "]:12345"
				}
				right.udpcam(t, "recv", "--addr", addr, "--out", "-").says(t, "listening")
				sender := left.udpcam(t, "send", "--addr", addr, "--json", "--source", path, "--fps", "30", "--loop")
				sender.says(t, "a receiver answers")
				forger := start(t, right.command("python3", "testdata/icmp.py", c.from, c.to, "12345", how, "3"))
				forger.ends(t, 0)
				if told := forger.stdout.String(); !regexp.MustCompile(`^[1-9][0-9]+ messages`).MatchString(told) {
					t.Errorf("the forger told %q", told)
				}
				until(t, "the sender goes on", func() bool { return strings.Count(sender.stdout.String(), "\n") > 4 })
				sender.stop(t)
				said := sender.stderr.String()
				if strings.Contains(said, "smaller") || strings.Contains(said, "cannot send") || !strings.Contains(said, `"failed":0`) {
					t.Errorf("the sender says\n%s", said)
				}
			})
		}
	}
}
