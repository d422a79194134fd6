package main_test

import (
	"bytes"
	"net"
	"path/filepath"
	"testing"
)

// Two senders at once stay apart.
func TestE2ETwoSenders(t *testing.T) {
	dir := t.TempDir() + "/"
	receiver, addr := recv(t, "--out", dir)
	west, westFilm := film(t, 10, street(t, 5, 6)...)
	east, eastFilm := film(t, 10, street(t, 7, 8)...)
	senders := []*process{
		udpcam(t, "send", "--addr", addr, "--source", west, "--name", "west"),
		udpcam(t, "send", "--addr", addr, "--source", east, "--name", "east"),
	}
	for _, s := range senders {
		s.ends(t, 0)
	}
	for name, want := range map[string][]byte{"west": westFilm, "east": eastFilm} {
		recording := filepath.Join(dir, name+".mjpg")
		until(t, name+" is recorded", func() bool { return fileSize(recording) >= len(want) })
		if !bytes.Equal(readFile(t, recording), want) {
			t.Errorf("the recording of %s differs from what was sent", name)
		}
	}
	receiver.stop(t)
}

// One sender sends to several receivers.
func TestE2ETwoReceivers(t *testing.T) {
	recordings := []string{filepath.Join(t.TempDir(), "first.mjpg"), filepath.Join(t.TempDir(), "second.mjpg")}
	first, firstAddr := recv(t, "--out", recordings[0])
	second, secondAddr := recv(t, "--out", recordings[1])
	path, content := film(t, 3, street(t, 5, 6, 7, 8)...)
	udpcam(t, "send", "--addr", firstAddr, "--addr", secondAddr, "--source", path).ends(t, 0)
	for i, receiver := range []*process{first, second} {
		until(t, "everything is recorded", func() bool { return fileSize(recordings[i]) >= len(content) })
		receiver.stop(t)
		if !bytes.Equal(readFile(t, recordings[i]), content) {
			t.Error("the recording differs from what was sent")
		}
	}
}

// A receiver shows a sender again that lost its power and came back.
func TestE2ESenderRestarts(t *testing.T) {
	receiver, addr := recv(t, "--out", "-")
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	send := func() *process { return udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--name", "cam") }
	more := func() {
		t.Helper()
		have := receiver.stdout.Len()
		until(t, "more comes out", func() bool { return receiver.stdout.Len() >= have+2*len(content) })
	}

	sender := send()
	more()
	sender.kill()
	sender = send()
	more()
	sender.stop(t)
	receiver.stop(t)
	only(t, frames(t, receiver.stdout.Bytes()), frames(t, content))
}

// A receiver may end and start again while a sender sends.
func TestE2EReceiverRestarts(t *testing.T) {
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	receiver, addr := recv(t, "--out", "-")
	sender := udpcam(t, "send", "--addr", addr, "--source", path, "--loop")
	for restarted := range 2 {
		if restarted > 0 {
			receiver = udpcam(t, "recv", "--addr", addr, "--out", "-")
		}
		until(t, "something comes out", func() bool { return receiver.stdout.Len() >= 2*len(content) })
		receiver.stop(t)
		only(t, frames(t, receiver.stdout.Bytes()), frames(t, content))
	}
	sender.stop(t)
}

func TestE2EIPv6(t *testing.T) {
	probe, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil { // this machine has no IPv6: then recv has to say so rather than wait
		udpcam(t, "recv", "--addr", "[::1]:0").ends(t, 1)
		return
	}
	probe.Close()
	path, content := film(t, 3, street(t, 5, 6, 7, 8)...)
	recording := filepath.Join(t.TempDir(), "frames.mjpg")
	receiver := udpcam(t, "recv", "--addr", "[::1]:0", "--out", recording)
	addr := receiver.says(t, listening)[1]
	udpcam(t, "send", "--addr", addr, "--source", path).ends(t, 0)
	until(t, "everything is recorded", func() bool { return fileSize(recording) >= len(content) })
	receiver.stop(t)
	if !bytes.Equal(readFile(t, recording), content) {
		t.Error("the recording differs from what was sent")
	}
}
