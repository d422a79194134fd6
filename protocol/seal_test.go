package protocol

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var secret = Key{1, 2, 3}

// A sealedCamera is a sealed sender without a socket.
type sealedCamera struct {
	*Splitter
	clock RemoteClock
	name  string
	next  uint32
}

func newSealedCamera(t testing.TB, session uint32, name string, k Key) *sealedCamera {
	s, err := NewSplitter(session, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.Seal(k)
	return &sealedCamera{Splitter: s, name: name}
}

// announce is an announcement, with the echo of the last report.
func (c *sealedCamera) announce(now time.Time) []byte {
	return bytes.Clone(c.Announce(Announcement{Name: c.name, Newest: c.next}, &c.clock, now)[0][0])
}

// frame is the next frame and its datagrams, data and two rows of parity.
func (c *sealedCamera) frame(t testing.TB, size int) (Frame, [][]byte) {
	f := Frame{ID: c.next, Captured: epoch, JPEG: picture(size, uint64(c.next))}
	c.next++
	var o Outgoing
	if err := c.Split(&o, f, 2); err != nil {
		t.Fatal(err)
	}
	return f, append(flat(o.Data()), flat(o.Parity())...)
}

// join has an assembler join the camera's stream: an announcement, a report, and an announcement that echoes it. It returns
// all the datagrams.
func (c *sealedCamera) join(t testing.TB, a *Assembler, now time.Time) (sent, fedBack [][]byte) {
	t.Helper()
	first := c.announce(now)
	a.Add(first, alice, now)
	fedBack = feedback(a)
	if len(fedBack) != 1 {
		t.Fatalf("%d datagrams answer the first announcement, want a report", len(fedBack))
	}
	c.hear(t, fedBack[0], now)
	second := c.announce(now)
	a.Add(second, alice, now)
	return [][]byte{first, second}, fedBack
}

func (c *sealedCamera) hear(t testing.TB, b []byte, now time.Time) {
	t.Helper()
	f, err := c.Feedback(bytes.Clone(b), now)
	if err != nil {
		t.Fatal(err)
	}
	c.clock.Hear(f, now)
}

// feedback returns the feedback that an assembler wants to send.
func feedback(a *Assembler) (all [][]byte) {
	for b, _, ok := a.NextFeedback(); ok; b, _, ok = a.NextFeedback() {
		all = append(all, b)
	}
	return all
}

// clones copies datagrams, because assemblers open them in place.
func clones(ds [][]byte) (all [][]byte) {
	for _, d := range ds {
		all = append(all, bytes.Clone(d))
	}
	return all
}

func TestSealedStream(t *testing.T) {
	cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{{9}, secret}})
	first, ds := cam.frame(t, 78_000)
	a.Add(cam.announce(epoch), alice, epoch)
	want(t, add(a, alice, epoch, ds...)) // nobody knows yet that this is no recording
	for _, b := range feedback(a) {
		cam.hear(t, b, epoch)
	}
	want(t, add(a, alice, epoch, cam.announce(epoch)), first)
	second, ds := cam.frame(t, 250_000)
	ds = slices.Delete(ds, 40, 42) // parity makes up for two
	came := add(a, alice, epoch, ds...)
	want(t, came, second)
	if !came[0].Sealed || came[0].Key != secret.ID() {
		t.Errorf("the frame was sealed: %v, with key %v", came[0].Sealed, came[0].Key)
	}
	if info := a.Streams(); len(info) != 1 || !info[0].Sealed || info[0].Key != secret.ID() || info[0].Name != "door" {
		t.Errorf("the stream is known as %+v", info)
	}
	if st := a.Stats(); st.LeftOut.Total() != st.LeftOut[DatagramSpare] || st.Dropped.Total() != 0 {
		t.Errorf("left out %v, dropped %v", st.LeftOut.Map(), st.Dropped.Map())
	}
}

