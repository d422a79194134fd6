package source

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/pattern"
)

func TestNewTest(t *testing.T) {
	for _, tt := range []struct {
		rest    string
		o       Options
		size    image.Point
		fps     float64
		quality int
	}{
		{"", Options{}, image.Pt(1280, 720), 30, 80},
		{"?", Options{}, image.Pt(1280, 720), 30, 80},
		{"?size=640x480", Options{}, image.Pt(640, 480), 30, 80},
		{"?fps=29.97&quality=95", Options{}, image.Pt(1280, 720), 29.97, 95},
		{"", Options{FPS: 5, Size: image.Pt(320, 240), Quality: 1}, image.Pt(320, 240), 5, 1},
		{"?fps=60", Options{FPS: 5, Size: image.Pt(320, 240), Quality: 1}, image.Pt(320, 240), 60, 1},
		{"?fps=1000&size=8192x8192&quality=100", Options{}, image.Pt(8192, 8192), 1000, 100},
	} {
		s := open(t, "test:"+tt.rest, tt.o)
		if o := s.(*testPattern).o; o.Size != tt.size || o.FPS != tt.fps || o.Quality != tt.quality {
			t.Errorf("test:%s with %+v is %v, %v fps, quality %v", tt.rest, tt.o, o.Size, o.FPS, o.Quality)
		}
		if !s.OnDemand() {
			t.Error("it cannot be opened on demand")
		}
	}
}

func TestNewTestErrors(t *testing.T) {
	for rest, mention := range map[string]string{
		"640x480":            "640x480",
		"size=640x480":       "size=640x480",
		"?colour=red":        "colour=red",
		"?size":              "size=",
		"?size=640":          "size=640 ",
		"?size=640x":         "640x",
		"?size=640x480x3":    "640x480x3",
		"?size=-640x-480":    "-640x-480",
		"?size=159x120":      "160x120",
		"?size=160x8193":     "8192x8192",
		"?fps=0":             "fps=0",
		"?fps=-1":            "0.001 to 1000",
		"?fps=1001":          "0.001 to 1000",
		"?fps=NaN":           "NaN",
		"?fps=Inf":           "Inf",
		"?fps=fast":          "fast",
		"?quality=0":         "1 to 100",
		"?quality=101":       "1 to 100",
		"?quality=80%25":     "80%",
		"?fps=25&fps=30":     "2 times",
		"?fps=25;quality=30": ";",
		"?%zz":               "%zz",
	} {
		_, err := newTest(rest, Options{}.withDefaults())
		if !errors.Is(err, ErrName) {
			t.Errorf("test:%s: %v", rest, err)
		} else if !strings.Contains(err.Error(), mention) || strings.Contains(err.Error(), "\n") {
			t.Errorf("test:%s: the error is not one line that mentions %q: %v", rest, mention, err)
		}
	}
	if _, err := newTest("", Options{Size: image.Pt(100, 100)}.withDefaults()); !errors.Is(err, ErrOption) {
		t.Errorf("a size that is too small as an option: %v", err)
	}
}

func TestTestFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frames := collect(t, open(t, "test:?size=320x240&fps=25&quality=30", Options{}), 10)
		for i, f := range frames {
			img, err := jpeg.Decode(bytes.NewReader(f.JPEG))
			if err != nil {
				t.Fatal(err)
			}
			if img.Bounds() != image.Rect(0, 0, 320, 240) {
				t.Errorf("frame %d is %v", i, img.Bounds())
			}
			mark, err := pattern.Read(img)
			if err != nil {
				t.Fatal(err)
			}
			if mark.Number != uint32(i) || !mark.Captured.Equal(f.Captured) {
				t.Errorf("frame %d of %v says that it is %d of %v", i, f.Captured, mark.Number, mark.Captured)
			}
			if want := frames[0].Captured.Add(time.Duration(i) * 40 * time.Millisecond); !f.Captured.Equal(want) {
				t.Errorf("frame %d was captured at %v, not at %v", i, f.Captured, want)
			}
			if f.ID != 0 || f.Stream != "" {
				t.Errorf("frame %d has ID %d and stream %q", i, f.ID, f.Stream)
			}
		}
	})
}

// Every iteration begins anew, with frame 0 at once.
func TestTestOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "test:?size=160x120", Options{})
		for range 2 {
			time.Sleep(time.Hour)
			now := time.Now()
			f := collect(t, s, 2)[0]
			img, _ := jpeg.Decode(bytes.NewReader(f.JPEG))
			if mark, err := pattern.Read(img); err != nil || mark.Number != 0 || !mark.Captured.Equal(now.Truncate(time.Microsecond)) {
				t.Errorf("at %v: %v, %v", now, mark, err)
			}
		}
	})
}

func TestTestOversized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var skipped []string
		skip := func(reason string) {
			if skipped = append(skipped, reason); len(skipped) == 3 {
				cancel()
			}
		}
		s := open(t, "test:?size=160x120", Options{MaxFrameSize: 100, Skip: skip})
		for f, err := range s.Frames(ctx) {
			t.Fatalf("a frame of %d bytes, %v", len(f.JPEG), err)
		}
		if !slices.Equal(skipped, []string{"oversized", "oversized", "oversized"}) {
			t.Errorf("skipped %q", skipped)
		}
	})
}

func BenchmarkTestFrame(b *testing.B) {
	for _, size := range []image.Point{{1280, 720}, {1920, 1080}} {
		p, err := pattern.New(size, "")
		if err != nil {
			b.Fatal(err)
		}
		encoder := newJPEGEncoder(Options{Quality: defaultQuality}.withDefaults())
		b.Run(size.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encoder.encode(p.Draw(pattern.Mark{Captured: time.Now()}), time.Now()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(encoder.last), "B/frame")
		})
	}
}
