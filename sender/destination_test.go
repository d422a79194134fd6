package sender_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestReceiversComeAndGo has no receiver at first, then one, then none again, and checks that each is logged once.
func TestReceiversComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: ms})
		var log bytes.Buffer
		s, err := sender.New(sender.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sh := show{network: n, sender: s}
		after := func(seconds int, want sender.DestinationState) {
			t.Helper()
			sh.send(t, 30*seconds, 5000, 30)
			if d := s.Destinations()[0]; d.State != want {
				t.Errorf("it is %s, want %s", d.State, want)
			}
		}
		after(4, sender.Waiting)
		after(3, sender.Silent)
		w := watch(listen(t, n, viewer), protocol.AssemblerConfig{})
		after(3, sender.Answering)
		w.stop()
		after(3, sender.Answering)
		after(4, sender.Gone)
		w = watch(listen(t, n, viewer), protocol.AssemblerConfig{})
		after(1, sender.Answering)
		w.stop()
		got := strings.Split(strings.TrimSpace(log.String()), "\n")
		want := []string{"nothing has answered from 10.0.0.2:12345: is udpcam recv running there?", "a receiver answers",
			"does not answer any more", "a receiver answers"}
		if len(got) != len(want) {
			t.Fatalf("logged:\n%s", log.String())
		}
		for i, text := range want {
			if !strings.Contains(got[i], text) {
				t.Errorf("logged %q, want %q", got[i], text)
			}
		}
	})
}

// A refusingConn sends to an address at which nobody listens. The system says so.
type refusingConn struct{ *netsim.Conn }

func (c refusingConn) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	if err := c.Conn.Send(to, datagrams); err != nil {
		return err
	}
	return syscall.ECONNREFUSED
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		s, err := sender.New(sender.Config{Log: slog.New(slog.DiscardHandler)}, sender.Destination{Conn: refusingConn{listen(t, n, camera)}, Addr: viewer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 2 {
			if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(5000, 1)}); err != nil {
				t.Fatal(err)
			}
		}
		if d := s.Destinations()[0]; d.State != sender.Refused || !strings.Contains(d.Trouble(), "is udpcam recv running there") {
			t.Errorf("%+v: %s", d, d.Trouble())
		}
		if st := s.Stats(); st.Failed != 0 || st.Frames != 2 {
			t.Errorf("%+v", st)
		}
	})
}
