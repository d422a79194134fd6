package hub

import (
	"strings"
	"testing"
	"time"
)

// On a good path, near or far, every frame is shown, once, and the edge knows its age although the clocks differ.
func TestEveryFrame(t *testing.T) {
	for _, delay := range []time.Duration{50 * time.Microsecond, 2 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond} {
		for _, fps := range []int{1, 30, 60} {
			if delay*time.Duration(2*fps) > 7*time.Second {
				continue // more frames would be on their way than the window allows
			}
			s := newSim(t, "a")
			s.delay = delay
			s.film(fps, 21*time.Second)
			s.run(time.Second) // meanwhile it learns how far away the edge is
			s.shown, s.ages, s.made = nil, nil, 0
			s.run(21 * time.Second)
			if s.made-len(s.shown) > 1 {
				t.Errorf("%v, %d fps: %d of %d frames are shown", delay, fps, len(s.shown), s.made)
			}
			if most := quantile(s.ages, 1); most > delay+time.Millisecond {
				t.Errorf("%v, %d fps: a frame is %v old", delay, fps, most)
			}
			if s.wrongByMost > time.Millisecond {
				t.Errorf("%v, %d fps: an age is wrong by %v", delay, fps, s.wrongByMost)
			}
		}
	}
}

// A link of 20 Mbit/s for a stream of 28 carries what fits, and frames are not old, also after ten minutes.
func TestSlowLink(t *testing.T) {
	for _, delay := range []time.Duration{200 * time.Microsecond, 5 * time.Millisecond} {
		s := newSim(t, "a")
		s.delay, s.rate = delay, 20e6/8
		s.film(30, 10*time.Minute)
		s.run(10 * time.Minute)
		if fits := int(600 * s.rate / float64(s.size)); len(s.shown) < fits*95/100 {
			t.Errorf("%v: %d frames are shown, and %d would fit", delay, len(s.shown), fits)
		}
		if p99 := quantile(s.ages, 0.99); p99 > 150*time.Millisecond {
			t.Errorf("%v: p99 is %v", delay, p99)
		}
		t.Logf(
			"%v: %d frames, p50 %v, p99 %v, at most %d on their way",
			delay,
			len(s.shown),
			quantile(s.ages, 0.5),
			quantile(s.ages, 0.99),
			s.mostOn,
		)
		if s.mostOn > 3 {
			t.Errorf("%v: %d frames were on their way at once", delay, s.mostOn)
		}
	}
}

// While a path is stuck, no more frames are sent than the window allows. Then it goes on with new ones.
func TestStuckPath(t *testing.T) {
	for _, stuck := range []time.Duration{700 * time.Millisecond, 2500 * time.Millisecond, 8 * time.Second} {
		s := newSim(t, "a")
		s.film(30, 20*time.Second)
		s.run(5 * time.Second)
		s.stuck = s.now.Add(stuck)
		began := len(s.shown)
		s.run(stuck + time.Second)
		if s.mostOn > 2 {
			t.Errorf("%v: %d frames were on their way", stuck, s.mostOn)
		}
		if got := len(s.shown) - began; got < 25 || got > 35 {
			t.Errorf("%v: %d frames were shown in the second after it", stuck, got)
		}
		for i, age := range s.ages {
			if age > maxTransit+100*time.Millisecond {
				t.Errorf("%v: frame %d is shown %v old", stuck, i, age)
			}
		}
	}
}

// Frames that are lost, as when a server dies, delay those after them by half a second at most.
func TestLostFrames(t *testing.T) {
	s := newSim(t, "a")
	s.film(30, 10*time.Second)
	s.run(5 * time.Second)
	outage := s.now.Add(40 * time.Millisecond)
	s.lose = func(now time.Time) bool { return now.Before(outage) }
	s.run(5 * time.Second)
	if s.made-len(s.shown) > 20 {
		t.Errorf("%d of %d frames are shown", len(s.shown), s.made)
	}
	if s.offers["a"].Lost == 0 {
		t.Error("no loss was counted")
	}
}

// After a new connection, either end goes on at once.
func TestReconnect(t *testing.T) {
	s := newSim(t, "a")
	s.film(30, 10*time.Second)
	s.run(5 * time.Second)
	before := len(s.shown)
	s.pull.Connected(8<<20, s.edgeTime())
	s.run(100 * time.Millisecond)
	s.offers["a"].Lose()
	s.run(100 * time.Millisecond)
	if got := len(s.shown) - before; got < 5 {
		t.Errorf("%d frames in 200 ms", got)
	}
}

// If a publisher falls silent, or is gone, the edge takes another within 3 s. No frame is shown twice, see sim.arrive.
func TestTwoPublishers(t *testing.T) {
	for _, told := range []bool{true, false} {
		twoPublishers(t, told)
	}
}

func twoPublishers(t *testing.T, told bool) {
	s := newSim(t, "a", "b")
	s.absent = told
	limit := 3 * time.Second
	if told { // that nobody listens
		limit = time.Second
	}
	s.film(30, 20*time.Second)
	s.run(5 * time.Second)
	for _, first := range []bool{true, false} {
		current, _ := s.pull.Publisher()
		s.dead = map[string]bool{current: true}
		s.run(limit)
		if last := s.at[len(s.at)-1]; s.now.Sub(last) > 100*time.Millisecond {
			t.Errorf("first %v: the last frame came %v ago", first, s.now.Sub(last))
		}
		if next, _ := s.pull.Publisher(); next == current {
			t.Errorf("still %q", current)
		}
		if first {
			s.dead = map[string]bool{}
			s.run(2 * time.Second)
		}
	}
}

