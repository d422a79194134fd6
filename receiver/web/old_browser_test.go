package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A browser that cannot run the page's script shows the plain stream, and says what it lacks. Here the script is one that no
// browser can run.
func TestPageForOldBrowsers(t *testing.T) {
	h := New(quiet(Config{}))
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/static/page.js" {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, "this is JavaScript of 2050")
	}))
	old.Config.ConnContext = h.ConnContext
	old.Start()
	t.Cleanup(old.Close)
	t.Cleanup(h.Close)
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p := browse(t, old.URL, 900, 700)
	p.until("document.querySelector('#view .notice')?.textContent.includes('This browser lacks newer JavaScript')")
	p.until("document.querySelector('#view img')?.naturalWidth === 768")
	p.until("document.getElementById('status').textContent === 'not known'")
	p.screenshot("old")
	p.forgive() // of course the script has a syntax error
}
