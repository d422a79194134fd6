package main

import (
	"net"
	"strings"
	"testing"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender"
)

// An address with a sender answers, also one whose streams are sealed with our key. Others do not, and find says what to do.
func TestFindAt(t *testing.T) {
	key := protocol.NewKey()
	open := func(config sender.Config) string {
		p, err := sender.OpenPort(t.Context(), sender.PortConfig{}, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config.Port = p
		s, err := sender.Dial(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close(); p.Close() })
		return p.LocalAddr().String()
	}
	plain, sealed := open(sender.Config{}), open(sender.Config{Key: key})
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{plain, 0, plain + "  a camera answers after "},
		{plain, 0, " ms, open"},
		{"--wait 100ms " + sealed, cmdline.ExitFailure, "nothing answers: is udpcam send --listen running there"},
		{"--key " + key.Text() + " " + sealed, 0, "sealed with your key"},
		{"--wait 100ms " + silent.LocalAddr().String(), cmdline.ExitFailure, "if it is sealed, give its --key"},
		{"--wait 300ms 127.0.0.1:9", cmdline.ExitFailure, "nothing listens at that port"},
		{"--wait 300ms " + plain + " " + silent.LocalAddr().String(), cmdline.ExitFailure, "no camera at " + silent.LocalAddr().String()},
		{"no.such.host.invalid", cmdline.ExitFailure, "no.such.host.invalid"},
		{"--json " + plain, 0, `"answers": true`},
		{plain + " --json", cmdline.ExitUsage, `"--json" stands behind an address: flags go first`},
		{"--wait 0s", cmdline.ExitUsage, "give a time above 0"},
		{"--interface nosuch0", cmdline.ExitUsage, `there is no network interface "nosuch0"`},
	} {
		code, stdout, stderr := runToEnd(t, append([]string{"find"}, strings.Fields(tt.args)...)...)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", tt.args, code, tt.code, tt.says, stdout, stderr)
		}
	}
}
