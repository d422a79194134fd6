package web

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The page and the API say where a stream comes from, and what is down. Further metrics are in /metrics.
func TestPageOrigin(t *testing.T) {
	var down, hubDown atomic.Bool
	h := New(quiet(Config{
		Origin: func(stream string) (Origin, bool) {
			o := Origin{Site: "barn", Hub: "h1", RTT: 12 * time.Millisecond, Uncertainty: 3 * time.Millisecond}
			if down.Load() {
				o.Trouble = "nothing comes from site barn"
			}
			return o, stream == "door"
		},
		Trouble: func() string {
			if hubDown.Load() {
				return "there is no hub"
			}
			return ""
		},
		Metrics: func() []Metric {
			return []Metric{{Name: "hub_rtt_seconds", Help: "Round trip.", Value: 0.012, Labels: []string{"stream", "door"}}}
		},
	}))
	stop := playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 800)
	p.until("document.getElementById('facts').textContent.endsWith('from barn by h1')")
	p.until("document.getElementById('facts').title.includes('12.0 ms')")
	if b := body(t, ask(h, "GET", "/api/v1/streams")); !strings.Contains(
		b,
		`"origin":{"site":"barn","hub":"h1","rtt_ms":12,"uncertainty_ms":3}`,
	) {
		t.Error(b)
	}
	if got := value(scrape(t, h), "udpcam_hub_rtt_seconds", "stream=door"); got != 0.012 {
		t.Errorf("the metric is %v", got)
	}
	down.Store(true)
	stop()
	p.until("document.querySelector('.tile.quiet .notice')?.textContent.includes('nothing comes from site barn')")
	hubDown.Store(true)
	if b := body(t, ask(h, "GET", "/healthz")); !strings.Contains(b, `"error":"there is no hub"`) {
		t.Error(b)
	}
}
