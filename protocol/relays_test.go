package protocol

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A relay ignores a stream that has come through itself, and says so. It takes one that has come through others. Once a stream is
// shown, a forged announcement changes nothing.
func TestRelays(t *testing.T) {
	via := func(ids ...uint32) (r Relays) {
		for _, id := range ids {
			r, _ = r.With(id)
		}
		return r
	}
	const own = 77
	for name, test := range map[string]struct {
		via   Relays
		shown bool
	}{"none": {via(), true}, "others": {via(1, 2), true}, "own": {via(own), false}, "own in a loop": {via(1, own, 2), false}} {
		t.Run(name, func(t *testing.T) {
			a, now := NewAssembler(AssemblerConfig{Relay: own}), epoch
			s, err := NewSplitter(7, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			announce := func(via Relays) {
				a.Add(s.Announce(Announcement{Name: "door", Via: via}, &RemoteClock{}, now)[0][0], alice, now)
			}
			var frames []Frame
			for i := range uint32(100) {
				if i%6 == 0 {
					announce(test.via)
				}
				var o Outgoing
				if err := s.Split(&o, Frame{ID: i, Captured: now, JPEG: vectorFrame(5000)}, 0); err != nil {
					t.Fatal(err)
				}
				for _, d := range o.Data() {
					frames = append(frames, add(a, alice, now, append(d[0], d[1]...))...)
				}
				now = now.Add(33 * time.Millisecond)
				a.Expire(now)
			}
			if shown := len(frames) > 0; shown != test.shown {
				t.Fatalf("%d frames were shown", len(frames))
			}
			l, told := a.NextLocked()
			if told == test.shown || told && (l.Why != LockedOwn || !strings.Contains(l.String(), "come through this relay already")) {
				t.Errorf("told %v: %v", told, l)
			}
			if test.shown {
				announce(via(own))
				if got := a.Streams(); len(got) != 1 || got[0].Announced.Via != test.via {
					t.Errorf("a forged announcement counts: %+v", got)
				}
			}
		})
	}
}

// No more than MaxRelays fit, and an announcement that claims more is malformed.
func TestMaxRelays(t *testing.T) {
	var r Relays
	for i := range uint32(MaxRelays) {
		var ok bool
		if r, ok = r.With(i); !ok || !r.Contains(i) || r.Contains(i+1) {
			t.Fatalf("relay %d: %v", i, r)
		}
	}
	if again, ok := r.With(99); ok || again != r {
		t.Error("there is room for one more")
	}
	b := r.append(nil)
	if got, err := parseRelays(b); err != nil || got != r {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range [][]byte{b[:len(b)-1], append([]byte{MaxRelays + 1}, make([]byte, 100)...)} {
		if _, err := parseRelays(wrong); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v", wrong, err)
		}
	}
}
