package protocol

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
	"udpcam/protocol/mjpeg"
)

// FuzzDatagram parses any bytes. What parses must be consistent, and give the same bytes when it is written again.
func FuzzDatagram(f *testing.F) {
	s, _ := NewSplitter(0xabcdef, 3, 0)
	var o Outgoing
	s.Split(&o, Frame{ID: 9, Captured: epoch, JPEG: picture(3000, 1)}, 2)
	r := Request{FrameID: 9, Need: 1, Data: 3, Missing: []byte{0x40}}
	for _, ds := range [][]Datagram{o.Data(), o.Parity(), answer(&o, r, 9), s.Skip(9, 10), s.Announce(Announcement{Name: "door", MilliFPS: 30_000, Via: Relays{2, [MaxRelays]uint32{7, 9}}}, &RemoteClock{}, epoch)} {
		for _, d := range flat(ds) {
			f.Add(d)
		}
	}
	f.Add(r.append(nil, 1, 0))
	f.Add(Report{Largest: 1436, Trains: []Train{{FrameID: 7, First: epoch, Came: 3, Span: time.Second, LostSecond: 1, Runs: 1}}}.append(nil, 1, 0, clockEcho{Sent: 1, Echo: 2, Held: 3}))
	f.Add([]byte("\x01\xff\xd8\xff\xd9"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePrefix(b)
		if err != nil {
			return
		}
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 4096, Time: 10 * time.Microsecond}.Plus(len(b), 2, 10*time.Nanosecond), func() {
			parseSegment(p, b)
			parseAnnouncement(b)
			parseFeedback(b, epoch)
			parseSkip(b)
		})
		switch p.Type {
		case typeData, typeParity, typeData | typeRepair, typeParity | typeRepair:
			seg, err := parseSegment(p, b)
			if err != nil {
				return
			}
			if start, end := seg.layout.span(seg.index); !seg.parity && (len(seg.payload) != end-start || end > int(seg.Length)) {
				t.Fatalf("segment %d is %d to %d of %d, with %d bytes", seg.index, start, end, seg.Length, len(seg.payload))
			}
			if again := append(seg.append(nil), seg.payload...); !bytes.Equal(again, b) {
				t.Fatalf("written back as %x", again)
			}
		case typeAnnouncement:
			a, c, err := parseAnnouncement(b)
			if err != nil {
				return
			}
			if again, c2, err := parseAnnouncement(a.append(nil, p.Session, p.Stream, c, nil)); err != nil || again != a || c2 != c {
				t.Fatalf("%+v %+v came back as %+v %+v, %v", a, c, again, c2, err)
			}
		case typeSkip:
			if first, last, err := parseSkip(b); err == nil && int32(last-first) < 0 {
				t.Fatalf("frames %d to %d", first, last)
			}
		case typeReport, typeRequest:
			f, err := parseFeedback(b, epoch)
			if err != nil {
				return
			}
			var again []byte
			if f.Report != nil {
				again = f.Report.append(nil, f.Session, f.Stream, f.clock)
			} else {
				again = f.Request.append(nil, f.Session, f.Stream)
			}
			if f2, err := parseFeedback(again, epoch); err != nil || !reflect.DeepEqual(f2, f) {
				t.Fatalf("%x was written back as %x, which is %+v, %v", b, again, f2, err)
			}
		}
	})
}

// An oracle is the simplest possible assembler. It is for one stream of few frames of one block, and for undamaged
// datagrams. It hands on a frame when as many segments have come as the frame has data segments, unless a newer frame was
// handed on before.
type oracle struct {
	frames map[uint32]Frame
	needs  map[uint32]int
	came   map[uint32]map[int]bool // data segments and then parity, numbered on
	newest int64
}

func (o *oracle) add(id uint32, segment int) (Frame, bool) {
	if int64(id) <= o.newest {
		return Frame{}, false
	}
	o.came[id][segment] = true
	if len(o.came[id]) < o.needs[id] {
		return Frame{}, false
	}
	o.newest = int64(id)
	return o.frames[id], true
}

