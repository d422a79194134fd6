package source

import (
	"bytes"
	"context"
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
