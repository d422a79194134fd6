package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"udpcam/internal/netns"
)

// A viewing is a page in one of the browsers, and what is on its screen.
type viewing struct {
	*testing.T
	window
}

// screen is what people see of the page: texts that are rendered, and the colour of the dot before the status.
type screen struct {
	Status, Name, Notice, Said string
	Dot                        string
	Box                        [4]float64 // where the picture is: left, top, width, height
	Lived                      float64    // when the status was last live, in ms since the Unix epoch
	Gap                        float64    // for how many ms the page's scripts have stood still at most
}

const readScreen = `
const seen = (e) => e && e.getClientRects().length && getComputedStyle(e).visibility === 'visible' ? e.innerText.trim() : '';
const status = document.getElementById('status'), box = document.querySelector('.box')?.getBoundingClientRect();
if (!window.watching) {
	window.watching = true;
	let last = Date.now();
	window.gap = 0;
	const look = () => {
		window.gap = Math.max(window.gap, Date.now() - last);
		last = Date.now();
		if (status.innerText === 'live') window.lived = last;
	};
	look();
	setInterval(look, 20);
}
return {
	Status: seen(status), Name: seen(document.getElementById('name')), Notice: seen(document.querySelector('.notice')),
	Said: document.getElementById('said').textContent, Dot: getComputedStyle(status, '::before').backgroundColor,
	Box: box ? [box.left, box.top, box.width, box.height] : [0, 0, 0, 0], Lived: window.lived ?? 0, Gap: window.gap,
};`

func (v *viewing) look() (s screen) {
	v.Helper()
	answer, err := v.run(readScreen)
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	if err != nil {
		v.Fatal(err)
	}
	return s
}

func (v *viewing) open(address string) {
	v.Helper()
	if err := v.visit(address); err != nil {
		v.Fatal(err)
	}
}

// until waits until the screen is as wanted.
func (v *viewing) until(what string, holds func(s screen) bool) screen {
	v.Helper()
	var s screen
	for end := time.Now().Add(hang); ; time.Sleep(100 * time.Millisecond) {
		if s = v.look(); holds(s) {
			return s
		}
		if time.Now().After(end) {
			v.shoot("failed")
			v.Fatalf("not within %v: %s, but %+v", hang, what, s)
		}
	}
}

// shoot returns what the browser shows. If UDPCAM_SCREENSHOTS names a directory, it is also saved there.
func (v *viewing) shoot(name string) image.Image {
	v.Helper()
	data, err := v.screenshot()
	img := decodePNG(v.T, data, err)
	if keep := os.Getenv("UDPCAM_SCREENSHOTS"); keep != "" {
		name := strings.ReplaceAll(v.Name()+"-"+name, "/", "_") + ".png"
		if err := os.WriteFile(filepath.Join(keep, name), data, 0o644); err != nil {
			v.Fatal(err)
		}
	}
	return img
}

// light returns how bright the picture is on the screen, of 255. It looks at the left third: texts are elsewhere.
func (v *viewing) light(s screen) float64 {
	v.Helper()
	img := v.shoot("light")
	left, top, width, height := s.Box[0], s.Box[1], s.Box[2]/4, s.Box[3]*0.9
	return brightness(img, image.Rect(int(left), int(top), int(left+width), int(top+height)).Intersect(img.Bounds()))
}

const green = "rgb(18, 131, 76)"

// live waits until the page shows that the picture is live, and returns how bright that is. The page brightens slowly.
func (v *viewing) live() float64 {
	v.Helper()
	s := v.until("live, with a green dot and without a notice", func(s screen) bool {
		return s.Status == "live" && s.Dot == green && s.Notice == ""
	})
	light := v.shines(s, 60, 255)
	for end := time.Now().Add(hang); time.Now().Before(end); {
		time.Sleep(200 * time.Millisecond)
		before := light
		if light = v.light(s); math.Abs(light-before) < 2 {
			return light
		}
	}
	v.Fatal("the picture's brightness changes all the time")
	return 0
}

// shines waits until the picture is so bright.
func (v *viewing) shines(s screen, least, most float64) float64 {
	v.Helper()
	for end := time.Now().Add(hang); ; time.Sleep(200 * time.Millisecond) {
		light := v.light(s)
		if light >= least && light <= most {
			return light
		}
		if time.Now().After(end) {
			v.Fatalf("the picture's brightness is %.0f, not %.0f to %.0f", light, least, most)
		}
	}
}

// dead waits until the page shows that the picture is not live, which must have been so a time after since at the latest. It
// then watches for a while whether that stays.
func (v *viewing) dead(status, notice string, since time.Time, bright float64) screen {
	v.Helper()
	says := func(s screen) bool { return s.Status == status && strings.Contains(s.Notice, notice) && s.Dot != green }
	s := v.until(fmt.Sprintf("%s, %s", status, notice), says)
	// The rule says 2 s, and 1 s for a picture. Browsers on a busy machine get more.
	late, most := time.UnixMilli(int64(s.Lived)).Sub(since), 2500*time.Millisecond+3*time.Duration(s.Gap)*time.Millisecond
	if late > most {
		v.Errorf("it was live for %v more, not %v", late, most)
	}
	v.shines(s, 0.2*bright, 0.6*bright) // dimmed, and still there
	for range 3 {
		time.Sleep(250 * time.Millisecond)
		if s = v.look(); s.Status == "live" || s.Dot == green || strings.HasSuffix(s.Said, "live again") {
			v.Errorf("with no picture: %+v", s)
		}
	}
	return s
}

