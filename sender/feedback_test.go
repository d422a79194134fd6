package sender_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// A prober is a receiver whose feedback is written by hand, following protocol/README.md.
type prober struct {
	t    *testing.T
	conn *netsim.Conn
}

// received reads what has come, and returns the number of datagrams and bytes, and the session of the last datagram.
func (p prober) received() (datagrams, bytes int, session uint32) {
	p.conn.SetReceiveDeadline(time.Now().Add(time.Millisecond))
	for {
		batches, err := p.conn.Receive()
		if err != nil {
			return datagrams, bytes, session
		}
		for _, t := range batches {
			for b := range t.All() {
				datagrams, bytes, session = datagrams+1, bytes+len(b), binary.BigEndian.Uint32(b[4:])>>8
			}
		}
	}
}

func (p prober) send(b []byte) {
	if err := p.conn.Send(camera, []protocol.Datagram{{b, nil}}); err != nil {
		p.t.Fatal(err)
	}
	time.Sleep(time.Microsecond)
}

// request is a request for some segments of a frame's only block, which has k. With k = 0 it is for the whole frame.
func request(session, frame uint32, need, k byte) []byte {
	b := []byte{0, 0xca, 0x15, 0}
	b = binary.BigEndian.AppendUint32(b, session<<8)
	b = binary.BigEndian.AppendUint32(b, frame)
	b = append(b, need, k, 0, 0)
	for range (int(k) + 7) / 8 {
		b = append(b, 0xff)
	}
	return b
}

// report is a report of one frame's train, with the number of segments that came.
func report(session, newest, segments uint32) []byte {
	b := []byte{0, 0xca, 0x14, 0}
	b = binary.BigEndian.AppendUint32(b, session<<8)
	b = append(b, make([]byte, 16)...) // no clock echo
	b = append(b, 1436>>8, 1436&0xff, 0, 0, 1, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, newest)
	b = append(b, make([]byte, 6)...) // when the first datagram came
	b = binary.BigEndian.AppendUint16(b, uint16(segments))
	return append(b, make([]byte, 16)...)
}

// probe sends some frames of 78,200 bytes without parity to a prober. It returns the prober and the stream's session.
func probe(t *testing.T, c sender.Config, frames int) (*sender.Sender, prober, prober, uint32) {
	n := netsim.New(1, netsim.Path{})
	c.FEC = sender.FECOff
	s, err := sender.New(c, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p := prober{t, listen(t, n, viewer)}
	stranger := prober{t, listen(t, n, netip.MustParseAddrPort("10.0.0.3:12345"))}
	for i := range frames {
		if _, err := s.Send(protocol.Frame{JPEG: picture(78_200, uint64(i))}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, session := p.received()
	return s, p, stranger, session
}

func TestFeedbackIsAnswered(t *testing.T) {
	for _, c := range []struct {
		name      string
		need, k   byte
		datagrams int
	}{
		{"one", 1, 56, 1},
		{"some", 7, 56, 7},
		{"all that there can be", 56, 56, 56},
		{"whole", 0, 0, 56},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p, _, session := probe(t, sender.Config{}, 10)
				p.send(request(session, 9, c.need, c.k))
				if n, _, _ := p.received(); n != c.datagrams {
					t.Errorf("%d datagrams in answer, want %d", n, c.datagrams)
				}
				if st := s.Stats(); st.Requests != 1 || st.Answered != uint64(c.datagrams) || len(st.RefusedFeedback) != 0 {
					t.Errorf("stats: %+v", st)
				}
			})
		})
	}
}

func TestFeedbackIsRefused(t *testing.T) {
	for _, c := range []struct {
		name     string
		stranger bool
		wait     time.Duration
		feedback func(session uint32) []byte
		want     sender.FeedbackRefusal
	}{
		{"a stranger's", true, 0, func(s uint32) []byte { return request(s, 9, 1, 56) }, sender.FeedbackStranger},
		{"a stranger's report", true, 0, func(s uint32) []byte { return report(s, 9, 500) }, sender.FeedbackStranger},
		{"another session's", false, 0, func(s uint32) []byte { return request(s^1, 9, 1, 56) }, sender.FeedbackOtherSession},
		{"a frame that was never sent", false, 0, func(s uint32) []byte { return request(s, 10, 1, 56) }, sender.FeedbackGone},
		{"a frame of long ago", false, 2 * time.Second, func(s uint32) []byte { return request(s, 9, 1, 56) }, sender.FeedbackGone},
		{"another layout", false, 0, func(s uint32) []byte { return request(s, 9, 1, 55) }, sender.FeedbackMalformed},
		{"more than there is", false, 0, func(s uint32) []byte { return request(s, 9, 57, 56) }, sender.FeedbackMalformed},
		{"cut short", false, 0, func(s uint32) []byte { return request(s, 9, 1, 56)[:18] }, sender.FeedbackMalformed},
		{"a report of the future", false, 0, func(s uint32) []byte { return report(s, 1000, 500) }, sender.FeedbackMalformed},
		{"noise", false, 0, func(uint32) []byte { return []byte("hello") }, sender.FeedbackForeign},
		{"a datagram of ours", false, 0, func(s uint32) []byte { return append([]byte{1, 0xca, 0x11, 0}, make([]byte, 60)...) }, sender.FeedbackForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p, stranger, session := probe(t, sender.Config{}, 10)
				time.Sleep(c.wait)
				from := p
				if c.stranger {
					from = stranger
				}
				from.send(c.feedback(session))
				if n, _, _ := from.received(); n != 0 {
					t.Errorf("%d datagrams came in answer", n)
				}
				st := s.Stats()
				if len(st.RefusedFeedback) != 1 || st.RefusedFeedback[c.want] != 1 || st.Answered != 0 {
					t.Errorf("refused: %v, want one as %v; %d answered", st.RefusedFeedback, c.want, st.Answered)
				}
				if d := s.Destinations()[0]; !d.Reported.IsZero() {
					t.Errorf("the destination counts as alive: %+v", d)
				}
			})
		})
	}
}

