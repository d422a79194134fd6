package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"udpcam/bench/internal/relay"
)

// A program is the tested program while it runs.
type program struct {
	*relay.Process

	mu     sync.Mutex
	frames []shown // on standard output
}

// A shown is a picture that a receiver has written.
type shown struct {
	jpeg []byte
	at   time.Time
}

// start starts the command, with names in braces replaced by values.
func start(command string, values map[string]string) (*program, error) {
	for name, value := range values {
		command = strings.ReplaceAll(command, "{"+name+"}", value)
	}
	words := []string{"sh", "-c", "exec " + command}
	if runtime.GOOS == "windows" {
		words = strings.Fields(command)
	}
	p := &program{Process: &relay.Process{Name: "the tested program", Command: words, Start: relay.Here}}
	if err := p.Begin(); err != nil {
		return nil, err
	}
	go p.read()
	return p, nil
}

// read notes the pictures that the program writes.
func (p *program) read() {
	cutOutput(p.Stdout, func(jpeg []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.frames = append(p.frames, shown{jpeg, time.Now()})
	})
}

// cutOutput cuts what is read into pictures, until there is nothing more.
func cutOutput(r io.Reader, each func(jpeg []byte)) {
	b, rest := make([]byte, 1<<16), []byte(nil)
	for {
		n, err := r.Read(b)
		if err != nil {
			return
		}
		rest = append(rest, b[:n]...)
		for end := bytes.Index(rest, []byte("\xff\xd9")); end >= 0; end = bytes.Index(rest, []byte("\xff\xd9")) {
			each(bytes.Clone(rest[:end+2]))
			rest = rest[end+2:]
		}
	}
}

// shown returns what the program has shown so far.
func (p *program) shown() []shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames[:len(p.frames):len(p.frames)]
}

// freeAddress returns an address of this machine with a port that nobody uses. Linux has 16 million loopback addresses, and
// the port is none of those that it gives to others. So nobody takes it before the program does.
func freeAddress() (netip.AddrPort, error) {
	if runtime.GOOS == "linux" {
		host := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))})
		return netip.AddrPortFrom(host, uint16(10_000+rand.IntN(20_000))), nil
	}
	conn, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer conn.Close()
	return addressOf(conn), nil
}

func listen(at netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err == nil {
		conn.SetReadBuffer(8 << 20)
	}
	return conn, err
}

func addressOf(conn *net.UDPConn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// listening waits until the program listens at an address. Before that, the system refuses datagrams to the address. The
// datagrams that it tries are of another protocol, so they change nothing.
func (p *program) listening(at netip.AddrPort) error { return listening(at, p.Ended) }

// listening does this for any program. It gives up when ended returns true.
func listening(at netip.AddrPort, ended func() bool) error {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	defer conn.Close()
	for end := time.Now().Add(startWait); time.Now().Before(end) && !ended(); {
		conn.Write([]byte{0})
		conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if _, err = conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nobody listens at %v", at)
}
