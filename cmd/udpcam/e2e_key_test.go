package main_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"udpcam/protocol"
)

// TestE2EKey makes keys.
func TestE2EKey(t *testing.T) {
	key := func(stdin string, args ...string) (key, says string) {
		t.Helper()
		cmd := udpcamCommand(t, append([]string{"key"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		p := start(t, cmd)
		p.ends(t, 0)
		if _, err := protocol.ParseKey(p.stdout.String()); err != nil || strings.Count(p.stdout.String(), "\n") != 1 {
			t.Errorf("udpcam key %v prints %q: %v", args, p.stdout.String(), err)
		}
		return p.stdout.String(), p.stderr.String()
	}
	first, says := key("")
	if second, _ := key(""); first == second || says != "" {
		t.Errorf("two keys: %s, %s; it says %q", first, second, says)
	}
	first, _ = key("correct horse battery staple\n", "--passphrase")
	if second, _ := key("correct  horse battery staple", "--passphrase"); first != second {
		t.Errorf("the same words give %s and %s", first, second)
	}
	if _, says = key("", "--qr"); !strings.Contains(says, "█") || utf8.RuneCountInString(says) < 500 {
		t.Errorf("the QR code is %q", says)
	}
}

// keyFile writes a new key to a file.
func keyFile(t *testing.T, mode os.FileMode) (path string, key protocol.Key) {
	t.Helper()
	key, path = protocol.NewKey(), filepath.Join(t.TempDir(), "door.key")
	if err := os.WriteFile(path, []byte("# of the door\n"+key.Text()+"\n"), mode); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// A receiver with the key can record a sealed stream.
func TestE2ESealed(t *testing.T) {
	file, key := keyFile(t, 0o600)
	other, _ := keyFile(t, 0o644)
	recording := filepath.Join(t.TempDir(), "door.mjpg")
	receiver, addr := recv(t, "--out", recording, "--key-file", other, "--key-file", file)
	receiver.says(t, "others on this machine can read the key.*"+filepath.Base(other))
	path, content := film(t, 20, street(t, 5, 6)...)
	cmd := udpcamCommand(t, "send", "--addr", addr, "--source", path, "--name", "door")
	cmd.Env = append(os.Environ(), "UDPCAM_KEY="+key.Text())
	sender := start(t, cmd)
	sender.ends(t, 0)
	receiver.says(t, "door.*key="+key.ID().String())
	until(t, "most is recorded", func() bool { return fileSize(recording) >= len(content)*3/4 })
	receiver.stop(t)
	if !bytes.HasSuffix(content, readFile(t, recording)) {
		t.Error("the recording differs from what was sent")
	}
	if says := sender.stderr.String(); strings.Contains(says, "others on this machine") || strings.Contains(says, key.Text()) {
		t.Errorf("the sender says:\n%s", says)
	}
}

// A receiver without the key says so, and gets no pictures.
func TestE2ESealedStrangers(t *testing.T) {
	file, key := keyFile(t, 0o600)
	other, _ := keyFile(t, 0o600)
	for name, c := range map[string]struct {
		send, recv []string
		says       string
	}{
		"no key":         {[]string{"--key-file", file}, nil, "a sealed stream from 127.0.0.1 .key " + key.ID().String() + ".: give its key with --key"},
		"another key":    {[]string{"--key-file", file}, []string{"--key-file", other}, "give its key with --key"},
		"an open stream": {nil, []string{"--key-file", other}, "a stream from 127.0.0.1 is not sealed, and is ignored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver, addr := recv(t, append(c.recv, "--out", "-")...)
			udpcam(t, append([]string{"send", "--addr", addr, "--source", "test:"}, c.send...)...)
			receiver.says(t, c.says)
			receiver.stop(t)
			if n := receiver.stdout.Len(); n > 0 {
				t.Errorf("%d bytes of pictures come out", n)
			}
		})
	}
}

// A one-way receiver and sender need no feedback to use a key.
func TestE2ESealedOneWay(t *testing.T) {
	file, key := keyFile(t, 0o600)
	recording := filepath.Join(t.TempDir(), "door.mjpg")
	receiver, addr := recv(t, "--feedback=false", "--out", recording, "--key-file", file)
	path, content := film(t, 10, street(t, 5, 6)...)
	udpcam(t, "send", "--feedback=false", "--addr", addr, "--source", path, "--name", "door", "--key-file", file).ends(t, 0)
	receiver.says(t, "stream=door.*key="+key.ID().String())
	until(t, "most is recorded", func() bool { return fileSize(recording) >= len(content)*3/4 })
	receiver.stop(t)
	if !bytes.HasSuffix(content, readFile(t, recording)) {
		t.Error("the recording differs from what was sent")
	}
}

// TestE2ESealedCapture looks for the pictures and the name in all that goes between a sender and a receiver.
func TestE2ESealedCapture(t *testing.T) {
	file, key := keyFile(t, 0o600)
	receiver, addr := recv(t, "--out", "-", "--key-file", file)
	middle := capture(t, addr)
	pictures := street(t, 5, 6)
	path, content := film(t, 20, pictures...)
	udpcam(t, "send", "--addr", middle.addr, "--source", path, "--name", "front door", "--key-file", file).ends(t, 0)
	until(t, "most comes out", func() bool { return receiver.stdout.Len() >= len(content)*3/4 })
	receiver.stop(t)
	there, back := middle.bytes()
	if len(there) < len(content) || len(back) == 0 {
		t.Fatalf("%d bytes went there and %d back: the test captures too little", len(there), len(back))
	}
	clear := []string{"front", "door", key.Text()}
	for _, picture := range pictures {
		jpeg := readFile(t, picture)
		for ; len(jpeg) >= 16; jpeg = jpeg[16:] {
			clear = append(clear, string(jpeg[:16]))
		}
	}
	for _, text := range clear {
		if bytes.Contains(there, []byte(text)) || bytes.Contains(back, []byte(text)) {
			t.Fatalf("%q goes over the network in clear", text)
		}
	}
}

// A middle passes datagrams on between one sender and a receiver, and keeps them.
type middle struct {
	addr        string
	mu          sync.Mutex
	there, back bytes.Buffer
}

func capture(t *testing.T, receiver string) *middle {
	t.Helper()
	to, err := net.Dial("udp", receiver)
	if err != nil {
		t.Fatal(err)
	}
	from, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close(); to.Close() })
	m := &middle{addr: from.LocalAddr().String()}
	var sender net.Addr
	go func() {
		b := make([]byte, protocol.MaxDatagram)
		for {
			n, addr, err := from.ReadFrom(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			sender = addr
			m.there.Write(b[:n])
			m.mu.Unlock()
			to.Write(b[:n])
		}
	}()
	go func() {
		b := make([]byte, protocol.MaxDatagram)
		for {
			n, err := to.Read(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			addr := sender
			m.back.Write(b[:n])
			m.mu.Unlock()
			from.WriteTo(b[:n], addr)
		}
	}()
	return m
}

// bytes returns what was sent there and back.
func (m *middle) bytes() (there, back []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.there.Bytes()), bytes.Clone(m.back.Bytes())
}

// A warning says that other users can see a key on the command line.
func TestE2EKeyOnCommandLine(t *testing.T) {
	_, key := keyFile(t, 0o600)
	receiver, _ := recv(t, "--key", key.Text())
	receiver.says(t, "others on this machine can see a key")
	receiver.stop(t)
}
