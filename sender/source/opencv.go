package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"udpcam/protocol"
)

// ErrNoOpenCV says that this program is built without OpenCV, and how to build it with it.
var ErrNoOpenCV = errors.New("opencv: needs OpenCV, and this program is built without it; on Debian: " +
	"apt-get install g++ pkg-config libopencv-dev && " +
	"go build -tags gocv,gocv_specific_modules,gocv_highgui,gocv_videoio ./cmd/udpcam; without it there is the source test")

const (
	// rereadPause follows a read that brought nothing: a camera that has been pulled out fails at once each time.
	rereadPause = 20 * time.Millisecond
	// closePatience is how long Frames waits at its end for the last read, so that it can close the camera. If the camera
	// gives pictures, that takes no longer than one frame.
	closePatience = time.Second
)

// A capture is an open cv::VideoCapture. Only one goroutine uses it.
type capture interface {
	// read waits for the next picture and returns it, encoded, and when it came. If there is neither a picture nor an
	// error, a recording has ended, or a camera had no picture.
	read() (jpeg []byte, at time.Time, err error)
	// recording reports whether it is a recording and not live, and its frame rate, 0 if it does not say.
	recording() (fps float64, ok bool)
	close()
}

// An openCV is a camera, recording, stream or pipeline that cv::VideoCapture opens.
//
// It is read in a goroutine of its own, because nothing ends a read of OpenCV that waits. A live source is read as fast as
// its pictures come, and the newest picture is yielded. A recording is read just before each frame is due.
type openCV struct {
	o    Options
	open func() (capture, error)
}

// newOpenCV returns the source for "opencv:" + rest: a camera's number, or anything else that cv::VideoCapture opens.
func newOpenCV(rest string, o Options) (Source, error) {
	if !HasOpenCV {
		return nil, ErrNoOpenCV
	}
	what, err := parseOpenCV(rest)
	if err != nil {
		return nil, err
	}
	if what.device && o.Loop {
		return nil, fmt.Errorf("%w: opencv:%s is a camera, which cannot be looped", ErrOption, rest)
	}
	o.Quality = cmp.Or(o.Quality, defaultQuality)
	return &openCV{o, func() (capture, error) { return openCapture(what, o) }}, nil
}

func (s *openCV) OnDemand() bool { return true }

func (s *openCV) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, s.o, s.play)
}

func (s *openCV) play(ctx context.Context, emit emitter) error {
	ctx, cancel := context.WithCancel(ctx)
	frames, ended := make(chan protocol.Frame, 1), make(chan error, 1)
	go func() {
		defer close(ended)
		defer close(frames)
		ended <- s.read(ctx, frames)
	}()
	defer func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(closePatience):
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return errStopped
		case f, ok := <-frames:
			if !ok {
				return <-ended
			}
			if err := emit(f); err != nil {
				return err
			}
		}
	}
}

// read opens the source and sends its frames until it ends or ctx is done.
func (s *openCV) read(ctx context.Context, frames chan protocol.Frame) error {
	var pace pacer
	for {
		c, err := s.open()
		if err != nil {
			return err
		}
		fps, recording := c.recording()
		if !recording {
			defer c.close()
			return s.follow(ctx, c, frames)
		}
		if pace.fps == 0 {
			pace = pacer{fps: cmp.Or(s.o.FPS, fps, defaultFPS), slack: catchUp}
		}
		n, err := s.playOnce(ctx, c, &pace, frames)
		c.close()
		if err != nil || n == 0 || !s.o.Loop {
			return err
		}
	}
}

// playOnce sends each frame of a recording when it is due, and returns how many there were.
func (s *openCV) playOnce(ctx context.Context, c capture, pace *pacer, frames chan<- protocol.Frame) (n int, err error) {
	for ; ; n++ {
		jpeg, _, err := c.read()
		if err != nil || jpeg == nil {
			return n, err
		}
		if _, err := pace.wait(ctx); err != nil {
			return n, err
		}
		select {
		case frames <- protocol.Frame{Captured: time.Now(), JPEG: jpeg}.Immutable():
		case <-ctx.Done():
			return n, errStopped
		}
	}
}

// follow sends the newest picture of a live source until it gives no more. If it gives more than asked for, some are left
// out: many cameras have only a few rates.
func (s *openCV) follow(ctx context.Context, c capture, frames chan protocol.Frame) error {
	thin := thinning{fps: s.o.FPS}
	last := time.Now()
	for ctx.Err() == nil {
		jpeg, at, err := c.read()
		switch {
		case err != nil:
			return err
		case jpeg == nil && time.Since(last) >= silence:
			return fmt.Errorf("the camera has given no picture for %v: is it still plugged in, or is its stream over?", silence)
		case jpeg == nil:
			time.Sleep(rereadPause)
			continue
		}
		last = at
		if !thin.wants(at) {
			continue
		}
		select {
		case <-frames: // not taken yet, and old now
		default:
		}
		frames <- protocol.Frame{Captured: at, JPEG: jpeg}.Immutable()
	}
	return nil
}

// A thinning chooses frames of a faster source, so that fps a second remain, evenly if possible. The zero value keeps all.
type thinning struct {
	fps float64
	due time.Time
}

// wants reports whether the frame captured then remains. A quarter of an interval makes up for a camera's jitter.
func (t *thinning) wants(captured time.Time) bool {
	if t.fps == 0 {
		return true
	}
	interval := time.Duration(float64(time.Second) / t.fps)
	early := t.due.Sub(captured)
	if early > interval/4 {
		return false
	}
	if early < -interval {
		t.due = captured // the first, or one behind a pause
	}
	t.due = t.due.Add(interval)
	return true
}
