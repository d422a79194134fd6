package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func TestAssemblerAnyOrderAndTwice(t *testing.T) {
	for _, size := range []int{4, 1408, 1409, 5000, 78_000, 300_000, 2_000_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(size), 1))
			a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
			add(a, alice, epoch, cam.announce())
			for range 5 {
				f, ds := cam.frame(size)
				ds = append(ds, ds...)
				r.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
				got := add(a, alice, epoch, ds...)
				want(t, got, f)
				if got[0].Stream != "door" {
					t.Errorf("the stream is called %q", got[0].Stream)
				}
			}
			if st := a.Stats(); st.Pending != 0 || st.Dropped.Total() != 0 || st.Received != st.Expected || st.Expected == 0 {
				t.Errorf("afterwards: %+v", st)
			}
		})
	}
}

func TestAssemblerReordersWithinAStream(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f0, d0 := cam.frame(5000)
	f1, d1 := cam.frame(5000)
	mixed := [][]byte{d0[0], d1[1], d0[2], d1[3], d1[0], d0[1], d0[3], d1[2]}
	want(t, add(a, alice, epoch, mixed...), f0, f1)
}

// impatient is an assembler that waits for nothing and sends no requests.
func impatient() *Assembler { return NewAssembler(AssemblerConfig{Latency: -1, OneWay: true}) }

func TestAssemblerNeverGoesBack(t *testing.T) {
	a, cam := impatient(), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f0, d0 := cam.frame(5000)
	_, d1 := cam.frame(5000)
	f2, d2 := cam.frame(5000)
	want(t, add(a, alice, epoch, d0...), f0)
	want(t, add(a, alice, epoch, append(append([][]byte{d1[0]}, d2...), d1[1:]...)...), f2)
	st := a.Stats()
	if st.Dropped[FrameSuperseded] != 1 || st.LeftOut[DatagramLate] != uint64(len(d1)-1) {
		t.Errorf("dropped %v, left out %v", st.Dropped.Map(), st.LeftOut.Map())
	}
}

// Datagrams of a frame that is whole already are not counted as trouble.
func TestAssemblerSparesParity(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f0, data, parity, _ := cam.frameWithParity(5000, 2)
	want(t, add(a, alice, epoch, append(data, parity...)...), f0)
	want(t, add(a, alice, epoch, data[0]))
	if left := a.Stats().LeftOut; left[DatagramSpare] != 3 || left.Total() != 3 {
		t.Errorf("left out %v, want 3 spare", left.Map())
	}
}

func TestAssemblerCountsLostFrames(t *testing.T) {
	a, cam := impatient(), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f0, d0 := cam.frame(100)
	cam.frame(100)
	cam.frame(100)
	_, d3 := cam.frame(5000)
	f4, d4 := cam.frame(100)
	want(t, add(a, alice, epoch, d0[0], d3[1], d4[0]), f0, f4)
	if st := a.Stats(); st.Dropped[FrameLost] != 2 || st.Dropped[FrameSuperseded] != 1 {
		t.Errorf("dropped %v, want 2 lost and 1 superseded", st.Dropped.Map())
	}
	if one, all := a.Streams()[0].Stats, a.Stats(); one.Dropped != all.Dropped || one.Expected != all.Expected {
		t.Errorf("the only stream counts %+v", one)
	}
}

func TestAssemblerIDsWrap(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	cam.id = 0xfffffffd
	var frames []Frame
	var datagrams [][]byte
	for range 6 {
		f, ds := cam.frame(3000)
		frames, datagrams = append(frames, f), append(datagrams, ds...)
	}
	// Swap neighbours, also across the wrap: the last of one frame with the first of the next.
	for i := 2; i+1 < len(datagrams); i += 3 {
		datagrams[i], datagrams[i+1] = datagrams[i+1], datagrams[i]
	}
	want(t, add(a, alice, epoch, datagrams...), frames...)
	if st := a.Stats(); st.Dropped.Total() != 0 {
		t.Errorf("dropped %v", st.Dropped.Map())
	}
}

