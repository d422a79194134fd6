package sender_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestSendGivesTheBufferBack uses one buffer for all frames. Segments that are sent again later, and parity that is made
// later, must still be of the picture that was sent.
func TestSendGivesTheBufferBack(t *testing.T) {
	const frames, segments = 10, 56
	for _, c := range []struct {
		name    string
		lost    int                   // datagrams of each frame's data that do not come
		need, k byte                  // fields of the request for these datagrams
		kind    protocol.DatagramKind // what answers it
		asked   uint32                // the number of frames that requests ask for: as many as the sender can answer
	}{
		{"data", segments, 0, 0, protocol.KindData, 1},
		{"parity", 4, 4, segments, protocol.KindParity, frames},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := netsim.New(1, netsim.Path{})
				s, err := sender.New(sender.Config{FEC: sender.FECOff}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				p := prober{t, listen(t, n, viewer)}
				sent := map[uint32][][]byte{}
				buffer := make([]byte, 78_200)
				for i := range uint32(frames) {
					copy(buffer, picture(len(buffer), uint64(i)))
					if _, err := s.Send(protocol.Frame{JPEG: buffer}); err != nil {
						t.Fatal(err)
					}
					clear(buffer)
					sent[i] = p.segments()
					if len(sent[i]) != segments {
						t.Fatalf("frame %d came in %d datagrams", i, len(sent[i]))
					}
				}
				session := binary.BigEndian.Uint32(sent[0][0][4:]) >> 8
				for i := range c.asked {
					p.send(request(session, i, c.need, c.k))
					answer := p.segments()
					for _, b := range answer {
						if info, _ := protocol.Inspect(b); info.Kind != c.kind || !info.Repair {
							t.Fatalf("frame %d is answered by %+v", i, info)
						}
					}
					a := protocol.NewAssembler(protocol.AssemblerConfig{})
					for _, b := range append(sent[i][c.lost:], answer...) {
						a.Add(b, camera, time.Now())
					}
					a.Expire(time.Now().Add(time.Second)) // the stream has not been announced: it gets a name
					f, ok := a.Next()
					if !ok || !bytes.Equal(f.JPEG, picture(len(buffer), uint64(i))) {
						t.Errorf("frame %d is not the picture that was sent: %+v", i, a.Stats())
					}
				}
			})
		})
	}
}

// segments reads what has come, and returns the segments of frames in it.
func (p prober) segments() (segments [][]byte) {
	p.conn.SetReceiveDeadline(time.Now().Add(time.Millisecond))
	for {
		batches, err := p.conn.Receive()
		if err != nil {
			return segments
		}
		for _, t := range batches {
			for b := range t.All() {
				if info, err := protocol.Inspect(b); err == nil && info.Data > 0 {
					segments = append(segments, bytes.Clone(b))
				}
			}
		}
	}
}
