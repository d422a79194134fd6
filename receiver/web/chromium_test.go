package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"udpcam/protocol/mjpeg"
)

// differs returns how far two pictures are apart: the mean of the differences of the brightness of 12 × 9 areas, of 255.
func differs(a, b image.Image) float64 {
	const nx, ny = 12, 9
	area := func(r image.Rectangle, x, y int) image.Rectangle {
		w, h := r.Dx(), r.Dy()
		return image.Rect(w*x/nx, h*y/ny, w*(x+1)/nx, h*(y+1)/ny).Add(r.Min)
	}
	var sum float64
	for y := range ny {
		for x := range nx {
			d := brightness(a, area(a.Bounds(), x, y)) - brightness(b, area(b.Bounds(), x, y))
			sum += max(d, -d)
		}
	}
	return sum / (nx * ny)
}

// brightness returns the mean brightness of a part of a picture. It looks at one of nine pixels.
func brightness(img image.Image, r image.Rectangle) float64 {
	sum, n := 0, 0
	for y := r.Min.Y; y < r.Max.Y; y += 3 {
		for x := r.Min.X; x < r.Max.X; x += 3 {
			sum += int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return float64(sum) / float64(n)
}

// shows waits until the page shows a picture.
func (p *browserPage) shows(selector string, data []byte) {
	p.t.Helper()
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	p.until(fmt.Sprintf("(document.querySelector(%[1]q)?.naturalWidth || document.querySelector(%[1]q)?.width) === %d",
		selector, want.Bounds().Dx()))
	eventually(p.t, "it is what was put", func() bool { return differs(p.canvas(selector), want) < 3 })
}

// put puts a picture of a stream that was taken now.
func put(h *Server, stream string, data []byte) {
	f := frame(0, data)
	f.Stream, f.Captured = stream, time.Now()
	h.Put(f)
}

// playStream puts pictures of a stream until it is stopped.
func playStream(t *testing.T, h *Server, stream string, pictures ...[]byte) (stop func()) {
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Second / 25)
		defer tick.Stop()
		for i := 0; ; i++ {
			put(h, stream, pictures[i%len(pictures)])
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	})
	stop = sync.OnceFunc(func() { close(quit); running.Wait() })
	t.Cleanup(stop)
	return stop
}

// withoutSockets serves a server through a proxy that blocks WebSockets.
func withoutSockets(t *testing.T, h *Server) (addr string) {
	server := httptest.NewServer(blockSockets(h))
	t.Cleanup(func() { h.Close(); server.Close() })
	return server.Listener.Addr().String()
}

// The page shows a picture as soon as it comes. Only a single picture comes here: if the browser held it back until the
// next one, it would never be seen.
func TestPageShowsPicture(t *testing.T) {
	for name, serve := range map[string]func(*testing.T, *Server) string{
		"socket":   func(t *testing.T, h *Server) string { return serve(t, h) },
		"requests": withoutSockets,
	} {
		t.Run(name, func(t *testing.T) {
			h := New(quiet(Config{}))
			p := browse(t, "http://"+serve(t, h)+"/", 1000, 800)
			p.until("document.querySelector('.notice').textContent === 'waiting for the first picture'")
			eventually(t, "the page watches", func() bool { return h.Stats().Viewers == 1 })
			if name == "requests" {
				p.forgive() // Chromium writes to the console that the WebSocket failed
			}
			put(h, "front door", picture(t, 1))
			p.shows(".picture canvas", picture(t, 1))
			put(h, "front door", picture(t, 6))
			p.shows(".picture canvas", picture(t, 6))
			p.until("document.getElementById('name').textContent === 'front door'")
		})
	}
}

