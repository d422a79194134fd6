package web

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"udpcam/protocol"
)

// metrics returns the handler of /metrics. It is made at the first request, which most servers never get.
func (s *Server) metrics() http.Handler {
	handler := sync.OnceValue(func() http.Handler {
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector{s}, collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

// A metric has a name and a meaning. Its value is read when Prometheus asks.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("udpcam_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("udpcam_"+name, help, labels, nil), prometheus.GaugeValue}
}

var (
	// Of each stream.
	streamFrames   = counter("stream_frames_total", "Pictures that came.", "stream")
	streamBytes    = counter("stream_bytes_total", "Bytes of pictures that came.", "stream")
	streamLive     = gauge("stream_live", "1 if pictures come, 0 if they have stopped.", "stream")
	streamAge      = gauge("stream_age_seconds", "How long ago the newest picture came.", "stream")
	streamViewers  = gauge("stream_viewers", "Who watches the stream.", "stream")
	streamDelay    = gauge("stream_delay_seconds", "From capture until a picture came here.", "stream")
	streamDropped  = counter("stream_frames_dropped_total", "Frames not complete in time, by reason.", "stream", "reason")
	streamRepaired = counter("stream_frames_repaired_total", "Frames completed by parity or requests.", "stream", "by")
	streamExpected = counter("stream_datagrams_expected_total", "Datagrams sent, repairs not counted.", "stream")
	streamReceived = counter("stream_datagrams_received_total", "Expected datagrams that came.", "stream")
	streamRTT      = gauge("stream_rtt_seconds", "Round trip to the sender.", "stream")

	// Of each viewer that is there now.
	viewerFrames  = counter("viewer_frames_total", "Pictures sent to a viewer.", "viewer", "key")
	viewerSkipped = counter("viewer_skipped_frames_total", "Pictures that a viewer was too slow for.", "viewer", "key")

	// Of the receiver.
	datagrams        = counter("datagrams_total", "Datagrams that came.")
	datagramsLeftOut = counter("datagrams_left_out_total", "Datagrams that were of no use, by reason.", "reason")
	requestsSent     = counter("requests_total", "Datagrams that asked senders for what was missing.")
	pendingBytes     = gauge("pending_bytes", "Bytes that unfinished frames hold.")
)

// serverMetrics are those of the server as a whole.
var serverMetrics = []struct {
	metric
	value func(Stats) uint64
}{
	{gauge("viewers", "Viewers that are there now."), func(s Stats) uint64 { return uint64(s.Viewers) }},
	{counter("viewers_refused_total", "Viewers refused because there were too many."),
		func(s Stats) uint64 { return s.Refused }},
	{counter("viewers_stalled_total", "Viewers closed because they took no picture in time."),
		func(s Stats) uint64 { return s.Stalled }},
	{counter("frames_refused_total", "Pictures dropped: empty, too large, a stream too many, a name too long."),
		func(s Stats) uint64 { return s.Dropped }},
	{counter("frames_out_total", "Pictures sent to viewers."), func(s Stats) uint64 { return s.FramesOut }},
	{counter("bytes_out_total", "Bytes sent to viewers."), func(s Stats) uint64 { return s.BytesOut }},
	{counter("frames_skipped_total", "Pictures that viewers were too slow for."), func(s Stats) uint64 { return s.Skipped }},
	{counter("logins_refused_total", "Requests without the password or token."),
		func(s Stats) uint64 { return s.Unauthorized }},
}

// A collector reads a server's figures for Prometheus.
type collector struct{ *Server }

// Describe implements [prometheus.Collector]. It names nothing: which metrics there are depends on what comes.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c collector) Collect(to chan<- prometheus.Metric) {
	add := func(m metric, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	now, labels := time.Now(), map[string]bool{}
	for _, s := range c.streams.view(now) {
		label := strings.ToValidUTF8(s.name, "\uFFFD")
		for labels[label] { // two names that are not UTF-8 may look alike
			label += "'"
		}
		labels[label] = true
		c.collectStream(s, label, now, add)
		to <- prometheus.MustNewConstHistogram(streamDelay.desc, s.delays.count, s.delays.sum.Seconds(), s.delays.buckets(), label)
	}
	stats := c.Stats()
	for _, m := range serverMetrics {
		add(m.metric, float64(m.value(stats)))
	}
	for _, v := range c.viewers.list() {
		id, key := strconv.FormatUint(v.id, 10), strings.ToValidUTF8(v.key, "\uFFFD")
		add(viewerFrames, float64(v.sent.Load()), id, key)
		add(viewerSkipped, float64(v.skipped.Load()), id, key)
	}
	if r := c.links.receiver(); r != nil {
		st := r.Stats()
		add(datagrams, float64(st.Datagrams))
		for d, n := range st.LeftOut {
			add(datagramsLeftOut, float64(n), protocol.DatagramDrop(d).String())
		}
		add(requestsSent, float64(st.Requests))
		add(pendingBytes, float64(st.Pending))
	}
}

func (c collector) collectStream(s streamView, label string, now time.Time, add func(metric, float64, ...string)) {
	live := 0.
	if s.live {
		live = 1
	}
	add(streamFrames, float64(s.total), label)
	add(streamBytes, float64(s.bytes), label)
	add(streamLive, live, label)
	if !s.last.IsZero() {
		add(streamAge, now.Sub(s.last).Seconds(), label)
	}
	add(streamViewers, float64(s.watchers), label)
	link, ok := c.links.of(s.name, now)
	if !ok {
		return
	}
	for d, n := range link.Stats.Dropped {
		add(streamDropped, float64(n), label, protocol.FrameDrop(d).String())
	}
	add(streamRepaired, float64(link.Stats.ByParity), label, "parity")
	add(streamRepaired, float64(link.Stats.ByRequest), label, "request")
	add(streamExpected, float64(link.Stats.Expected), label)
	add(streamReceived, float64(link.Stats.Received), label)
	if link.ClockKnown {
		add(streamRTT, link.RTT.Seconds(), label)
	}
}
