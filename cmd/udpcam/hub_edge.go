package main

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"udpcam/internal/hubconn"
	"udpcam/protocol"
	"udpcam/receiver/web"
	"udpcam/sender/source"
)

// maxEdgeStreams is how many streams an edge lists. forgetOffer is how long it lists one that nobody offers any more.
const (
	maxEdgeStreams = 1024
	forgetOffer    = time.Minute
)

// quiet is for a hub's connection to itself.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// An edge shows the streams of a hub to browsers.
type edge struct {
	*session
	to   *server
	from *source.Hub
	last progress
}

// serveHub is udpcam serve --hub.
func serveHub(ctx context.Context, c *cli.Context, s *session) error {
	conn, err := dialHub(ctx, c, s.log, false)
	if err != nil {
		return err
	}
	return serveEdge(ctx, c, s, conn, defaultHTTP, func(e *edge) subject { return e }, func() []web.Metric { return nil })
}

// serveEdge shows every stream of a hub to browsers, until ctx is done. work makes what the watch shows.
func serveEdge(ctx context.Context, c *cli.Context, s *session, conn *hubconn.Conn, usual string,
	work func(*edge) subject, more func() []web.Metric) (err error) {
	e := &edge{session: s, last: progress{Time: s.began}}
	e.from, err = source.NewHub(ctx, conn, source.HubOptions{Site: siteOf(c), Version: c.App.Version, Viewers: func() int {
		if e.to == nil {
			return 0
		}
		return e.to.Stats().Viewers
	}})
	if err != nil {
		return err
	}
	config := web.Config{
		MaxStreams: maxEdgeStreams,
		Origin:     e.origin,
		Trouble:    func() string { return e.from.Stats().Trouble },
		Metrics:    func() []web.Metric { return append(e.metrics(), more()...) },
	}
	to, err := openServer(c, usual, config, s)
	if err != nil {
		return err
	}
	defer to.close()
	e.to = to
	to.announce("hub", strings.Join(c.StringSlice("hub"), ", "))
	watch := s.watch(work(e))
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return to.serve(ctx) })
	parts.Go(func() error { e.follow(ctx, c.Duration("linger")); return nil })
	err = parts.Wait()
	watch.end(err)
	return err
}

// follow pulls each stream that is offered, on demand.
func (e *edge) follow(ctx context.Context, linger time.Duration) {
	type offer struct {
		end  func()
		seen time.Time
	}
	offers := map[string]*offer{}
	var pulls errgroup.Group
	defer pulls.Wait()
	for ctx.Err() == nil {
		names, changed := e.from.Streams()
		now := time.Now()
		for _, name := range names {
			if o := offers[name]; o != nil {
				o.seen = now
				continue
			}
			if len(offers) >= maxEdgeStreams {
				break
			}
			pull, end := context.WithCancel(ctx)
			offers[name] = &offer{end, now}
			pulls.Go(func() error {
				e.to.Pull(
					pull,
					func(ctx context.Context) iter.Seq2[protocol.Frame, error] { return e.from.Frames(ctx, name) },
					linger,
					name,
				)
				return nil
			})
		}
		for name, o := range offers {
			if now.Sub(o.seen) > forgetOffer {
				o.end()
				delete(offers, name)
			}
		}
		select {
		case <-changed:
		case <-time.After(forgetOffer / 4):
		case <-ctx.Done():
		}
	}
}

func (e *edge) origin(stream string) (web.Origin, bool) {
	o, ok := e.from.Origin(stream)
	return web.Origin{Site: o.Site, Hub: o.Hub, RTT: o.RTT, Uncertainty: o.Uncertainty, Trouble: o.Trouble, Untimed: o.Untimed}, ok
}

