package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// routes returns the mux behind ServeHTTP. Text is compressed for clients that accept that. Pictures are compressed
// already.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	text := func(pattern string, handler http.HandlerFunc) { mux.Handle(pattern, gzhttp.GzipHandler(handler)) }
	page := gzhttp.GzipHandler(s.of(s.servePage))
	mux.Handle("GET /{$}", s.rootOrAction(page))
	mux.Handle("GET /streams/{name}/{$}", page)
	mux.HandleFunc("GET /streams/{name}", redirectToPage)
	text("GET /static/{file}", serveStatic)
	text("GET /static/wire/{file}", serveWire)
	text("GET /healthz", s.serveHealth)
	text("GET /metrics", s.metrics().ServeHTTP)
	text("GET /streams", s.serveStreams)
	text("GET /api/v1/streams", s.serveAPI)
	if s.config.Hints != nil {
		text("GET /api/v1/hints", s.serveHints)
	}
	if s.config.Demo != nil {
		text("GET /api/v1/demo", s.serveDemo)
		mux.HandleFunc("POST /api/v1/demo", s.serveDemoChange)
	}
	if s.config.Datagrams != nil {
		mux.HandleFunc("POST /datagrams", s.serveDatagrams)
	}
	for _, prefix := range []string{"GET /", "GET /streams/{name}/"} {
		mux.HandleFunc(prefix+"stream", s.of(s.serveStream))
		mux.HandleFunc(prefix+"socket", s.of(s.serveSocket))
		mux.HandleFunc(prefix+"poll", s.of(s.servePoll))
		mux.HandleFunc(prefix+"snapshot.jpg", s.of(s.serveSnapshot))
	}
	// The addresses of ustreamer and Flask's example. Those of mjpg-streamer are actions of "/".
	mux.HandleFunc("GET /video_feed", s.of(s.serveStream))
	mux.HandleFunc("GET /snapshot", s.of(s.serveSnapshot))
	text("GET /state", s.serveState)
	return mux
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.origins.protect(w.Header(), r)
	s.bounded(w, proxies(s.config.TrustProxies).client(r), func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.EscapedPath()) {
			http.NotFound(w, r)
		} else if status, why := s.check(w, r); status != 0 {
			http.Error(w, why, status)
		} else {
			s.mux.ServeHTTP(w, r)
		}
	})
}

// check says whether a request may be answered, as [guard.Gate.Check] does. The page's scripts are no secret, and a page in
// a frame of another site asks for them without a login.
func (s *Server) check(w http.ResponseWriter, r *http.Request) (status int, why string) {
	if strings.HasPrefix(r.URL.Path, "/static/") && r.Method == http.MethodGet {
		return s.gate.CheckHost(r)
	}
	return s.gate.Check(w, r)
}

// isClean reports whether the mux takes a path as it is. Its redirect to a clean path would lead out of the prefix that the
// server may be mounted under.
func isClean(escaped string) bool {
	return escaped == "/" || strings.HasPrefix(escaped, "/") && strings.TrimSuffix(escaped, "/") == path.Clean(escaped)
}

// rootOrAction serves the page, or an action of mjpg-streamer, which has the same address.
func (s *Server) rootOrAction(page http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("action") {
		case "":
			page.ServeHTTP(w, r)
		case "stream":
			s.serveStream(w, r, s.streams.frontFeed)
		case "snapshot":
			s.serveSnapshot(w, r, s.streams.frontFeed)
		default:
			http.Error(w, "the actions are stream and snapshot", http.StatusNotFound)
		}
	}
}

// of answers for the stream whose name is in the path, or for the front stream if there is none.
func (s *Server) of(serve func(http.ResponseWriter, *http.Request, *feed)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.streams.frontFeed
		if segment := r.PathValue("name"); segment != "" {
			f = s.streams.feed(nameFromPath(segment))
		}
		if f == nil {
			noSuchStream(w)
			return
		}
		serve(w, r, f)
	}
}

func noSuchStream(w http.ResponseWriter) {
	http.Error(w, "there is no stream of that name: see /streams", http.StatusNotFound)
}

// redirectToPage adds the slash that a page's relative links need. The redirect is relative because the server does not
// know what prefix it is mounted under. It begins with a dot because a name may look like the address of another site
// ("https:example.org").
func redirectToPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "./"+pathSegment(nameFromPath(r.PathValue("name")))+"/")
	w.WriteHeader(http.StatusFound)
}

// pathSegment returns a stream's name as a segment of a URL's path. Names are any bytes. Percent-encoding is enough for all
// but three: "", "." and ".." would be removed from a path even when encoded. So an empty name, and one that begins with a
// dot, gets a "~" in front. So does one that begins with "~".
func pathSegment(name string) string {
	if name == "" || name[0] == '.' || name[0] == '~' {
		name = "~" + name
	}
	return url.PathEscape(name)
}

// nameFromPath is the reverse of pathSegment, for a segment that has been percent-decoded already.
func nameFromPath(segment string) string { return strings.TrimPrefix(segment, "~") }

// pagePath returns the path of a stream's page, relative to the page of the front stream.
func pagePath(name string) string { return "streams/" + pathSegment(name) + "/" }