// A USB camera's picture, which has no Huffman tables, is shown once package mjpeg has completed it.
func TestPageShowsCompletedPicture(t *testing.T) {
	img, err := jpeg.Decode(bytes.NewReader(picture(t, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil { // with the standard tables
		t.Fatal(err)
	}
	whole, tables := b.Bytes(), []byte{0xFF, 0xC4}
	at := bytes.Index(whole, tables)
	bare := append(bytes.Clone(whole[:at]), whole[bytes.Index(whole, []byte{0xFF, 0xDA}):]...)
	if bytes.Contains(bare, tables) {
		t.Fatal("it has tables")
	}
	completed, err := mjpeg.Complete(nil, bare)
	if err != nil {
		t.Fatal(err)
	}
	h := New(quiet(Config{}))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 800)
	p.until("document.querySelector('.picture canvas')")
	put(h, "usb", completed)
	p.shows(".picture canvas", picture(t, 1))
}

// When pictures stop, the page dims the last one and says so. With the next picture, all is as before.
func TestPageDimsAndRecovers(t *testing.T) {
	for name, serve := range map[string]func(*testing.T, *Server) string{
		"socket":   func(t *testing.T, h *Server) string { return serve(t, h) },
		"requests": withoutSockets,
	} {
		t.Run(name, func(t *testing.T) {
			h := New(quiet(Config{}))
			stop := playStream(t, h, "door", picture(t, 1), picture(t, 2))
			p := browse(t, "http://"+serve(t, h)+"/", 1000, 800)
			p.until("document.querySelector('.tile.live .picture canvas')")
			p.forgive()
			stop()
			p.until("document.querySelector('.tile.quiet .notice')?.textContent.match(/^no picture for [0-9]+ s$/)")
			p.until("getComputedStyle(document.querySelector('.picture > *')).filter.includes('grayscale(1)')")
			p.until("document.getElementById('said').textContent === 'door: no picture any more'")
			p.screenshot(name)
			playStream(t, h, "door", picture(t, 1), picture(t, 2))
			p.until("document.querySelector('.tile.live .notice')?.textContent === ''")
			p.until("document.getElementById('said').textContent === 'door: live again'")
		})
	}
}

// When the server closes its WebSocket, the page opens another one.
func TestPageConnectsAgain(t *testing.T) {
	h := New(quiet(Config{}))
	playStream(t, h, "door", picture(t, 5))
	p := browse(t, "http://"+serve(t, h)+"/", 600, 600)
	p.until("document.querySelector('.tile.live .picture canvas')")
	before := func() uint64 { h.viewers.mu.Lock(); defer h.viewers.mu.Unlock(); return h.viewers.lastID }()
	func() {
		h.viewers.mu.Lock()
		defer h.viewers.mu.Unlock()
		for v := range h.viewers.here {
			v.conn.abort()
		}
	}()
	eventually(t, "the page has come again", func() bool {
		h.viewers.mu.Lock()
		defer h.viewers.mu.Unlock()
		return len(h.viewers.here) == 1 && h.viewers.lastID > before
	})
	p.until("document.querySelector('.tile.live')")
}

// Several cameras make a grid. A click enlarges one, and then only that one is sent. A camera that comes later appears too.
func TestGrid(t *testing.T) {
	h := New(quiet(Config{ForgetAfter: 4 * time.Second}))
	names := []string{"front door", "garden", "hall", "workshop"}
	stops := map[string]func(){}
	for i, name := range names {
		stops[name] = playStream(t, h, name, picture(t, 1+i))
	}
	p := browse(t, "http://"+serve(t, h)+"/", 1200, 800)
	p.until("document.querySelectorAll('.grid .tile.live').length === 4")
	p.until("document.getElementById('name').textContent === '4 cameras'")
	if got := p.text("#view"); got != strings.Join(names, "\n") {
		t.Errorf("the grid is called %q", got)
	}
	for i := range names {
		p.shows(fmt.Sprintf(".tile:nth-of-type(%d) canvas", i+1), picture(t, 1+i))
	}
	p.screenshot("grid")

	viewers := func(name string) (n int) {
		for _, s := range h.streamInfos() {
			if s.Name == name {
				n = s.Viewers
			}
		}
		return n
	}
	p.click(".tile:nth-of-type(2)")
	p.until("document.querySelectorAll('.tile').length === 1")
	p.until("document.getElementById('name').textContent === 'garden'")
	eventually(t, "nothing else is sent", func() bool { return viewers("garden") == 1 && h.Stats().Viewers == 1 })
	p.shows(".tile canvas", picture(t, 2))
	p.press("g")
	p.until("document.querySelectorAll('.grid .tile.live').length === 4")

	playStream(t, h, "cellar", picture(t, 5))
	p.until("document.querySelectorAll('.grid .tile.live').length === 5")
	stops["hall"]()
	p.until("document.querySelectorAll('.grid .tile.quiet').length === 1")
	p.until("document.querySelector('.tile.quiet .caption').textContent === 'hall'")
	p.screenshot("quiet")
}

// Tiles of the grid get fewer pictures. Tiles that are scrolled out of sight get none.
func TestGridSendsWhatIsSeen(t *testing.T) {
	h := New(quiet(Config{}))
	for i := range 40 {
		playStream(t, h, fmt.Sprintf("camera %02d", i), picture(t, 5+i%4))
	}
	p := browse(t, "http://"+serve(t, h)+"/", 390, 600)
	p.until("document.querySelectorAll('.grid .tile.live').length > 0")
	eventually(t, "some are out of sight", func() bool { n := h.Stats().Viewers; return n > 1 && n < 40 })
	p.screenshot("top")
	p.do(scrollTo("#view", 1<<20))
	eventually(t, "others are in sight now", func() bool {
		infos := h.streamInfos()
		return infos[0].Viewers == 0 && infos[39].Viewers == 1
	})
	slow := func(s *pageSocket) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.pace.rate == 10 }
	eventually(t, "they are small", func() bool {
		h.viewers.mu.Lock()
		defer h.viewers.mu.Unlock()
		for v := range h.viewers.here {
			if s, ok := v.conn.(*pageSocket); !ok || !slow(s) {
				return false
			}
		}
		return true
	})
}

// On a phone nothing of the page is cut off, and every text fits its place.
func TestPhone(t *testing.T) {
	h := New(quiet(Config{}))
	h.ReceiveFrom(lossy{})
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p := browse(t, "http://"+serve(t, h)+"/", 360, 640)
	p.until("document.querySelector('.tile.live')")
	p.until("document.querySelectorAll('#figures > div:not([hidden])').length === 5")
	p.until("document.getElementById('sealed').checkVisibility()")
	for _, size := range [][2]int{{360, 640}, {640, 360}, {320, 568}} {
		p.resize(int64(size[0]), int64(size[1]))
		p.screenshot(fmt.Sprintf("%dx%d", size[0], size[1]))
		for _, fits := range []string{
			"document.documentElement.scrollWidth <= innerWidth",
			"document.documentElement.scrollHeight <= innerHeight",
			"[...document.querySelectorAll('footer *')].every((e) => e.getBoundingClientRect().right <= innerWidth + 1)",
			"document.getElementById('view').clientHeight > innerHeight / 2",
		} {
			if !evaluate[bool](p, fits) {
				t.Errorf("%v: not %s", size, fits)
			}
		}
	}
	p.theme("light")
	p.screenshot("light")
}

func TestKeyboard(t *testing.T) {
	h := New(quiet(Config{}))
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	playStream(t, h, "garden", picture(t, 3), picture(t, 4))
	p := browse(t, "http://"+serve(t, h)+"/streams/door/", 900, 700)
	p.until("document.querySelector('.tile.live')")
	p.press(" ")
	p.until("document.querySelector('.tile.paused') && document.getElementById('status').textContent === 'paused'")
	eventually(t, "a paused page is sent nothing", func() bool { return h.Stats().Viewers == 0 })
	p.press(" ")
	p.until("document.querySelector('.tile.live')")
	p.press("f")
	p.until("document.fullscreenElement")
	p.press("f")
	p.until("!document.fullscreenElement")
	p.press("g")
	p.until("document.querySelectorAll('.grid .tile.live').length === 2")
	p.press("g")
	p.until("document.querySelectorAll('.tile').length === 1")
	name := p.text("#name")
	p.press(kb.ArrowRight)
	p.until(fmt.Sprintf("document.getElementById('name').textContent !== %q", name))
	p.until("document.querySelector('.tile.live')")
	evaluate[any](p, "HTMLAnchorElement.prototype.click = function () { window.link = this }, "+
		"URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:' }, 1")
	p.press("s")
	p.until("window.link?.download.endsWith('.jpg')")
	size := evaluate[int](p, "window.saved.size")
	found := false
	for i := 1; i <= 4; i++ {
		found = found || size == len(picture(t, i))
	}
	if !found {
		t.Errorf("the snapshot has %d bytes, which none of the pictures has", size)
	}
}

// A screen reader can read the page aloud: names, states, and buttons with their keys.
func TestAccessibility(t *testing.T) {
	h := New(quiet(Config{}))
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p := browse(t, "http://"+serve(t, h)+"/", 900, 700)
	p.until("document.querySelector('.tile.live')")
	for _, holds := range []string{
		"document.documentElement.lang === 'en'",
		"document.querySelector('canvas').getAttribute('role') === 'img'",
		"document.querySelector('canvas').getAttribute('aria-label') === 'Live picture of door'",
		"document.querySelector('[role=status]')",
		"document.title === 'door · udpcam'",
		"[...document.querySelectorAll('#tools button')].every((b) => b.ariaKeyShortcuts || b.getAttribute('aria-keyshortcuts'))",
		"[...document.querySelectorAll('button')].every((b) => b.textContent || b.ariaLabel || b.closest('[hidden], .tile'))",
		"[...document.querySelectorAll('#figures dt')].length === 5",
	} {
		p.until(holds)
	}
}
