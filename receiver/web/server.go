package web

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/internal/guard"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Server takes frames and shows them over HTTP. It is an [http.Handler] that a program can mount anywhere, also behind
// [http.StripPrefix]. All its methods may be called from any goroutine.
type Server struct {
	config  Config
	gate    *guard.Gate
	origins originList
	mux     *http.ServeMux
	streams *registry
	viewers *viewers // who watch streams, and who get snapshots
	answers *viewers // who get anything else
	links   links
	hints   hintCache
	sources sync.Map // the keys are the sources on demand that are pulled now

	numbered    atomic.Uint32 // the number of the last picture
	in, dropped atomic.Uint64 // see Stats
}

// New returns a server without streams. It starts no goroutine.
func New(c Config) *Server {
	c = c.withDefaults()
	s := &Server{config: c, origins: newOriginList(c.AllowOrigins), gate: guard.NewGate(guard.Rules{
		AllowHosts: c.AllowHosts, User: c.User, Password: c.Password, Token: c.Token, Log: c.Log,
	})}
	s.streams, s.viewers, s.answers = newRegistry(c), newViewers(c, c.MaxViewers), newViewers(c, maxAnswers)
	s.mux = s.routes()
	return s
}

// Put shows a frame to everybody who watches its stream. It never waits for a viewer. It keeps the frame, without a copy
// where possible (see [protocol.Frame]), so the caller may reuse its own buffer when Put returns. If a frame has no capture
// time, it gets the present time. A frame that cannot be shown is dropped: see [Config.Skip].
func (s *Server) Put(f protocol.Frame) { s.put(f, nil) }

// put is Put for a frame that may come from a source on demand; from is nil if it does not.
func (s *Server) put(f protocol.Frame, from *source) {
	reason := s.unfit(f)
	if reason == "" {
		p := s.newPart(f)
		if s.streams.put(p, from) {
			s.in.Add(1)
			s.passOn(p)
			return
		}
		reason = SkipStreams
	}
	s.dropped.Add(1)
	if s.config.Skip != nil {
		s.config.Skip(reason)
	}
}

// passOn sends a picture to the pages that get datagrams.
func (s *Server) passOn(p *part) {
	if s.config.Datagrams == nil {
		return
	}
	f := p.frame
	f.Captured = p.captured
	s.config.Datagrams.Put(f)
}

// unfit returns why a frame cannot be shown, or "" if it can.
func (s *Server) unfit(f protocol.Frame) (reason string) {
	switch {
	case len(f.JPEG) == 0:
		return SkipEmpty
	case len(f.Stream) > protocol.MaxStreamName:
		return SkipName
	case mjpeg.TooLarge(f.JPEG, s.config.MaxPixels):
		return SkipHuge
	}
	return ""
}

// newPart keeps a frame and renders what is sent with it.
func (s *Server) newPart(f protocol.Frame) *part {
	now := time.Now()
	p := &part{captured: now, came: now, number: s.numbered.Add(1)}
	if f.Captured.IsZero() {
		f.Captured = now
	} else {
		link, _ := s.links.of(f.Stream, now)
		p.captured = f.Captured.Add(-link.ClockOffset)
	}
	p.frame = f.Keep()
	p.render()
	return p
}

// Close ends every viewer. Later viewers are answered 503. Pass it to [http.Server.RegisterOnShutdown]: a server that
// shuts down does not end viewers by itself.
func (s *Server) Close() { s.viewers.close() }

// Stats are a [Server]'s figures: totals since it was made, and how many streams and viewers there are now.
type Stats struct {
	Streams   int    // streams that are known now, live or quiet
	Viewers   int    // viewers of streams now, and snapshots on their way
	FramesIn  uint64 // frames that were put
	Dropped   uint64 // frames that were dropped, see Config.Skip
	FramesOut uint64 // pictures written whole to viewers
	BytesOut  uint64 // bytes written to viewers, multipart headers included
	Skipped   uint64 // pictures that viewers missed because they were behind
	Stalled   uint64 // viewers closed because they did not take a picture within Config.StallTimeout
	Refused   uint64 // viewers refused because there were Config.MaxViewers
	GaveWay   uint64 // viewers closed because another address had fewer places, and there was none left
	// Unauthorized counts requests without the right password or token.
	Unauthorized uint64
}

// Stats returns the present figures.
func (s *Server) Stats() Stats {
	v := s.viewers
	return Stats{
		Streams:   s.streams.count(),
		Viewers:   v.count(),
		FramesIn:  s.in.Load(),
		Dropped:   s.dropped.Load(),
		FramesOut: v.out.Load(),
		BytesOut:  v.bytes.Load(),
		Skipped:   v.skipped.Load(),
		Stalled:   v.stalled.Load(),
		Refused:   v.refused.Load(),
		GaveWay:   v.gaveWay.Load(),

		Unauthorized: s.gate.Unauthorized(),
	}
}
