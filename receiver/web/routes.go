package web

import (
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// routes returns the mux behind ServeHTTP. Every pattern is for GET, which includes HEAD, but for what a demonstration's
// page may change: the mux answers other methods 405 and other paths 404. What is text is compressed for those who accept
// that; pictures are compressed already.
func (h *Hub) routes() *http.ServeMux {
	mux := http.NewServeMux()
	text := func(pattern string, handler http.HandlerFunc) { mux.Handle(pattern, gzhttp.GzipHandler(handler)) }
	mux.Handle("GET /{$}", h.serveRoot(gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.servePage(w, h.frontName(), "")
	}))))
	text("GET /static/{file}", serveStatic)
	text("GET /healthz", h.serveHealth)
	text("GET /metrics", h.metrics().ServeHTTP)
	text("GET /api/v1/streams", h.serveAPI)
	if h.config.Demo != nil {
		text("GET /api/v1/demo", h.serveDemo)
		mux.Handle("POST /api/v1/demo", http.NewCrossOriginProtection().Handler(http.HandlerFunc(h.serveDemoChange)))
	}

	// The front stream, here and under the addresses of mjpg-streamer (see serveRoot), ustreamer and Flask's example.
	mux.HandleFunc("GET /stream", h.serveFrontStream)
	mux.HandleFunc("GET /video_feed", h.serveFrontStream)
	mux.HandleFunc("GET /snapshot.jpg", h.serveFrontSnapshot)
	mux.HandleFunc("GET /snapshot", h.serveFrontSnapshot)
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, r *http.Request) { h.serveSocket(w, r, h.frontFeed) })
	text("GET /state", h.serveState)

	text("GET /streams", h.serveStreams)
	mux.HandleFunc("GET /streams/{name}", redirectToPage)
	text("GET /streams/{name}/{$}", h.named(func(w http.ResponseWriter, _ *http.Request, s *stream) {
		h.servePage(w, s.name, "../../")
	}))
	mux.HandleFunc("GET /streams/{name}/stream", h.named(func(w http.ResponseWriter, r *http.Request, s *stream) {
		h.serveStream(w, r, s.feed)
	}))
	mux.HandleFunc("GET /streams/{name}/socket", h.named(func(w http.ResponseWriter, r *http.Request, s *stream) {
		h.serveSocket(w, r, s.feed)
	}))
	mux.HandleFunc("GET /streams/{name}/snapshot.jpg", h.named(func(w http.ResponseWriter, r *http.Request, s *stream) {
		h.serveSnapshot(w, r, s.feed)
	}))
	return mux
}

// ServeHTTP answers one request.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch {
	case !h.hosts.allows(r.Host):
		h.hosts.refuse(w, r.Host)
	case !isClean(r.URL.EscapedPath()):
		http.NotFound(w, r)
	case !h.login.admits(w, r):
	default:
		h.mux.ServeHTTP(w, r)
	}
}

// isClean reports whether a path has nothing that the mux would answer with a redirect to a cleaner one: where the hub
// is mounted under a prefix, that would lead out of it.
func isClean(escaped string) bool {
	return escaped == "/" || strings.HasPrefix(escaped, "/") && strings.TrimSuffix(escaped, "/") == path.Clean(escaped)
}

// serveRoot serves the page, or what mjpg-streamer has at the same address.
func (h *Hub) serveRoot(page http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("action") {
		case "":
			page.ServeHTTP(w, r)
		case "stream":
			h.serveFrontStream(w, r)
		case "snapshot":
			h.serveFrontSnapshot(w, r)
		default:
			http.Error(w, "the actions are stream and snapshot", http.StatusNotFound)
		}
	}
}

func (h *Hub) serveFrontStream(w http.ResponseWriter, r *http.Request) {
	h.serveStream(w, r, h.frontFeed)
}

func (h *Hub) serveFrontSnapshot(w http.ResponseWriter, r *http.Request) {
	h.serveSnapshot(w, r, h.frontFeed)
}

// frontName returns the name of the front stream, "" if there is none.
func (h *Hub) frontName() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.front == nil {
		return ""
	}
	return h.front.name
}

// named wraps a handler of one stream, which it finds by the name in the path. The handler may not use any of the
// stream's fields but name and feed, which do not change.
func (h *Hub) named(serve func(http.ResponseWriter, *http.Request, *stream)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.forget(time.Now())
		s := h.streams[nameFromPath(r.PathValue("name"))]
		h.mu.Unlock()
		if s == nil {
			noSuchStream(w)
			return
		}
		serve(w, r, s)
	}
}

func noSuchStream(w http.ResponseWriter) {
	http.Error(w, "there is no stream of that name: see /streams", http.StatusNotFound)
}

// redirectToPage adds the slash that a page's relative links need. The redirect is relative too, because the hub does
// not know what prefix it is mounted under.
func redirectToPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", pathSegment(nameFromPath(r.PathValue("name")))+"/")
	w.WriteHeader(http.StatusFound)
}