func TestAssemblerDeadline(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{Deadline: 100 * time.Millisecond}), newCamera(1, "")
	f0, d0 := cam.frame(3000)
	want(t, add(a, alice, epoch, append([][]byte{cam.announce()}, d0...)...), f0)
	_, d1 := cam.frame(3000)
	add(a, alice, epoch, d1[0])
	a.Expire(epoch.Add(99 * time.Millisecond))
	if st := a.Stats(); st.Dropped.Total() != 0 || st.Pending == 0 {
		t.Fatalf("before the deadline: %+v", st)
	}
	a.Expire(epoch.Add(100 * time.Millisecond))
	if st := a.Stats(); st.Dropped[FrameLate] != 1 || st.Pending != 0 {
		t.Fatalf("at the deadline: %+v", st)
	}
	want(t, add(a, alice, epoch.Add(101*time.Millisecond), d1[1:]...))
	if st := a.Stats(); st.LeftOut[DatagramLate] != 2 || st.Dropped.Total() != 1 {
		t.Errorf("the rest of it: %+v", st)
	}
}

func TestAssemblerChecksWhatItHandsOn(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	_, d0 := cam.frame(3000)
	d0[1][SegmentHeaderSize+10] ^= 1
	want(t, add(a, alice, epoch, d0...))
	want(t, add(a, alice, epoch, split(cam.splitter, Frame{ID: cam.id, JPEG: []byte("no picture")})...))
	cam.id++
	f2, d2 := cam.frame(3000)
	want(t, add(a, alice, epoch, d2...), f2)
	if st := a.Stats(); st.Dropped[FrameCorrupt] != 1 || st.Dropped[FrameNotJPEG] != 1 || st.Dropped.Total() != 2 || st.Pending != 0 {
		t.Errorf("dropped %v, pending %d", st.Dropped.Map(), st.Pending)
	}
}

func TestAssemblerRefusesContradictions(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f, ds := cam.frame(3000)
	lie := bytes.Clone(ds[1])
	lie[27] ^= 1 // the CRC
	other := bytes.Clone(ds[1])
	other[23] ^= 1 // the capture time
	want(t, add(a, alice, epoch, ds[0], lie, other, ds[1], ds[2]), f)
	if st := a.Stats(); st.LeftOut[DatagramInconsistent] != 2 {
		t.Errorf("left out %v", st.LeftOut.Map())
	}
}

// TestAssemblerTakesInventedParity sends forged parity segments under few frame IDs. Some blocks get enough of them to be
// repaired. The assembler must hold no more than what came.
func TestAssemblerTakesInventedParity(t *testing.T) {
	a, r := NewAssembler(AssemblerConfig{}), rand.New(rand.NewPCG(1, 1))
	sizes := []uint8{1, 2, 5, 56, 100, 190, 192}
	came := 0
	for i := range 50_000 {
		k := sizes[r.IntN(len(sizes))]
		if i > 25_000 {
			k = sizes[i/5000%len(sizes)] // now they agree, but for the rows
		}
		h := segmentHeader{
			prefix:  prefix{Type: typeParity | typeRepair, Session: uint32(i / 5000), Countdown: uint8(1 + r.IntN(256-int(k)))},
			FrameID: uint32(r.IntN(8)), Blocks: 1, Length: uint32(k) * 256, Data: k,
		}
		if i < 25_000 {
			h.Parity, h.Blocks, h.Length = uint8(r.IntN(256)), sizes[r.IntN(len(sizes))], uint32(1+r.IntN(1<<20))
			h.Block = uint8(r.IntN(int(h.Blocks)))
		}
		stride := layoutOf(int(h.Length), int(h.Blocks), int(k)).stride
		came += stride
		add(a, alice, epoch.Add(time.Duration(i)*time.Microsecond), append(h.append(nil), make([]byte, stride)...))
		if st := a.Stats(); st.Pending < 0 || st.Pending > came+64*maxPendingFrames*freeReserve {
			t.Fatalf("%d bytes are pending, %d came", st.Pending, came)
		}
	}
	checkPending(t, a)
	st := a.Stats()
	if st.LeftOut[DatagramInconsistent] == 0 || st.LeftOut[DatagramMalformed] == 0 || st.LeftOut[DatagramDuplicate] == 0 || st.Dropped[FrameCorrupt] == 0 {
		t.Errorf("left out %v, dropped %v", st.LeftOut.Map(), st.Dropped.Map())
	}
}

func TestAssemblerCountsForeignDatagrams(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	unknown := cam.announce()
	unknown[2] = version<<4 | 15
	cut := cam.announce()[:10]
	add(a, alice, epoch, nil, []byte("hello"), []byte("\x01\xff\xd8\xff classic"), unknown, cut)
	st := a.Stats()
	if st.LeftOut[DatagramForeign] != 3 || st.LeftOut[DatagramUnknownType] != 1 || st.LeftOut[DatagramMalformed] != 1 {
		t.Errorf("left out %v", st.LeftOut.Map())
	}
}

