package sender_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

var secret = protocol.Key{1, 2, 3}

// A tap keeps the datagrams that a conn sends.
type tap struct {
	protocol.Conn
	mu   sync.Mutex
	sent [][]byte
}

func (t *tap) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range datagrams {
		t.sent = append(t.sent, append(bytes.Clone(d[0]), d[1]...))
	}
	return t.Conn.Send(to, datagrams)
}

// again sends a datagram that was sent before, and may change it.
func (t *tap) again(rng *rand.Rand, change func(b []byte)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sent) == 0 {
		return
	}
	b := bytes.Clone(t.sent[rng.IntN(len(t.sent))])
	change(b)
	t.Conn.Send(camera, []protocol.Datagram{{b, nil}})
}

// sealedShow sends 300 sealed frames, one every 33 ms, and calls meanwhile after each. It returns how many frames came
// whole, and the sender's counts.
func sealedShow(t *testing.T, path netsim.Path, meanwhile func(tap *tap, s *sender.Sender)) (came uint64, st sender.Stats) {
	n := netsim.New(1, path)
	s, err := sender.New(sender.Config{Log: quiet, Key: secret}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	feedback := &tap{Conn: listen(t, n, viewer)}
	w := watch(feedback, protocol.AssemblerConfig{Keys: []protocol.Key{secret}})
	for i := range 300 {
		if _, err := s.Send(protocol.Frame{JPEG: picture(78_200, uint64(i)), Captured: time.Now()}); err != nil {
			t.Fatal(err)
		}
		meanwhile(feedback, s)
		time.Sleep(33 * time.Millisecond)
	}
	time.Sleep(time.Second)
	w.stop()
	s.Close()
	return w.count(), s.Stats()
}

// TestSealedDelivery sends sealed frames over networks that lose datagrams.
func TestSealedDelivery(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.1} {
		synctest.Test(t, func(t *testing.T) {
			came, st := sealedShow(t, netsim.Path{Delay: time.Millisecond, Loss: loss}, func(*tap, *sender.Sender) {})
			if came != 300 {
				t.Errorf("%.0f %% loss: %d of 300 frames came, %+v", 100*loss, came, st)
			}
			if loss > 0 && st.Answered == 0 {
				t.Error("nothing was asked for")
			}
		})
	}
}

// TestSealedFeedback sends a sealed sender feedback that it must ignore: open, sealed with another key, changed, or sent
// before. It must have no effect.
func TestSealedFeedback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := netsim.Path{Delay: time.Millisecond}
		quietly, want := sealedShow(t, path, func(*tap, *sender.Sender) {})
		rng := rand.New(rand.NewPCG(1, 2))
		came, got := sealedShow(t, path, func(tap *tap, s *sender.Sender) {
			for range 100 {
				tap.again(rng, func([]byte) {})
				tap.again(rng, func(b []byte) { b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255)) })
				tap.again(rng, func(b []byte) { b[2] &^= 0x80 }) // open
				tap.again(rng, func(b []byte) { rand.NewChaCha8([32]byte{byte(rng.Int())}).Read(b[8:]) })
			}
		})
		if came != 300 || quietly != 300 {
			t.Errorf("%d frames came, %d without the attack", came, quietly)
		}
		if got.Frames != want.Frames || got.Parity != want.Parity || got.Datagrams > want.Datagrams+2 || got.Answered != want.Answered || got.Requests != want.Requests {
			t.Errorf("with the attack  %+v\nand without it  %+v", got, want)
		}
		for _, why := range []sender.FeedbackRefusal{sender.FeedbackUnsealed, sender.FeedbackWrongKey, sender.FeedbackReplayed} {
			if got.RefusedFeedback[why] < 1000 {
				t.Errorf("%d refused as %s: %v", got.RefusedFeedback[why], why, got.RefusedFeedback)
			}
		}
		if len(want.RefusedFeedback) > 0 {
			t.Errorf("without the attack %v were refused", want.RefusedFeedback)
		}
	})
}

func TestSealedClassic(t *testing.T) {
	_, err := sender.New(sender.Config{Wire: protocol.WireClassic, Key: secret}, sender.Destination{Addr: viewer})
	if err == nil {
		t.Error("a classic sender takes a key, and would not use it")
	}
}
