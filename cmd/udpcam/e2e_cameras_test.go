package main_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// One command sends two films to one receiver, which gets each whole, under its own name. Each has an object a second, and a
// summary.
func TestE2ECameras(t *testing.T) {
	one, first := film(t, 10, street(t, 5)...)
	two, second := film(t, 20, street(t, 6)...)
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", dir+"/")
	sender := udpcam(t, "send", "--addr", addr, "--source", one, "--source", two, "--name", "door", "--name", "yard, front",
		"--fps", "10", "--json")
	sender.ends(t, 0)
	receiver.says(t, "stream is quiet")
	receiver.stop(t)
	for name, want := range map[string][]byte{"door": first, "yard__front": second} {
		if files, _ := filepath.Glob(dir + "/" + name + ".mjpg"); len(files) != 1 || !bytes.Equal(readFile(t, files[0]), want) {
			t.Errorf("%s is not what was sent: %q", name, files)
		}
	}
	for _, want := range []string{`"stream":"door"`, `"stream":"yard, front"`} {
		if !strings.Contains(sender.stdout.String(), want) {
			t.Errorf("no object has %s:\n%s", want, sender.stdout.String())
		}
	}
	sender.says(t, `"msg":"sent","stream":"door","frames":10,`)
	sender.says(t, `"msg":"sent","stream":"yard, front","frames":20,`)
}

// Two commands on one host choose different names for the same source, and one says so if it gets a name that the other has.
func TestE2ENamesOnOneHost(t *testing.T) {
	receiver, addr := recv(t)
	for _, want := range []string{`stream=\S+-size-320x240 `, `stream=\S+-size-320x240-2 `} {
		udpcam(t, "send", "--addr", addr, "--source", "test:?size=320x240").says(t, want)
	}
	udpcam(t, "send", "--addr", addr, "--source", "test:", "--name", "door").says(t, "stream=door ")
	receiver.says(t, "stream appears")
	again := udpcam(t, "send", "--addr", addr, "--source", "test:", "--name", "door")
	again.says(t, "another sender on this host has this name")
}

// Of several cameras, one that cannot be opened at the start ends the command, which names it.
func TestE2ECameraMissing(t *testing.T) {
	p := udpcam(t, "send", "--addr", "127.0.0.1:9", "--source", "test:", "--source", "nosuch.mjpg", "--name", "door",
		"--name", "yard")
	p.ends(t, 2)
	p.says(t, "^udpcam: stream yard: no such source: nosuch.mjpg")
}
