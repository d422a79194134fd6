package web

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// A message with any bytes is either understood or refused.
func FuzzPageMessage(f *testing.F) {
	f.Add([]byte{messageTaken, 0, 0, 0, 0, 0, 0, 7, 0, 0, 1, 0})
	f.Add([]byte{messageClock, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{messageRate, 0, 0, 10})
	f.Add([]byte{messageWay, 1, 0, 10, 0, 1, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pageMessage
		var err error
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}, func() { m, err = parsePageMessage(b) })
		if err != nil {
			return
		}
		want := map[byte]int{messageTaken: 12, messageClock: 16, messageRate: 4, messageWay: 8}[m.kind]
		if len(b) != want || m.held < 0 || m.rate < 0 || m.kind != messageTaken && m.number != 0 {
			t.Errorf("%x is %+v", b, m)
		}
	})
}

// The frame's header says how long the message is, in each of the three ways of RFC 6455.
func TestPictureMessage(t *testing.T) {
	for _, size := range []int{1, 101, 102, 60_000, 65_511, 65_512, 1 << 20} {
		b := appendPictureMessage(nil, 7, epoch, epoch.Add(time.Second), size)
		frame, header := b[:len(b)-pictureHeaderSize], b[len(b)-pictureHeaderSize:]
		if frame[0] != 0x82 {
			t.Errorf("%d bytes: the frame begins %x", size, frame)
		}
		length := uint64(frame[1])
		switch length {
		case 126:
			length = uint64(binary.BigEndian.Uint16(frame[2:]))
		case 127:
			length = binary.BigEndian.Uint64(frame[2:])
		}
		if length != uint64(pictureHeaderSize+size) {
			t.Errorf("%d bytes: the frame says %d", size, length)
		}
		want := []byte{1, 0, 0, 24, 0, 0, 0, 7}
		want = binary.BigEndian.AppendUint64(want, uint64(epoch.UnixMicro()))
		want = binary.BigEndian.AppendUint64(want, uint64(epoch.Add(time.Second).UnixMicro()))
		if !bytes.Equal(header, want) {
			t.Errorf("%d bytes: %x, want %x", size, header, want)
		}
	}
}
