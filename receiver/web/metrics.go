package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"udpcam/protocol"
)

// metrics returns the handler of /metrics.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
}

// A collector reads a server's figures for Prometheus.
type collector struct{ *Server }

// Describe implements [prometheus.Collector]. It names no metrics, because they depend on the streams that come.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// A metricWriter is where metrics go. Labels are pairs of a name and a value.
type metricWriter chan<- prometheus.Metric

func (w metricWriter) counter(name, help string, value uint64, labels ...string) {
	desc, values := describe(name, help, labels)
	w <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), values...)
}

func (w metricWriter) gauge(name, help string, value float64, labels ...string) {
	desc, values := describe(name, help, labels)
	w <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, values...)
}

func describe(name, help string, labels []string) (desc *prometheus.Desc, values []string) {
	var names []string
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	return prometheus.NewDesc("udpcam_"+name, help, names, nil), values
}

// labels are the labels' values so far.
type labels map[string]bool

// of returns a name as a label's value, which no other name has: two that are not UTF-8 may look alike.
func (l labels) of(name string) string {
	label := strings.ToValidUTF8(name, "\uFFFD")
	for l[label] {
		label += "'"
	}
	l[label] = true
	return label
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	w, now, names, outputs := metricWriter(to), time.Now(), labels{}, labels{}
	for _, s := range c.streams.view(now) {
		c.collectStream(w, s, now, names.of(s.name))
	}
	for _, v := range c.viewers.list() {
		of := []string{"viewer", strconv.FormatUint(v.id, 10), "key", strings.ToValidUTF8(v.key, "\uFFFD")}
		w.counter("viewer_frames_total", "Pictures sent to a viewer.", v.sent.Load(), of...)
		w.counter("viewer_skipped_frames_total", "Pictures that a viewer was too slow for.", v.skipped.Load(), of...)
	}
	s := c.Stats()
	w.gauge("viewers", "Viewers that are there now.", float64(s.Viewers))
	w.counter("viewers_refused_total", "Viewers refused because there were too many.", s.Refused)
	w.counter("viewers_gave_way_total", "Viewers closed so that addresses with fewer places get one.", s.GaveWay)
	w.counter("viewers_stalled_total", "Viewers closed because they took no picture in time.", s.Stalled)
	w.counter("frames_refused_total", "Pictures dropped: empty, too large, a stream too many, a name too long.", s.Dropped)
	w.counter("frames_out_total", "Pictures sent to viewers.", s.FramesOut)
	w.counter("bytes_out_total", "Bytes sent to viewers.", s.BytesOut)
	w.counter("frames_skipped_total", "Pictures that viewers were too slow for.", s.Skipped)
	w.counter("logins_refused_total", "Requests without the password or token.", s.Unauthorized)
	for _, o := range c.outputs() {
		up := 1.
		if o.Err != "" {
			up = 0
		}
		const help = "1 if an output takes the pictures, 0 if it fails: /healthz says why."
		w.gauge("output_up", help, up, "output", outputs.of(o.Name))
	}
	if r := c.links.receiver(); r != nil {
		s := r.Stats()
		w.counter("datagrams_total", "Datagrams that came.", s.Datagrams)
		for d, n := range s.LeftOut {
			reason := protocol.DatagramDrop(d).String()
			w.counter("datagrams_left_out_total", "Datagrams that were of no use, by reason.", n, "reason", reason)
		}
		w.counter("requests_total", "Datagrams that asked senders for what was missing.", s.Requests)
		w.gauge("pending_bytes", "Bytes that unfinished frames hold.", float64(s.Pending))
	}
}

func (c collector) collectStream(w metricWriter, s streamView, now time.Time, label string) {
	live := 0.
	if s.live {
		live = 1
	}
	w.counter("stream_frames_total", "Pictures that came.", s.total, "stream", label)
	w.counter("stream_bytes_total", "Bytes of pictures that came.", s.bytes, "stream", label)
	w.gauge("stream_live", "1 if pictures come, 0 if they have stopped.", live, "stream", label)
	if !s.last.IsZero() {
		w.gauge("stream_age_seconds", "How long ago the newest picture came.", now.Sub(s.last).Seconds(), "stream", label)
	}
	w.gauge("stream_viewers", "Who watches the stream.", float64(s.watchers), "stream", label)
	delay, _ := describe("stream_delay_seconds", "From capture until a picture came here.", []string{"stream", label})
	w <- prometheus.MustNewConstHistogram(delay, s.delays.count, s.delays.sum.Seconds(), s.delays.buckets(), label)
	link, ok := c.links.of(s.name, now)
	if !ok {
		return
	}
	st := link.Stats
	for d, n := range st.Dropped {
		reason := protocol.FrameDrop(d).String()
		w.counter("stream_frames_dropped_total", "Frames not complete in time, by reason.", n, "stream", label, "reason", reason)
	}
	w.counter("stream_frames_left_out_total", "Frames that the sender left out, because the path does not carry all.", st.Skipped, "stream", label)
	const repaired, help = "stream_frames_repaired_total", "Frames completed by parity or requests."
	w.counter(repaired, help, st.ByParity, "stream", label, "by", "parity")
	w.counter(repaired, help, st.ByRequest, "stream", label, "by", "request")
	w.counter("stream_datagrams_expected_total", "Datagrams sent, repairs not counted.", st.Expected, "stream", label)
	w.counter("stream_datagrams_received_total", "Expected datagrams that came.", st.Received, "stream", label)
	if link.ClockKnown {
		w.gauge("stream_rtt_seconds", "Round trip to the sender.", link.RTT.Seconds(), "stream", label)
	}
}
