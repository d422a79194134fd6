package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Figures are what a process uses.
type figures struct {
	memory      int // resident, in bytes
	descriptors int
	threads     int
	cpu         time.Duration
	peak        int // of memory, since the process began or forgot it
}

// figures reads /proc. It returns zeros if the process has ended.
func (p *process) figures() (f figures) {
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return f
	}
	field := func(name string) (n int) {
		if _, rest, ok := strings.Cut(string(status), name+":"); ok {
			fmt.Sscan(rest, &n)
		}
		return n
	}
	f.memory, f.peak, f.threads = field("VmRSS")<<10, field("VmHWM")<<10, field("Threads")
	if open, err := os.ReadDir(dir + "fd"); err == nil {
		f.descriptors = len(open)
	}
	stat, _ := os.ReadFile(dir + "stat")
	if _, rest, ok := strings.Cut(string(stat), ") "); ok {
		fields := strings.Fields(rest)
		const utime, stime, ticks = 11, 12, 100
		for _, at := range []int{utime, stime} {
			n, _ := strconv.Atoi(fields[at])
			f.cpu += time.Duration(n) * time.Second / ticks
		}
	}
	return f
}

// open counts what the process has open, by kind of descriptor, files by their directory.
func (p *process) open() map[string]int {
	counts := map[string]int{}
	dir := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
	all, _ := os.ReadDir(dir)
	for _, fd := range all {
		to, _ := os.Readlink(dir + fd.Name())
		if filepath.IsAbs(to) {
			to = filepath.Dir(to)
		}
		kind, _, _ := strings.Cut(to, ":")
		counts[kind]++
	}
	return counts
}

// forgetPeak makes the memory's peak begin again.
func (p *process) forgetPeak() {
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// lastStatus reads the newest line of --json into status. It reports false if there is none.
func (p *process) lastStatus(status any) bool {
	lines := bytes.Split(bytes.TrimSpace(p.stdout.Bytes()), []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		if json.Unmarshal(lines[i], status) == nil {
			return true
		}
	}
	return false
}

// metric returns a figure of /metrics that has no labels.
func metric(page []byte, name string) (value float64, ok bool) {
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(page)
	if m == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(m[1]), 64)
	return value, err == nil
}

// unsent is how many bytes the kernel holds for the other ends of the machine's TCP connections.
func (m machine) unsent(t *testing.T) (bytes int) {
	t.Helper()
	for line := range strings.Lines(m.run(t, "cat", "/proc/net/tcp", "/proc/net/tcp6")) {
		if fields := strings.Fields(line); len(fields) > 4 {
			waiting, _, _ := strings.Cut(fields[4], ":")
			n, _ := strconv.ParseInt(waiting, 16, 64)
			bytes += int(n)
		}
	}
	return bytes
}

// gone reports whether the other end has closed a connection. It reads nothing.
func gone(conn net.Conn) (closed bool) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	if err := raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		const established = 1
		closed = err != nil || info.State != established
	}); err != nil {
		return true
	}
	return closed
}