// TestAnswersAreBounded asks for all of every frame, many times over.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, _, _ := probe(t, sender.Config{}, 0)
		media, answers := 0, 0
		for i := range uint32(100) {
			if _, err := s.Send(protocol.Frame{JPEG: picture(78_200, uint64(i))}); err != nil {
				t.Fatal(err)
			}
			_, bytes, session := p.received()
			media += bytes
			for range 20 {
				p.send(request(session, i, 0, 0))
				p.send(request(session, i, 56, 56))
			}
			_, bytes, _ = p.received()
			if answers += bytes; answers > media/2 {
				t.Fatalf("after %d frames %d bytes of answers to %d of media", i+1, answers, media)
			}
			time.Sleep(time.Second / 30)
		}
		if answers < media/3 {
			t.Errorf("%d bytes of answers to %d of media: too few", answers, media)
		}
		if st := s.Stats(); st.RefusedFeedback[sender.FeedbackOverLimit] == 0 {
			t.Errorf("refused: %v", st.RefusedFeedback)
		}
	})
}

// TestOneWay checks that a one-way sender ignores feedback.
func TestOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, _, session := probe(t, sender.Config{OneWay: true}, 10)
		p.send(request(session, 9, 1, 56))
		if n, _, _ := p.received(); n != 0 || s.Stats().Requests != 0 {
			t.Errorf("%d datagrams came in answer, %d requests were counted", n, s.Stats().Requests)
		}
	})
}

// TestDestinations checks what is known of two destinations. The receiver of one goes away. The other never had one.
func TestDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: 5 * time.Millisecond})
		lossy := netip.MustParseAddrPort("10.0.0.3:12345")
		n.SetPath(camera, lossy, netsim.Path{Delay: 20 * time.Millisecond, Loss: 0.1})
		c := listen(t, n, camera)
		s, err := sender.New(sender.Config{}, sender.Destination{Conn: c, Addr: viewer}, sender.Destination{Conn: c, Addr: lossy})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		near, far := watch(listen(t, n, viewer), protocol.AssemblerConfig{}), watch(listen(t, n, lossy), protocol.AssemblerConfig{})
		sh := show{network: n, sender: s, watcher: near}
		parity := func(w *watcher) float64 { // that comes there with each frame
			before := w.parity.Load()
			sh.send(t, 60, 78_200, 30)
			return float64(w.parity.Load()-before) / 60
		}
		sh.send(t, 60, 78_200, 30)
		if p := parity(far); p < 11 {
			t.Errorf("%.1f parity segments a frame, want enough for the worse path", p)
		}
		if p := parity(near); p > 2 {
			t.Errorf("%.1f parity segments a frame on the path that loses nothing", p)
		}
		ds := s.Destinations()
		if d := ds[0]; d.Addr != viewer || d.RTT.Round(time.Millisecond) != 10*time.Millisecond || d.Loss > 0.001 || d.Limit != 0 {
			t.Errorf("near: %+v", d)
		}
		if d := ds[1]; d.RTT.Round(time.Millisecond) != 25*time.Millisecond || d.Loss < 0.07 || d.Loss > 0.13 ||
			time.Since(d.Reported) > time.Second {
			t.Errorf("far: %+v", d)
		}
		far.stop()
		sh.send(t, 160, 78_200, 30)
		before := s.Stats().Parity
		if sh.send(t, 60, 78_200, 30); s.Stats().Parity-before > 60*(2+6) {
			t.Errorf("%d segments of parity in 60 frames, with a receiver that is gone", s.Stats().Parity-before)
		}
		near.stop()
	})
}