// TestSealedHides looks for the picture, the name and the key in the datagrams.
func TestSealedHides(t *testing.T) {
	cam, a := newSealedCamera(t, 7, "front door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	sent, fedBack := cam.join(t, a, epoch)
	f, ds := cam.frame(t, 30_000)
	wire := bytes.Join(slices.Concat(sent, fedBack, ds), nil)
	for at := 0; at+8 <= len(f.JPEG); at++ {
		if bytes.Contains(wire, f.JPEG[at:at+8]) {
			t.Fatalf("bytes %d to %d of the picture are on the wire", at, at+8)
		}
	}
	for _, text := range []string{"front", "door", string(secret[:]), secret.Text()} {
		if bytes.Contains(wire, []byte(text)) {
			t.Errorf("%q is on the wire", text)
		}
	}
}

// TestSealedChanged changes each bit of each datagram.
func TestSealedChanged(t *testing.T) {
	cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	sent, fedBack := cam.join(t, a, epoch)
	f, ds := cam.frame(t, 3000)
	want(t, add(a, alice, epoch, ds...), f)
	feedback(a)
	_, ds = cam.frame(t, 3000)
	fresh := cam.announce(epoch)
	for _, d := range append(ds, fresh) {
		for bit := range 8 * len(d) {
			changed := bytes.Clone(d)
			changed[bit/8] ^= 1 << (bit % 8)
			before := a.Stats()
			if frames := add(a, bob, epoch, changed); len(frames) > 0 {
				t.Fatalf("a frame came of a datagram whose bit %d was changed", bit)
			}
			if after := a.Stats(); after.LeftOut.Total() != before.LeftOut.Total()+1 || after.Pending != 0 || after.Streams != 1 {
				t.Fatalf("bit %d of %d bytes: left out %v, %d bytes pending, %d streams", bit, len(d), after.LeftOut.Map(), after.Pending, after.Streams)
			}
		}
	}
	if b := feedback(a); len(b) > 0 {
		t.Errorf("%d changed datagrams were answered", len(b))
	}
	if from := a.Streams()[0].From; from != alice {
		t.Errorf("the stream is thought to come from %v", from)
	}
	report := fedBack[0]
	other := newSealedCamera(t, 7, "door", secret)
	other.sealing = newSealing(secret, [saltSize]byte(sent[0][prefixSize:]), suiteChaCha)
	for bit := range 8 * len(report) {
		changed := bytes.Clone(report)
		changed[bit/8] ^= 1 << (bit % 8)
		if f, err := other.Feedback(changed, epoch); err == nil {
			t.Fatalf("a report whose bit %d was changed was taken for %+v", bit, f)
		}
	}
	if _, err := other.Feedback(bytes.Clone(report), epoch); err != nil {
		t.Errorf("the report itself: %v", err) // otherwise the test would show nothing
	}
}

// TestSealedFlood sends a million forged, changed, cut and repeated datagrams at a receiver, beside a stream.
func TestSealedFlood(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	sent, _ := cam.join(t, a, epoch)
	stranger := newSealedCamera(t, 7, "door", Key{66})
	rng := rand.New(rand.NewPCG(1, 2))
	old := sent
	frames, now := 0, epoch
	for i := range n {
		if i%1000 == 0 { // a frame of the camera
			now = now.Add(33 * time.Millisecond)
			f, ds := cam.frame(t, 3000)
			want(t, add(a, alice, now, clones(ds)...), f)
			frames++
			old = append(old[:2], ds...)
			feedback(a) // reports to the camera
		}
		forged := bytes.Clone(old[rng.IntN(len(old))])
		switch rng.IntN(5) {
		case 0: // unchanged
		case 1:
			forged[rng.IntN(len(forged))] ^= byte(1 + rng.IntN(255))
		case 2:
			forged = forged[:rng.IntN(len(forged))]
		case 3: // a later frame of the same stream
			if forged[2]&0x0f < 3 {
				forged[11] += byte(1 + rng.IntN(100))
			}
		case 4:
			forged = stranger.announce(now)
		}
		before := a.Stats().Pending
		if got := add(a, bob, now, forged); len(got) > 0 || a.Stats().Pending > before {
			t.Fatalf("datagram %d: %d frames, memory from %d to %d", i, len(got), before, a.Stats().Pending)
		}
	}
	st := a.Stats()
	if frames != int(st.Frames) || st.Streams != 1 || st.Dropped.Total() > 0 {
		t.Errorf("%d of %d frames, %d streams, dropped %v", st.Frames, frames, st.Streams, st.Dropped.Map())
	}
	for _, b := range feedback(a) {
		if _, err := cam.Feedback(b, now); err != nil {
			t.Errorf("something else than a report to the camera was sent: %v", err)
		}
	}
	for _, why := range []DatagramDrop{DatagramWrongKey, DatagramReplayed, DatagramDuplicate} {
		if st.LeftOut[why] == 0 {
			t.Errorf("none was left out as %v: %v", why, st.LeftOut.Map())
		}
	}
}

// TestSealedRecording plays a recorded session again.
func TestSealedRecording(t *testing.T) {
	record := func() (all [][]byte, cam *sealedCamera) {
		cam = newSealedCamera(t, 7, "door", secret)
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		all, _ = cam.join(t, a, epoch)
		for range 5 {
			_, ds := cam.frame(t, 3000)
			all = append(all, ds...)
		}
		if got := add(a, alice, epoch, clones(all[2:])...); len(got) != 5 {
			t.Fatalf("%d frames came the first time", len(got))
		}
		return all, cam
	}
	all, cam := record()
	later := epoch.Add(3 * time.Second)

	t.Run("to a receiver that was restarted", func(t *testing.T) {
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		if got := add(a, alice, later, clones(all)...); len(got) > 0 {
			t.Errorf("%d frames are shown", len(got))
		}
		a.Expire(later.Add(2 * nameWait))
		if got := drain(a, nil); len(got) > 0 || len(a.Streams()) > 0 {
			t.Errorf("%d frames are shown of %v after a while", len(got), a.Streams())
		}
		if l, ok := a.NextLocked(); !ok || l.Why != LockedUnproven || !strings.Contains(l.String(), "--feedback=false") {
			t.Errorf("the user is told %v, %v", l, ok)
		}
	})
	t.Run("before the sender goes on, to a receiver that was restarted", func(t *testing.T) {
		for range 2 * replayWindow {
			cam.frame(t, 100)
		}
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		add(a, bob, later, clones(all)...)
		for _, b := range feedback(a) {
			cam.hear(t, b, later)
		}
		if got := add(a, alice, later, cam.announce(later)); len(got) > 0 {
			t.Errorf("frame %d is shown, which was recorded", got[0].ID)
		}
		f, ds := cam.frame(t, 3000)
		want(t, add(a, alice, later, ds...), f)
	})
	t.Run("one-way, to a receiver that saw a newer session", func(t *testing.T) {
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}, OneWay: true})
		live := newSealedCamera(t, 8, "door", secret)
		f, ds := live.frame(t, 3000)
		want(t, add(a, alice, later, append([][]byte{live.announce(later)}, ds...)...), f)
		if got := add(a, bob, later, clones(all)...); len(got) > 0 {
			t.Errorf("%d frames of an older session are shown", len(got))
		}
		t.Run("that has ended", func(t *testing.T) {
			a, ended := NewAssembler(AssemblerConfig{Keys: []Key{secret}, OneWay: true}), later.Add(2*streamExpiry)
			if got := add(a, alice, epoch, clones(all)...); len(got) != 5 {
				t.Fatalf("%d frames came the first time", len(got))
			}
			a.Expire(ended)
			if got := add(a, bob, ended, clones(all)...); len(got) > 0 || len(a.Streams()) > 0 {
				t.Errorf("%d frames of the same session are shown again", len(got))
			}
		})
		restarted := newSealedCamera(t, 9, "door", secret)
		f, ds = restarted.frame(t, 3000)
		now := later.Add(time.Second)
		want(t, add(a, alice, now, append([][]byte{restarted.announce(now)}, ds...)...), f)
	})
	t.Run("reports, to the sender", func(t *testing.T) {
		cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		_, reports := cam.join(t, a, epoch)
		for _, at := range []time.Time{epoch, epoch.Add(believed + time.Second)} {
			if at != epoch {
				clear(cam.sealing.receivers) // as if it had forgotten
			}
			if _, err := cam.Feedback(bytes.Clone(reports[0]), at); err != ErrReplayed {
				t.Errorf("a report sent again %v later: %v", at.Sub(epoch), err)
			}
		}
	})
}

