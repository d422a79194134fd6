package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// feedbackOf returns the feedback that an assembler wants to send.
func feedbackOf(t *testing.T, a *Assembler) (fs []Feedback) {
	t.Helper()
	for b, to, ok := a.NextFeedback(); ok; b, to, ok = a.NextFeedback() {
		f, err := parseFeedback(b, epoch)
		if err != nil || to != alice {
			t.Fatalf("feedback to %v: %v", to, err)
		}
		fs = append(fs, f)
	}
	return fs
}

// requestsOf is what an assembler asks for.
func requestsOf(t *testing.T, a *Assembler) (rs []Request) {
	for _, f := range feedbackOf(t, a) {
		if f.Request != nil {
			rs = append(rs, *f.Request)
		}
	}
	return rs
}

// proven returns an assembler that has received some frames of a stream.
func proven(t *testing.T, c AssemblerConfig) (*Assembler, *camera) {
	a, cam := NewAssembler(c), newCamera(1, "door")
	add(a, alice, epoch, cam.announce())
	for range 3 {
		f, ds := cam.frame(20_000)
		want(t, add(a, alice, epoch, ds...), f)
	}
	return a, cam
}

func TestParityRepairsWithoutAsking(t *testing.T) {
	for _, size := range []int{1000, 5000, 78_000, 600_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			a, cam := proven(t, AssemblerConfig{})
			f, data, parity, o := cam.frameWithParity(size, 4)
			if len(parity) != 4*o.Blocks() {
				t.Fatalf("%d parity segments in %d blocks", len(parity), o.Blocks())
			}
			// In each block, lose as much data as there is parity.
			var left [][]byte
			for i, d := range data {
				if i/o.Blocks() < 2 || i/o.Blocks() > 3 {
					left = append(left, d)
				}
			}
			got := add(a, alice, epoch, left...)
			got = append(got, add(a, alice, epoch, parity[:2*o.Blocks()]...)...)
			want(t, got, f)
			if st := a.Stats(); st.Requests != 0 || st.Pending != 0 || size > 3000 && st.ByParity != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestAsksForWhatParityCannotRepair loses data and parity, and lets the sender answer.
func TestAsksForWhatParityCannotRepair(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{})
	f, data, parity, o := cam.frameWithParity(78_000, 2)
	want(t, add(a, alice, epoch, append(data[5:], parity[1])...))
	rs := requestsOf(t, a)
	if len(rs) != 1 || rs[0].Need != 4 || rs[0].FrameID != f.ID {
		t.Fatalf("asked for %+v, want 4 segments at once: the last datagram has come", rs)
	}
	answer := flat(answer(o, rs[0], 100))
	if len(answer) != 4 {
		t.Fatalf("the answer has %d datagrams", len(answer))
	}
	want(t, add(a, alice, epoch.Add(time.Millisecond), answer...), f)
	if st := a.Stats(); st.ByRequest != 1 || st.ByParity != 0 || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
}

// TestAnswersWithRows asks for parity again and again. Each row that was not sent yet must come once, in order. Then the
// named segments must come.
func TestAnswersWithRows(t *testing.T) {
	_, cam := proven(t, AssemblerConfig{})
	_, _, _, o := cam.frameWithParity(270_000, 7) // 192 segments in one block
	r := Request{FrameID: o.FrameID(), Need: 10, Data: 192, Missing: bytes.Repeat([]byte{0xff}, 24)}
	row := 7
	for range 10 {
		ds := flat(answer(o, r, 100))
		if len(ds) != 10 {
			t.Fatalf("%d datagrams, want 10", len(ds))
		}
		for _, d := range ds {
			p, _ := parsePrefix(d)
			s, err := parseSegment(p, d)
			if err != nil || !s.repair || s.Parity != 7 || s.parity != (row < 64) || s.parity && s.index != row {
				t.Fatalf("after %d rows: type %d, index %d, parity %d, %v", row, s.Type, s.index, s.Parity, err)
			}
			if s.parity {
				row++
			}
		}
	}
	if row != 64 {
		t.Errorf("the last row was %d, want 63", row-1)
	}
	if ds := o.Parity(); len(ds) != 7 || ds[6][0][0] != 256-192-6 {
		t.Errorf("parity that follows the data is %d segments", len(ds))
	}
}

// TestAnswers asks for a frame of which no row is left, for a block that does not exist, and for another frame.
func TestAnswers(t *testing.T) {
	_, cam := proven(t, AssemblerConfig{})
	_, _, _, o := cam.frameWithParity(20_000, 238) // 15 segments and one block, of which 3 rows are left
	all := Request{FrameID: o.FrameID(), Need: 15, Data: 15, Missing: []byte{0xff, 0xfe}}
	ds := flat(answer(o, all, 100))
	parity := 0
	for _, d := range ds {
		p, err := parsePrefix(d)
		if err != nil || p.Type&typeRepair == 0 {
			t.Fatalf("type %d, %v", p.Type, err)
		}
		if p.Type&^typeRepair == typeParity {
			parity++
		}
	}
	if len(ds) != 15 || parity != 3 {
		t.Errorf("%d datagrams, %d of them parity; want 15, and the 3 that had not been sent", len(ds), parity)
	}
	for name, r := range map[string]Request{
		"limited":       all,
		"another frame": {FrameID: o.FrameID() + 1, Need: 1, Data: 15, Missing: []byte{0x80, 0}},
		"another k":     {FrameID: o.FrameID(), Need: 1, Data: 14, Missing: []byte{0x80, 0}},
		"another block": {FrameID: o.FrameID(), Block: 1, Need: 1, Data: 15, Missing: []byte{0x80, 0}},
	} {
		limit, wanted := 100, 0
		if name == "limited" {
			limit, wanted = 2, 2
		}
		if n := len(answer(o, r, limit)); n != wanted {
			t.Errorf("%s: %d datagrams, want %d", name, n, wanted)
		}
	}
	if n := len(answer(o, Request{FrameID: o.FrameID()}, 100)); n != 15 {
		t.Errorf("a frame that is wanted whole is answered with %d datagrams", n)
	}
}

// TestAsksForAFrameOfWhichNothingCame loses a whole frame. The next one shows that it exists, and waits for it.
func TestAsksForAFrameOfWhichNothingCame(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{})
	f3, d3 := cam.frame(3000)
	f4, d4 := cam.frame(3000)
	want(t, add(a, alice, epoch, d4...))
	rs := requestsOf(t, a)
	if len(rs) != 1 || !rs[0].Whole() || rs[0].FrameID != f3.ID {
		t.Fatalf("asked for %+v", rs)
	}
	want(t, add(a, alice, epoch.Add(time.Millisecond), d3...), f3, f4)
}

