package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed page.html page.css page.js
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page.html"))

// pagePolicy lets the page have what it comes with, and nothing from elsewhere.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'"

// servePage answers with the page of a stream. root is the way from it to the page of the front stream.
func (h *Hub) servePage(w http.ResponseWriter, name, root string) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	if h.config.HTML != nil {
		w.Write(h.config.HTML)
		return
	}
	var page bytes.Buffer
	data := struct{ Name, Root, Path string }{name, root, pagePath(name)}
	err := pageTemplate.Execute(&page, data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header.Set("Content-Security-Policy", pagePolicy)
	w.Write(page.Bytes())
}

// serveStatic answers with what the page consists of.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	switch file := r.PathValue("file"); file {
	case "page.css", "page.js":
		http.ServeFileFS(w, r, pageFiles, file)
	default:
		http.NotFound(w, r)
	}
}