// TestSealedStrangers has senders and receivers with different keys, and without a key, meet.
func TestSealedStrangers(t *testing.T) {
	open, sealed := newCamera(3, "open"), newSealedCamera(t, 4, "sealed", secret)
	for _, c := range []struct {
		name string
		keys []Key
		ds   [][]byte
		drop DatagramDrop
		says string
	}{
		{"no key", nil, [][]byte{sealed.announce(epoch)}, DatagramSealed, "a sealed stream from 192.168.1.5 (key " + secret.ID().String() + "): give its key with --key"},
		{"another key", []Key{{5}}, [][]byte{sealed.announce(epoch)}, DatagramWrongKey, "give its key with --key"},
		{"an open stream", []Key{secret}, [][]byte{open.announce()}, DatagramUnsealed, "is not sealed, and is ignored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := NewAssembler(AssemblerConfig{Keys: c.keys})
			told := 0
			for i := range 30 { // six seconds
				now := epoch.Add(time.Duration(i) * 200 * time.Millisecond)
				add(a, alice, now, clones(c.ds)...)
				if l, ok := a.NextLocked(); ok {
					if told++; !strings.Contains(l.String(), c.says) {
						t.Errorf("the user is told %q", l)
					}
				}
			}
			if st := a.Stats(); told != 1 || st.LeftOut[c.drop] != 30 || st.Streams > 0 || st.Frames > 0 {
				t.Errorf("told %d times, %d streams, left out %v", told, st.Streams, st.LeftOut.Map())
			}
			if b := feedback(a); len(b) > 0 {
				t.Errorf("answered by %d datagrams", len(b))
			}
		})
	}
	a := NewClassicAssembler(AssemblerConfig{Keys: []Key{secret}})
	a.Add(append([]byte{1}, picture(500, 1)...), alice, epoch)
	if _, ok := a.Next(); ok || a.Stats().LeftOut[DatagramUnsealed] != 1 {
		t.Error("a receiver with a key takes classic datagrams")
	}
}

