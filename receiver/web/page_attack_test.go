package web

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// An evil link leads to the true page. The page shows only streams that its own server has listed.
func TestPageShowsOnlyListedStreams(t *testing.T) {
	evil := New(quiet(Config{AllowOrigins: []string{"*"}}))
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		evil.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { evil.Close(); server.Close() })
	playStream(t, evil, "evil", picture(t, 6))
	evilHost := server.Listener.Addr().String()

	h := New(quiet(Config{}))
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	addr := serve(t, h)
	p := browse(t, "http://"+addr+"/", 700, 500)
	p.until("document.querySelector('.tile.live')")
	for _, path := range []string{"http://" + evilHost + "/", "//" + evilHost + "/", `/\` + evilHost + "/",
		"ws://" + evilHost + "/", "http://[", "%", "%00", "streams/nobody/", "../" + evilHost, "javascript:alert(1)"} {
		for _, page := range []string{"/", "/streams/door/"} {
			p.do(chromedp.Navigate("about:blank"), chromedp.Navigate("http://"+addr+page+"#"+path))
			p.until("document.querySelector('.tile .notice')?.textContent === 'there is no such camera'")
			eventually(t, "nothing is watched", func() bool { return h.Stats().Viewers == 0 })
		}
	}
	evaluate[any](p, "location.hash = 'streams/door/', 1")
	p.until("document.querySelector('.tile.live')")
	p.screenshot("door")

	// A worker that is told to connect elsewhere cannot.
	closed := evaluate[bool](p, fmt.Sprintf(`new Promise((resolve) => {
		const worker = new Worker('static/worker.js', { type: 'module' });
		worker.onmessage = ({ data }) => 'closed' in data && resolve(data.closed === false);
		worker.onerror = () => resolve(true);
		const canvas = new OffscreenCanvas(1, 1);
		worker.postMessage({ canvas, maxPixels: 1 }, [canvas]);
		worker.postMessage({ connect: 'ws://%s/socket' });
	})`, evilHost))
	if !closed {
		t.Error("the worker has connected to another server")
	}
	p.forgive() // the violations are on the console
	select {
	case path := <-asked:
		t.Errorf("the page has asked the evil server for %s", path)
	default:
	}
}

// A picture that claims to be too large is not decoded, and a large one takes no larger canvas than a screen.
func TestPageAndLargePictures(t *testing.T) {
	var large bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 5000, 2500))
	for i := range img.Pix {
		img.Pix[i] = byte(i / 5000 / 10)
	}
	if err := jpeg.Encode(&large, img, nil); err != nil {
		t.Fatal(err)
	}
	h := New(quiet(Config{MaxPixels: 5000 * 2500}))
	p := browse(t, "http://"+serve(t, h)+"/", 900, 700)
	p.until("document.querySelector('.picture canvas')")
	put(h, "door", large.Bytes())
	p.until("document.getElementById('facts').textContent === '5000 × 2500'")
	if d := differs(p.canvas(".picture canvas"), img); d > 3 {
		t.Errorf("it is shown wrongly: %.1f", d)
	}
	area := "(({ width, height }) => width * height)(document.querySelector('.picture canvas'))"
	if n := evaluate[int](p, area); n > 3840*2160*101/100 {
		t.Errorf("the canvas has %d pixels", n)
	}
	put(h, "huge", bomb(5001, 2500))
	if s := h.Stats(); s.Streams != 1 || s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
	answer := evaluate[string](p, `new Promise((resolve) => {
		const worker = new Worker('static/worker.js', { type: 'module' }), canvas = new OffscreenCanvas(1, 1);
		worker.onmessage = ({ data }) => (data.damaged || data.picture) && resolve(JSON.stringify(data));
		worker.postMessage({ canvas, maxPixels: 5000 * 2500 - 1 }, [canvas]);
		worker.postMessage({ connect: new URL('socket', location.href).href.replace('http', 'ws') });
	})`)
	if answer != `{"damaged":true}` {
		t.Errorf("a picture with a pixel too many: %s", answer)
	}
}

// bomb returns a small JPEG that claims to be large.
func bomb(width, height int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		panic(err)
	}
	data := b.Bytes()
	sof := bytes.Index(data, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(data[sof+5:], uint16(height))
	binary.BigEndian.PutUint16(data[sof+7:], uint16(width))
	return data
}

// withStrangers serves a page of another site, which shows whatever the server has, and returns its address. It adds a query
// to the addresses of the server.
func withStrangers(t *testing.T, viewer, query string) (address string) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<iframe src="%[1]s/%[2]s"></iframe>
			<img id=stream src="%[1]s/stream%[2]s"><img id=still src="%[1]s/snapshot.jpg%[2]s">`, viewer, query)
	}))
	t.Cleanup(site.Close)
	return strings.Replace(site.URL, "127.0.0.1", "localhost", 1) // another site than the viewer's
}

// A page of another site shows neither the pictures nor the page, unless it is allowed. Then a token in the addresses does
// for the login: browsers give such a page no cookies.
func TestOtherSiteShowsPictures(t *testing.T) {
	for _, test := range []struct {
		name    string
		allowed bool
		token   string
	}{{"not allowed", false, ""}, {"allowed", true, ""}, {"allowed, with a token", true, "long token"}} {
		t.Run(test.name, func(t *testing.T) {
			c := Config{Token: test.token}
			ln, err := Listen(t.Context(), ":0")
			if err != nil {
				t.Fatal(err)
			}
			query := ""
			if test.token != "" {
				query = "?token=" + url.QueryEscape(test.token)
			}
			site := withStrangers(t, "http://"+ln.Addr().String(), query)
			if test.allowed {
				c.AllowOrigins = []string{site}
			}
			h := New(quiet(c))
			serveOn(t, h, ln)
			playStream(t, h, "door", picture(t, 1), picture(t, 2))
			p := browse(t, site, 900, 700)
			if test.allowed {
				p.until("document.getElementById('still').naturalWidth === 768")
				p.until("document.getElementById('stream').naturalWidth === 768")
				eventually(t, "the framed page watches too", func() bool { return h.Stats().Viewers == 2 })
			} else {
				p.until("document.getElementById('still').complete && document.readyState === 'complete'")
				p.until("document.getElementById('stream').naturalWidth === 0 && document.getElementById('still').naturalWidth === 0")
				eventually(t, "nobody watches", func() bool { return h.Stats().Viewers == 0 })
			}
			p.screenshot("site")
			p.forgive() // it asks the viewer, of course
		})
	}
}
