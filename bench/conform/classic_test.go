//go:build languages

package conform

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"udpcam/protocol"
)

// classicSender and classicReceiver speak the classic wire as scripts did before udpcam: with nothing but sockets.
const (
	classicSender = `
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
host, port = sys.argv[1].split(":")
frames = sys.stdin.buffer.read().split(b"\xff\xd9")[:-1]
for frame in frames:
    frame += b"\xff\xd9"
    left = (len(frame) + 65471) // 65472
    while left:
        sock.sendto(bytes([left]) + frame[:65472], (host, int(port)))
        frame, left = frame[65472:], left - 1
    time.sleep(0.03)
`
	classicReceiver = `
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
host, port = sys.argv[1].split(":")
sock.bind((host, int(port)))
frame = b""
while True:
    datagram = sock.recv(65535)
    frame += datagram[1:]
    if datagram[0] == 1:
        if frame[:2] == b"\xff\xd8" and frame[-2:] == b"\xff\xd9":
            sys.stdout.buffer.write(frame)
            sys.stdout.buffer.flush()
        frame = b""
`
)

// TestE2EClassic has Go's programs and a few lines of Python talk by the classic wire, both ways.
func TestE2EClassic(t *testing.T) {
	golang := implementations[0]
	for name, talk := range map[string]struct{ send, recv string }{
		"to a script":   {golang.command(t, "{dir}/udpcam send --source - --wire classic --addr {addr}", protocol.Key{}), ""},
		"from a script": {"", golang.command(t, golang.recv+" --wire classic", protocol.Key{})},
	} {
		t.Run(name, func(t *testing.T) {
			again(t, func() error { return classicPair(talk.send, talk.recv) })
		})
	}
}

func classicPair(send, recv string) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	if recv == "" {
		recv = python() + " -u -c '" + classicReceiver + "' {addr}"
	}
	r, err := start(recv, map[string]string{"addr": at.String()})
	if err != nil {
		return err
	}
	defer r.End()
	if err := r.listening(at); err != nil {
		return r.Failure(err)
	}
	var want [][]byte
	for i := range 12 {
		want = append(want, picture(i, []int{30_000, 200_000, 3000}[i%3]))
	}
	all := bytes.Join(want, nil)
	if send == "" {
		cmd := exec.Command(python(), "-c", classicSender, at.String())
		cmd.Stdin = bytes.NewReader(all)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the script: %w: %s", err, out)
		}
	} else {
		s, err := start(send, map[string]string{"addr": at.String()})
		if err != nil {
			return err
		}
		defer s.End()
		for _, jpeg := range want {
			if _, err := s.Stdin.Write(jpeg); err != nil {
				return s.Failure(err)
			}
			until(showWait, func() bool { return len(r.shown()) > 0 && bytes.Equal(r.shown()[len(r.shown())-1].jpeg, jpeg) })
		}
	}
	if !until(showWait, func() bool { return len(r.shown()) >= len(want) }) {
		return fmt.Errorf("%d frames of %d come; the receiver said: %s", len(r.shown()), len(want), r.Said())
	}
	for i, s := range r.shown() {
		if !bytes.Equal(s.jpeg, want[i]) {
			return fmt.Errorf("frame %d has other bytes", i)
		}
	}
	return nil
}
