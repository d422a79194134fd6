package main_test

import (
	"strings"
	"testing"

	"udpcam/protocol"
)

// A relay with two keys passes on two sealed streams. Each goes out sealed with its own key, so the holder of one sees one stream,
// and whoever has no key sees none.
func TestE2ERelaySealed(t *testing.T) {
	keys := []string{protocol.Key{1}.Text(), protocol.Key{2}.Text()}
	args := []string{"relay", "--listen", "127.0.0.1:0", "--json"}
	for i, name := range []string{"door", "yard"} {
		camera := udpcam(t, "send", "--source", "test:?size=320x240", "--listen", "127.0.0.1:0", "--name", name, "--key", keys[i])
		args = append(args, "--from", camera.says(t, listening)[1], "--key", keys[i])
	}
	open := udpcam(t, "send", "--source", "test:?size=320x240", "--listen", "127.0.0.1:0", "--name", "open")
	relay := udpcam(t, append(args, "--from", open.says(t, listening)[1])...)
	addr := relay.says(t, listening)[1]
	stranger := udpcam(t, "recv", "--from", addr)
	for i, name := range []string{"door", "yard"} {
		viewer := udpcam(t, "recv", "--from", addr, "--key", keys[i])
		viewer.says(t, "stream appears.* stream="+name)
		viewer.stop(t)
		if log := viewer.stderr.String(); strings.Count(log, "stream appears") != 1 {
			t.Errorf("who has one key sees:\n%s", log)
		}
	}
	stranger.stop(t)
	if log := stranger.stderr.String(); strings.Contains(log, "stream appears") {
		t.Errorf("who has no key sees:\n%s", log)
	}
	relay.stop(t)
	if !strings.Contains(relay.stdout.String(), `"sealed":true`) || strings.Contains(relay.stdout.String(), `"name":"open"`) {
		t.Errorf("the status: %s", relay.stdout.String())
	}
	relay.says(t, `"msg":"relayed","frames":`)
}

// A relay that sends to an address does so whether or not somebody watches elsewhere.
func TestE2ERelayAddr(t *testing.T) {
	to, addr := recv(t)
	camera := udpcam(t, "send", "--source", "test:", "--listen", "127.0.0.1:0", "--name", "door", "--linger", "1s")
	relay := udpcam(t, "relay", "--from", camera.says(t, listening)[1], "--addr", addr)
	to.says(t, "stream appears.* stream=door")
	relay.stop(t)
	camera.says(t, "nobody watches")
}

// What is missing is said, and what to type.
func TestE2ERelayMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"":                                       "no streams to pass on: give the address of udpcam send --listen, such as --from",
		"--from 127.0.0.1":                       "there is nowhere to send to: let receivers come with --listen",
		"--listen":                               "no streams to pass on",
		"--from :5000 --listen":                  "name a host",
		"--receive :7 --listen :7":               "--receive and --listen are both :7: give them two ports",
		"--from 127.0.0.1:39771 --listen :39771": "--from 127.0.0.1:39771 is this relay itself",
		"--from 127.0.0.1 --addr 127.0.0.1 --hidden": "--hidden is for --listen",
	} {
		p := udpcam(t, append([]string{"relay"}, strings.Fields(args)...)...)
		p.ends(t, 2)
		if got := p.stderr.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", args, got)
		}
	}
}