func (e *edge) metrics() []web.Metric {
	s := e.from.Stats()
	list := append(connectedMetrics(s.Connected), []web.Metric{
		{Name: "hub_offered_streams", Help: "Streams at the hub that could be watched.", Value: float64(s.Offered)},
		{
			Name:  "hub_watched_streams",
			Help:  "Streams that come from the hub now, because somebody watches.",
			Value: float64(s.Watched),
		},
		{Name: "hub_frames_total", Help: "Frames that came from the hub.", Value: float64(s.Frames), Counter: true},
		{Name: "hub_bytes_total", Help: "Bytes of frames that came from the hub.", Value: float64(s.Bytes), Counter: true},
		{
			Name:    "hub_old_frames_total",
			Help:    "Frames left out because a newer one had come.",
			Value:   float64(s.Old),
			Counter: true,
		},
		{
			Name:    "hub_late_frames_total",
			Help:    "Frames left out because they were too long on their way.",
			Value:   float64(s.Late),
			Counter: true,
		},
		{
			Name:    "hub_malformed_total",
			Help:    "Messages that were none of udpcam.",
			Value:   float64(s.Malformed),
			Counter: true,
		},
		{Name: "hub_changes_total", Help: "Changes to another publisher or hub.", Value: float64(s.Changes), Counter: true},
	}...)
	names, _ := e.from.Streams()
	for _, name := range names {
		if o, ok := e.from.Origin(name); ok && o.Watched {
			list = append(
				list,
				web.Metric{Name: "hub_rtt_seconds", Help: "Round trip to the publisher of a stream.", Value: o.RTT.Seconds(),
					Labels: []string{
						"stream",
						strings.Trim(strconv.QuoteToGraphic(name), `"`),
						"site",
						o.Site,
						"hub",
						o.Hub,
					}},
			)
		}
	}
	return list
}

// An edgeStatusPart is what an edge's status has of the hub.
type edgeStatusPart struct {
	Connected string `json:"connected"` // the hub, "" while there is none
	Trouble   string `json:"trouble"`   // why there is none
	Offered   int    `json:"offered"`   // streams that could be watched
	Watched   int    `json:"watched"`   // streams that come now
	Frames    uint64 `json:"frames_in"`
	Old       uint64 `json:"old"`  // frames left out because a newer one had come
	Late      uint64 `json:"late"` // frames left out because they were too long on their way
	Viewers   int    `json:"viewers"`
	FramesOut uint64 `json:"frames_out"` // shown, to all viewers together
	BytesOut  uint64 `json:"bytes_out"`  // bytes of these pictures
}

func (e *edge) part() edgeStatusPart {
	s, out := e.from.Stats(), e.to.Stats()
	return edgeStatusPart{
		s.Connected,
		s.Trouble,
		s.Offered,
		s.Watched,
		s.Frames,
		s.Old,
		s.Late,
		out.Viewers,
		out.FramesOut,
		out.BytesOut,
	}
}

// An edgeStatus is the status of serve --hub. Counts are since the start. Rates are of the last second.
type edgeStatus struct {
	progress
	Hub edgeStatusPart `json:"hub"`
}

func (s edgeStatus) line() string {
	if s.Hub.Trouble != "" {
		return "no hub: " + s.Hub.Trouble
	}
	return strings.Join([]string{s.progress.String(), strconv.Itoa(s.Hub.Watched) + " of " + plural(s.Hub.Offered, "stream"),
		plural(s.Hub.Viewers, "viewer")}, "  ")
}

func (s edgeStatus) summary() (string, []any) {
	return "served", []any{
		"frames",
		s.Frames,
		"bytes",
		s.FrameBytes,
		"frames_out",
		s.Hub.FramesOut,
		"old",
		s.Hub.Old,
		"late",
		s.Hub.Late,
	}
}

func (e *edge) sample(now time.Time) status {
	s := e.from.Stats()
	e.last = e.last.next(now, s.Frames, s.Bytes)
	e.complain(skipMessage, "reason", e.skipped.totals())
	return edgeStatus{e.last, e.part()}
}

func (e *edge) frames() uint64 { return e.from.Stats().Frames }
