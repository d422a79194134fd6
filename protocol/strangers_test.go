package protocol

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// An attack makes the datagrams of a stranger. It knows the camera: its session and the ID of its next frame.
type attack struct {
	name   string
	rate   int // datagrams a second
	from   func(i int) netip.AddrPort
	make   func(r *rand.Rand, i int, cam *camera) []byte
	frames int // how many of the camera's 150 frames must come, at least
	shown  int // how many other streams may be shown at a time
}

func eve(int) netip.AddrPort    { return netip.MustParseAddrPort("192.168.1.66:666") }
func forged(int) netip.AddrPort { return alice } // the camera's own address
func crowd(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5000)
}

// onePicture is the only datagram of a tiny picture.
func onePicture(session, id uint32, jpeg string) []byte {
	h := segmentHeader{prefix: prefix{Type: typeData, Session: session, Countdown: 1}, FrameID: id, Blocks: 1,
		Length: uint32(len(jpeg)), Data: 1, Captured: timestamp(epoch), CRC: checksum([]byte(jpeg))}
	return append(h.append(nil), jpeg...)
}

// first is the first datagram of a frame of n segments, of which nothing else comes.
func first(session, id uint32, n int, r *rand.Rand) []byte {
	l, _ := newLayout(n*256, MinSegmentSize)
	h := segmentHeader{prefix: prefix{Type: typeData, Session: session, Countdown: uint8(l.data)}, FrameID: id,
		Blocks: uint8(l.blocks), Length: uint32(l.length), Data: uint8(l.data), Parity: uint8(r.IntN(l.rows())), CRC: r.Uint32()}
	return append(h.append(nil), make([]byte, min(l.stride, l.length))...)
}

const tiny = "\xff\xd8\xff\xd9"

func ahead(by uint32) func(*rand.Rand, int, *camera) []byte {
	return func(_ *rand.Rand, _ int, cam *camera) []byte { return onePicture(7, cam.id+by, tiny) }
}

func unfinished(by uint32) func(*rand.Rand, int, *camera) []byte {
	return func(r *rand.Rand, _ int, cam *camera) []byte { return first(7, cam.id+by, 40, r) }
}

// code is a datagram of one of all the layouts that there are, and of some that there are not.
func code(r *rand.Rand, i int, session uint32) []byte {
	h := segmentHeader{prefix: prefix{Type: typeData, Session: session}, FrameID: r.Uint32(), Blocks: 1,
		Length: uint32(1 + r.IntN(MaxFrameSize)), CRC: r.Uint32()}
	if i%2 == 0 {
		h.Type = typeParity
	}
	if i%4 < 2 {
		l, _ := newLayout(int(h.Length), MinSegmentSize)
		h.Blocks, h.Data = uint8(l.blocks), uint8(l.data)
		h.Parity, h.Countdown = uint8(l.rows()), uint8(1+r.IntN(min(l.data, l.rows())))
	} else {
		h.Blocks, h.Data, h.Length = uint8(1+r.IntN(255)), uint8(1+r.IntN(255)), uint32(64*(1+r.IntN(65_000)))
		h.Parity, h.Countdown = uint8(r.IntN(255)), uint8(1+r.IntN(255))
	}
	h.Block = uint8(r.IntN(int(h.Blocks)))
	return append(h.append(nil), make([]byte, layoutOf(int(h.Length), int(h.Blocks), int(h.Data)).stride)...)
}

// changed is a copy of one of the camera's last datagrams with a few changed bits at its beginning.
func changed(r *rand.Rand, _ int, cam *camera) []byte {
	b := bytes.Clone(cam.last[r.IntN(len(cam.last))])
	for range 1 + r.IntN(3) {
		b[r.IntN(40)] ^= 1 << r.IntN(8)
	}
	return b
}