// TestSealedSameSession has two senders draw the same session number.
func TestSealedSameSession(t *testing.T) {
	a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	one, two := newSealedCamera(t, 7, "one", secret), newSealedCamera(t, 7, "two", secret)
	one.join(t, a, epoch)
	f, ds := one.frame(t, 3000)
	want(t, add(a, alice, epoch, ds...), f)
	a.Add(two.announce(epoch), bob, epoch)
	if st := a.Stats(); st.LeftOut[DatagramReplayed] != 1 {
		t.Errorf("the second sender was not left out: %v", st.LeftOut.Map())
	}
	later := epoch.Add(sessionSilence) // the first has ended
	feedback(a)
	two.join(t, a, later)
	f, ds = two.frame(t, 3000)
	want(t, add(a, alice, later, ds...), f)
}

// A recordingAEAD notes what is sealed under each nonce.
type recordingAEAD struct {
	cipher.AEAD
	t    *testing.T
	seen map[string]string
}

func (r recordingAEAD) Seal(dst, nonce, plain, header []byte) []byte {
	what := string(header) + string(plain)
	if before, again := r.seen[string(nonce)]; again && before != what {
		r.t.Fatalf("nonce %x was used for different bytes", nonce)
	}
	r.seen[string(nonce)] = what
	return r.AEAD.Seal(dst, nonce, plain, header)
}

