package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Programs rely on the JSON keys. New ones may be added, but none may change or go away.
func TestStatusKeys(t *testing.T) {
	tests := map[string]struct {
		status any
		want   string
	}{
		"send": {sendStatus{}, "answered capturing datagrams delay_max_ms delay_ms encode_ms failed fps frame_bytes frames " +
			"mbit_s parity receivers requests sealed skipped skipped_by stream time wire_bytes"},
		"receiver of send": {receiverStatus{}, "addr limit_mbit_s loss rtt_ms skipped state subscribed"},
		"recv": {recvStatus{}, "by_parity by_request datagrams delay_ms dropped dropped_by fps frame_bytes frames hub left_out " +
			"left_out_by loss mbit_s outs_dropped outs_failing requests skipped streams subscriptions time viewers"},
		"subscription of recv": {subscriptionStatus{}, "addr from heard_ms name state trouble"},
		"stream of recv":       {streamStatus{}, "delay_ms delay_uncertainty_ms fps from height name rtt_ms sealed silent_ms width"},
		"hub of recv":          {publishedStatus{}, "connected edges lost sent skipped trouble"},
		"serve of a hub":       {edgeStatus{}, "fps frame_bytes frames hub mbit_s time"},
		"hub of it":            {edgeStatusPart{}, "bytes_out connected frames_in frames_out late offered old trouble viewers watched"},
		"hub":                  {hubStatus{}, "clients edge in_bytes leaves memory name out_bytes routes slow_consumers time unreachable"},
		"relay":                {relayStatus{}, "dropped dropped_by fps frame_bytes frames mbit_s skipped skipped_by streams subscriptions time wanted"},
		"stream of relay": {passedStatus{}, "delay_ms delay_uncertainty_ms fps from height name receivers rtt_ms sealed silent_ms " +
			"width"},
		"serve": {serveStatus{}, "bytes_out capturing fps frame_bytes frames frames_out mbit_s skipped skipped_by time " +
			"viewers"},
	}
	for name, test := range tests {
		object, err := json.Marshal(test.status)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(object, &keys); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(keys)), " "); got != test.want {
			t.Errorf("%s has the keys\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestStatusLines(t *testing.T) {
	delay, doubt, little := 1.25, 0.31, 0.04
	speed := func(frames uint64) progress { return progress{FPS: 29.97, Megabit: 18.72, Frames: frames} }
	tests := []struct {
		status status
		want   string
	}{
		{recvStatus{idle: "waiting for a stream on :1"}, "waiting for a stream on :1"},
		{recvStatus{idle: "waiting for a stream from a", Subscriptions: []subscriptionStatus{{Trouble: "nobody there"}, {}}},
			"waiting for a stream from a  nobody there"},
		{recvStatus{progress: speed(30), Dropped: 1, Datagrams: 9, Loss: 0.0123, Delay: &delay},
			"30.0 fps  18.7 Mbit/s  30 frames  1 dropped  loss 1.2 %  delay 1.2 ms"},
		{recvStatus{Datagrams: 9, Delay: &delay, Streams: []streamStatus{{Delay: &delay, Uncertainty: &doubt}}},
			"0.0 fps  0.0 Mbit/s  0 frames  0 dropped  loss 0.0 %  delay 1.2 ±0.3 ms"},
		{recvStatus{Datagrams: 9, Delay: &delay, Streams: []streamStatus{{Delay: &delay, Uncertainty: &little}}},
			"0.0 fps  0.0 Mbit/s  0 frames  0 dropped  loss 0.0 %  delay 1.2 ms"},
		{recvStatus{progress: progress{Frames: 1}, Datagrams: 9, Viewers: 1, Streams: []streamStatus{{skewed: true}, {}}},
			"0.0 fps  0.0 Mbit/s  1 frame  0 dropped  loss 0.0 %  delay unknown: clocks differ  2 streams  1 viewer"},
		{recvStatus{progress: speed(30), Datagrams: 9, OutsFailing: map[string]string{"film.mkv": "full", "b/": "away"}},
			"NOT WRITTEN: b/, film.mkv  30.0 fps  18.7 Mbit/s  30 frames  0 dropped  loss 0.0 %"},
		{sendStatus{source: "-"}, "waiting for a picture from -"},
		{sendStatus{idle: true, progress: progress{Frames: 7}}, "waiting for a receiver"},
		{sendStatus{progress: speed(2), Datagrams: 112, Failed: 1}, "30.0 fps  18.7 Mbit/s  2 frames  1 error"},
		{sendStatus{progress: speed(100_000), Datagrams: 5_600_000, cost: cost{Delay: 17.8, Encoding: 16.9}},
			"30.0 fps  18.7 Mbit/s  100000 frames  0 errors  17.8 ms to send, 16.9 encoding"},
		{sendStatus{progress: speed(2), Skipped: 3}, "30.0 fps  18.7 Mbit/s  2 frames  0 errors  3 skipped"},
		{sendStatus{progress: speed(2), Receivers: []receiverStatus{{Trouble: "nobody listens"}, {}}},
			"30.0 fps  18.7 Mbit/s  2 frames  0 errors  nobody listens"},
		{hubStatus{Clients: 2, Routes: 1}, "2 clients  1 other hub  0 leaf connections"},
		{edgeStatus{progress: speed(5), Hub: edgeStatusPart{Offered: 4, Watched: 1, Viewers: 1}},
			"30.0 fps  18.7 Mbit/s  5 frames  1 of 4 streams  1 viewer"},
		{edgeStatus{Hub: edgeStatusPart{Trouble: "it is off"}}, "no hub: it is off"},
		{relayStatus{Subscriptions: []subscriptionStatus{{Trouble: "nothing answers"}, {}}, idle: "waiting for a stream from a:1"},
			"nothing answers  waiting for a stream from a:1"},
		{relayStatus{progress: speed(9), Wanted: true, Streams: []passedStatus{{Receivers: []receiverStatus{{}, {}}}, {}}},
			"30.0 fps  18.7 Mbit/s  9 frames  0 dropped  2 streams  2 receivers"},
		{relayStatus{progress: progress{Frames: 9}, Skipped: 2, Streams: []passedStatus{{}}},
			"0.0 fps  0.0 Mbit/s  9 frames  0 dropped  2 skipped  1 stream  nobody watches"},
		{serveStatus{}, "waiting for a viewer"},
		{serveStatus{progress: speed(5), Capturing: true, Viewers: 2, Skipped: 1},
			"30.0 fps  18.7 Mbit/s  5 frames  2 viewers  1 skipped"},
	}
	for _, test := range tests {
		if got := test.status.line(); got != test.want {
			t.Errorf("%T: %q\nwant %q", test.status, got, test.want)
		}
	}
}

// Six streams fit into one line. Those with trouble come first, so that they are seen on a narrow terminal too.
func TestStatusOfSeveral(t *testing.T) {
	of := func(name string, fps float64) sendStatus {
		return sendStatus{Stream: name, progress: progress{FPS: fps, Megabit: fps / 2}}
	}
	waits, away := of("attic", 0), of("yard", 15)
	waits.idle, away.Receivers = true, []receiverStatus{{}, {Trouble: "nobody listens"}}
	got := together([]status{of("door", 29.97), of("hall", 30), waits, away, of("shed", 0), of("lane", 0)})
	want := "75 fps  37.5 Mbit/s  yard: nobody listens  shed, lane: NO PICTURE  door 30  hall 30  attic waits"
	if got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestDelay(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		delays []time.Duration
		want   float64
		skewed bool
	}{
		{[]time.Duration{5 * ms}, 5, false},
		{[]time.Duration{900 * ms, 1 * ms, 2*ms + 300_400}, 2.3, false}, // one that was late counts as one
		{[]time.Duration{0}, 0, false},
		{[]time.Duration{-1 * ms, 5 * ms, 6 * ms}, 5, false},
		{[]time.Duration{-1}, 0, true},
		{[]time.Duration{10 * time.Second}, 10_000, false},
		{[]time.Duration{10*time.Second + 1}, 0, true},
	}
	for _, test := range tests {
		switch got, skewed := medianDelay(test.delays); {
		case skewed != test.skewed || (got == nil) != skewed:
			t.Errorf("%v: clocks differ is %v", test.delays, skewed)
		case got != nil && *got != test.want:
			t.Errorf("%v: %v ms, want %v", test.delays, *got, test.want)
		}
	}
}

func TestCollected(t *testing.T) {
	var c collected[int]
	c.note(1)
	c.note(2)
	if got := c.next(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v", got)
	}
	if got := c.next(); len(got) != 0 {
		t.Errorf("again: %v", got)
	}
}

func TestRoster(t *testing.T) {
	door := func(silent int64, width, height int) streamStatus {
		return streamStatus{Name: "door", From: "[::1]:9", Silent: silent, Width: width, Height: height}
	}
	steps := []struct {
		streams []streamStatus
		want    string
	}{
		{nil, ""},
		{[]streamStatus{door(5, 640, 480)}, `msg="stream appears" stream=door from=[::1]:9 size=640x480`},
		{[]streamStatus{door(5, 640, 480)}, ""},
		{[]streamStatus{door(5, 0, 0)}, ""},
		{[]streamStatus{door(5, 800, 600)}, `msg="picture size changes" stream=door size=800x600 before=640x480`},
		{[]streamStatus{door(2999, 800, 600)}, ""},
		{[]streamStatus{door(3000, 800, 600)}, `msg="stream is quiet" stream=door from=[::1]:9`},
		{[]streamStatus{door(4000, 800, 600)}, ""},
		{[]streamStatus{door(10, 800, 600)}, `msg="stream is back" stream=door from=[::1]:9`},
		{nil, ""},
		{[]streamStatus{door(5, 0, 0)}, `msg="stream appears" stream=door from=[::1]:9 size=""`},
	}
	r := roster{}
	for i, step := range steps {
		var b bytes.Buffer
		r = r.next(plainLog(&b), step.streams)
		if got := strings.TrimPrefix(strings.TrimSpace(b.String()), "level=INFO "); got != step.want {
			t.Errorf("step %d: logs %q, want %q", i, got, step.want)
		}
	}
}

func TestProgress(t *testing.T) {
	start := time.Now()
	p := progress{Time: start}
	for i, step := range []struct {
		after         time.Duration
		frames, bytes uint64
		fps, megabit  float64
	}{
		{time.Second, 30, 1_000_000, 30, 8},
		{3 * time.Second, 31, 1_000_000, 0.5, 0},
		{3 * time.Second, 31, 1_000_000, 0, 0},
		{4500 * time.Millisecond, 81, 1_234_567, 33.33, 1.251},
	} {
		p = p.next(start.Add(step.after), step.frames, step.bytes)
		if want := (progress{start.Add(step.after), step.fps, step.megabit, step.frames, step.bytes}); p != want {
			t.Errorf("step %d: %+v, want %+v", i, p, want)
		}
	}
}

// Each reason gets one log line, however much was counted. If a count has not grown, it gets none.
func TestComplaint(t *testing.T) {
	var s session
	steps := []struct {
		add  map[string]int
		want string
	}{
		{nil, ""},
		{map[string]int{"foreign": 3}, "level=WARN msg=\"left out\" reason=foreign count=3\n"},
		{nil, ""},
		{map[string]int{"foreign": 1, "cut off": 9, "late": 7},
			"level=WARN msg=\"left out\" reason=\"cut off\" count=9\nlevel=WARN msg=\"left out\" reason=foreign count=1\n"},
	}
	for i, step := range steps {
		for reason, n := range step.add {
			for range n {
				s.skipped.count(reason)
			}
		}
		var b bytes.Buffer
		s.log = plainLog(&b)
		s.complain("left out", "reason", s.skipped.totals(), "late")
		if b.String() != step.want {
			t.Errorf("step %d: logs %q, want %q", i, b.String(), step.want)
		}
	}
	if got := sum(s.skipped.totals()); got != 20 {
		t.Errorf("the sum is %d", got)
	}
}

// plainLog logs without the time.
func plainLog(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}
