package source

import (
	"context"
	"errors"
	"image"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeCapture gives pictures of one byte: their numbers.
type fakeCapture struct {
	fps      float64
	recorded bool
	interval time.Duration // between pictures, for a camera
	pictures int           // how many there are
	err      error         // of the read after the last picture
	closed   chan struct{}
	n        int
}

func (c *fakeCapture) read() ([]byte, time.Time, error) {
	time.Sleep(c.interval)
	if c.n >= c.pictures {
		return nil, time.Now(), c.err
	}
	c.n++
	return []byte{byte(c.n)}, time.Now(), nil
}

func (c *fakeCapture) recording() (float64, bool) { return c.fps, c.recorded }
func (c *fakeCapture) close()                     { close(c.closed) }

// played runs a source over fake captures, one for each time that it is opened, in simulated time. It returns the numbers
// of the pictures and when each was yielded, for at most a minute. It fails unless every capture is closed.
func played(t *testing.T, o Options, busy time.Duration, captures ...*fakeCapture) (numbers []int, at []time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		src := &openCV{o.withDefaults(), func() (capture, error) {
			if opened == len(captures) {
				return nil, errors.New("no more captures")
			}
			c := captures[opened]
			c.closed = make(chan struct{})
			opened++
			return c, nil
		}}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for f, e := range src.Frames(ctx) {
			if e != nil {
				err = e
				continue
			}
			numbers = append(numbers, int(f.JPEG[0]))
			at = append(at, time.Since(start))
			time.Sleep(busy)
		}
		for _, c := range captures[:opened] {
			select {
			case <-c.closed:
			default:
				t.Error("a capture is not closed")
			}
		}
	})
	return numbers, at, err
}

func TestOpenCVPlaysAFilmAtItsRate(t *testing.T) {
	for name, test := range map[string]struct {
		o    Options
		film fakeCapture
		want time.Duration // between the frames
	}{
		"its own":   {film: fakeCapture{fps: 25}, want: 40 * time.Millisecond},
		"asked for": {film: fakeCapture{fps: 25}, o: Options{FPS: 10}, want: 100 * time.Millisecond},
		"not known": {want: time.Second / 30},
		"slow":      {film: fakeCapture{fps: 0.5}, want: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			test.film.recorded, test.film.pictures = true, 10
			numbers, at, err := played(t, test.o, 0, &test.film)
			if err != nil || len(numbers) != 10 {
				t.Fatalf("%d frames of 10, %v", len(numbers), err)
			}
			if d := at[9] - 9*test.want; d.Abs() > time.Millisecond {
				t.Errorf("the tenth frame came at %v, want %v", at[9], 9*test.want)
			}
		})
	}
}

func TestOpenCVLoopsAFilm(t *testing.T) {
	film := func() *fakeCapture { return &fakeCapture{recorded: true, fps: 25, pictures: 2} }
	empty := film()
	empty.pictures = 0
	numbers, at, err := played(t, Options{Loop: true}, 0, film(), film(), film(), empty)
	if err != nil || len(numbers) != 6 {
		t.Fatalf("%v, %v", numbers, err)
	}
	if at[5] != 200*time.Millisecond {
		t.Errorf("the sixth frame came at %v: not at the film's rate", at[5])
	}
}

func TestOpenCVYieldsACamerasNewestPicture(t *testing.T) {
	camera := &fakeCapture{interval: 10 * time.Millisecond, pictures: 100}
	numbers, _, _ := played(t, Options{}, 95*time.Millisecond, camera)
	for i := 1; i < len(numbers); i++ {
		if gap := numbers[i] - numbers[i-1]; gap < 9 && numbers[i] != 100 {
			t.Errorf("a caller that is busy for 95 ms got picture %d behind %d", numbers[i], numbers[i-1])
		}
	}
	if numbers[len(numbers)-1] != 100 {
		t.Errorf("the last picture of 100 was %d", numbers[len(numbers)-1])
	}
}

