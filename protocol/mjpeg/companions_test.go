package mjpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"udpcam/internal/fuzzcost"
)

// telephone returns a picture as telephones write it: it announces others behind it (Multi-Picture Format).
func telephone(pic []byte) []byte {
	return slices.Concat(pic[:2], []byte("\xFF\xE2\x00\x0CMPF\x00MM\x00*\x00\x00"), pic[2:])
}

func TestHasCompanions(t *testing.T) {
	pic := streetPictures(t)[4]
	for i, tt := range []struct {
		jpeg []byte
		want bool
	}{
		{pic, false},
		{telephone(pic), true},
		{slices.Concat(pic[:2], []byte("\xFF\xE2\x00\x06ICC\x00"), pic[2:]), false},
		{slices.Concat(pic[:2], []byte("\xFF\xFE\x00\x0A\xFF\xE2\x00\x08MPF\x00"), pic[2:]), false}, // a comment
		{telephone(pic)[:8], false},
		{[]byte("\xFF\xD8\xFF\xE1\xFF\xFF"), false},
		{nil, false},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if got := HasCompanions(tt.jpeg); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// segmentsPlainly returns the marker segments in front of the first scan, read one by one.
func segmentsPlainly(jpeg []byte) (found [][]byte) {
	r := bytes.NewReader(jpeg)
	r.Seek(2, 0)
	for {
		var head struct {
			FF, Marker byte
			Length     uint16
		}
		if binary.Read(r, binary.BigEndian, &head) != nil || head.FF != 0xFF || head.Marker == 0xDA {
			return found
		}
		if head.Marker == 0xFF {
			r.Seek(-3, io.SeekCurrent)
			continue
		}
		body := make([]byte, max(int(head.Length)-2, 0))
		if _, err := io.ReadFull(r, body); err != nil || head.Length < 2 {
			return found
		}
		found = append(found, append([]byte{head.Marker}, body...))
	}
}

func FuzzHasCompanions(f *testing.F) {
	pic := streetPictures(f)[4][:700]
	f.Add(pic)
	f.Add(telephone(pic))
	f.Add([]byte("\xFF\xD8\xFF\xE2\x00\x00MPF\x00"))
	f.Fuzz(func(t *testing.T, jpeg []byte) {
		want := slices.ContainsFunc(segmentsPlainly(jpeg), func(s []byte) bool { return bytes.HasPrefix(s, []byte("\xE2MPF\x00")) })
		var got bool
		fuzzcost.Check(t, linear(jpeg, 0), func() { got = HasCompanions(jpeg) })
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
