package protocol

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var (
	epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	alice = netip.MustParseAddrPort("192.168.1.5:40000")
	bob   = netip.MustParseAddrPort("192.168.1.6:40000")
)

// picture returns size bytes that look like a JPEG and differ for each seed.
func picture(size int, seed uint64) []byte {
	b := make([]byte, size)
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
	copy(b, "\xff\xd8\xff")
	copy(b[size-2:], "\xff\xd9")
	return b
}

// flat joins the two parts of each datagram, into memory of its own.
func flat(ds []Datagram) (out [][]byte) {
	for _, d := range ds {
		out = append(out, append(append([]byte(nil), d[0]...), d[1]...))
	}
	return out
}

// A camera makes frames and their datagrams.
type camera struct {
	splitter *Splitter
	name     string
	id       uint32
	last     [][]byte // the data of the last frame
}

func newCamera(session uint32, name string) *camera {
	s, err := NewSplitter(session, 0, 0)
	if err != nil {
		panic(err)
	}
	return &camera{splitter: s, name: name}
}

func (c *camera) announce() []byte {
	return c.splitter.Announce(Announcement{Name: c.name}, &RemoteClock{}, epoch)[0][0]
}

func (c *camera) frame(size int) (Frame, [][]byte) {
	f := Frame{ID: c.id, Captured: epoch.Add(time.Duration(int32(c.id)) * 33 * time.Millisecond), JPEG: picture(size, uint64(c.id))}
	c.id++
	c.last = split(c.splitter, f)
	return f, c.last
}

// frameWithParity is like frame, with that many parity segments for each block. It returns them separately.
func (c *camera) frameWithParity(size, parity int) (f Frame, data, repair [][]byte, o *Outgoing) {
	f, _ = c.frame(size)
	o = &Outgoing{}
	if err := c.splitter.Split(o, f, parity); err != nil {
		panic(err)
	}
	return f, flat(o.Data()), flat(o.Parity()), o
}

// split returns the datagrams of a frame without parity.
func split(s *Splitter, f Frame) [][]byte {
	var o Outgoing
	if err := s.Split(&o, f, 0); err != nil {
		panic(err)
	}
	return flat(o.Data())
}

// add adds datagrams to an assembler and returns the frames that come out.
func add(a *Assembler, from netip.AddrPort, now time.Time, datagrams ...[]byte) (frames []Frame) {
	for _, d := range datagrams {
		a.Add(d, from, now)
		frames = drain(a, frames)
	}
	return frames
}

func drain(a *Assembler, frames []Frame) []Frame {
	for f, ok := a.Next(); ok; f, ok = a.Next() {
		frames = append(frames, f.Keep())
	}
	return frames
}

// want fails the test unless exactly those frames came, in that order.
func want(t *testing.T, got []Frame, frames ...Frame) {
	t.Helper()
	if len(got) != len(frames) {
		t.Fatalf("%d frames came, want %d", len(got), len(frames))
	}
	for i, f := range frames {
		if got[i].ID != f.ID || !bytes.Equal(got[i].JPEG, f.JPEG) || !got[i].Captured.Equal(f.Captured) {
			t.Errorf("frame %d: ID %d of %d bytes at %v, want ID %d of %d bytes at %v", i,
				got[i].ID, len(got[i].JPEG), got[i].Captured, f.ID, len(f.JPEG), f.Captured)
		}
	}
}

// answer answers a request of a receiver that got as much parity as Split was asked for.
func answer(o *Outgoing, r Request, limit int) []Datagram {
	return o.Answer(r, int(o.header.Parity), limit)
}
