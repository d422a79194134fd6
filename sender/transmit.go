package sender

import (
	"errors"
	"net"
	"slices"
	"time"

	"udpcam/protocol"
)

// leave sends datagrams of the present frame to every destination, with pauses as planned. The error is net.ErrClosed.
func (s *Sender) leave(datagrams []protocol.Datagram, parity bool) error {
	for len(datagrams) > 0 {
		now := s.config.Clock.Now()
		n := s.departure.release(datagrams, now)
		if n == 0 {
			s.config.Clock.Sleep(s.departure.next.Sub(now))
			continue
		}
		bytes := size(datagrams[:n])
		for _, d := range s.destinations {
			switch err := s.transmit(d, datagrams[:n]); {
			case errors.Is(err, net.ErrClosed):
				return err
			case err != nil:
				d.sent.failed = true
				d.sent.tooLarge = d.automatic && tooLarge(err)
			default:
				d.sent.datagrams += n
				d.sent.bytes += bytes
				if parity {
					d.sent.parity += n
				}
			}
		}
		datagrams = datagrams[n:]
	}
	return nil
}

// announceBefore announces the stream before frame f, if an announcement is due. The error is net.ErrClosed.
func (s *Sender) announceBefore(f protocol.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock.Now()
	s.announcer.observe(f, now)
	enough := announceInterval
	if slices.ContainsFunc(s.destinations, func(d *destination) bool { return d.live(now) }) {
		enough = announceLate
	}
	return s.announce(enough, now)
}

// announce announces the stream, if enough time has passed since the last announcement. Each destination gets its own clock
// echo. The error is net.ErrClosed. s.mu is held.
func (s *Sender) announce(enough time.Duration, now time.Time) error {
	a, due := s.announcer.next(s.nextID-1, enough, now)
	if !due {
		return nil
	}
	for _, d := range s.destinations {
		datagrams := s.splitter.Announce(a, &d.clock, now)
		if len(datagrams) == 0 {
			continue // the wire has no announcements
		}
		switch err := s.transmit(d, datagrams); {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.stats.Failed++
		default:
			s.count(datagrams)
			s.search(d, a, now)
		}
	}
	return nil
}

// transmit sends datagrams to a destination. It is for any goroutine.
func (s *Sender) transmit(d *destination, datagrams []protocol.Datagram) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return d.send(datagrams)
}

// count counts datagrams that were sent and do not belong to the present frame. s.mu is held.
func (s *Sender) count(datagrams []protocol.Datagram) {
	s.stats.Datagrams += uint64(len(datagrams))
	s.stats.WireBytes += uint64(size(datagrams))
}
