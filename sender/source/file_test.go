package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol/mjpeg"
)

// store writes a file and returns its path.
func store(t *testing.T, name string, content ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, bytes.Join(content, nil), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// savedStream is what curl saves of an MJPEG stream.
func savedStream(pics ...[]byte) []byte {
	b := []byte(mjpeg.BoundaryLine)
	for _, pic := range pics {
		b = mjpeg.AppendPartHeader(b, len(pic), time.Unix(1e9, 0))
		b = append(b, pic...)
		b = append(b, mjpeg.PartEnd...)
	}
	return b
}

func TestFilm(t *testing.T) {
	pics := street(t)
	for name, content := range map[string][]byte{
		"bare":      bytes.Join(pics, nil),
		"multipart": savedStream(pics...),
		"with junk": bytes.Join(pics, []byte("RIFF chunk: \x00\x01")),
	} {
		t.Run(name, func(t *testing.T) {
			path := store(t, "film.mjpg", content)
			synctest.Test(t, func(t *testing.T) {
				equal(t, collect(t, open(t, path, Options{}), -1), pics...)
				frames := collect(t, open(t, path, Options{Loop: true}), 20)
				equal(t, frames, append(append(pics, pics...), pics[:4]...)...)
			})
		})
	}
}

func TestFilmPace(t *testing.T) {
	path := store(t, "film.mjpg", street(t)...)
	for _, tt := range []struct {
		o    Options
		rate float64
	}{
		{Options{Loop: true}, 30},
		{Options{Loop: true, FPS: 29.97}, 29.97},
		{Options{Loop: true, FPS: 0.5}, 0.5},
		{Options{Loop: true, FPS: 1000}, 1000},
	} {
		t.Run(fmt.Sprint(tt.rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				const n = 300
				for i, f := range collect(t, open(t, path, tt.o), n) {
					due := time.Duration(float64(i) / tt.rate * 1e9)
					if got := f.Captured.Sub(start); got != due {
						t.Fatalf("frame %d at %v, want %v", i, got, due)
					}
				}
			})
		})
	}
}

// A caller that is late gets every frame, and is soon back on schedule. A caller that was away for long does not get a
// flood of old frames.
func TestFilmSlowCaller(t *testing.T) {
	path := store(t, "film.mjpg", street(t)...)
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		for f := range open(t, path, Options{Loop: true, FPS: 10}).Frames(t.Context()) {
			at = append(at, f.Captured.Sub(start)/time.Millisecond)
			switch len(at) {
			case 2:
				time.Sleep(350 * time.Millisecond)
			case 8:
				time.Sleep(10 * time.Second)
			}
			if len(at) == 11 {
				break
			}
		}
		want := "[0 100 450 450 450 500 600 700 10700 10800 10900]"
		if got := fmt.Sprint(asInts(at)); got != want {
			t.Errorf("frames at %s ms, want %s", got, want)
		}
	})
}

func asInts(d []time.Duration) (n []int) {
	for _, d := range d {
		n = append(n, int(d))
	}
	return n
}

func TestFilmCancel(t *testing.T) {
	path := store(t, "film.mjpg", street(t)...)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		n := 0
		for _, err := range open(t, path, Options{Loop: true, FPS: 10}).Frames(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d frames in 250 ms at 10 a second, want 3", n)
		}
	})
}

// A file may change between Open and Frames.
func TestFilmGone(t *testing.T) {
	path := store(t, "film.mjpg", street(t)...)
	src := open(t, path, Options{Loop: true})
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if err := failure(src); !errors.Is(err, ErrNoJPEG) {
		t.Errorf("error %v, want %v", err, ErrNoJPEG)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := failure(src); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// A file that is looped may be away for a while, or half written, and another may take its place.
func TestFilmReplaced(t *testing.T) {
	pics := street(t)
	path := store(t, "film.mjpg", pics[:2]...)
	put := func(content ...[]byte) {
		if err := os.WriteFile(path, bytes.Join(content, nil), 0o644); err != nil {
			t.Error(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var frames [][]byte
		for f, err := range open(t, path, Options{Loop: true}).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if frames = append(frames, bytes.Clone(f.JPEG)); len(frames) == 6 {
				break
			}
			switch len(frames) {
			case 2:
				os.Remove(path)
				time.AfterFunc(10*time.Second, func() { put(pics[3][:1000]) })
				time.AfterFunc(20*time.Second, func() { put(pics[4], pics[5]) })
			case 4:
				put(pics[6], pics[7])
			}
		}
		if want := [][]byte{pics[0], pics[1], pics[4], pics[5], pics[6], pics[7]}; !slices.EqualFunc(frames, want, bytes.Equal) {
			t.Error("other pictures than those that were there")
		}
	})
}

// A photo that another program replaces is shown as soon as it is whole. Until then, and while it is away, the last is.
func TestPhotoReplaced(t *testing.T) {
	pics := street(t)
	path := store(t, "latest.jpg", pics[0])
	synctest.Test(t, func(t *testing.T) {
		skipped := skips{}
		n := 0
		for f, err := range open(t, path, Options{Skip: skipped.add}).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := []int{0, 0, 0, 0, 1}[n]; !bytes.Equal(f.JPEG, pics[want]) {
				t.Errorf("picture %d is not number %d", n, want)
			}
			switch n++; n {
			case 1:
				os.Remove(path)
			case 2:
				os.WriteFile(path, nil, 0o644)
			case 3:
				os.WriteFile(path, pics[1][:5000], 0o644)
			case 4:
				os.WriteFile(path, pics[1], 0o644)
			}
			if n == 5 {
				break
			}
		}
		if len(skipped.n) > 0 {
			t.Errorf("%v were left out", skipped.n)
		}
	})
}

// A file whose last picture is cut off says so, also if only one is whole. One with nothing else is refused.
func TestFilmCutOff(t *testing.T) {
	pics := street(t)
	path := store(t, "cut.mjpg", pics[4], pics[5], pics[6], pics[7][:3000])
	skipped := skips{}
	equal(t, collect(t, open(t, path, Options{FPS: 100, Skip: skipped.add}), -1), pics[4:7]...)
	if got := fmt.Sprint(skipped.n); got != "map[truncated:1]" {
		t.Errorf("left out %s", got)
	}
	_, err := Open(path, Options{MaxFrameSize: 1000})
	if !errors.Is(err, ErrNoJPEG) || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("pictures that are too large: %v", err)
	}
	log := logged{}
	equal(t, collect(t, open(t, store(t, "cut.mjpg", pics[4], pics[5][:3000]), Options{Log: log.logger()}), 1), pics[4])
	if !strings.Contains(log.String(), "cut off") {
		t.Errorf("a second picture that is cut off: logged %q", log.String())
	}
	_, err = Open(store(t, "cut.mjpg", pics[0][:3000]), Options{})
	if !errors.Is(err, ErrNoJPEG) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("nothing but a piece of a picture: %v", err)
	}
}
