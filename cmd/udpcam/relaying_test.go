package main

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestRelayLife goes through the life of a relay. It knows no stream until a viewer comes; leaves the camera when the viewer
// has gone, and goes back; and the camera restarts. A twentieth of all packets is lost.
func TestRelayLife(t *testing.T) {
	key, other := protocol.Key{1, 2}, protocol.Key{3}
	for name, keys := range map[string][]protocol.Key{"open": nil, "sealed": {other, key}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := netsim.New(1, netsim.Path{Delay: 2 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.05})
				c := sender.Config{Name: "door"}
				if keys != nil {
					c.Key = key
				}
				r := startRelay(t, n, 1, keys, relayAddr(9))
				time.Sleep(8 * time.Second)
				cam := startCamera(t, n, relayAddr(9), simClock{}, 30_000, c)
				time.Sleep(3 * time.Second)
				if cam.Watched() {
					t.Error("the relay watches the camera, and nobody watches the relay")
				}
				v := startViewer(t, n, relayAddr(20), simClock{}, relayOut, keys...)
				v.back(t, "from cold, with no stream known", 1500*time.Millisecond)
				time.Sleep(10 * time.Second)
				if v.frames.Load() < 295 {
					t.Errorf("%d of some 300 frames came", v.frames.Load())
				}
				stranger := startViewer(t, n, relayAddr(21), simClock{}, relayOut) // has no key
				time.Sleep(time.Second)
				if got := stranger.frames.Load() > 0; got != (keys == nil) {
					t.Errorf("a viewer without a key gets frames: %v", got)
				}
				stranger.stop()

				cam.stop()
				time.Sleep(time.Second)
				cam = startCamera(t, n, relayAddr(9), simClock{}, 30_000, c)
				v.back(t, "after the camera's restart", 2*time.Second)
				cam.stop()
				time.Sleep(time.Minute)
				if len(r.sample(time.Now()).(relayStatus).Streams) != 0 {
					t.Error("a stream is offered that ended a minute ago")
				}
				cam = startCamera(t, n, relayAddr(9), simClock{}, 30_000, c)
				v.back(t, "after the camera was away for a minute", 3*time.Second)

				v.stop()
				time.Sleep(4 * time.Second)
				if !cam.Watched() {
					t.Error("the camera was left before its time")
				}
				time.Sleep(8 * time.Second)
				if cam.Watched() {
					t.Error("the camera is not left")
				}
				time.Sleep(5 * time.Minute)
				if st := r.sample(time.Now()).(relayStatus); len(st.Streams) != 1 || st.Wanted {
					t.Errorf("the stream is not offered any more: %+v", st)
				}
				names := map[string]int{}
				for _, f := range v.seen.next() {
					if names[f.Stream]++; f.Sealed != (keys != nil) || f.Sealed && f.Key != key.ID() {
						t.Fatalf("sealed is %v, with key %v", f.Sealed, f.Key)
					}
				}
				if len(names) != 1 || names["door"] == 0 {
					t.Errorf("frames by stream: %v", names)
				}
				v = startViewer(t, n, relayAddr(22), simClock{}, relayOut, keys...)
				v.back(t, "from cold, with the stream known", 700*time.Millisecond)
				v.stop()
				r.stop()
				time.Sleep(10 * time.Millisecond)
				if cam.Watched() {
					t.Error("the relay has ended without a farewell")
				}
				cam.stop()
			})
		})
	}
}

// TestRelayClocks has three machines whose clocks differ. The viewer knows how old a picture is, to within what both hops
// cannot know: half a round trip each.
func TestRelayClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: 2 * time.Millisecond})
		n.SetPath(relayAddr(9), relayIn, netsim.Path{Delay: 7 * time.Millisecond}) // 2 ms back
		cam := startCamera(t, n, relayAddr(9), simClock{-3 * time.Hour}, 30_000, sender.Config{Name: "door"})
		r := startRelay(t, n, 1, nil, relayAddr(9))
		v := startViewer(t, n, relayAddr(20), simClock{40 * time.Minute}, relayOut)
		time.Sleep(3 * time.Second)
		v.delays.next()
		time.Sleep(10 * time.Second)
		delays := v.delays.next()
		slices.Sort(delays)
		const truth, unknown = 9 * time.Millisecond, 9*time.Millisecond/2 + 4*time.Millisecond/2
		least, most := delays[0], delays[len(delays)-1]
		t.Logf("%d frames, %v to %v old, in truth %v", len(delays), least, most, truth)
		if len(delays) < 290 || least < truth-unknown || most > truth+unknown {
			t.Errorf("want all within %v of the truth", unknown)
		}
		v.stop()
		r.stop()
		cam.stop()
	})
}

