package conform

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"
)

// A mutant is a program that breaks a rule: udpcam, with a relay before it that changes what comes and goes. The test binary
// itself is the relay, when the variable below names a mutant.
const mutantVariable = "UDPCAM_MUTANT"

// A mutation is what a relay does.
type mutation struct {
	rule string // that it breaks
	args string // more arguments of udpcam
	// in changes what comes to udpcam, and out what it sends: to no datagram, to others, or to more. Nil changes nothing.
	in, out func(r *mutantRelay, b []byte) [][]byte
	shown   func(r *mutantRelay, jpeg []byte) [][]byte // changes what it writes
	merged  bool                                       // all peers are one to udpcam
	status  int                                        // its exit status
	from    bool                                       // feedback leaves from another address
}

// A mutantRelay stands between the test and udpcam.
type mutantRelay struct {
	mutation
	key   Key
	mu    sync.Mutex
	outer *net.UDPConn // the test's side
	inner netip.AddrPort
	peers map[netip.AddrPort]*net.UDPConn
	from2 *net.UDPConn
	n     int
	last  []byte
	to    netip.AddrPort
	note  map[string][]byte
	big   [][]byte
	child *os.Process
}

// dies ends the relay, and udpcam with it.
func (r *mutantRelay) dies() {
	r.child.Kill()
	os.Exit(3)
}

// runMutant is the relay's process. Its arguments are "listens" or "calls", the address of the test's side, and udpcam's
// command, in which {inner} stands for the other side. If udpcam listens, the relay listens too. Else it sends to the test.
func runMutant(name string) int {
	outer, command := netip.MustParseAddrPort(os.Args[2]), strings.Join(os.Args[3:], " ")
	r := &mutantRelay{peers: map[netip.AddrPort]*net.UDPConn{}, note: map[string][]byte{}}
	for _, group := range []map[string]mutation{mutations, keyedMutations, subscribedMutations, listeningMutations} {
		if m, known := group[name]; known {
			r.mutation = m
		}
	}
	if _, keyed := keyedMutations[name]; keyed {
		r.key = mutantKey
	}
	r.inner = must(freeAddress())
	if os.Args[1] != "listens" { // udpcam sends to the relay
		conn := must(listen(r.inner))
		r.outer = must(listen(netip.MustParseAddrPort("127.0.0.1:0")))
		r.to = outer
		go r.read(conn, func(b []byte, from netip.AddrPort) {
			r.inner = from
			for _, d := range r.apply(r.mutation.out, b) {
				r.outer.WriteToUDPAddrPort(d, outer)
			}
		})
		r.peers[netip.AddrPort{}] = conn
	}
	r.from2 = must(listen(netip.MustParseAddrPort("127.0.0.1:0")))
	cmd := exec.Command("sh", "-c", "exec "+strings.ReplaceAll(command, "{inner}", r.inner.String())+" "+r.args)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	r.child = cmd.Process
	if os.Args[1] == "listens" {
		if err := listening(r.inner, func() bool { return false }); err != nil {
			r.dies()
		}
		r.outer = must(listen(outer))
	}
	go r.read(r.outer, r.comes)
	go func() {
		<-stop
		cmd.Process.Signal(os.Interrupt)
		time.Sleep(500 * time.Millisecond)
		r.dies()
	}()
	cutOutput(out, func(jpeg []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		all := [][]byte{jpeg}
		if r.mutation.shown != nil {
			all = r.mutation.shown(r, jpeg)
		}
		os.Stdout.Write(bytes.Join(all, nil))
	})
	cmd.Wait()
	return r.status
}

func (r *mutantRelay) read(conn *net.UDPConn, comes func([]byte, netip.AddrPort)) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Fprintln(os.Stderr, "the mutant:", why)
			r.dies()
		}
	}()
	b := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		comes(bytes.Clone(b[:n]), from)
		r.mu.Unlock()
	}
}

