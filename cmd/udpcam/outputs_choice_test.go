package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"udpcam/protocol"
)

// A sent is a stream in a test: it sends a frame in each interval, from a time to another.
type sent struct {
	stream         string
	every          time.Duration
	begins, ends   time.Duration
	inventedStream bool // each frame has another name
}

// chosen simulates streams for a minute. It returns which stream was chosen in each half second, the seconds after which a
// recording got its first frame of each stream, and how many frames of each stream it got.
func chosen(c *choice, streams ...sent) (taken []string, first map[string]time.Duration, frames map[string]int) {
	type arrival struct {
		at     time.Duration
		stream string
	}
	var arrivals []arrival
	for _, s := range streams {
		for i, at := 0, s.begins; at < cmp.Or(s.ends, time.Minute); i, at = i+1, at+s.every {
			name := s.stream
			if s.inventedStream {
				name = fmt.Sprint(name, i)
			}
			arrivals = append(arrivals, arrival{at, name})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	start := time.Now()
	taken, first, frames = make([]string, 120), map[string]time.Duration{}, map[string]int{}
	for _, a := range arrivals {
		v := c.judge(protocol.Frame{Stream: a.stream, JPEG: []byte("picture")}, start.Add(a.at))
		if !v.chosen {
			continue
		}
		taken[a.at/(500*time.Millisecond)] = a.stream
		if v.goesOn {
			if frames[a.stream] == 0 {
				first[a.stream] = a.at
			}
			frames[a.stream] += 1 + len(v.earlier)
		}
	}
	return taken, first, frames
}

// The stream that sends steadily is taken, whoever was there first, and it keeps its place.
func TestChoice(t *testing.T) {
	const s, fps30 = time.Second, time.Second / 30
	cam := sent{stream: "cam", every: fps30}
	later := sent{stream: "cam", every: fps30, begins: 10 * s}
	for name, test := range map[string]struct {
		want    string
		streams []sent
		taken   map[time.Duration]string // at these times
		only    string                   // a recording has frames of these streams alone
		most    int                      // frames of others in the recording
	}{
		"alone": {"", []sent{cam}, map[time.Duration]string{0: "cam", 59 * s: "cam"}, "cam", 0},
		"alone, slow": {"", []sent{{stream: "slow", every: 10 * s}},
			map[time.Duration]string{0: "slow", 50 * s: "slow"}, "slow", 0},
		"first, 2.5 s": {"", []sent{{stream: "x", every: 2500 * time.Millisecond}, {"cam", fps30, s, 0, false}},
			map[time.Duration]string{2 * s: "cam", 59 * s: "cam"}, "cam", 0},
		"first, 1 s": {"", []sent{{stream: "x", every: s}, {"cam", fps30, s / 2, 0, false}},
			map[time.Duration]string{s: "cam", 59 * s: "cam"}, "cam", 0},
		"first, 0.5 s": {"", []sent{{stream: "x", every: s / 2}, {"cam", fps30, s / 2, 0, false}},
			map[time.Duration]string{s: "cam", 59 * s: "cam"}, "cam", 0},
		"first for 10s": {"", []sent{{stream: "x", every: 2 * s}, later},
			map[time.Duration]string{9 * s: "", 10500 * time.Millisecond: "cam", 59 * s: "cam"}, "cam", 6},
		"burst, then slow": {"", []sent{{"x", fps30, 0, 2 * s, false}, {"x", 2 * s, 2 * s, 0, false}, later},
			map[time.Duration]string{11 * s: "cam", 59 * s: "cam"}, "cam", 70},
		"a slow camera": {"", []sent{{stream: "x", every: 4 * s}, {"slow", s, s, 0, false}},
			map[time.Duration]string{8 * s: "slow", 59 * s: "slow"}, "slow", 3},
		"second, as fast": {"", []sent{cam, {"x", fps30, 10 * s, 0, false}},
			map[time.Duration]string{59 * s: "cam"}, "cam", 0},
		"second, much faster": {"", []sent{cam, {"x", time.Millisecond, 10 * s, 0, false}},
			map[time.Duration]string{59 * s: "cam"}, "cam", 0},
		"a gap of 2 s": {"", []sent{{"cam", fps30, 0, 20 * s, false}, {"cam", fps30, 22 * s, 0, false}, {"x", fps30, 10 * s, 0, false}},
			map[time.Duration]string{19 * s: "cam", 59 * s: "cam"}, "cam", 0},
		"the next steady one": {"", []sent{{"cam", fps30, 0, 20 * s, false}, {stream: "x", every: 2 * s}, {"other", fps30, s, 0, false}},
			map[time.Duration]string{19 * s: "cam", 24 * s: "other", 59 * s: "other"}, "cam other", 0},
		"away for 20 s, none steady": {"", []sent{{"cam", fps30, 0, 20 * s, false}, {"cam", fps30, 40 * s, 0, false}, {stream: "x", every: 2 * s}},
			map[time.Duration]string{19 * s: "cam", 30 * s: "", 41 * s: "cam"}, "cam", 0},
		"gone, a slow one is left": {"", []sent{{"cam", fps30, 0, 10 * s, false}, {stream: "x", every: 2 * s}},
			map[time.Duration]string{9 * s: "cam", 50 * s: "x"}, "cam x", 0},
		"invented names": {"", []sent{{"x", 2 * time.Millisecond, 0, 0, true}, later},
			map[time.Duration]string{11 * s: "cam", 59 * s: "cam"}, "cam", 0},
		"by name": {"cam", []sent{{stream: "x", every: fps30}, later},
			map[time.Duration]string{9 * s: "", 11 * s: "cam"}, "cam", 0},
		"another name": {"none", []sent{cam}, map[time.Duration]string{9 * s: ""}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := &choice{want: test.want}
			taken, first, frames := chosen(c, test.streams...)
			for at, want := range test.taken {
				if got := taken[at/(500*time.Millisecond)]; got != want && !(want == "" && got == "x") {
					t.Errorf("after %v, %q is taken, want %q", at, got, want)
				}
			}
			others := 0
			for stream, n := range frames {
				if !slices.Contains(strings.Fields(test.only), stream) {
					others += n
				}
			}
			if others > test.most {
				t.Errorf("recorded are %v frames, first after %v; at most %d may be others'", frames, first, test.most)
			}
			if camera := test.streams[len(test.streams)-1]; camera == later && (frames["cam"] < 29*50 || first["cam"] > 11*s) {
				t.Errorf("of the camera, %d of 1500 frames are recorded, the first after %v", frames["cam"], first["cam"])
			}
			if len(c.candidates) > maxCandidates || c.heldBytes > maxHeld {
				t.Errorf("%d streams are remembered, %d bytes held", len(c.candidates), c.heldBytes)
			}
		})
	}
}

// Streams of one picture are not recorded, and hold little memory. A camera among them loses nothing.
func TestChoiceAmongInventedStreams(t *testing.T) {
	c := &choice{}
	start, picture := time.Now(), make([]byte, 100_000)
	recorded := map[string]int{}
	for i := range 3000 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		stream := fmt.Sprint("invented", i)
		if i%33 == 0 {
			stream = "cam"
		}
		if v := c.judge(protocol.Frame{Stream: stream, JPEG: picture}, now); v.goesOn {
			recorded[stream] += 1 + len(v.earlier)
		}
	}
	if len(recorded) != 1 || recorded["cam"] < 85 {
		t.Errorf("recorded are %v", recorded)
	}
	if c.heldBytes > maxHeld || len(c.candidates) > maxCandidates {
		t.Errorf("%d bytes are held of %d streams", c.heldBytes, len(c.candidates))
	}
}

