package main

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
)

// A progress is the number of frames up to some moment. Rates are over the time since the previous progress.
type progress struct {
	Time       time.Time `json:"time"`
	FPS        float64   `json:"fps"`
	Megabit    float64   `json:"mbit_s"` // of pictures, without headers
	Frames     uint64    `json:"frames"`
	FrameBytes uint64    `json:"frame_bytes"` // of pictures
}

func (p progress) String() string {
	return fmt.Sprintf("%.1f fps  %.1f Mbit/s  %s", p.FPS, p.Megabit, plural(p.Frames, "frame"))
}

// next returns the progress at a later time.
func (p progress) next(now time.Time, frames, bytes uint64) progress {
	n := progress{Time: now, Frames: frames, FrameBytes: bytes}
	if seconds := now.Sub(p.Time).Seconds(); seconds > 0 {
		n.FPS = round(float64(frames-p.Frames)/seconds, 2)
		n.Megabit = round(float64(bytes-p.FrameBytes)*8/1e6/seconds, 3)
	}
	return n
}

// round rounds to some decimal places, so that JSON has no digits that mean nothing.
func round(x float64, places int) float64 {
	scale := math.Pow10(places)
	return math.Round(x*scale) / scale
}

func milliseconds(d time.Duration) *float64 {
	ms := round(d.Seconds()*1000, 2)
	return &ms
}

// A tally counts by reason. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func (t *tally) count(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]uint64{}
	}
	t.counts[reason]++
}

// totals returns a copy of the counts, which is never nil.
func (t *tally) totals() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := map[string]uint64{}
	maps.Copy(counts, t.counts)
	return counts
}

// collected is what has come since the last status. It is safe for concurrent use.
type collected[T any] struct {
	mu   sync.Mutex
	list []T
}

func (c *collected[T]) note(value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, value)
}

// next returns what was noted since the last call.
func (c *collected[T]) next() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// counted makes one log attribute of counts by reason.
func counted(key string, counts map[string]uint64) slog.Attr {
	var attrs []any
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		attrs = append(attrs, slog.Uint64(reason, counts[reason]))
	}
	return slog.Group(key, attrs...)
}

func sum(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// plural is "1 frame" or "2 frames".
func plural[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// A rateCheck says once that a source does not reach the rate of --fps.
type rateCheck struct {
	asked float64 // 0 if no rate is asked for
	slow  int     // for how many seconds it has been slower
}

// rateAsked is the check of a command's flags. What is followed has no rate, only a highest one.
func rateAsked(c *cli.Context) rateCheck {
	if c.Bool("follow") {
		return rateCheck{}
	}
	return rateCheck{asked: c.Float64("fps")}
}

// note takes the rate of the last second.
func (r *rateCheck) note(log *slog.Logger, fps float64, attrs ...any) {
	const enough, seconds = 0.75, 5 // of what is asked for; for so long
	switch {
	case fps == 0 || fps >= enough*r.asked || r.asked < 1:
		r.slow = 0
	case r.slow < seconds:
		if r.slow++; r.slow == seconds {
			log.Warn("the source is slower than --fps asks for", append(attrs, "fps", round(fps, 1), "asked", r.asked)...)
			r.asked = 0
		}
	}
}
