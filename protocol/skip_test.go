package protocol

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

func (c *camera) skip(first, last uint32) []byte {
	return bytes.Clone(c.splitter.Skip(first, last)[0][0])
}

// TestSkip leaves out frames. The receiver must go on at once, ask for nothing, and count none as lost.
func TestSkip(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
	add(a, alice, epoch, cam.announce())
	f0, d0 := cam.frame(3000)
	want(t, add(a, alice, epoch, d0...), f0)
	now := epoch
	next := func() time.Time { now = now.Add(33 * time.Millisecond); return now }

	want(t, add(a, alice, next(), cam.skip(1, 1)))
	want(t, add(a, alice, next(), cam.skip(1, 2)))
	cam.id = 3
	f3, d3 := cam.frame(3000)
	want(t, add(a, alice, next(), d3...), f3)

	cam.id = 9 // the first five Skips are lost, the last one is not
	f9, d9 := cam.frame(3000)
	want(t, add(a, alice, next(), cam.skip(4, 8)))
	want(t, add(a, alice, next(), d9...), f9)

	f10, d10 := cam.frame(3000) // somebody says that it is left out, and then it comes
	want(t, add(a, alice, next(), cam.skip(10, 10)))
	want(t, add(a, alice, next(), d10...), f10)

	f11, d11 := cam.frame(3000) // of which something has come already
	want(t, add(a, alice, next(), append(d11[:2:2], append([][]byte{cam.skip(11, 11)}, d11[2:]...)...)...), f11)

	a.Expire(now.Add(10 * time.Millisecond))
	if st := a.Stats(); st.Skipped != 8 || st.Dropped.Total() != 0 || st.Requests != 0 || st.Expected != st.Received {
		t.Errorf("skipped %d, dropped %v, %d requests, %d of %d datagrams", st.Skipped, st.Dropped.Map(), st.Requests, st.Received, st.Expected)
	}
}

// TestSkipManyFrames has a path that carries one frame in 150, so that the IDs of its frames are far apart.
func TestSkipManyFrames(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
	add(a, alice, epoch, cam.announce())
	for i := range uint32(10) {
		now := epoch.Add(time.Duration(i) * 5 * time.Second)
		cam.id = i * 150
		f, ds := cam.frame(3000)
		want(t, add(a, alice, now, ds...), f)
		for id := cam.id; id < (i+1)*150; id++ {
			add(a, alice, now.Add(time.Duration(id%150)*33*time.Millisecond), cam.skip(cam.id, id))
		}
	}
	if st := a.Stats(); st.Dropped.Total() != 0 || st.Requests != 0 || st.LeftOut.Total() != 0 {
		t.Errorf("dropped %v, %d requests, left out %v", st.Dropped.Map(), st.Requests, st.LeftOut.Map())
	}
}

// TestSkipForged sends Skips that no sender sends. The stream must not notice.
func TestSkipForged(t *testing.T) {
	a, cam := NewAssembler(AssemblerConfig{}), newCamera(1, "door")
	add(a, alice, epoch, cam.announce())
	backwards := cam.skip(5, 5)
	binary.BigEndian.PutUint32(backwards[12:], 1)
	for i := range uint32(50) {
		now := epoch.Add(time.Duration(i) * 33 * time.Millisecond)
		f, ds := cam.frame(3000)
		for _, b := range [][]byte{cam.skip(i+1000, i+2000), cam.skip(0, 1<<31-1), cam.skip(i+1, i+2), backwards, cam.skip(i, i)[:13]} {
			want(t, add(a, alice, now, b))
			want(t, add(a, bob, now, b))
		}
		want(t, add(a, alice, now, ds...), f)
	}
	if st := a.Stats(); st.Dropped.Total() != 0 || st.Streams != 1 || st.Pending > 0 {
		t.Errorf("dropped %v, %d streams, %d bytes pending", st.Dropped.Map(), st.Streams, st.Pending)
	}
}