// TestRelaySlowPath has two streams. The only viewer of the first has a path that carries a tenth of it. The viewer of the
// second gets all frames as fast as alone.
func TestRelaySlowPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		big := startCamera(t, n, relayAddr(8), simClock{}, 250_000, sender.Config{Name: "big"})
		small := startCamera(t, n, relayAddr(9), simClock{}, 30_000, sender.Config{Name: "small"})
		r := startRelay(t, n, 1, nil, relayAddr(8), relayAddr(9))
		n.SetPath(relayOut, relayAddr(21), netsim.Path{Delay: time.Millisecond, Rate: 6e6, Queue: 50_000})
		slow := startViewer(t, n, relayAddr(21), simClock{}, relayOut)
		v := startViewer(t, n, relayAddr(20), simClock{}, relayOut)
		time.Sleep(3 * time.Second)
		v.seen.next()
		time.Sleep(10 * time.Second)
		count, late := 0, time.Duration(0)
		for _, f := range v.seen.next() {
			if f.Stream == "small" {
				count++
			}
		}
		for _, d := range v.delays.next() {
			late = max(late, d)
		}
		t.Logf("%d frames of the small stream, the slowest of all frames after %v; %d at the slow viewer", count, late,
			slow.frames.Load())
		if count < 297 || late > 100*time.Millisecond {
			t.Error("a slow viewer of one stream delays another")
		}
		slow.stop()
		v.stop()
		r.stop()
		big.stop()
		small.stop()
	})
}

// TestRelayLoop has three relays that take streams from each other, and two from the camera too. The stream goes round
// nowhere, keeps its one name at each of them, and comes back under it after the camera's restart.
func TestRelayLoop(t *testing.T) {
	size := 30_000
	if testing.Short() {
		size = 3_000
	}
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		cam := startCamera(t, n, relayAddr(9), simClock{}, size, sender.Config{Name: "door"})
		relays := []*simRelay{
			startRelay(t, n, 1, nil, relayAddr(9), relayAddr(4), relayAddr(6)),
			startRelay(t, n, 3, nil, relayAddr(9), relayAddr(2), relayAddr(6)),
			startRelay(t, n, 5, nil, relayAddr(2), relayAddr(4)),
		}
		var viewers []*simViewer
		for i := range relays {
			viewers = append(viewers, startViewer(t, n, relayAddr(20+i), simClock{}, relayAddr(2*i+2)))
		}
		check := func(what string) {
			t.Helper()
			for i, v := range viewers {
				v.seen.next()
				before := relays[i].from.Stats().Datagrams
				time.Sleep(10 * time.Second)
				names := map[string]int{}
				for _, f := range v.seen.next() {
					names[f.Stream]++
				}
				streams := relays[i].sample(time.Now()).(relayStatus).Streams
				t.Logf("%s, relay %d: frames by stream %v, %d datagrams in", what, i+1, names,
					relays[i].from.Stats().Datagrams-before)
				if names["door"] < 295 || len(names) != 1 || len(streams) != 1 {
					t.Errorf("frames by stream: %v; offered: %+v", names, streams)
				}
			}
		}
		time.Sleep(40 * time.Second) // what was offered at the start has ended
		check("at the start")
		cam.stop()
		time.Sleep(time.Second)
		cam = startCamera(t, n, relayAddr(9), simClock{}, size, sender.Config{Name: "door"})
		for _, v := range viewers {
			v.back(t, "after the camera's restart", 3*time.Second)
		}
		time.Sleep(40 * time.Second)
		check("after the camera's restart")
		for i := range relays {
			viewers[i].stop()
			relays[i].stop()
		}
		cam.stop()
	})
}

// A relay passes on so many streams, and no more. A new one takes the place of one that has fallen silent.
func TestRelayTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRelay(t, netsim.New(1, netsim.Path{}), 1, nil)
		offers := func(name string) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.passed[passedID{name: name}] != nil
		}
		put := func(i int) string {
			name := fmt.Sprint("stream ", i)
			r.put(protocol.Frame{Stream: name, JPEG: []byte("\xff\xd8\xff\xd9")}, time.Now())
			return name
		}
		for i := range maxPassed + 1 {
			if name := put(i); offers(name) != (i < maxPassed) {
				t.Errorf("%s is offered: %v", name, offers(name))
			}
		}
		time.Sleep(givesWay)
		for i := 1; i < maxPassed; i++ {
			put(i)
		}
		if name := put(maxPassed); !offers(name) || offers("stream 0") || !offers("stream 1") {
			t.Error("the silent stream has not given way")
		}
		r.stop()
	})
}