var attacks = []attack{
	{"a frame far ahead", 1, eve, ahead(1 << 30), 150, 1},
	{"a frame ahead", 30, eve, ahead(40), 150, 1},
	{"frames far ahead, in order", 30, eve, func(_ *rand.Rand, i int, cam *camera) []byte { return onePicture(7, 1<<30+uint32(i), tiny) }, 150, 1},
	{"an unfinished frame far ahead", 100, eve, unfinished(1 << 30), 150, 0},
	{"contradicting first segments", 32, eve, unfinished(0), 150, 0},
	{"contradicting whole frames", 100, eve, ahead(0), 150, 1},
	{"a frame far ahead, address forged", 1, forged, ahead(1 << 30), 150, 0},
	{"a frame far behind, address forged", 1, forged, ahead(1 << 31), 150, 0},
	{"an unfinished frame far ahead, address forged", 100, forged, unfinished(1 << 30), 150, 0},
	{"frames far ahead in order, address forged", 25, forged, func(_ *rand.Rand, i int, cam *camera) []byte { return onePicture(7, 1<<30+uint32(i), tiny) }, 150, 0},
	{"contradicting first segments, address forged", 32, forged, unfinished(0), 135, 0},
	{"all layouts", 5000, eve, func(r *rand.Rand, i int, _ *camera) []byte { return code(r, i, r.Uint32()>>8) }, 150, 0},
	{"all layouts in few sessions", 5000, eve, func(r *rand.Rand, i int, _ *camera) []byte { return code(r, i, uint32(i%64)+100) }, 150, 0},
	{"all layouts, from everywhere", 5000, crowd, func(r *rand.Rand, i int, _ *camera) []byte { return code(r, i, r.Uint32()>>8) }, 150, 0},
	{"all layouts, address and session forged", 5000, forged, func(r *rand.Rand, i int, _ *camera) []byte { return code(r, i, 7) }, 148, 0},
	{"new sessions with a tiny picture", 2000, eve, func(_ *rand.Rand, i int, _ *camera) []byte { return onePicture(uint32(i)+100, 1, tiny) }, 150, maxEarly},
	{"new sessions from everywhere", 2000, crowd, func(_ *rand.Rand, i int, _ *camera) []byte { return onePicture(uint32(i)+100, 1, tiny) }, 150, maxEarly},
	{"another session, address forged", 20, forged, func(_ *rand.Rand, i int, _ *camera) []byte {
		if i%2 == 0 {
			return newCamera(uint32(100+i/20), "door").announce()
		}
		return onePicture(uint32(100+i/20), uint32(i), tiny)
	}, 150, 64},
	{"huge frames", 5000, eve, func(_ *rand.Rand, i int, _ *camera) []byte {
		l, _ := newLayout(11915*1408+1, 1408) // the last segment of that many, with one byte
		block, countdown := l.name(11915)
		h := segmentHeader{prefix: prefix{Type: typeData, Session: uint32(100 + i%32), Block: uint8(block), Countdown: uint8(countdown)},
			FrameID: uint32(i / 32), Blocks: uint8(l.blocks), Data: uint8(l.data), Length: uint32(l.length)}
		return append(h.append(nil), 0)
	}, 150, 0},
	{"changed copies", 1000, eve, changed, 148, 1},
	{"changed copies, address forged", 1000, forged, changed, 143, 1},
	{"announcements", 2000, eve, func(_ *rand.Rand, i int, _ *camera) []byte { return newCamera(uint32(100+i), "door").announce() }, 150, 0},
	{"valid prefixes", 2000, eve, func(r *rand.Rand, i int, _ *camera) []byte {
		b := prefix{Type: datagramType(r.IntN(16)), Session: r.Uint32() >> 8, Countdown: uint8(r.Uint32())}.append(nil)
		for range r.IntN(1400) {
			b = append(b, byte(r.Uint32()))
		}
		return b
	}, 150, 0},
}

// TestStrangers has a camera send for five seconds, while a stranger sends too. Nothing that a stranger does may cost more
// than some memory and time, and a few frames if he forges the camera's address.
func TestStrangers(t *testing.T) {
	for _, k := range attacks {
		t.Run(k.name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			a, cam, r := NewAssembler(AssemblerConfig{}), newCamera(7, "door"), rand.New(rand.NewPCG(1, 2))
			var spent []time.Duration
			sent, came, next, pending, strangers, answered := 0, 0, uint32(0), 0, 0, 0
			frames := func(all []Frame) {
				for _, f := range all {
					switch {
					case f.Stream != "door":
					case len(f.JPEG) != 78_000:
						t.Errorf("a stranger's picture is shown")
					case f.ID < next:
						t.Errorf("frame %d comes after frame %d", f.ID, next-1)
					default:
						came, next = came+1, f.ID+1
					}
				}
			}
			const slice = 4 * time.Millisecond
			for at := time.Duration(0); at < 5*time.Second; at += slice {
				now := epoch.Add(at)
				if at%(200*time.Millisecond) == 0 {
					frames(add(a, alice, now, cam.announce()))
				}
				for ; time.Duration(sent)*time.Second < time.Duration(k.rate)*(at-time.Second); sent++ { // he begins after one second
					b := k.make(r, sent, cam)
					began := fuzzcost.ThreadTime()
					a.Add(b, k.from(sent), now)
					spent = append(spent, fuzzcost.ThreadTime()-began)
					answered -= len(b)
					frames(drain(a, nil))
				}
				if int(at/(time.Second/30)) > int((at-slice)/(time.Second/30)) || at == 0 {
					_, data, parity, o := cam.frameWithParity(78_000, 2)
					frames(add(a, alice, now, data...))
					frames(add(a, alice, now, parity...))
					for _, b := range feedback(a) {
						if f, err := cam.splitter.Feedback(b, now); err == nil && f.Request != nil && f.Request.FrameID == cam.id-1 {
							frames(add(a, alice, now, flat(answer(o, *f.Request, 100))...))
						} else if err != nil {
							answered += 2 * len(b)
						}
					}
				}
				if !now.Before(a.Deadline()) {
					a.Expire(now)
					frames(drain(a, nil))
				}
				for _, b := range feedback(a) {
					if _, err := cam.splitter.Feedback(b, now); err != nil {
						answered += 2 * len(b)
					}
				}
				pending = max(pending, a.Stats().Pending)
				strangers = max(strangers, len(a.Streams())-1)
			}
			checkPending(t, a)
			if came < k.frames {
				t.Errorf("%d of 150 frames came, want %d: left out %v, dropped %v", came, k.frames, a.Stats().LeftOut.Map(), a.Stats().Dropped.Map())
			}
			if strangers > k.shown {
				t.Errorf("%d streams of strangers were shown, want at most %d", strangers, k.shown)
			}
			if pending > newcomerMemory+1<<20 {
				t.Errorf("%d bytes of unfinished frames", pending)
			}
			if k.from(0) != alice && answered > 0 {
				t.Errorf("more than half of what came was answered: %d bytes too many", answered)
			}
			each, limit := usual(spent), 50*time.Microsecond
			if slowBuild() {
				limit *= 10
			}
			if sent > 1000 && each > limit {
				t.Errorf("a datagram cost %v", each)
			}
			t.Logf("%d of 150 frames, %d strangers shown, %d kB pending, %v a datagram", came, strangers, pending/1000, each)
		})
	}
}

