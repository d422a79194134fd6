package web

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	wire "udpcam/protocol/js"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/page.html"))

// pagePolicy lets the page, and its workers, load from this server alone. A worker obeys the policy of its own script.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; " +
	"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'"

// servePage answers with the page of the stream whose name is in the path, or of all streams.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, _ *feed) {
	name, root := nameFromPath(r.PathValue("name")), "../../" // the path from here to the page of all streams
	if r.PathValue("name") == "" {
		name, root = s.streams.frontName(), ""
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	if s.config.HTML != nil {
		header.Set("Content-Security-Policy", s.origins.ancestors()) // what the page may load is its author's choice
		w.Write(s.config.HTML)
		return
	}
	pageTemplate.Execute(w, struct {
		Name, Root, Path       string
		MaxPixels              int
		Hints, Demo, Datagrams bool
	}{name, root, pagePath(name), s.config.MaxPixels, s.config.Hints != nil, s.config.Demo != nil,
		s.config.Datagrams != nil}) // fails only if it has left
}

// serveStatic answers with a file of the page, and serveWire with one of the modules that read its datagrams.
func serveStatic(w http.ResponseWriter, r *http.Request) { serveFile(w, r, pageFiles, "page") }
func serveWire(w http.ResponseWriter, r *http.Request)   { serveFile(w, r, wire.Files, "src") }

func serveFile(w http.ResponseWriter, r *http.Request, files fs.FS, folder string) {
	w.Header().Set("Cache-Control", "no-cache")
	file := r.PathValue("file")
	if file != path.Base(file) || path.Ext(file) == ".html" { // which is a template
		http.NotFound(w, r)
		return
	}
	http.ServeFileFS(w, r, files, folder+"/"+file)
}
