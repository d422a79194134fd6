package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// telephone returns a picture as telephones write it: it announces others behind it (Multi-Picture Format).
func telephone(pic []byte) []byte {
	return slices.Concat(pic[:2], []byte("\xFF\xE2\x00\x0CMPF\x00MM\x00*\x00\x00"), pic[2:])
}

func TestPhoto(t *testing.T) {
	pics := street(t)
	for _, tt := range []struct {
		name    string
		content [][]byte
		o       Options
		rate    int
	}{
		{"still", pics[:1], Options{}, 1},
		{"at 5 a second", pics[:1], Options{FPS: 5}, 5},
		{"looped", pics[:1], Options{Loop: true}, 30},
		{"looped at 10 a second", pics[:1], Options{Loop: true, FPS: 10}, 10},
		{"with a film behind it", [][]byte{pics[0], []byte("\x00\x00\x00\x20ftypmp42")}, Options{}, 1},
		{"with a second cut off", [][]byte{pics[0], pics[1][:1000]}, Options{}, 1},
		{"with a gain map behind it", [][]byte{telephone(pics[0]), pics[5]}, Options{}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := store(t, "a.jpg", tt.content...)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second-time.Millisecond)
				defer cancel()
				n := 0
				for f, err := range open(t, path, tt.o).Frames(ctx) {
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(f.JPEG, tt.content[0]) {
						t.Errorf("%d bytes that differ", len(f.JPEG))
					}
					n++
				}
				if n != 2*tt.rate {
					t.Errorf("%d frames in 2 s, want %d", n, 2*tt.rate)
				}
			})
		})
	}
}

func TestIsMultiPicture(t *testing.T) {
	pic := street(t)[4]
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
			if got := isMultiPicture(tt.jpeg); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// segments returns the marker segments in front of the first scan, read one by one.
func segments(jpeg []byte) (found [][]byte) {
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
		body := make([]byte, max(int(head.Length)-2, 0))
		n, _ := io.ReadFull(r, body)
		found = append(found, append([]byte{head.Marker}, body[:n]...))
		if head.Length < 2 {
			r.Seek(int64(head.Length)-2, 1)
		}
	}
}

func FuzzIsMultiPicture(f *testing.F) {
	pic := street(f)[4][:700]
	f.Add(pic)
	f.Add(telephone(pic))
	f.Add([]byte("\xFF\xD8\xFF\xE2\x00\x00MPF\x00"))
	f.Fuzz(func(t *testing.T, jpeg []byte) {
		want := slices.ContainsFunc(segments(jpeg), func(s []byte) bool { return bytes.HasPrefix(s, []byte("\xE2MPF\x00")) })
		if got := isMultiPicture(jpeg); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
