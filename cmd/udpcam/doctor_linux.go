package main

import (
	"bytes"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"udpcam/internal/datagram"
)

// checkSystem checks what the kernel allows and can do.
func checkSystem() []finding {
	return []finding{
		checkBuffer(),
		checkOption("GSO", unix.UDP_SEGMENT, 1400, "sending", "4.18"),
		checkOption("GRO", unix.UDP_GRO, 1, "receiving", "5.0"),
		checkClock(),
		checkNetem(),
	}
}

// checkBuffer checks how large a socket's receive buffer can be.
func checkBuffer() finding {
	const what, limit, wanted = "receive buffer", "net.core.rmem_max", datagram.ReceiveBuffer
	given := 0
	err := onSocket(func(fd int) (err error) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, wanted) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, wanted)
		}
		given, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	given /= 2 // the kernel counts its own bookkeeping too (socket(7))
	switch {
	case err != nil:
		return finding{what, bad, err.Error(), nil}
	case given >= wanted:
		return finding{what, good, fmt.Sprintf("%d kB", given>>10), nil}
	}
	found := fmt.Sprintf("%d kB, but udpcam asks for %d kB: a receiver that is busy for a moment loses pictures",
		given>>10, wanted>>10)
	return finding{what, bad, found, []string{
		fmt.Sprintf("sudo sysctl -w %s=%d", limit, wanted),
		fmt.Sprintf("echo %s=%d | sudo tee /etc/sysctl.d/60-udpcam.conf   # for good", limit, wanted),
	}}
}

// checkOption checks whether the kernel has one of the two ways to hand over many datagrams in one call.
func checkOption(what string, option, value int, doing, since string) finding {
	err := onSocket(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_UDP, option, value) })
	if err != nil {
		found := "this kernel is too old (Linux " + since + " has it): " + doing + " takes ten times as much processor time"
		return finding{what, note, found, nil}
	}
	return finding{what, good, doing + " many datagrams in one call", nil}
}

// onSocket does something with a UDP socket.
func onSocket(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return do(fd)
}

// checkClock checks whether a time server sets the clock (adjtimex(2)).
func checkClock() finding {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err == nil && t.Status&unix.STA_UNSYNC == 0 {
		return finding{"clock", good, "set by a time server", nil}
	}
	return finding{"clock", note, "not set by a time server: times of day may be wrong. " +
		"Delays are right all the same, because receivers compare clocks.", []string{"sudo timedatectl set-ntp true"}}
}

// checkNetem checks whether the kernel can simulate bad networks, which only tests need.
func checkNetem() finding {
	var name unix.Utsname
	unix.Uname(&name)
	modules := "/lib/modules/" + unix.ByteSliceToString(name.Release[:])
	for _, list := range []string{"/proc/modules", modules + "/modules.dep", modules + "/modules.builtin"} {
		if content, _ := os.ReadFile(list); bytes.Contains(content, []byte("sch_netem")) {
			return finding{"netem", good, "there, to try bad networks with", nil}
		}
	}
	return finding{"netem", note, "not in this kernel; to try bad networks, bench/lab starts a kernel that has it", nil}
}

// pathMTU returns the largest packet that reaches the address that a socket is connected to, as far as the kernel knows.
func pathMTU(conn *net.UDPConn) (mtu int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	level, option := unix.IPPROTO_IP, unix.IP_MTU
	if conn.RemoteAddr().(*net.UDPAddr).IP.To4() == nil {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	if e := raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, option) }); e != nil {
		return 0, e
	}
	return mtu, err
}