// slowBuild reports whether this is 32-bit code, or code with the race detector.
func slowBuild() bool {
	info, _ := debug.ReadBuildInfo()
	return bits.UintSize == 32 || slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// usual is the mean of the shorter nine tenths of durations: in the others, the processor may have done other things too.
func usual(all []time.Duration) (mean time.Duration) {
	slices.Sort(all)
	all = all[:len(all)*9/10+1]
	for _, d := range all {
		mean += d
	}
	return mean / time.Duration(len(all))
}

// TestStrangersFirst has a stranger fill all places before a camera starts.
func TestStrangersFirst(t *testing.T) {
	for name, from := range map[string]func(int) netip.AddrPort{"from one address": eve, "from everywhere": crowd} {
		t.Run(name, func(t *testing.T) {
			a := NewAssembler(AssemblerConfig{})
			for i := range 128 {
				fake := newCamera(uint32(100+i), fmt.Sprint("fake", i))
				_, ds := fake.frame(4)
				add(a, from(i), epoch, fake.announce(), ds[0])
			}
			if n := len(a.Streams()); n != maxEarly {
				t.Errorf("%d streams of one picture are shown, want %d", n, maxEarly)
			}
			cam, began := newCamera(7, "door"), epoch.Add(100*time.Millisecond)
			for i := range 30 {
				now := began.Add(time.Duration(i) * time.Second / 30)
				_, ds := cam.frame(78_000)
				if frames := add(a, alice, now, append(ds, cam.announce())...); len(frames) > 0 {
					if frames[0].Stream != "door" || now.Sub(began) > time.Second/2 {
						t.Errorf("%q is shown after %v", frames[0].Stream, now.Sub(began))
					}
					break
				} else if i == 29 {
					t.Error("the camera is not shown within a second")
				}
			}
			a.Expire(began.Add(newcomerExpiry))
			if n := a.Stats().Streams; n != 1 {
				t.Errorf("%d streams are left, want the camera", n)
			}
		})
	}
}

// TestStrangersGoOn has a stranger keep as many streams alive as can be shown, each with a few tiny pictures.
func TestStrangersGoOn(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(7, "door")
	shownAt := time.Duration(-1)
	for at := time.Duration(0); at < 6*time.Second; at += 20 * time.Millisecond {
		now := epoch.Add(at)
		for i := range uint32(maxStreams) {
			fake := newCamera(100+i, "fake")
			if at%(200*time.Millisecond) == 0 {
				add(a, crowd(int(i)), now, fake.announce())
			}
			if at%time.Second == 0 {
				add(a, crowd(int(i)), now, onePicture(100+i, uint32(at/time.Second), tiny))
			}
		}
		if at >= 3*time.Second && at%(40*time.Millisecond) == 0 {
			_, ds := cam.frame(30_000)
			for _, f := range add(a, alice, now, append(ds, cam.announce())...) {
				if f.Stream == "door" && shownAt < 0 {
					shownAt = at - 3*time.Second
				}
			}
		}
		if len(a.Streams()) > maxStreams {
			t.Fatalf("%d streams are shown", len(a.Streams()))
		}
	}
	if shownAt < 0 || shownAt > 2*time.Second {
		t.Errorf("the camera is shown after %v", shownAt)
	}
}

// TestStrangersNames has a stranger take the name of a camera that is silent for a while. The camera gets it back.
func TestStrangersNames(t *testing.T) {
	a, cam, fake := NewAssembler(AssemblerConfig{}), newCamera(7, "door"), newCamera(8, "door")
	names := map[string]string{} // who is shown last under which name
	for at := time.Duration(0); at < 8*time.Second; at += 40 * time.Millisecond {
		now := epoch.Add(at)
		if at < 2*time.Second || at > 5*time.Second {
			_, ds := cam.frame(3000)
			for _, f := range add(a, alice, now, append(ds, cam.announce())...) {
				names["camera"] = f.Stream
			}
		}
		for _, f := range add(a, eve(0), now.Add(time.Millisecond), onePicture(8, uint32(at/time.Millisecond), tiny), fake.announce()) {
			names["stranger"] = f.Stream
		}
		want := ""
		switch at / time.Second {
		case 1, 7:
			want = "door@192.168.1.66"
		case 3, 4:
			want = "door"
		default: // they change places
			continue
		}
		if names["camera"] != "door" || names["stranger"] != want {
			t.Fatalf("after %v they are called %v, want %q for the stranger", at, names, want)
		}
	}
}

// TestStrangersClocks has a stranger announce a camera's stream in its name, with another clock. The receiver goes on comparing
// its own clock with the camera's, and the camera believes its reports.
func TestStrangersClocks(t *testing.T) {
	const ahead, oneWay = time.Hour, 2 * time.Millisecond // of the camera's clock, and of the path
	a, cam, clock := NewAssembler(AssemblerConfig{}), newCamera(7, "door"), RemoteClock{}
	believed := 0
	for at := time.Duration(0); at < 5*time.Second; at += 100 * time.Millisecond {
		now := epoch.Add(at)
		if at > time.Second {
			liar := RemoteClock{heard: timestamp(now.Add(-time.Millisecond)), heardAt: now.Add(-time.Millisecond)}
			add(a, alice, now, cam.splitter.Announce(Announcement{Name: "door"}, &liar, now.Add(7*time.Minute))[0][0])
		}
		add(a, alice, now, cam.splitter.Announce(Announcement{Name: "door"}, &clock, now.Add(ahead-oneWay))[0][0])
		_, ds := cam.frame(3000)
		add(a, alice, now, ds...)
		later := now.Add(50 * time.Millisecond)
		a.Expire(later)
		for _, b := range feedback(a) {
			f, err := cam.splitter.Feedback(b, later.Add(ahead+oneWay))
			if err == nil && f.Report != nil && clock.Answered(f, later.Add(ahead+oneWay)) {
				clock.Hear(f, later.Add(ahead+oneWay))
				believed++
			}
		}
	}
	if off := a.Streams()[0].ClockOffset - ahead; off.Abs() > oneWay || believed < 20 {
		t.Errorf("the clock is wrong by %v, and %d reports are believed", off, believed)
	}
}

// TestStrangersAsGuests has a stranger copy the headers of a camera's datagrams. So he becomes a guest of its stream. But he
// can spoil only one frame before he is sent away.
func TestStrangersAsGuests(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{OneWay: true}), newCamera(7, "door")
	came := 0
	for i := range 150 {
		now := epoch.Add(time.Duration(i) * time.Second / 30)
		_, ds := cam.frame(30_000)
		came += len(add(a, alice, now, cam.announce(), ds[0]))
		spoiled := bytes.Clone(ds[1])
		spoiled[100]++
		came += len(add(a, eve(0), now, spoiled))
		came += len(add(a, alice, now, ds[1:]...))
	}
	if came != 149 {
		t.Errorf("%d of 150 frames came, want all but one", came)
	}
}

// TestAssemblerFirstFrame has the first frame of a stream come backwards. It is too large to get its memory at once.
func TestAssemblerFirstFrame(t *testing.T) {
	for _, size := range []int{1000, 60_000, 300_000, 3_000_000} {
		a, cam := NewAssembler(AssemblerConfig{}), newCamera(7, "door")
		f, ds := cam.frame(size)
		slices.Reverse(ds)
		add(a, alice, epoch, cam.announce())
		for i, d := range ds {
			a.Add(d, alice, epoch)
			if i == 0 && size > freeReserve && a.Stats().Pending > 10_000 {
				t.Errorf("the first datagram of a frame of %d bytes takes %d bytes of memory", size, a.Stats().Pending)
			}
		}
		want(t, drain(a, nil), f)
		checkPending(t, a)
	}
}