// FuzzAssembler sends the datagrams of a few frames in an order that the fuzzer chooses, damages and invents some, and
// compares the result with the oracle's. Each two bytes of the script are a step: a datagram, and what is done to it.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0})
	f.Add([]byte{5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 0, 5, 0})
	f.Add([]byte{0, 0, 1, 7, 1, 0, 9, 0, 8, 200, 2, 0, 12, 0, 11, 0})
	f.Add([]byte{1, 0, 4, 0, 9, 0, 11, 0, 6, 0, 12, 0, 18, 0, 8, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		sizes := []int{100, 1409, 3000, 4000, 64, 1408, 2816}
		o := oracle{frames: map[uint32]Frame{}, needs: map[uint32]int{}, came: map[uint32]map[int]bool{}, newest: -1}
		type sent struct {
			id      uint32
			segment int
			bytes   []byte
		}
		var all []sent
		cam := newCamera(5, "door")
		for _, size := range sizes {
			f, data, parity, out := cam.frameWithParity(size, 2)
			o.frames[f.ID], o.needs[f.ID], o.came[f.ID] = f, len(data), map[int]bool{}
			asked := flat(answer(out, Request{FrameID: f.ID, Need: 1, Data: uint8(len(data)), Missing: []byte{0}}, 1))
			for i, d := range slices.Concat(data, parity, asked) {
				all = append(all, sent{f.ID, i, d})
			}
		}
		a := NewAssembler(AssemblerConfig{Latency: -1, OneWay: true})
		add(a, alice, epoch, cam.announce())
		now := epoch
		script = script[:min(len(script), 200)] // more teaches nothing new, and takes long
		for len(script) >= 2 {
			step, harm := all[int(script[0])%len(all)], script[1]
			script = script[2:]
			now = now.Add(time.Millisecond)
			if harm != 0 {
				// Another session, so that the damage is nobody's but its own, and one damaged byte.
				b := bytes.Clone(step.bytes)
				b[4] = ^b[4]
				b[int(harm)%len(b)] ^= harm
				add(a, bob, now, b)
				a.Expire(now)
				checkPending(t, a)
				continue
			}
			got := add(a, alice, now, step.bytes)
			if f, ok := o.add(step.id, step.segment); ok {
				want(t, got, f)
			} else {
				want(t, got)
			}
		}
		checkPending(t, a)
	})
}

// FuzzStrangers gives an assembler a stranger's datagrams, between the frames of a camera. A byte before each says how long it
// is, and the one after that what it begins with. All cost little, and the frames come.
func FuzzStrangers(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, b := range [][]byte{onePicture(7, 1<<30, tiny), first(7, 2, 40, r)[:200], code(r, 0, 9)[:28], newCamera(9, "door").announce()} {
		f.Add(append([]byte{byte(len(b)), 0}, b...), uint16(0))
		f.Add(append([]byte{byte(len(b)), 1}, b...), uint16(300))
	}
	f.Fuzz(func(t *testing.T, script []byte, padding uint16) {
		var all [][]byte
		for len(script) > 2 && len(all) < 50 {
			n := min(int(script[0]), len(script)-2)
			b := append(bytes.Clone(script[2:2+n]), make([]byte, padding%1400)...)
			if script[1]&1 != 0 && len(b) >= 4 {
				b[1], b[2] = magic, version<<4|script[1]>>1&0x0f
			}
			all, script = append(all, b), script[2+n:]
		}
		bytes := 0
		for _, b := range all {
			bytes += len(b)
		}
		bound := fuzzcost.Bound{Bytes: 512 << 10, Time: time.Millisecond}.Plus(len(all), 48<<10, 50*time.Microsecond).Plus(bytes, 4, 0)
		fuzzcost.Check(t, bound, func() {
			a, cam, now := NewAssembler(AssemblerConfig{}), newCamera(7, "door"), epoch
			add(a, alice, now, cam.announce())
			for i := range 3 {
				frame, ds := cam.frame(5000)
				add(a, alice, now, ds[0])
				if i == 1 {
					for _, b := range all {
						add(a, eve(0), now, b)
					}
					checkPending(t, a)
				}
				now = now.Add(33 * time.Millisecond)
				got := add(a, alice, now, ds[1:]...)
				if len(got) != 1 || got[0].ID != frame.ID || got[0].Stream != "door" {
					t.Fatalf("%d frames came", len(got))
				}
				a.Expire(now)
				drain(a, nil)
			}
		})
	})
}

