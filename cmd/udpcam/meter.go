package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// A meter makes rates of totals: frames and bytes a second since it was last read.
type meter struct {
	at            time.Time // when it was last read, or began
	frames, bytes uint64
}

// A rate is how much there was in a second.
type rate struct {
	FPS     float64 `json:"fps"`
	Megabit float64 `json:"mbit_s"` // of pictures, without headers
}

func (r rate) String() string { return fmt.Sprintf("%.1f fps  %.1f Mbit/s", r.FPS, r.Megabit) }

func (m *meter) read(frames, bytes uint64, now time.Time) (r rate) {
	if seconds := now.Sub(m.at).Seconds(); seconds > 0 {
		r.FPS = round(float64(frames-m.frames)/seconds, 2)
		r.Megabit = round(float64(bytes-m.bytes)*8/1e6/seconds, 3)
	}
	*m = meter{now, frames, bytes}
	return r
}

// round rounds to some decimal places, so that JSON does not show digits that mean nothing.
func round(x float64, places int) float64 {
	scale := math.Pow10(places)
	return math.Round(x*scale) / scale
}

// A tally counts by reason. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func (t *tally) add(reason string) {
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

// A complaint logs counts that grow: one line for each reason, with how much was added since the last time. Called once
// a second, it keeps a flood of bad input from becoming a flood of lines.
type complaint struct {
	message string
	key     string   // what a reason is called
	quiet   []string // reasons that are no trouble, and only worth a debug line
	before  map[string]uint64
}

// skipMessage is what is said of pictures that a source or a sink skips.
const skipMessage = "pictures left out"

func (c *complaint) log(log *slog.Logger, counts map[string]uint64) {
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		added := counts[reason] - c.before[reason]
		if added == 0 {
			continue
		}
		level := slog.LevelWarn
		if slices.Contains(c.quiet, reason) {
			level = slog.LevelDebug
		}
		log.Log(context.Background(), level, c.message, c.key, reason, "count", added)
	}
	c.before = counts
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

// count is a number of things for people.
func count[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
