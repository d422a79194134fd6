package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The receiver ends, and starts again with another address. So does its name, which the sender was given. The stream goes on
// soon, and the sender tells once.
func TestE2ENetnsMoved(t *testing.T) {
	path, _ := film(t, 20, street(t, 5, 6, 7, 8)...)
	for _, moved := range []string{"10.77.0.3", "fd77::2"} {
		t.Run(moved, func(t *testing.T) {
			left, right := cable(t)
			for _, m := range []machine{left, right} {
				m.run(t, "ip", "link", "set", "lo", "up")
			}
			right.run(t, "ip", "address", "add", "10.77.0.3/24", "dev", "cable")
			hosts := filepath.Join(t.TempDir(), "hosts")
			named := func(addr string) {
				t.Helper()
				if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"+addr+" pc.test pc\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			named("10.77.0.2")
			sender := start(t, left.command("unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts,
				udpcamCommand(t).Path, "send", "--addr", "pc.test", "--source", path, "--fps", "30", "--loop"))
			first := right.udpcam(t, "recv", "--addr", "10.77.0.2:12345", "--out", filepath.Join(t.TempDir(), "a.mjpg"))
			sender.says(t, "a receiver answers")
			first.stop(t)
			time.Sleep(1500 * time.Millisecond) // meanwhile the sender looks the name up
			recording := filepath.Join(t.TempDir(), "b.mjpg")
			right.udpcam(t, "recv", "--addr", net.JoinHostPort(moved, "12345"), "--out", recording).says(t, "listening")
			named(moved)
			began := time.Now()
			until(t, "frames come", func() bool { return fileSize(recording) > 0 })
			took := time.Since(began)
			if t.Logf("frames come after %v", took); took > 4*time.Second {
				t.Errorf("frames come only after %v", took)
			}
			sender.stop(t)
			if said := sender.stderr.String(); strings.Count(said, "has another address") != 1 {
				t.Errorf("the sender says\n%s", said)
			}
		})
	}
}