// TestAssemblerFrom takes datagrams of some networks alone, on both wires.
func TestAssemblerFrom(t *testing.T) {
	for from, want := range map[string]bool{"192.168.1.5:1": true, "[::ffff:192.168.1.5]:1": true, "192.168.2.5:1": false,
		"[fe80::7%eth0]:1": true, "[fe80::8%eth0]:1": false} {
		c := AssemblerConfig{From: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("fe80::7/128")}}
		a, classic, addr := NewAssembler(c), NewClassicAssembler(c), netip.MustParseAddrPort(from)
		cam := newCamera(1, "door")
		_, ds := cam.frame(100)
		came := len(add(a, addr, epoch, cam.announce(), ds[0])) == 1
		classic.Add(append([]byte{1}, tinyJPEG()...), addr, epoch)
		_, cameClassic := classic.Next()
		if came != want || cameClassic != want || a.Stats().LeftOut[DatagramUnwanted] == 0 == !want {
			t.Errorf("from %v a frame came: %v, and on the classic wire: %v, want %v", from, came, cameClassic, want)
		}
	}
}

func TestAssemblerKeepsSendersApart(t *testing.T) {
	a := NewAssembler(AssemblerConfig{})
	cam1, cam2 := newCamera(1, "door"), newCamera(2, "yard")
	add(a, alice, epoch, cam1.announce())
	add(a, bob, epoch, cam2.announce())
	for range 3 {
		f1, d1 := cam1.frame(3000)
		f2, d2 := cam2.frame(3000)
		for i := range 2 {
			want(t, add(a, alice, epoch, d1[i]))
			want(t, add(a, bob, epoch, d2[i]))
		}
		got1, got2 := add(a, alice, epoch, d1[2]), add(a, bob, epoch, d2[2])
		want(t, got1, f1)
		want(t, got2, f2)
		if got1[0].Stream != "door" || got2[0].Stream != "yard" {
			t.Errorf("the streams are called %q and %q", got1[0].Stream, got2[0].Stream)
		}
	}
	infos := a.Streams()
	if len(infos) != 2 || infos[0].Name != "door" || infos[0].From != alice || infos[1].Name != "yard" {
		t.Errorf("streams: %+v", infos)
	}
	for i, info := range infos {
		if st := info.Stats; st.Frames != 3 || st.FrameBytes != 9000 || st.Dropped.Total() != 0 {
			t.Errorf("stream %d: %+v", i, st)
		}
	}
}

// TestAssemblerFillsOnePathFromTheOther sends a stream over two paths. Each loses every second datagram.
func TestAssemblerFillsOnePathFromTheOther(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
	add(a, alice, epoch, cam.announce())
	f, ds := cam.frame(5000)
	want(t, add(a, alice, epoch, ds[0], ds[2]))
	want(t, add(a, bob, epoch, ds[1], ds[3]), f)
}

func TestAssemblerWaitsForAName(t *testing.T) {
	t.Run("announced late", func(t *testing.T) {
		a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
		_, d0 := cam.frame(3000)
		f1, d1 := cam.frame(3000)
		want(t, add(a, alice, epoch, append(d0, d1...)...))
		want(t, add(a, alice, epoch, cam.announce()), f1)
	})
	t.Run("never announced", func(t *testing.T) {
		a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "")
		f, ds := cam.frame(3000)
		want(t, add(a, alice, epoch, ds...))
		a.Expire(epoch.Add(nameWait - 1))
		want(t, drain(a, nil))
		a.Expire(epoch.Add(nameWait))
		got := drain(a, nil)
		want(t, got, f)
		if got[0].Stream != "192.168.1.5" {
			t.Errorf("the stream is called %q", got[0].Stream)
		}
	})
}

func TestAssemblerJoinsMidStream(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
	_, d0 := cam.frame(5000)
	f1, d1 := cam.frame(5000)
	want(t, add(a, alice, epoch, append(append(d0[2:], cam.announce()), d1...)...), f1)
	if st := a.Stats(); st.Dropped.Total() != 0 || st.Expected != 4 {
		t.Errorf("the frame that was joined in the middle counts as lost: %v", st.Dropped.Map())
	}
}