// What is on the screen is true, whatever happens to the server: a picture is live only if it is new, and the connection is
// alive. So it is in each browser, by WebSocket, by single requests, and in browsers of 2021.
func TestPageIsTrue(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, browser := range browsers {
		all.Go(func() { t.Run(browser.name, func(t *testing.T) { isTrue(t, browser.open) }) }) // they mostly wait
	}
	all.Wait()
}

func isTrue(t *testing.T, open func(*testing.T, bool) window) {
	server := startServer(t)
	v := &viewing{t, open(t, false)}
	if err := v.resize(700, 600); err != nil {
		t.Fatal(err)
	}
	server.order("old door 57")
	time.Sleep(100 * time.Millisecond) // it has no answer
	v.open("http://" + server.addresses[0])
	v.judge()
	s := v.until("an old picture", func(s screen) bool { return s.Status == "no picture" })
	if s.Lived != 0 || s.Dot == green || !strings.HasPrefix(s.Notice, "no picture for 5") &&
		!strings.HasPrefix(s.Notice, "no picture for 6") {
		t.Errorf("a picture that is 57 s old: %+v", s)
	}
	v.shines(s, 25, 60) // dimmed
	server.order("door 15")
	bright := v.live()
	v.hides()

	server.order("none 0")
	v.dead("no picture", "no picture for ", time.Now(), bright)
	server.order("door 15")
	v.live()

	since := time.Now()
	server.kill()
	v.dead("no connection", "no connection to the server", since, bright)
	server.start()
	server.order("door 15")
	v.live()

	for i, kind := range []string{"WebSocket", "requests", "2021"} {
		if i > 0 {
			v.open("http://" + server.addresses[i])
		}
		v.live()
		if kind == "2021" {
			v.holds("window.lacks && !window.OffscreenCanvas && !AbortSignal.timeout")
		}
		since := time.Now()
		server.signal(syscall.SIGSTOP)
		v.dead("no connection", "no connection to the server", since, bright)
		server.signal(syscall.SIGCONT)
		v.live()
		if said := v.look().Said; !strings.HasSuffix(said, "live again") {
			t.Errorf("%s: a screen reader is told %q", kind, said)
		}
	}

	// More cameras than a browser has connections for one server.
	server.order("cam10,cam2,cam1,cam3,cam4,cam5,cam6,cam7,cam8 3")
	v.open("http://" + server.addresses[1] + "/#grid")
	v.until("cameras", func(s screen) bool { return s.Name == "10 cameras" && s.Status == "1 without picture" })
	v.eventually("[...document.querySelectorAll('.tile.live .caption')].map((c) => c.textContent).join() === " +
		"'cam1,cam2,cam3,cam4,cam5,cam6,cam7,cam8,cam10'")
}

// The network goes away without a word, and comes back.
func TestPageNetnsUnplugged(t *testing.T) {
	t.Parallel()
	cable, err := netns.NewDirect()
	if errors.Is(err, netns.ErrRoot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cable.Close() })
	link := func(state string) {
		t.Helper()
		if err := cable.A.Do(exec.Command("ip", "link", "set", "cable", state).Run); err != nil {
			t.Fatal(err)
		}
	}
	server := startServerOn(t, cable.A, "10.77.1.2")
	server.order("door 15")
	v := &viewing{t, openFirefoxOn(t, cable.B, false)}
	if err := v.resize(700, 600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // by WebSocket, and by single requests
		v.open("http://" + server.addresses[i])
		bright := v.live()
		since := time.Now()
		link("down")
		v.dead("no connection", "no connection to the server", since, bright)
		link("up")
		v.live()
	}
}

// hides hides the page, as another tab does, and shows it again. What it shows first is not live.
func (v *viewing) hides() {
	v.Helper()
	v.holds(`Object.defineProperty(document, 'hidden', { get: () => window.hid, configurable: true }) &&
		(window.hid = true) && document.dispatchEvent(new Event('visibilitychange')) &&
		document.getElementById('status').innerText === 'connecting'`)
	time.Sleep(500 * time.Millisecond)
	v.holds(`document.querySelector('.tile.connecting') && document.body.dataset.state === 'connecting'`)
	v.holds(`(window.hid = false, document.dispatchEvent(new Event('visibilitychange')),
		document.getElementById('status').innerText === 'connecting')`)
	v.live()
}

func (v *viewing) holds(expression string) {
	v.Helper()
	if answer, err := v.run("return !!(" + expression + ")"); err != nil || string(answer) != "true" {
		v.Errorf("%v, not %s", err, expression)
	}
}

func (v *viewing) eventually(expression string) {
	v.Helper()
	eventually(v, expression, func() bool {
		answer, err := v.run("return !!(" + expression + ")")
		return err == nil && string(answer) == "true"
	})
}
