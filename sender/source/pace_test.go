package source

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacerDoesNotDrift(t *testing.T) {
	for _, fps := range []float64{0.001, 7, 24, 29.97, 30, 60, 144, 1000} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			pace := pacer{fps: fps}
			for want := range int64(50_000) {
				n, err := pace.wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n != want {
					t.Fatalf("%v fps: frame %d came in place of %d", fps, n, want)
				}
				ideal := float64(n) / fps
				if late := time.Since(start).Seconds() - ideal; max(late, -late) > 1e-6 {
					t.Fatalf("%v fps: frame %d came %v s late", fps, n, late)
				}
			}
		})
	}
}

// A slow caller gets the newest frame that is due, and no frame twice. When it is fast again, it is on time at once.
func TestPacerSkips(t *testing.T) {
	const interval = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		work := []time.Duration{0, 99, 100, 150, 0, 0, 250, 0, 1000, 0} // Milliseconds spent on each frame.
		type event struct {
			n  int64
			at time.Duration // Milliseconds since the start.
		}
		want := []event{
			{0, 0}, {1, 100}, {2, 200}, {3, 300}, {4, 450}, {5, 500}, {6, 600}, {8, 850}, {9, 900}, {19, 1900},
		}
		var got []event
		start := time.Now()
		pace := pacer{fps: float64(time.Second / interval)}
		for i := range want {
			n, err := pace.wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, event{n, time.Since(start) / time.Millisecond})
			time.Sleep(work[i] * time.Millisecond)
		}
		if !slices.Equal(got, want) {
			t.Errorf("frames and times\n%v, want\n%v", got, want)
		}
	})
}

func TestPacerEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		start, pace := time.Now(), pacer{fps: 1}
		_, first := pace.wait(ctx)
		_, second := pace.wait(ctx)
		if took := time.Since(start); first != nil || second != errStopped || took != 5*time.Millisecond {
			t.Errorf("%v and %v after %v", first, second, took)
		}
		if _, err := pace.wait(ctx); err != errStopped {
			t.Errorf("%v after the end", err)
		}
	})
}

// A caller that is late by no more than slack gets every frame until it has caught up. A caller that is later misses
// frames.
func TestPacerCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := pacer{fps: 10, slack: time.Second}
		for _, step := range []struct {
			late time.Duration
			want int64
		}{{0, 0}, {time.Second, 1}, {0, 2}, {0, 3}, {2 * time.Second, 30}, {0, 31}} {
			time.Sleep(step.late)
			if n, err := pace.wait(t.Context()); n != step.want || err != nil {
				t.Errorf("frame %d, %v, want %d", n, err, step.want)
			}
		}
	})
}