func TestOpenCVThinsOut(t *testing.T) {
	for _, test := range []struct {
		asked  float64
		frames int // how many of 300 pictures, at 30 a second
	}{
		{0, 300}, {60, 300}, {30, 300}, {29.97, 300}, {25, 250}, {15, 150}, {10, 100}, {1, 10},
	} {
		camera := &fakeCapture{interval: time.Second / 30, pictures: 300}
		numbers, _, _ := played(t, Options{FPS: test.asked}, 0, camera)
		if d := len(numbers) - test.frames; max(d, -d) > 1 {
			t.Errorf("%v frames a second: %d of 300, want %d", test.asked, len(numbers), test.frames)
		}
	}
}

func TestOpenCVGivesUpASilentCamera(t *testing.T) {
	camera := &fakeCapture{interval: 10 * time.Millisecond, pictures: 5}
	numbers, _, err := played(t, Options{}, 0, camera)
	if len(numbers) != 5 || err == nil || !strings.Contains(err.Error(), "plugged in") {
		t.Errorf("%d frames and then %v", len(numbers), err)
	}
	broken := errors.New("broken")
	if _, _, err := played(t, Options{}, 0, &fakeCapture{err: broken}); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

func TestOpenCVSkipsWhatIsTooLarge(t *testing.T) {
	skipped := 0
	o := Options{MaxFrameSize: 0, Skip: func(string) { skipped++ }}.withDefaults()
	o.MaxFrameSize = -1
	if numbers, _, err := played(t, o, 0, &fakeCapture{recorded: true, pictures: 5}); len(numbers) != 0 || err != nil || skipped != 5 {
		t.Errorf("%v, %v, %d skipped", numbers, err, skipped)
	}
}

// TestOpenCVEndsWhileItWaits ends a source whose read hangs, as when a camera falls silent.
func TestOpenCVEndsWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera := &fakeCapture{interval: time.Hour, closed: make(chan struct{})}
		src := &openCV{Options{}.withDefaults(), func() (capture, error) { return camera, nil }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		for range src.Frames(ctx) {
			t.Error("a frame or error of a camera that has none")
		}
		if d := time.Since(start); d != time.Second+closePatience {
			t.Errorf("it ended after %v", d)
		}
		<-camera.closed
	})
}

func TestOpenCVNames(t *testing.T) {
	for text, want := range map[string]struct {
		device bool
		err    error
		says   string
	}{
		"":                           {err: ErrName, says: "opencv:0"},
		"-1":                         {err: ErrName, says: "from 0"},
		"987":                        {device: true, err: os.ErrNotExist, says: "no camera opencv:987"},
		"/dev/video987":              {device: true, err: os.ErrNotExist, says: "/dev/video987"},
		"nowhere.avi":                {err: os.ErrNotExist, says: "nowhere.avi"},
		"opencv_test.go":             {},
		"rtsp://user:pw@host/stream": {},
		"videotestsrc ! appsink":     {},
		"frames/%05d.png":            {},
	} {
		name, err := parseOpenCV(text)
		if text == "987" && name.path == "" {
			continue // cameras are no files here
		}
		if !errors.Is(err, want.err) || err != nil && !strings.Contains(err.Error(), want.says) || name.device != want.device {
			t.Errorf("%q: device %v, %v", text, name.device, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has several lines: %v", text, err)
		}
	}
	if name, _ := parseOpenCV("rtsp://user:pw@host/"); strings.Contains(name.String(), "pw") {
		t.Errorf("%v shows a password", name)
	}
}

func TestOpenCVIsOneOfTheSources(t *testing.T) {
	_, err := Open("opencv:0", Options{Size: image.Pt(640, 480)})
	if !HasOpenCV {
		if !errors.Is(err, ErrNoOpenCV) {
			t.Errorf("%v, want %v", err, ErrNoOpenCV)
		}
		if OpenCVVersion() != "" {
			t.Errorf("OpenCV %s, in a build without", OpenCVVersion())
		}
	}
}