func TestAssemblerNames(t *testing.T) {
	second := netip.MustParseAddrPort("192.168.1.5:50000") // other sockets of alice's host
	third := netip.MustParseAddrPort("192.168.1.5:50001")
	const ms = time.Millisecond
	steps := []struct {
		cam  int
		from netip.AddrPort
		at   time.Duration
		want string // "" if the stream has no name yet
	}{
		{1, alice, 0, "door"},
		{2, bob, 10 * ms, ""}, // alice may just have ended, and bob may be the same camera
		{1, alice, 320 * ms, "door"},
		{2, bob, 330 * ms, "door@192.168.1.6"}, // she goes on: there are two
		{3, second, 400 * ms, ""},
		{2, bob, 800 * ms, "door@192.168.1.6"},
		{3, second, 830 * ms, "door"}, // alice is silent: she was restarted, and this is the new process
		{1, alice, 850 * ms, ""},      // it may be a late datagram
		{3, second, 855 * ms, "door"},
		{1, alice, 1135 * ms, "door"}, // no, there are two on her host: she gets her name back
		{3, second, 1140 * ms, "door@192.168.1.5"},
		{4, third, 1150 * ms, ""},
		{1, alice, 1370 * ms, "door"},
		{3, second, 1450 * ms, "door@192.168.1.5"},
		{1, alice, 1455 * ms, "door"},
		{4, third, 1460 * ms, "door@192.168.1.5:50001"},
		{5, alice, 1500 * ms, ""}, // alice is restarted
		{5, alice, 1955 * ms, "door"},
		{5, alice, 1956 * ms, "door"},
	}
	a := NewAssembler(AssemblerConfig{})
	cams := map[int]*camera{}
	for i, s := range steps {
		if cams[s.cam] == nil {
			cams[s.cam] = newCamera(uint32(s.cam), "door")
		}
		_, ds := cams[s.cam].frame(100)
		got := ""
		if frames := add(a, s.from, epoch.Add(s.at), cams[s.cam].announce(), ds[0]); len(frames) > 0 {
			got = frames[0].Stream
		}
		if got != s.want {
			t.Fatalf("step %d: the stream is called %q, want %q", i, got, s.want)
		}
	}
}

func TestAssemblerForgetsSilentStreams(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
	_, ds := cam.frame(100)
	add(a, alice, epoch, cam.announce(), ds[0])
	goesOn := epoch.Add(provenTime)
	add(a, alice, goesOn, cam.announce())
	add(a, bob, goesOn, newCamera(2, "yard").announce()) // it sends no picture
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{newcomerExpiry - 1, 2}, {newcomerExpiry, 1}, {streamExpiry - 1, 1}, {streamExpiry, 0}} {
		if a.Expire(goesOn.Add(step.at)); a.Stats().Streams != step.want {
			t.Fatalf("%d streams after %v, want %d", a.Stats().Streams, step.at, step.want)
		}
	}
}

func TestAssemblerBoundsStreams(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1<<23, "door")
	f, ds := cam.frame(100)
	want(t, add(a, alice, epoch, cam.announce(), ds[0]), f)
	for i := range uint32(1000) {
		forged := newCamera(i, "")
		_, ds := forged.frame(3000)
		add(a, bob, epoch.Add(time.Millisecond), ds[0])
	}
	st := a.Stats()
	if st.Streams != 1+newcomersPerNetwork {
		t.Errorf("%d streams are known, want %d", st.Streams, 1+newcomersPerNetwork)
	}
	f, ds = cam.frame(100)
	want(t, add(a, alice, epoch.Add(2*time.Millisecond), ds[0]), f)
}

// TestAssemblerBoundsMemory begins large frames in ever new sessions, and sends only some segments of each.
func TestAssemblerBoundsMemory(t *testing.T) {
	a := NewAssembler(AssemblerConfig{})
	jpeg := picture(8<<20, 1)
	for i := range uint32(100) {
		s, _ := NewSplitter(i, 0, 0)
		ds := split(s, Frame{JPEG: jpeg})
		before := a.Stats().Pending
		a.Add(ds[0], alice, epoch)
		if grown := a.Stats().Pending - before; grown > freeReserve+8192 {
			t.Fatalf("one segment of an 8 MiB frame made %d bytes pending", grown)
		}
		for _, d := range ds[:900] {
			a.Add(d, alice, epoch)
			if p := a.Stats().Pending; p > MaxPendingMemory {
				t.Fatalf("%d bytes pending, of at most %d", p, MaxPendingMemory)
			}
		}
	}
	if st := a.Stats(); st.Pending == 0 || st.Dropped.Total() == 0 {
		t.Errorf("the test does not reach the limits: %+v", st)
	}
	checkPending(t, a)
}