// TestSealedNonces checks that different datagrams are never sealed with the same key and nonce. The sender has two
// receivers, which lose datagrams and ask for them, and its segments become smaller meanwhile.
func TestSealedNonces(t *testing.T) {
	cam := newSealedCamera(t, 7, "door", secret)
	record := func(a cipher.AEAD, seen map[string]string) cipher.AEAD { return recordingAEAD{a, t, seen} }
	cam.sealing.segments = record(cam.sealing.segments, map[string]string{})
	cam.sealing.announcements = record(cam.sealing.announcements, map[string]string{})
	reports := map[string]string{}
	rng := rand.New(rand.NewPCG(3, 4))
	var receivers []*Assembler
	for range 2 {
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		cam.join(t, a, epoch)
		for _, s := range a.streams {
			s.opener.feedback = record(s.opener.feedback, reports)
		}
		receivers = append(receivers, a)
	}
	kept := map[uint32]*Outgoing{}
	frames, now := 0, epoch
	for i := range 200 {
		if i == 100 {
			cam.Resize(1152)
			clear(kept)
		}
		f := Frame{ID: cam.next, Captured: now, JPEG: picture(30_000, uint64(cam.next))}
		cam.next++
		o := &Outgoing{}
		if err := cam.Split(o, f, 2); err != nil {
			t.Fatal(err)
		}
		deliver := func(ds [][]byte) {
			for _, a := range receivers {
				for _, d := range clones(ds) {
					if rng.IntN(5) > 0 {
						a.Add(d, alice, now)
					}
				}
			}
		}
		deliver([][]byte{cam.announce(now)})
		deliver(flat(o.Data()))
		deliver(flat(o.Parity()))
		o.Move(make([]byte, o.Size()))
		kept[f.ID] = o
		for range 40 {
			now = now.Add(time.Millisecond)
			for _, a := range receivers {
				a.Expire(now)
				for _, b := range feedback(a) {
					f, err := cam.Feedback(b, now)
					if err != nil {
						t.Fatal(err)
					}
					if f.Request != nil && kept[f.Request.FrameID] != nil {
						deliver(flat(answer(kept[f.Request.FrameID], *f.Request, 100)))
					}
				}
			}
		}
		for _, a := range receivers {
			frames += len(drain(a, nil))
		}
	}
	if frames < 350 || len(reports) < 100 {
		t.Errorf("%d frames and %d feedback datagrams are too few to show anything", frames, len(reports))
	}
	if _, again := reports[string(make([]byte, controlNonceSize))]; again {
		t.Error("a nonce is all zeros")
	}
}

// TestSealedFrameIDs checks that no frame ID is sealed twice.
func TestSealedFrameIDs(t *testing.T) {
	cam := newSealedCamera(t, 7, "door", secret)
	var o Outgoing
	for _, c := range []struct {
		id   uint32
		want error
	}{{5, nil}, {5, ErrFrameID}, {4, ErrFrameID}, {6, nil}, {1<<32 - 1, nil}, {0, ErrFrameID}} {
		err := cam.Split(&o, Frame{ID: c.id, JPEG: picture(100, 1)}, 0)
		if err != c.want {
			t.Errorf("frame ID %d: %v, want %v", c.id, err, c.want)
		}
		if err == nil {
			o.Data()
		}
	}
}

func TestSealedReceivers(t *testing.T) {
	cam, now := newSealedCamera(t, 7, "door", secret), epoch
	for i := range maxReceivers + 1 {
		a := NewAssembler(AssemblerConfig{Keys: []Key{secret}})
		a.Add(cam.announce(now), alice, now)
		_, err := cam.Feedback(feedback(a)[0], now)
		if want := map[bool]error{true: ErrReplayed}[i == maxReceivers]; err != want {
			t.Errorf("receiver %d: %v, want %v", i, err, want)
		}
	}
	now = now.Add(believed + time.Second)
	cam.join(t, NewAssembler(AssemblerConfig{Keys: []Key{secret}}), now) // the others have gone
}

