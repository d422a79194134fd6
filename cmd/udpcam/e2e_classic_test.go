package main_test

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
)

// The classic wire, in both directions, with testdata/classic.py at the other end.

func TestE2EClassicSend(t *testing.T) {
	need(t, "python3")
	script := start(t, exec.Command("python3", "testdata/classic.py", "recv", "127.0.0.1"))
	port := script.says(t, `^(\d+)\n`)[1]
	pictures := street(t, 1, 2, 3, 4, 5)
	path, content := film(t, 2, pictures...)
	udpcam(t, "send", "--wire", "classic", "--addr", "127.0.0.1:"+port, "--source", path, "--fps", "10").ends(t, 0)

	want := content[len(readFile(t, pictures[0])):] // it begins with the frame after the first
	until(t, "the script has everything", func() bool { return script.stdout.Len() >= len(want) })
	if !bytes.Equal(script.stdout.Bytes(), want) {
		t.Error("the output of the script differs from what was sent")
	}
}

func TestE2EClassicRecv(t *testing.T) {
	need(t, "python3")
	recording := filepath.Join(t.TempDir(), "frames.mjpg")
	receiver, addr := recv(t, "--wire", "classic", "--out", recording)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	pictures := street(t, 1, 2, 3, 4, 5, 2, 3, 4)
	_, content := film(t, 1, pictures...)
	run(t, "python3", append([]string{"testdata/classic.py", "send", host, port, "10"}, pictures...)...)

	want := content[len(readFile(t, pictures[0])):] // as a script does, it may begin with the frame after the first
	until(t, "everything is recorded", func() bool { return fileSize(recording) >= len(want) })
	receiver.stop(t)
	if got := readFile(t, recording); !bytes.HasSuffix(content, got) || len(got) < len(want) {
		t.Error("the output differs from what the script sent")
	}
}