// What nobody watches costs nothing, and an edge that is gone is forgotten.
func TestNobodyWatches(t *testing.T) {
	s := newSim(t)
	s.offers["a"] = &Offer{}
	s.film(30, 20*time.Second)
	s.run(5 * time.Second)
	if s.offers["a"].Sent != 0 {
		t.Errorf("%d frames were sent", s.offers["a"].Sent)
	}
	s.pull.Offers([]string{"a"}, s.edgeTime())
	s.run(2 * time.Second)
	s.pull = Pull{} // it stops asking
	sent := s.offers["a"].Sent
	s.run(5 * time.Second)
	if edges, _ := s.offers["a"].Edges(s.now); edges != 0 || s.offers["a"].Sent > sent+2 {
		t.Errorf("%d edges are left, and %d more frames were sent", edges, s.offers["a"].Sent-sent)
	}
}

// A picture of a camera that has stopped is not sent as if it were the present. That of a slow camera is.
func TestStoppedCamera(t *testing.T) {
	for _, period := range []time.Duration{time.Second / 30, 20 * time.Second} {
		s := newSim(t, "a")
		s.pull = Pull{} // nobody asks
		o := s.offers["a"]
		for id := range uint32(5) {
			o.Put(Picture{1, id, s.now}, s.size, 0, true, s.now)
			s.now = s.now.Add(period)
		}
		s.now = s.now.Add(10 * time.Second)
		s.pull.Connected(8<<20, s.edgeTime())
		s.pull.Offers([]string{"a"}, s.edgeTime())
		s.run(time.Second)
		if slow := period > time.Second; (len(s.shown) == 1) != slow || (o.FPS(s.now) > 0) != slow {
			t.Errorf("%v: %d pictures are shown, at %v fps", period, len(s.shown), o.FPS(s.now))
		}
	}
}

// A frame that the edge's server does not take is not sent, and the edge is told once.
func TestTooBig(t *testing.T) {
	s := newSim(t, "a")
	s.pull.Connected(100_000, s.edgeTime())
	s.film(30, time.Second)
	s.run(2 * time.Second)
	if len(s.shown) != 0 || s.pull.TooBig != 118_000 {
		t.Errorf("%d frames are shown, TooBig is %d", len(s.shown), s.pull.TooBig)
	}
}

func TestTokens(t *testing.T) {
	for name, want := range map[string]string{
		"": "~", "~": "~~", "~x": "~~x", "door": "door", "a.b": "a%2Eb", "a b/c*>": "a%20b%2Fc%2A%3E", "\xff\n": "%FF%0A",
	} {
		got := Token(name)
		if back, ok := NameOf(got); got != want || !ok || back != name {
			t.Errorf("%q: %q, want %q; back %q %v", name, got, want, back, ok)
		}
	}
	for _, token := range []string{"", "a.b", "%", "%zz", "~a", "a%20b%2f"} {
		if name, ok := NameOf(token); ok {
			t.Errorf("%q is %q", token, name)
		}
	}
}

func TestDirectory(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var d Directory
	info := Info{Kind: KindPublisher, Instance: "a", Streams: []StreamInfo{{Name: []byte("door")}}}
	live := Info{Kind: KindPublisher, Instance: "b", Streams: []StreamInfo{{Name: []byte("door"), FPS: 30}}}
	if !d.Hear(info, now) || d.Hear(info, now) || !d.Hear(live, now) {
		t.Error("changes are not told right")
	}
	if list := d.Streams()["door"]; len(list) != 2 || list[0].Publisher.Instance != "b" {
		t.Errorf("the live one is not first: %v", list)
	}
	d.Hear(live, now.Add(time.Second))
	d.Asked(now.Add(time.Second))
	if list := d.Streams()["door"]; len(list) != 2 || !list[1].Missing {
		t.Errorf("a is not missing: %v", list)
	}
	if d.Hear(live, now.Add(2*time.Second)); !d.Asked(now.Add(2 * time.Second)) {
		t.Error("a is not forgotten")
	}
	live.Gone = true
	if !d.Hear(live, now) || len(d.Streams()) != 0 {
		t.Error("b has said goodbye")
	}
}

// Nothing that comes from a hub breaks an edge or a publisher.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 32) + " 1 2 3 4 5 6"))
	f.Add(Info{Kind: KindPublisher, Instance: "a", Streams: []StreamInfo{{Name: []byte("door")}}}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var o Offer
		o.Put(Picture{1, 1, now}, 1000, 0, true, now)
		if o.Want("inbox", b, now) == nil {
			for n := 0; ; n++ {
				if _, ok := o.Next(now); !ok {
					break
				} else if n > 10 {
					t.Fatal("no end of deliveries")
				}
			}
		}
		var p Pull
		p.Offers([]string{"a"}, now)
		p.Take(string(b), true, now)
		p.Next(now)
		var d Directory
		if i, err := ParseInfo(b); err == nil && d.Hear(i, now) {
			d.Streams()
			if again, err := ParseInfo(i.Encode()); err != nil || len(again.Streams) != len(i.Streams) {
				t.Fatalf("%v becomes %v: %v", i, again, err)
			}
		}
	})
}