// comes passes on what comes from the test. r.mu is held.
func (r *mutantRelay) comes(b []byte, from netip.AddrPort) {
	if r.to == (netip.AddrPort{}) || os.Args[1] == "listens" {
		r.to = from
	}
	key := from
	if r.merged || os.Args[1] != "listens" {
		key = netip.AddrPort{}
	}
	peer := r.peers[key]
	if peer == nil {
		peer = must(listen(netip.MustParseAddrPort("127.0.0.1:0")))
		r.peers[key] = peer
		go r.read(peer, func(b []byte, _ netip.AddrPort) {
			by := r.outer
			if r.mutation.from {
				by = r.from2
			}
			for _, d := range r.apply(r.mutation.out, b) {
				to := from
				if r.merged {
					to = r.to
				}
				by.WriteToUDPAddrPort(d, to)
			}
		})
	}
	for _, d := range r.apply(r.mutation.in, b) {
		peer.WriteToUDPAddrPort(d, r.inner)
	}
}

func (r *mutantRelay) apply(change func(*mutantRelay, []byte) [][]byte, b []byte) [][]byte {
	if change == nil {
		return [][]byte{b}
	}
	return change(r, b)
}

// answer sends something to the test, as udpcam would not.
func (r *mutantRelay) answer(b []byte) { r.outer.WriteToUDPAddrPort(b, r.to) }

func typeOf(b []byte) byte {
	if len(b) < 8 {
		return 0
	}
	return b[2] & 15
}

func isSegment(b []byte) bool {
	t := typeOf(b)
	return len(b) >= headerSize && (t == 1 || t == 2 || t == 9 || t == 10)
}

// dropped makes a change that drops the datagrams of which such is true.
func dropped(such func(r *mutantRelay, b []byte) bool) func(*mutantRelay, []byte) [][]byte {
	return changed(func(r *mutantRelay, b []byte) []byte {
		if such(r, b) {
			return nil
		}
		return b
	})
}

// changed makes a change of each datagram. If change returns nil, the datagram is dropped.
func changed(change func(r *mutantRelay, b []byte) []byte) func(*mutantRelay, []byte) [][]byte {
	return func(r *mutantRelay, b []byte) [][]byte {
		if b = change(r, b); b == nil {
			return nil
		}
		return [][]byte{b}
	}
}

// typed makes a change of the datagrams of one type.
func typed(typ byte, change func(r *mutantRelay, b []byte) []byte) func(*mutantRelay, []byte) [][]byte {
	return changed(func(r *mutantRelay, b []byte) []byte {
		if typeOf(b) != typ {
			return b
		}
		return change(r, b)
	})
}

// times makes a change that sends the datagrams of one type n times.
func times(n int, typ byte) func(*mutantRelay, []byte) [][]byte {
	return func(_ *mutantRelay, b []byte) (all [][]byte) {
		if typeOf(b) != typ {
			return [][]byte{b}
		}
		return slices.Repeat([][]byte{b}, n)
	}
}

// resealed makes a change of what is sealed in control datagrams of one type, with another counter.
func resealed(typ byte, change func(r *mutantRelay, c *control, open []byte) []byte) func(*mutantRelay, []byte) [][]byte {
	return typed(typ, func(r *mutantRelay, b []byte) []byte {
		by := func(c control) cipher.AEAD {
			switch typ {
			case announcement, skip:
				return r.key.announcements()
			case report, request:
				return r.key.feedback(r.note["salt"])
			}
			return r.key.subscriptions()
		}
		if b[2]&0x80 == 0 {
			return b
		}
		c, open, err := openControl(by, b)
		if err != nil {
			return b
		}
		if open = change(r, &c, open); open == nil {
			return nil
		}
		return sealControl(by(c), c, open)
	})
}

// salts notes the salt of the session in what passes, and then makes another change.
func salts(next func(*mutantRelay, []byte) [][]byte) func(*mutantRelay, []byte) [][]byte {
	return func(r *mutantRelay, b []byte) [][]byte {
		if typeOf(b) == announcement && len(b) > controlSize {
			r.note["salt"] = bytes.Clone(b[8:24])
			r.note["suite"] = b[34:35]
			if _, open, err := openControl(func(control) cipher.AEAD { return r.key.announcements() }, b); err == nil {
				r.note["sent"] = open[20:26]
			}
		}
		if next == nil {
			return [][]byte{b}
		}
		return next(r, b)
	}
}

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// every returns true once in n calls.
func (r *mutantRelay) every(n int) bool { r.n++; return r.n%n == 0 }

// later calls do again and again, from now on.
func (r *mutantRelay) later(every time.Duration, do func()) {
	go func() {
		for {
			time.Sleep(every)
			r.mu.Lock()
			do()
			r.mu.Unlock()
		}
	}()
}
