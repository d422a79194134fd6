package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"net/netip"
	"os"
	"testing"
	"time"
)

// tinyJPEG is a whole JPEG of 8x8 pixels.
func tinyJPEG() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// streetJPEG is a real picture with a comment of that many bytes behind its SOI marker.
func streetJPEG(t testing.TB, padding int) []byte {
	b, err := os.ReadFile("mjpeg/testdata/street/1.jpg")
	if err != nil {
		t.Fatal(err)
	}
	out := []byte{0xff, 0xd8}
	for padding > 0 {
		n := min(padding, 0xffff-2)
		out = append(out, 0xff, 0xfe)
		out = binary.BigEndian.AppendUint16(out, uint16(n+2))
		out = append(out, make([]byte, n)...)
		padding -= n
	}
	return append(out, b[2:]...)
}

func classicDatagrams(t testing.TB, jpeg []byte) [][]byte {
	s, err := NewClassicSplitter(0)
	if err != nil {
		t.Fatal(err)
	}
	var o Outgoing
	if err := s.Split(&o, Frame{JPEG: jpeg}, 1); err != nil {
		t.Fatal(err)
	}
	if parity := o.Parity(); len(parity) > 0 {
		t.Errorf("the classic wire has no parity, here are %d segments", len(parity))
	}
	return flat(o.Data())
}

func TestClassicSplitter(t *testing.T) {
	jpeg := streetJPEG(t, 150_000)
	ds := classicDatagrams(t, jpeg)
	var joined []byte
	for i, d := range ds {
		if int(d[0]) != len(ds)-i {
			t.Errorf("datagram %d of %d counts %d", i, len(ds), d[0])
		}
		joined = append(joined, d[1:]...)
	}
	if len(ds) != 4 || len(ds[0]) != 65_473 || !bytes.Equal(joined, jpeg) {
		t.Errorf("%d datagrams, the first of %d bytes", len(ds), len(ds[0]))
	}
	s, _ := NewClassicSplitter(MinSegmentSize)
	if err := s.Split(new(Outgoing), Frame{JPEG: picture(ClassicMaxSegments*MinSegmentSize+1, 1)}, 0); !errors.Is(err, ErrFrameSize) {
		t.Errorf("a frame of 256 segments: %v", err)
	}
}

func TestClassicAssembler(t *testing.T) {
	one, three := streetJPEG(t, 0), streetJPEG(t, 80_000)
	d1, d3 := classicDatagrams(t, one), classicDatagrams(t, three)
	if len(d1) != 1 || len(d3) != 3 {
		t.Fatalf("%d and %d segments", len(d1), len(d3))
	}
	cases := []struct {
		name  string
		in    [][]byte
		out   [][]byte
		drops uint64
	}{
		{"one after the other", [][]byte{d1[0], d3[0], d3[1], d3[2], d1[0]}, [][]byte{one, three, one}, 0},
		{"joined in the middle", [][]byte{d3[1], d3[2], d3[0], d3[1], d3[2]}, [][]byte{three}, 0},
		{"first segment lost", [][]byte{d1[0], d3[1], d3[2], d1[0]}, [][]byte{one, one}, 0},
		{"middle segment lost", [][]byte{d3[0], d3[2], d1[0]}, [][]byte{one}, 1},
		{"last segment lost", [][]byte{d3[0], d3[1], d3[0], d3[1], d3[2]}, [][]byte{three}, 1},
		{"segment twice", [][]byte{d3[0], d3[0], d3[1], d3[1], d3[2]}, [][]byte{three}, 0},
		{"swapped", [][]byte{d3[1], d3[0], d3[2], d1[0]}, [][]byte{one}, 1},
		{"no JPEG", [][]byte{[]byte("\x01\xff\xd8\xff nothing"), d1[0]}, [][]byte{one}, 1},
		{"foreign", [][]byte{nil, {0, 1, 2}, {1}, d1[0]}, [][]byte{one}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := NewClassicAssembler(AssemblerConfig{})
			var got []Frame
			for _, d := range c.in {
				a.Add(d, alice, epoch)
				for f, ok := a.Next(); ok; f, ok = a.Next() {
					got = append(got, f.Keep())
				}
			}
			if len(got) != len(c.out) {
				t.Fatalf("%d frames came, want %d", len(got), len(c.out))
			}
			for i := range got {
				if !bytes.Equal(got[i].JPEG, c.out[i]) || got[i].ID != uint32(i) {
					t.Errorf("frame %d has ID %d and %d bytes", i, got[i].ID, len(got[i].JPEG))
				}
			}
			if st := a.Stats(); st.Dropped.Total() != c.drops || st.Pending != 0 {
				t.Errorf("dropped %v, want %d; %d bytes pending", st.Dropped.Map(), c.drops, st.Pending)
			}
		})
	}
}

func TestClassicAssemblerDeadline(t *testing.T) {
	a := NewClassicAssembler(AssemblerConfig{})
	ds := classicDatagrams(t, streetJPEG(t, 80_000))
	a.Add(ds[0], alice, epoch)
	a.Expire(epoch.Add(DefaultDeadline))
	a.Add(ds[1], alice, epoch.Add(DefaultDeadline))
	a.Add(ds[2], alice, epoch.Add(DefaultDeadline))
	if _, ok := a.Next(); ok {
		t.Error("a frame was handed on that had passed its deadline")
	}
	if st := a.Stats(); st.Dropped[FrameSuperseded] != 1 || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
	a.Expire(epoch.Add(DefaultDeadline + streamExpiry))
	if st := a.Stats(); st.Streams != 0 {
		t.Errorf("%d senders after a long silence", st.Streams)
	}
}

func TestClassicAssemblerKeepsSendersApart(t *testing.T) {
	a := NewClassicAssembler(AssemblerConfig{})
	jpeg := streetJPEG(t, 80_000)
	ds := classicDatagrams(t, jpeg)
	sameHost := netip.AddrPortFrom(alice.Addr(), 50_000)
	for _, d := range ds {
		for _, from := range []netip.AddrPort{alice, bob, sameHost} {
			a.Add(d, from, epoch)
		}
	}
	var names []string
	for f, ok := a.Next(); ok; f, ok = a.Next() {
		if !bytes.Equal(f.JPEG, jpeg) {
			t.Error("a frame is not as it was sent")
		}
		names = append(names, f.Stream)
	}
	if len(names) != 3 || names[0] != "192.168.1.5" || names[1] != "192.168.1.6" || names[2] != "192.168.1.5:50000" {
		t.Errorf("streams %q", names)
	}
	for i := range 1000 {
		from := netip.AddrPortFrom(bob.Addr(), uint16(i))
		a.Add(ds[0], from, epoch.Add(time.Millisecond))
	}
	if st := a.Stats(); st.Streams != classicMaxSenders || st.Pending > classicMaxSenders*len(ds[0]) {
		t.Errorf("%d senders, %d bytes pending", st.Streams, st.Pending)
	}
}
