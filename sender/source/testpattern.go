package source

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"udpcam/internal/pattern"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// What a test pattern is unless told otherwise.
const (
	testWidth  = 1280
	testHeight = 720
)

// testSettings says what may follow "test:?", for errors.
var testSettings = fmt.Sprintf(
	"it takes size=WIDTHxHEIGHT (%dx%d to %dx%d), fps=N (0.001 to %d) and quality=N (1 to 100)",
	pattern.MinWidth, pattern.MinHeight, pattern.MaxWidth, pattern.MaxHeight, maxFPS)

// A testPattern is a camera that nobody needs to plug in: it draws and encodes a moving picture as the time comes for
// each frame. Which frame it is and when it was drawn can be read back from the pixels, see [pattern.Read].
//
// Frame n is due n/fps seconds after the first, whenever the ones before it were taken, so that the rate does not
// drift. A caller that comes late gets the newest frame that is due, drawn at that moment, and the number says how many
// were left out, as the sequence number of a camera driver does.
type testPattern struct {
	o Options
}

// newTest returns the source for "test:" + rest, rest being empty or a query that overrides the options.
func newTest(rest string, o Options) (Source, error) {
	query, ok := strings.CutPrefix(rest, "?")
	if !ok && rest != "" {
		return nil, fmt.Errorf("%w: test:%s: a test pattern is test: or test:?…; %s", ErrName, rest, testSettings)
	}
	settings, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("%w: test:%s: %w; %s", ErrName, rest, err, testSettings)
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		values := settings[key]
		if len(values) > 1 {
			return nil, fmt.Errorf("%w: test:%s: %s is given %d times", ErrName, rest, key, len(values))
		}
		if !o.setTest(key, values[0]) {
			return nil, fmt.Errorf("%w: test:%s: %s=%s will not do; %s", ErrName, rest, key, values[0], testSettings)
		}
	}
	o.FPS = cmp.Or(o.FPS, defaultFPS)
	o.Size = cmp.Or(o.Size, image.Pt(testWidth, testHeight))
	o.Quality = cmp.Or(o.Quality, defaultQuality)
	if _, err := newOverlay(o.Text); err != nil {
		return nil, err
	}
	if err := pattern.CheckSize(o.Size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return &testPattern{o}, nil
}

// setTest sets one option to a value from a query. It reports false if there is no such option or value.
func (o *Options) setTest(key, value string) bool {
	var err error
	switch key {
	case "size":
		width, height, _ := strings.Cut(value, "x")
		if o.Size.X, err = strconv.Atoi(width); err == nil {
			o.Size.Y, err = strconv.Atoi(height)
		}
		return err == nil && pattern.CheckSize(o.Size) == nil
	case "fps":
		o.FPS, err = strconv.ParseFloat(value, 64)
		return err == nil && o.FPS != 0 && o.check(fps|size|quality) == nil
	case "quality":
		o.Quality, err = strconv.Atoi(value)
		return err == nil && o.Quality != 0 && o.check(fps|size|quality) == nil
	}
	return false
}

func (s *testPattern) OnDemand() bool { return true }

func (s *testPattern) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		caption := fmt.Sprintf("%dx%d\n%.6g fps\nquality %d", s.o.Size.X, s.o.Size.Y, s.o.FPS, s.o.Quality)
		p, err := pattern.New(s.o.Size, caption)
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		encoder := newJPEGEncoder(s.o)
		text, err := newOverlay(s.o.Text)
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		for n := range due(ctx, s.o.FPS) {
			mark := pattern.Mark{Number: n, Captured: time.Now().Truncate(time.Microsecond)}
			img := p.Draw(mark)
			text.draw(img, mark.Captured)
			picture, err := encoder.encode(img)
			if err != nil {
				yield(protocol.Frame{}, fmt.Errorf("test pattern: %w", err))
				return
			}
			if len(picture) > s.o.MaxFrameSize {
				s.o.Skip(string(mjpeg.Oversized))
				continue
			}
			if !yield(protocol.Frame{Captured: mark.Captured, JPEG: picture}.Immutable(), nil) {
				return
			}
		}
	}
}

// due yields the number of each frame when it is due, the first at once. Of several frames that became due while the
// caller was busy it yields the last only: what is drawn live need not catch up, as what is read from a file does (see
// schedule). Numbers wrap. It ends when ctx is done.
func due(ctx context.Context, fps float64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		start := time.Now()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for n := int64(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if ctx.Err() != nil || !yield(uint32(n)) {
				return
			}
			// A millionth of a frame's time makes up for the rounding of the times.
			n = max(n+1, int64(time.Since(start).Seconds()*fps+1e-6))
			timer.Reset(time.Duration(float64(n)/fps*float64(time.Second)) - time.Since(start))
		}
	}
}