// FuzzClassicAssembler gives a classic assembler datagrams from the fuzzer's bytes, between real frames. A byte before each
// says how long it is. All frames that come out must be whole JPEGs, and the pending memory must stay within its bound.
func FuzzClassicAssembler(f *testing.F) {
	f.Add([]byte("\x05\x02\xff\xd8\xff\xd9\x03\x01\xff\xd9"), true)
	f.Add([]byte("\x02\x01\x00\x00\x09\xff\xff\xd8\xff\xfe\x00\x02\xff\xd9"), false)
	f.Fuzz(func(t *testing.T, script []byte, real bool) {
		a := NewClassicAssembler(AssemblerConfig{})
		jpeg := tinyJPEG()
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 64 << 10, Time: time.Millisecond}.Plus(len(script), 16, time.Microsecond), func() {
			a := NewClassicAssembler(AssemblerConfig{})
			for rest := script; len(rest) > 0; {
				n := min(int(rest[0]), len(rest)-1)
				a.Add(rest[1:1+n], alice, epoch)
				rest = rest[1+n:]
			}
		})
		for len(script) > 0 {
			n := min(int(script[0]), len(script)-1)
			a.Add(script[1:1+n], alice, epoch)
			script = script[1+n:]
			for f, ok := a.Next(); ok; f, ok = a.Next() {
				if !mjpeg.LooksLikeJPEG(f.JPEG) {
					t.Fatalf("handed on % x", f.JPEG)
				}
			}
			if real {
				a.Add(append([]byte{1}, jpeg...), bob, epoch)
				if f, ok := a.Next(); !ok || !bytes.Equal(f.JPEG, jpeg) {
					t.Fatal("a real frame from another address did not come through")
				}
			}
		}
		if st := a.Stats(); st.Pending < 0 || st.Pending > MaxPendingMemory {
			t.Fatalf("%d bytes pending", st.Pending)
		}
	})
}

// FuzzOpen gives random and changed datagrams to the receiver and the sender of a sealed stream. A datagram that was not
// sealed with the key must have no effect.
func FuzzOpen(f *testing.F) {
	cam := newSealedCamera(f, 7, "door", secret)
	a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	sent, fedBack := cam.join(f, a, epoch)
	also := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	cam.join(f, also, epoch)
	_, ds := cam.frame(f, 3000)
	real := slices.Concat(sent, fedBack, ds)
	for _, d := range real {
		f.Add(d, uint16(0), byte(0))
		f.Add(d, uint16(len(d)-1), byte(1))
	}
	f.Add([]byte("\x01\xca\x91\x00\x00\x00\x07\x00"), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, change byte) {
		if len(b) > 0 {
			b[int(at)%len(b)] ^= change
		}
		if slices.ContainsFunc(ds, func(d []byte) bool { return bytes.Equal(d, b) }) {
			return // it is what was sent
		}
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 16 << 10, Time: 30 * time.Microsecond}.Plus(len(b), 4, 10*time.Nanosecond), func() {
			also.Add(bytes.Clone(b), bob, epoch)
		})
		before := a.Stats()
		frames := add(a, bob, epoch, bytes.Clone(b))
		after := a.Stats()
		if len(frames) > 0 || after.Pending != 0 || after.Streams != 1 || after.LeftOut.Total() != before.LeftOut.Total()+1 {
			t.Errorf("%d frames, %d bytes pending, %d streams, left out %v", len(frames), after.Pending, after.Streams, after.LeftOut.Map())
		}
		if all := feedback(a); len(all) > 0 {
			t.Errorf("it is answered by %d datagrams", len(all))
		}
		a.NextLocked()
		if feedback, err := cam.Feedback(b, epoch); err == nil {
			t.Errorf("it is taken for %+v", feedback)
		}
	})
}
