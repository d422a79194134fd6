package sender

import (
	"errors"
	"net"
	"time"

	"udpcam/protocol"
)

// announceBefore announces the stream before frame f, where an announcement is due. The error is net.ErrClosed.
func (s *Sender) announceBefore(f protocol.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock.Now()
	s.announcer.observe(f, now)
	for _, d := range s.destinations {
		enough := announceInterval
		if d.live(now) {
			enough = announceLate
		}
		if err := s.announce(d, enough, now); err != nil {
			return err
		}
	}
	return nil
}

// announce announces the stream to a destination, if enough time has passed since it was last. The error is net.ErrClosed.
// s.mu is held.
func (s *Sender) announce(d *destination, enough time.Duration, now time.Time) error {
	if !d.announced.due(enough, now) {
		return nil
	}
	a := s.announcer.announcement(max(s.nextID, 1) - 1)
	sent, err := s.tell(d, s.splitter.Announce(a, &d.clock, now))
	if sent {
		s.search(d, a, now)
	}
	return err
}

// tell sends a destination datagrams that do not belong to a frame, and counts them. There may be none: not every wire has
// all. The error is net.ErrClosed. s.mu is held.
func (s *Sender) tell(d *destination, datagrams []protocol.Datagram) (sent bool, err error) {
	if len(datagrams) == 0 {
		return false, nil
	}
	switch err := s.transmit(d, datagrams); {
	case errors.Is(err, net.ErrClosed):
		return false, err
	case err != nil:
		s.stats.Failed++
		return false, nil
	}
	s.count(datagrams)
	return true, nil
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
