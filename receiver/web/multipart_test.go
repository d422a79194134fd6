package web

import (
	"strconv"
	"testing"
	"time"
)

// The extra headers are those of ustreamer, and the times in them are in order.
func TestExtraHeaders(t *testing.T) {
	h := New(quiet(Config{}))
	c := watch(t, serve(t, h), "/stream?extra_headers=1")
	for range 2 {
		captured := time.Now().Add(-time.Second)
		f := frame(0, picture(t, 1))
		f.Captured = captured
		h.Put(f)
		header, jpeg, err := c.next()
		if err != nil || len(jpeg) != len(f.JPEG) {
			t.Fatal(len(jpeg), err)
		}
		for name, want := range map[string]string{"Online": "true", "Width": "768", "Height": "576", "Client-Fps": "0"} {
			if got := header.Get("X-UStreamer-" + name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		last := float64(captured.UnixMicro()-1) / 1e6
		for _, name := range []string{"Grab-Begin-Time", "Grab-End-Time", "Encode-Begin-Time", "Encode-End-Time",
			"Expose-Begin-Time", "Expose-End-Time", "Send-Time"} {
			at, err := strconv.ParseFloat(header.Get("X-UStreamer-"+name), 64)
			if err != nil || at < last-1e-6 {
				t.Errorf("%s is %q after %f: %v", name, header.Get("X-UStreamer-"+name), last, err)
			}
			last = at
		}
		if latency, err := strconv.ParseFloat(header.Get("X-UStreamer-Send-Latency"), 64); err != nil || latency < 1 || latency > 1+hang.Seconds() {
			t.Errorf("Send-Latency is %q", header.Get("X-UStreamer-Send-Latency"))
		}
	}
}