func TestStopsWaiting(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{Latency: 40 * time.Millisecond})
	_, d3 := cam.frame(3000)
	f4, d4 := cam.frame(3000)
	f5, d5 := cam.frame(3000)
	want(t, add(a, alice, epoch, d3[0]))
	want(t, add(a, alice, epoch.Add(10*time.Millisecond), d4...))
	want(t, add(a, alice, epoch.Add(30*time.Millisecond), d5...))
	a.Expire(epoch.Add(49 * time.Millisecond))
	want(t, drain(a, nil))
	a.Expire(epoch.Add(50 * time.Millisecond))
	want(t, drain(a, nil), f4, f5)
	want(t, add(a, alice, epoch.Add(51*time.Millisecond), d3[1:]...))
	if st := a.Stats(); st.Dropped[FrameSuperseded] != 1 || st.Dropped.Total() != 1 {
		t.Errorf("dropped %v", st.Dropped.Map())
	}
}

// TestAsksAgain counts how often, and for how long, a sender that does not answer is asked.
func TestAsksAgain(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{})
	_, ds := cam.frame(78_000)
	add(a, alice, epoch, ds[1:]...)
	asked := len(requestsOf(t, a))
	now := epoch
	for range 10_000 {
		next := a.Deadline()
		if next.Before(now) || next.After(epoch.Add(2*time.Second)) {
			break
		}
		now = next
		a.Expire(now)
		asked += len(requestsOf(t, a))
	}
	if asked != maxAsks {
		t.Errorf("asked %d times, want %d", asked, maxAsks)
	}
	if st := a.Stats(); st.Dropped[FrameLate] != 1 || st.Pending != 0 {
		t.Errorf("at the end: %+v", st)
	}
}

