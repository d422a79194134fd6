package web

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape asks for /metrics as Prometheus does, and reads the answer with its parser.
func scrape(t *testing.T, h *Server) map[string]*dto.MetricFamily {
	t.Helper()
	r := ask(h, "GET", "/metrics")
	if r.StatusCode != 200 {
		t.Fatal(r.Status, body(t, r))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value returns the value of a metric whose labels are given as "name=value".
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		have := ""
		for _, l := range m.Label {
			have += l.GetName() + "=" + l.GetValue() + " "
		}
		for _, l := range labels {
			if !strings.Contains(have, l+" ") {
				have = ""
			}
		}
		if have == "" && len(labels) > 0 {
			continue
		}
		switch {
		case m.Counter != nil:
			return m.Counter.GetValue()
		case m.Gauge != nil:
			return m.Gauge.GetValue()
		case m.Histogram != nil:
			return float64(m.Histogram.GetSampleCount())
		}
	}
	return -1
}

func TestMetrics(t *testing.T) {
	h := New(quiet(Config{}))
	h.ReceiveFrom(lossy{})
	addr := serve(t, h)
	jpeg := picture(t, 5)
	c := watch(t, addr, "/stream?key=me")
	for range 3 {
		put(h, "door", jpeg)
		if _, _, err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	put(h, "\xff", jpeg) // names may contain anything; two may look the same when they are written
	put(h, "\xfe", jpeg)
	put(h, "", nil)
	eventually(t, "it is counted", func() bool { return h.Stats().FramesOut == 3 })
	families := scrape(t, h)
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{3, "udpcam_stream_frames_total", []string{"stream=door"}},
		{3 * float64(len(jpeg)), "udpcam_stream_bytes_total", []string{"stream=door"}},
		{1, "udpcam_stream_live", []string{"stream=door"}},
		{1, "udpcam_stream_viewers", []string{"stream=door"}},
		{3, "udpcam_stream_delay_seconds", []string{"stream=door"}},
		{2, "udpcam_stream_frames_dropped_total", []string{"stream=door", "reason=late"}},
		{0, "udpcam_stream_frames_dropped_total", []string{"stream=door", "reason=lost"}},
		{11, "udpcam_stream_frames_left_out_total", []string{"stream=door"}},
		{40, "udpcam_stream_frames_repaired_total", []string{"stream=door", "by=parity"}},
		{5, "udpcam_stream_frames_repaired_total", []string{"stream=door", "by=request"}},
		{5000, "udpcam_stream_datagrams_expected_total", []string{"stream=door"}},
		{4750, "udpcam_stream_datagrams_received_total", []string{"stream=door"}},
		{.02, "udpcam_stream_rtt_seconds", []string{"stream=door"}},
		{3, "udpcam_viewer_frames_total", []string{"key=me"}},
		{0, "udpcam_viewer_skipped_frames_total", []string{"key=me"}},
		{1, "udpcam_viewers", nil},
		{3, "udpcam_frames_out_total", nil},
		{1, "udpcam_frames_refused_total", nil},
		{4800, "udpcam_datagrams_total", nil},
		{3, "udpcam_datagrams_left_out_total", []string{"reason=foreign"}},
		{7, "udpcam_requests_total", nil},
		{1234, "udpcam_pending_bytes", nil},
	} {
		if got := value(families, want.name, want.labels...); got != want.value {
			t.Errorf("%s%v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	if n := len(families["udpcam_stream_live"].GetMetric()); n != 3 {
		t.Errorf("%d streams, want 3", n)
	}
}

// An output that fails makes the whole unhealthy, with its reason, although pictures come. When it goes on, all is well.
func TestOutputs(t *testing.T) {
	var states []Output
	h := New(quiet(Config{Outputs: func() []Output { return states }}))
	put(h, "door", picture(t, 5))
	expect := func(code int, status, text string, up float64) {
		t.Helper()
		r := ask(h, "GET", "/healthz")
		var answer struct{ Status, Error string }
		b := body(t, r)
		err := json.Unmarshal([]byte(b), &answer)
		if err != nil || r.StatusCode != code || answer.Status != status || answer.Error != text {
			t.Errorf("%s, %s, %v", r.Status, b, err)
		}
		if got := value(scrape(t, h), "udpcam_output_up", "output=rec/film.mkv"); got != up {
			t.Errorf("up is %v, want %v", got, up)
		}
	}
	expect(200, statusLive, "", -1)
	states = []Output{{Name: "rec/film.mkv"}, {Name: "pic.jpg"}, {Name: "pic.jpg"}}
	expect(200, statusLive, "", 1)
	states[0].Err, states[0].Since = "no space left on device", epoch
	expect(503, statusFailing, "rec/film.mkv: no space left on device", 0)
	const failing = `"outputs":[{"name":"rec/film.mkv","ok":false,"error":"no space left on device","since":`
	if b := body(t, ask(h, "GET", "/healthz")); !strings.Contains(b, failing) ||
		!strings.Contains(b, `{"name":"pic.jpg","ok":true}`) || !strings.Contains(b, `"since":"2023-11-14T`) {
		t.Error(b)
	}
	if b := body(t, ask(h, "GET", "/api/v1/streams")); strings.Contains(b, "no space") {
		t.Errorf("viewers are told of it: %s", b)
	}
	states[0].Err = ""
	expect(200, statusLive, "", 1)
}

// The dashboard asks only for metrics that exist.
func TestDashboard(t *testing.T) {
	h := New(quiet(Config{}))
	h.ReceiveFrom(lossy{})
	c := watch(t, serve(t, h), "/stream")
	put(h, "door", picture(t, 5))
	c.next()
	families := scrape(t, h)
	dashboard, err := os.ReadFile("page/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`udpcam_\w+`).FindAllString(string(dashboard), -1)
	if len(names) < 10 {
		t.Errorf("it asks for %d metrics", len(names))
	}
	for _, name := range names {
		if families[name] == nil && families[strings.TrimSuffix(name, "_bucket")] == nil {
			t.Errorf("there is no %s", name)
		}
	}
}

// Text is compressed for clients that accept it. Pictures never are.
func TestCompression(t *testing.T) {
	h := New(quiet(Config{}))
	for i := range 20 {
		put(h, strings.Repeat("x", i), picture(t, 5))
	}
	for target, compressed := range map[string]bool{
		"/": true, "/static/page.js": true, "/metrics": true, "/api/v1/streams": true,
		"/snapshot.jpg": false, "/?action=snapshot": false,
	} {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "localhost"
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != compressed || w.Code != http.StatusOK {
			t.Errorf("%s: %d, %v", target, w.Code, w.Header())
			continue
		}
		if !compressed {
			continue
		}
		plain, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(target, err)
		}
		if text, err := io.ReadAll(plain); err != nil || len(text) < 500 {
			t.Errorf("%s: %d bytes, %v", target, len(text), err)
		}
	}
}
