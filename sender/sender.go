// Package sender sends the frames of one stream, as datagrams, to one or more receivers.
//
//	Frame -> Sender.Send -> protocol.Splitter -> datagram.Conn of each destination
//
// Send runs in its caller's goroutine, from the frame to the kernel: there is no queue and no goroutine in between. The
// sender owns its destinations' sockets. Where frames come from is in package source.
package sender

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"udpcam/protocol"
)

// ErrNotJPEG is a frame that does not begin and end as a JPEG does.
var ErrNotJPEG = errors.New("the frame is not a JPEG")

// A Config says how a Sender sends. The zero value is the documented default.
type Config struct {
	// Name is the stream's name, by which receivers tell streams apart: see [protocol.CleanName]. A receiver shows a
	// stream without a name under the address it comes from.
	Name string
	// Wire is how frames are written. The zero value means [protocol.WireV1].
	Wire protocol.Wire
	// SegmentSize is the most payload bytes in a datagram. 0 means [protocol.DefaultSegmentSize], or
	// [protocol.ClassicSegmentSize] on the classic wire.
	SegmentSize int
	// Interface is the network interface by which multicast leaves. Nil leaves the choice to the system.
	Interface *net.Interface
	// TTL is how many networks multicast may cross. 0 means 1: it stays on the local one.
	TTL int
	// NoGSO sends each datagram by a system call of its own, for kernels and network cards that do otherwise wrong.
	NoGSO bool
	// Log is where trouble is reported that the sender lives on with. Nil means slog.Default().
	Log *slog.Logger
}

// A Sender sends the frames of one stream. Send and Close are for one goroutine at a time; Stats is for any.
type Sender struct {
	config       Config
	destinations []*destination
	split        func(protocol.Frame) ([]protocol.Datagram, error)
	announcer    *announcer // nil on the classic wire, which has no announcements
	nextID       uint32

	frames, frameBytes, datagrams, wireBytes, failed atomic.Uint64
}

// Stats counts what a sender has done since it was made.
type Stats struct {
	Frames     uint64 // sent, each counted once however many destinations there are
	FrameBytes uint64 // in them
	Datagrams  uint64 // handed to the network, to all destinations together
	WireBytes  uint64 // in them, without IP and UDP headers
	Failed     uint64 // how often a frame could not be sent whole to a destination
}

// New returns a sender to destinations that are open already, which become the sender's.
func New(c Config, to ...Destination) (*Sender, error) {
	if len(to) == 0 {
		return nil, errors.New("no address to send to: give at least one")
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	s := &Sender{config: c}
	for _, d := range to {
		s.destinations = append(s.destinations, &destination{Destination: d, log: c.Log})
	}
	switch c.Wire {
	case protocol.WireClassic:
		splitter, err := protocol.NewClassicSplitter(c.SegmentSize)
		if err != nil {
			return nil, err
		}
		s.split = splitter.Split
	default:
		splitter, err := protocol.NewSplitter(rand.Uint32(), 0, c.SegmentSize)
		if err != nil {
			return nil, err
		}
		s.split = splitter.Split
		s.announcer = &announcer{name: c.Name, splitter: splitter}
	}
	return s, nil
}

// Send sends one frame to every destination; its Stream and ID are the sender's to give and are ignored. When Send
// returns, the kernel has the frame and nothing of it is in use here any more.
//
// A destination that cannot be reached is no error: it is counted and logged, and tried again with the next frame. The
// error is ErrNotJPEG, protocol.ErrFrameSize, or net.ErrClosed after Close.
func (s *Sender) Send(f protocol.Frame) error {
	if !protocol.LooksLikeJPEG(f.JPEG) {
		return ErrNotJPEG
	}
	f.ID = s.nextID
	datagrams, err := s.split(f)
	if err != nil {
		return fmt.Errorf("frame %d: %w", f.ID, err)
	}
	if s.announcer != nil {
		if a, due := s.announcer.next(f, time.Now()); due {
			if err := s.transmit(a); err != nil {
				return err
			}
		}
	}
	if err := s.transmit(datagrams); err != nil {
		return err
	}
	s.nextID++
	s.frames.Add(1)
	s.frameBytes.Add(uint64(len(f.JPEG)))
	return nil
}

// transmit sends datagrams to every destination. The error is net.ErrClosed.
func (s *Sender) transmit(datagrams []protocol.Datagram) error {
	bytes := 0
	for _, d := range datagrams {
		bytes += len(d[0]) + len(d[1])
	}
	for _, d := range s.destinations {
		switch err := d.send(datagrams); {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.failed.Add(1)
		default:
			s.datagrams.Add(uint64(len(datagrams)))
			s.wireBytes.Add(uint64(bytes))
		}
	}
	return nil
}

// Addrs returns the addresses that the sender sends to.
func (s *Sender) Addrs() (addrs []netip.AddrPort) {
	for _, d := range s.destinations {
		addrs = append(addrs, d.Addr)
	}
	return addrs
}

// Stats returns what has been counted so far.
func (s *Sender) Stats() Stats {
	return Stats{
		Frames:     s.frames.Load(),
		FrameBytes: s.frameBytes.Load(),
		Datagrams:  s.datagrams.Load(),
		WireBytes:  s.wireBytes.Load(),
		Failed:     s.failed.Load(),
	}
}

// Close closes the sender's sockets.
func (s *Sender) Close() error {
	var errs []error
	for _, d := range s.destinations {
		errs = append(errs, d.Conn.Close())
	}
	return errors.Join(errs...)
}
