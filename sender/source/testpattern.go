package source

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"udpcam/internal/pattern"
	"udpcam/protocol"
)

// testSettings says what may follow "test:?", for errors.
var testSettings = fmt.Sprintf(
	"it takes size=WIDTHxHEIGHT (%dx%d to %dx%d), fps=N (0.001 to %d) and quality=N (1 to 100)",
	pattern.MinWidth, pattern.MinHeight, pattern.MaxWidth, pattern.MaxHeight, maxFPS)

// A testPattern is a simulated camera. It draws and encodes a moving picture when each frame is due. A frame's number and
// time can be read back from its pixels: see [pattern.Read]. A caller that comes late gets the newest frame that is due,
// drawn at that moment. The numbers show how many were left out.
type testPattern struct {
	o Options
}

// newTest returns the source for "test:" + rest: nothing, or a query that overrides the options.
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
			return nil, fmt.Errorf("%w: test:%s: %s=%s is not possible; %s", ErrName, rest, key, values[0], testSettings)
		}
	}
	o.FPS = cmp.Or(o.FPS, defaultFPS)
	o.Size = cmp.Or(o.Size, defaultSize)
	o.Quality = cmp.Or(o.Quality, defaultQuality)
	if err := pattern.CheckSize(o.Size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return &testPattern{o}, nil
}

// setTest sets one option to a value from a query. It reports false if there is no such option or value.
func (o *Options) setTest(key, value string) bool {
	var err error
	given := false
	switch key {
	case "size":
		width, height, _ := strings.Cut(value, "x")
		if o.Size.X, err = strconv.Atoi(width); err == nil {
			o.Size.Y, err = strconv.Atoi(height)
		}
		given = pattern.CheckSize(o.Size) == nil
	case "fps":
		o.FPS, err = strconv.ParseFloat(value, 64)
		given = o.FPS != 0
	case "quality":
		o.Quality, err = strconv.Atoi(value)
		given = o.Quality != 0
	}
	return err == nil && given && o.check(fps|size|quality) == nil
}

func (s *testPattern) OnDemand() bool { return true }

func (s *testPattern) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, s.o, s.play)
}

func (s *testPattern) play(ctx context.Context, emit emitter) error {
	caption := fmt.Sprintf("%dx%d\n%.6g fps\nquality %d", s.o.Size.X, s.o.Size.Y, s.o.FPS, s.o.Quality)
	p, err := pattern.New(s.o.Size, caption)
	if err != nil {
		return err
	}
	encoder := newJPEGEncoder(s.o)
	for pace := (pacer{fps: s.o.FPS}); ; {
		n, err := pace.wait(ctx)
		if err != nil {
			return err
		}
		mark := pattern.Mark{Number: uint32(n), Captured: time.Now().Truncate(time.Microsecond)} // the number wraps
		picture, err := encoder.encode(p.Draw(mark), mark.Captured)
		if err != nil {
			return fmt.Errorf("test pattern: %w", err)
		}
		if err := emit(protocol.Frame{Captured: mark.Captured, JPEG: picture}.Immutable()); err != nil {
			return err
		}
	}
}