// A stream of one picture is recorded when the command ends, if there is no other.
func TestChoiceRest(t *testing.T) {
	c := &choice{}
	if rest := c.rest(); rest != nil {
		t.Error(rest)
	}
	c.judge(protocol.Frame{Stream: "photo", JPEG: []byte("picture")}, time.Now())
	if rest := c.rest(); len(rest) != 1 || string(rest[0].JPEG) != "picture" {
		t.Errorf("%v", rest)
	}
}

// The log says which of several streams is taken, and every ten seconds that nobody sends the wanted one.
func TestChoiceReport(t *testing.T) {
	for name, test := range map[string]struct {
		want string
		said map[string]int
	}{
		"any":  {"", map[string]int{"several streams": 1, "takes=cam others=x": 1}},
		"none": {"door", map[string]int{"nobody sends the stream of --stream": 3, `stream=door there_are="cam, x"`: 3}},
		"cam":  {"cam", map[string]int{"nobody sends the stream of --stream": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			c, start := &choice{want: test.want}, time.Now()
			var log bytes.Buffer
			for i := range 30 * 30 {
				now := start.Add(time.Duration(i) * time.Second / 30)
				if i%60 == 0 {
					c.judge(protocol.Frame{Stream: "x"}, now)
				}
				if i > 70 {
					c.judge(protocol.Frame{Stream: "cam"}, now)
				}
				if i%30 == 0 {
					c.report(plainLog(&log), []string{"cam", "x"}, now)
				}
			}
			for _, text := range slices.Sorted(maps.Keys(test.said)) {
				if n := strings.Count(log.String(), text); n != test.said[text] {
					t.Errorf("%q is said %d times, want %d:\n%s", text, n, test.said[text], log.String())
				}
			}
		})
	}
}