// TestSealedSkip leaves out frames of a sealed stream. A Skip that somebody has changed or recorded does not count.
func TestSealedSkip(t *testing.T) {
	cam, a := newSealedCamera(t, 7, "door", secret), NewAssembler(AssemblerConfig{Keys: []Key{secret}})
	cam.join(t, a, epoch)
	f0, d0 := cam.frame(t, 3000)
	want(t, add(a, alice, epoch, d0...), f0)
	recorded := cam.Skip(1, 1)[0][0]
	for i := range recorded {
		changed := bytes.Clone(recorded)
		changed[i] ^= 1
		want(t, add(a, alice, epoch, changed))
	}
	if n := a.Stats().Skipped; n != 0 {
		t.Errorf("%d frames are left out by changed datagrams", n)
	}
	now := epoch.Add(33 * time.Millisecond)
	want(t, add(a, alice, now, clones([][]byte{recorded, recorded})...))
	cam.next = 2
	f2, d2 := cam.frame(t, 3000)
	want(t, add(a, alice, now, d2...), f2)
	if st := a.Stats(); st.Skipped != 1 || st.Dropped.Total() != 0 || st.LeftOut[DatagramReplayed] == 0 {
		t.Errorf("skipped %d, dropped %v, left out %v", st.Skipped, st.Dropped.Map(), st.LeftOut.Map())
	}
}

// TestTrainsOfOneFrame makes trains with different parity of one frame. Each must be whole and repairable by itself, also when
// they are made in turn, and answers must have what neither train has.
func TestTrainsOfOneFrame(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		s, err := NewSplitter(7, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var c AssemblerConfig
		if sealed {
			c = AssemblerConfig{Keys: []Key{{1}}, OneWay: true}
			s.Seal(Key{1})
		}
		f := Frame{ID: 7, Captured: epoch, JPEG: picture(78_000, 7)}
		var o Outgoing
		if err := s.Split(&o, f, 0); err != nil {
			t.Fatal(err)
		}
		trains, nonces := make([]OutgoingTrain, 3), map[[segmentNonceSize]byte]bool{}
		parity := []int{0, 2, 9}
		for i := range trains {
			trains[i].Begin(&o, parity[i])
		}
		for n := 1; n <= trains[2].Len(); n += 5 {
			for i := range trains {
				trains[i].Make(n)
			}
		}
		for i := range trains {
			ds := flat(trains[i].Make(1000))
			if len(ds) != o.Segments()+parity[i] || trains[i].Len() != len(ds) {
				t.Fatalf("train %d has %d datagrams", i, len(ds))
			}
			total := 0
			for _, d := range ds {
				total += len(d)
				var nonce [segmentNonceSize]byte
				segmentNonce(&nonce, d)
				if nonces[nonce] && sealed {
					t.Fatalf("nonce %x is there twice", nonce)
				}
				nonces[nonce] = true
			}
			if total != trains[i].Size() {
				t.Errorf("train %d: %d bytes, and it says %d", i, total, trains[i].Size())
			}
			a := NewAssembler(c)
			add(a, alice, epoch, s.Announce(Announcement{Name: "door"}, &RemoteClock{}, epoch)[0][0])
			want(t, add(a, alice, epoch, ds[parity[i]:]...), f)

			// One more is lost, and what answers the request for it repairs that.
			a = NewAssembler(c)
			add(a, alice, epoch, s.Announce(Announcement{Name: "door"}, &RemoteClock{}, epoch)[0][0])
			ds = flat(trains[i].Make(1000))
			want(t, add(a, alice, epoch, ds[parity[i]+1:]...))
			r := Request{FrameID: 7, Need: 1, Data: uint8(o.BlockData()), Missing: make([]byte, 7)}
			want(t, add(a, alice, epoch, flat(o.Answer(r, parity[i], 5))...), f)
		}
	}
}