// TestFindsALostTailByTime loses the end of a frame. No later datagram shows that it is lost.
func TestFindsALostTailByTime(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{})
	_, ds := cam.frame(20_000)
	add(a, alice, epoch, ds[:10]...)
	if rs := requestsOf(t, a); len(rs) != 0 {
		t.Fatalf("asked for %+v while the frame is still coming", rs)
	}
	if due := a.Deadline(); due != epoch.Add(tailWait) {
		t.Errorf("it will look again after %v, want %v", due.Sub(epoch), tailWait)
	}
	a.Expire(epoch.Add(tailWait))
	if rs := requestsOf(t, a); len(rs) != 1 || rs[0].Need != 5 {
		t.Errorf("asked for %+v", rs)
	}
}

// TestReorderingIsNotLoss delays one datagram of each frame, and counts requests after the receiver has learned that.
func TestReorderingIsNotLoss(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{})
	now := epoch
	for i := range 20 {
		now = now.Add(33 * time.Millisecond)
		f, ds := cam.frame(20_000)
		want(t, add(a, alice, now, ds[1:]...))
		late := now.Add(time.Millisecond)
		for a.Deadline().Before(late) {
			a.Expire(a.Deadline())
		}
		if rs := requestsOf(t, a); len(rs) > 0 && i > 0 {
			t.Fatalf("frame %d was asked for, though it was only late", i)
		}
		want(t, add(a, alice, late, ds[0]), f)
	}
	if st := a.Stats(); st.Received != st.Expected {
		t.Errorf("%d of %d datagrams counted as received", st.Received, st.Expected)
	}
}

func TestOneWayIsSilent(t *testing.T) {
	a, cam := proven(t, AssemblerConfig{OneWay: true})
	now := epoch
	for range 50 {
		now = now.Add(33 * time.Millisecond)
		_, ds := cam.frame(20_000)
		add(a, alice, now, ds[1:]...)
		a.Expire(a.Deadline())
	}
	if fs := feedbackOf(t, a); len(fs) != 0 {
		t.Errorf("%d datagrams were sent back", len(fs))
	}
}

// TestFeedbackIsAFraction sends a forged stream with frames that never become whole, and measures the feedback.
func TestFeedbackIsAFraction(t *testing.T) {
	a := NewAssembler(AssemblerConfig{})
	r := rand.New(rand.NewPCG(1, 1))
	in, out := 0, 0
	now := epoch
	cam := newCamera(1, "forged")
	for range 20_000 {
		now = now.Add(time.Millisecond)
		_, ds := cam.frame(60)
		if r.IntN(3) > 0 {
			continue
		}
		in += len(ds[0])
		add(a, alice, now, ds[0])
		for b, _, ok := a.NextFeedback(); ok; b, _, ok = a.NextFeedback() {
			out += len(b)
		}
	}
	if out == 0 || out > in/reportShare {
		t.Errorf("%d bytes were sent back for %d", out, in)
	}
}

// TestReports compares what a receiver reports with what was lost, and how often it does.
func TestReports(t *testing.T) {
	const frames, datagrams = 300, 56 + 8
	for _, lossy := range []bool{false, true} {
		a, cam := proven(t, AssemblerConfig{})
		r := rand.New(rand.NewPCG(2, 2))
		now := epoch.Add(2 * earlyReports)
		lost, runs := 0, 0
		var told Train // the sum
		trains, reports := 0, 0
		for range frames {
			now = now.Add(33 * time.Millisecond)
			_, data, parity, _ := cam.frameWithParity(78_000, 8)
			was := false
			for _, d := range append(data, parity...) {
				is := lossy && r.IntN(20) == 0
				if is && !was {
					runs++
				}
				if was = is; is {
					lost++
					continue
				}
				a.Add(d, alice, now)
			}
			now = now.Add(10 * time.Millisecond)
			a.Expire(now)
			drain(a, nil)
			for _, f := range feedbackOf(t, a) {
				if f.Report == nil {
					continue
				}
				reports++
				for _, train := range f.Report.Trains {
					trains++
					told.Came += train.Came
					told.LostFirst += train.LostFirst
					told.LostSecond += train.LostSecond
					told.Runs += train.Runs
				}
			}
		}
		if sent := trains * datagrams; trains < frames-MaxTrains || told.Came+told.Lost() > sent+MaxTrains*datagrams || told.Lost() < lost*9/10 {
			t.Errorf("lossy %v: %d trains tell of %d that came and %d lost, of %d, of which %d were lost", lossy, trains, told.Came, told.Lost(), sent, lost)
		}
		if told.Runs < runs*9/10 || told.Runs > runs || told.LostFirst > told.Lost()*6/10 || told.LostSecond > told.Lost()*6/10 {
			t.Errorf("lossy %v: %+v of %d lost in %d runs", lossy, told, lost, runs)
		}
		if often := reports > frames*9/10; often != lossy {
			t.Errorf("lossy %v: %d reports of %d frames", lossy, reports, frames)
		}
	}
}

