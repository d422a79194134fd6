package source

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestQualityDial(t *testing.T) {
	carries := 1.0
	d := newQualityDial(Options{Quality: 80, Pressure: func() float64 { return carries }})
	frames := func(n int) (last int) {
		for range n {
			last = d.next()
		}
		return last
	}
	for _, step := range []struct {
		carries float64
		frames  int
		want    int
	}{
		{1, 100, 80},    // all is carried
		{0.75, 10, 65},  // less, for ten frames
		{1, 10, 66},     // the smaller frames fit
		{1, 1000, 80},   // after long, the wanted quality
		{0.1, 1000, 20}, // hopeless
	} {
		carries = step.carries
		if got := frames(step.frames); got != step.want {
			t.Errorf("after %d frames at %v the quality is %d, want %d", step.frames, step.carries, got, step.want)
		}
	}
	low := newQualityDial(Options{Quality: 5, Pressure: func() float64 { return 0 }})
	if got := low.next(); got != 5 {
		t.Errorf("a quality of 5 became %d", got)
	}
	if got := newQualityDial(Options{Quality: 80}).next(); got != 80 {
		t.Errorf("without pressure the quality is %d", got)
	}
}

// If the network carries less than the test pattern makes, the frames get smaller.
func TestTestPatternUnderPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, err := Open("test:?size=320x240", Options{Pressure: func() float64 { return 0.5 }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var sizes []int
		for f, err := range src.Frames(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if sizes = append(sizes, len(f.JPEG)); len(sizes) == 50 {
				break
			}
		}
		if first, last := sizes[0], sizes[len(sizes)-1]; last > first*2/3 {
			t.Errorf("frames went from %d bytes to %d only", first, last)
		}
	})
}