// checkPending compares the count of pending bytes with the bytes themselves.
func checkPending(t *testing.T, a *Assembler) {
	t.Helper()
	sum := 0
	for _, s := range a.streams {
		if len(s.ordering.pending) > maxPendingFrames {
			t.Fatalf("a stream has %d frames pending", len(s.ordering.pending))
		}
		sum += len(s.held.JPEG)
		for i, p := range s.ordering.pending {
			sum += p.size()
			if i > 0 && !Newer(p.id, s.ordering.pending[i-1].id) {
				t.Fatal("pending frames are out of order")
			}
		}
	}
	if used := a.Stats().Pending; sum != used || sum > MaxPendingMemory+newcomerMemory || len(a.streams) > maxStreams+maxNewcomers {
		t.Fatalf("%d bytes pending in %d streams, counted as %d", sum, len(a.streams), used)
	}
}

// TestAssemblerMillion adds a million random and changed datagrams, and then a real frame.
func TestAssemblerMillion(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	r := rand.New(rand.NewPCG(7, 7))
	var seeds [][]byte
	for i, size := range []int{50, 1400, 3000, 78_000, 2_000_000} {
		cam := newCamera(uint32(i), "seed")
		_, ds := cam.frame(size)
		seeds = append(append(seeds, cam.announce()), ds[:min(len(ds), 20)]...)
	}
	a := NewAssembler(AssemblerConfig{})
	buffer := make([]byte, 2048)
	now := epoch
	for i := range n {
		b := buffer[:r.IntN(len(buffer))]
		if i%4 == 0 {
			for j := range min(len(b), 64) {
				b[j] = byte(r.Uint32())
			}
		} else {
			b = append(buffer[:0], seeds[r.IntN(len(seeds))]...)
			for range r.IntN(4) {
				b[r.IntN(min(len(b), SegmentHeaderSize))] ^= 1 << r.IntN(8)
			}
			if r.IntN(8) == 0 {
				b = b[:r.IntN(len(b))]
			}
		}
		now = now.Add(time.Duration(r.IntN(20)) * time.Microsecond)
		a.Add(b, alice, now)
		drain(a, nil)
		if pending := a.Stats().Pending; pending > MaxPendingMemory+newcomerMemory {
			t.Fatalf("%d bytes pending after %d datagrams", pending, i)
		}
		if i%1000 == 0 {
			a.Expire(now)
			checkPending(t, a)
		}
	}
	cam := newCamera(0x777777, "real")
	_, first := cam.frame(78_000)
	f, ds := cam.frame(78_000)
	shown := add(a, bob, now, append([][]byte{cam.announce()}, first...)...)
	shown = append(shown, add(a, bob, now.Add(provenTime), append([][]byte{cam.announce()}, ds...)...)...)
	want(t, shown[len(shown)-1:], f)
	st := a.Stats()
	t.Logf("left out %v, dropped %v, %d frames, %d streams, %d bytes pending", st.LeftOut.Map(), st.Dropped.Map(), st.Frames, st.Streams, st.Pending)
}

// TestHeard asks when streams were last heard, by address, name and key. Datagrams from unwanted addresses do not count.
func TestHeard(t *testing.T) {
	a := NewAssembler(AssemblerConfig{Wanted: func(from netip.AddrPort) bool { return from == alice }})
	cam, later := newCamera(1, "door"), epoch.Add(time.Second)
	_, ds := cam.frame(3000)
	for _, from := range []netip.AddrPort{alice, bob} {
		add(a, from, epoch, cam.announce())
		add(a, from, later, ds...)
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(alice.Addr().As16()), alice.Port())
	for _, c := range []struct {
		from netip.AddrPort
		name string
		key  Key
		want time.Time
	}{
		{alice, "", Key{}, later}, {alice, "door", Key{}, later}, {mapped, "", Key{}, later},
		{alice, "yard", Key{}, time.Time{}}, {alice, "", secret, time.Time{}}, {bob, "", Key{}, time.Time{}},
	} {
		if got := a.Heard(c.from, c.name, c.key); !got.Equal(c.want) {
			t.Errorf("%v %q: %v, want %v", c.from, c.name, got, c.want)
		}
	}
	if n := a.Stats().LeftOut[DatagramUnwanted]; n != uint64(1+len(ds)) {
		t.Errorf("%d datagrams are unwanted", n)
	}
}