func TestSealedAllocations(t *testing.T) {
	cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	cam.join(t, a, epoch)
	f := Frame{JPEG: picture(78_000, 1), Captured: epoch, ID: cam.next}
	buffer := make([]byte, MaxDatagram)
	var o Outgoing
	if n := testing.AllocsPerRun(100, func() {
		f.ID++
		if err := cam.Split(&o, f, 0); err != nil {
			t.Fatal(err)
		}
		for _, d := range o.Data() {
			a.Add(append(buffer[:0], d[0]...), alice, epoch)
		}
		if _, ok := a.Next(); !ok {
			t.Fatal("no frame came")
		}
	}); n > 0 {
		t.Errorf("a frame of 56 datagrams allocates %v times", n)
	}
	cam.next = f.ID + 1
	announced := newSealedCamera(t, 7, "door", Key{66}).announce(epoch)
	copy(announced[prefixSize+controlNonceSize:], cam.announce(epoch)[prefixSize+controlNonceSize:][:2]) // the right key's ID
	_, ds := cam.frame(t, 3000)
	for _, forged := range [][]byte{announced, ds[0]} {
		forged[len(forged)-1] ^= 1
		if n := testing.AllocsPerRun(100, func() { a.Add(append(buffer[:0], forged...), bob, epoch) }); n > 0 {
			t.Errorf("a forged datagram of %d bytes allocates %v times", len(forged), n)
		}
	}
}

func TestKey(t *testing.T) {
	k := NewKey()
	if got, err := ParseKey(" " + k.Text() + "\n"); err != nil || got != k {
		t.Errorf("%v, %v", got, err)
	}
	if k == NewKey() || strings.Contains(k.String(), k.Text()) {
		t.Error("keys repeat, or are printed")
	}
	for _, bad := range []string{"", "door", k.Text()[1:], k.Text() + "AA", strings.Repeat("A", 43) + "=", hex.EncodeToString(k[:])} {
		if _, err := ParseKey(bad); err != ErrKey {
			t.Errorf("%q: %v", bad, err)
		}
	}
	one, err := KeyFromPassphrase("correct horse  battery staple ")
	if two, _ := KeyFromPassphrase("correct horse battery staple"); err != nil || one != two || one == (Key{}) {
		t.Errorf("%v and %v, %v", one, two, err)
	}
	if _, err := KeyFromPassphrase("secret"); err == nil {
		t.Error("a short passphrase is taken")
	}
}

// BenchmarkFlood measures what a forged datagram costs a receiver. For comparison, it measures a receiver without a key, and
// the cipher alone.
func BenchmarkFlood(b *testing.B) {
	sealed, cam := NewAssembler(AssemblerConfig{Keys: []Key{secret}}), newSealedCamera(b, 7, "door", secret)
	cam.join(b, sealed, epoch)
	_, ds := cam.frame(b, 78_000)
	_, plain := newCamera(7, "door").frame(78_000)
	open := NewAssembler(AssemblerConfig{})
	buffer := make([]byte, 0, MaxDatagram)
	flood := func(b *testing.B, a *Assembler, ds [][]byte) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			d := append(buffer[:0], ds[i%len(ds)]...)
			d[8], d[9], d[10], d[11] = 0, byte(i>>20), byte(i>>12), byte(i>>4)
			d[len(d)-1] ^= 1
			a.Add(d, bob, epoch.Add(time.Duration(i)*10*time.Microsecond))
			for _, ok := a.Next(); ok; _, ok = a.Next() {
			}
		}
	}
	b.Run("open", func(b *testing.B) { flood(b, open, plain) })
	b.Run("sealed", func(b *testing.B) { flood(b, sealed, ds[:40]) })
	b.Run("sealed-announcement", func(b *testing.B) {
		forged := cam.announce(epoch)
		b.ReportAllocs()
		for i := uint32(0); b.Loop(); i++ {
			binary.BigEndian.PutUint32(forged[prefixSize:], i) // another session each time
			sealed.Add(forged, bob, epoch.Add(time.Minute))
		}
	})
	b.Run("cipher", func(b *testing.B) {
		for b.Loop() {
			d := append(buffer[:0], ds[0]...)
			d[len(d)-1] ^= 1
			cam.sealing.segments.Open(d[SegmentHeaderSize:SegmentHeaderSize], d[:segmentNonceSize], d[SegmentHeaderSize:], d[:SegmentHeaderSize])
		}
	})
}
