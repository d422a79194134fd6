package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"udpcam/protocol"
)

// noDatagrams are offered to pages. The page has its peer in testdata/peer.js.
type noDatagrams struct{}

func (noDatagrams) Answer([]byte, netip.Addr) ([]byte, error) { return nil, http.ErrNotSupported }
func (noDatagrams) Put(protocol.Frame)                        {}

// withPeer serves the page with testdata/peer.js in front of its scripts.
func withPeer(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/static/older.js":
			http.ServeFile(w, r, "testdata/peer.js")
		case "/":
			r = r.Clone(r.Context())
			r.Header.Del("Accept-Encoding")
			h.ServeHTTP(&inserting{w}, r)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// Pictures come by datagrams, and those that miss some are repaired, in each browser that has data channels. Where no
// channel can be made, or the browser has none, pictures come by the socket.
func TestPageDatagrams(t *testing.T) {
	var all sync.WaitGroup
	for _, browser := range browsers {
		all.Go(func() {
			t.Run(browser.name, func(t *testing.T) {
				h := New(quiet(Config{Datagrams: noDatagrams{}}))
				server := httptest.NewServer(withPeer(h))
				t.Cleanup(func() { h.Close(); server.Close() })
				playStream(t, h, "door", picture(t, 1), picture(t, 2))
				byDatagrams(t, h, server.URL, browser.open)
			})
		})
	}
	all.Wait()
}

func byDatagrams(t *testing.T, h *Server, url string, open func(*testing.T, bool) window) {
	v := &viewing{t, open(t, false)}
	v.open(url + "/?by=datagrams")
	v.eventually("document.getElementById('status').innerText === 'live'")
	if answer, err := v.run("return typeof RTCPeerConnection"); err != nil || string(answer) == `"undefined"` {
		v.eventually("document.getElementById('facts').title === 'pictures come by WebSocket'")
		v.holds("peer.posts === 0")
		return
	}
	facts := func(text string) string {
		return fmt.Sprintf("document.getElementById('facts').innerText.includes('by datagrams') && "+
			"document.getElementById('facts').title.match(/%s/)", text)
	}
	v.eventually(facts("[1-9][0-9]+ of [0-9]+ pictures were repaired"))
	v.holds("peer.posts > 0 && peer.requests > 0 && peer.reports > 0")
	v.holds("document.getElementById('status').innerText === 'live'")
	sent := h.Stats().BytesOut
	eventually(t, "they are counted", func() bool { return h.Stats().BytesOut > sent+20*uint64(len(picture(t, 1))) })
	if s := h.Stats(); s.FramesOut > s.FramesIn+1 || s.Viewers != 1 {
		t.Errorf("%+v", s)
	}
	before, _ := v.run("return peer.posts")
	began := time.Now()
	v.hides()
	v.holds("peer.farewells > 0")
	v.eventually(facts("repaired"))
	if time.Since(began) < 8*time.Second { // a channel that nobody wants for longer is closed
		v.holds(fmt.Sprintf("peer.posts === %s", before))
	}

	// No channel can be made, in different ways.
	for _, trouble := range []string{"refuses", "silent"} {
		v.open(url + "/?by=datagrams&peer=" + trouble)
		v.eventually("document.getElementById('status').innerText === 'live'")
		v.eventually("document.getElementById('facts').title === 'pictures come by WebSocket'")
		v.eventually("peer.posts === 1 && performance.now() > 6000")
		v.holds("peer.posts === 1 && document.getElementById('status').innerText === 'live'")
	}
	for _, by := range []string{"socket", "image"} {
		v.open(url + "/?by=" + by)
		v.eventually("document.getElementById('facts').title.match(/WebSocket|plain stream/)")
		v.holds("peer.posts === 0")
	}
	v.eventually("document.querySelector('.picture img').naturalWidth > 0")
	v.eventually("document.getElementById('status').innerText === 'not known'")
}
