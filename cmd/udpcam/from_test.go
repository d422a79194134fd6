package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// wishFor reads --from as recv does.
func wishFor(args ...string) (w wish, err error) {
	c := recvCommand()
	c.Action = func(c *cli.Context) error {
		w, err = wishOf(c)
		return nil
	}
	if failed := (&cli.App{Commands: []*cli.Command{c}}).Run(append([]string{"udpcam", "recv"}, args...)); failed != nil {
		err = failed
	}
	return w, err
}

// What --from means depends on what it looks like.
func TestWish(t *testing.T) {
	for text, want := range map[string]string{
		"192.168.1.7":        "addrs 192.168.1.7:12345",
		"192.168.1.7:5000":   "addrs 192.168.1.7:5000",
		"fe80::1%eth0":       "addrs [fe80::1%eth0]:12345",
		"[2001:db8::1]:5000": "addrs [2001:db8::1]:5000",
		"door.local":         "addrs door.local:12345",
		"pi:5000":            "addrs pi:5000",
		"front-door":         "names front-door",
		"Front door":         "names Front door",
		"all":                "all",
	} {
		w, err := wishFor("--from", text)
		var got []string
		if len(w.addrs) > 0 {
			got = append(got, "addrs "+strings.Join(w.addrs, " "))
		}
		if len(w.names) > 0 {
			got = append(got, "names "+strings.Join(w.names, " "))
		}
		if w.all {
			got = append(got, "all")
		}
		if err != nil || strings.Join(got, " ") != want || w.empty() || w.searches() == (len(w.addrs) > 0) {
			t.Errorf("%s: %q, %v; want %s", text, got, err, want)
		}
	}
	for _, args := range []string{"--from :5000", "--from pi:x", "--from pi:0", "--from pi.local --wire classic",
		"--from all --feedback=false"} {
		if w, err := wishFor(strings.Fields(args)...); err == nil {
			t.Errorf("%s: %+v", args, w)
		}
	}
	if w, err := wishFor(); err != nil || !w.empty() {
		t.Errorf("%+v, %v", w, err)
	}
}