// TestTrainSpan sends a train over links of different kinds, and compares its span with the time that the link needs for it.
func TestTrainSpan(t *testing.T) {
	const n, spacing = 64, 100 * time.Microsecond
	r := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		lost   func(i int) bool
		at     func(i int) time.Duration
		span   time.Duration // between its first and last datagram
		within time.Duration
	}{
		"all at once":        {span: 0, at: func(int) time.Duration { return 0 }},
		"evenly":             {span: (n - 1) * spacing, at: func(i int) time.Duration { return time.Duration(i) * spacing }, within: spacing},
		"with jitter":        {span: 0, at: func(int) time.Duration { return time.Duration(r.Int64N(int64(2 * time.Millisecond))) }, within: time.Millisecond},
		"one that lost many": {lost: func(i int) bool { return i%3 == 0 }, span: (n - 1) * spacing, at: func(i int) time.Duration { return time.Duration(i) * spacing }, within: spacing},
		"in lumps":           {span: (n - 1) * spacing, at: func(i int) time.Duration { return time.Duration(i/16*16) * spacing }, within: 16 * spacing},
	} {
		var a arrivals
		came := 0
		for i := range n {
			if c.lost != nil && c.lost(i) {
				continue
			}
			came++
			s := segment{segmentHeader: segmentHeader{Parity: 0}, layout: layoutOf(n*Unit, 1, n), index: i}
			a.note(&s, epoch.Add(c.at(i)))
		}
		train := a.train(7)
		if train.FrameID != 7 || train.Came != came || train.Lost() != n-came || !train.First.Equal(epoch.Add(c.at(0))) && name != "with jitter" && c.lost == nil {
			t.Errorf("%s: %+v", name, train)
		}
		if (train.Span - c.span).Abs() > c.within {
			t.Errorf("%s: it took %v, want %v", name, train.Span, c.span)
		}
	}
}

// TestClock exchanges announcements and reports between two clocks a second apart, over a path of 5 ms each way.
func TestClock(t *testing.T) {
	const apart, oneWay = time.Second, 5 * time.Millisecond
	var mine, theirs RemoteClock
	now := epoch
	for range 100 {
		theirs.hear(mine.echo(now), now.Add(oneWay+apart))
		now = now.Add(oneWay + 40*time.Millisecond)
		mine.hear(theirs.echo(now.Add(apart)), now.Add(oneWay))
		now = now.Add(oneWay + 200*time.Millisecond)
	}
	for name, c := range map[string]struct {
		clock *RemoteClock
		want  time.Duration
	}{"mine": {&mine, apart}, "theirs": {&theirs, -apart}} {
		offset, uncertainty, ok := c.clock.Offset()
		rtt, _ := c.clock.RTT()
		if !ok || (offset-c.want).Abs() > 2*time.Microsecond || (rtt-2*oneWay).Abs() > 10*time.Microsecond || uncertainty > oneWay+time.Microsecond {
			t.Errorf("%s: offset %v ± %v, round trip %v, %v", name, offset, uncertainty, rtt, ok)
		}
	}
	var fresh RemoteClock
	if _, _, ok := fresh.Offset(); ok {
		t.Error("a clock that has heard nothing knows an offset")
	}
	fresh.hear(clockEcho{Sent: 5, Echo: timestamp(epoch.Add(time.Hour)), Held: 7}, epoch)
	if _, ok := fresh.RTT(); ok {
		t.Error("an echo from the future was believed")
	}
}
