package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"
	"time"

	xdraw "golang.org/x/image/draw"
)

var update = flag.Bool("update", false, "take the screenshots in testdata/page.jpg anew")

// scenes are what the contact sheet shows, in this order: each comes about in the one before.
var scenes = []struct {
	name          string
	width, height int
	path          string
	order         string // of the server, see runServer
	ready         func(s screen) bool
}{
	{"no camera", 1000, 700, "/", "", func(s screen) bool { return s.Status == "waiting" }},
	{"one camera", 1000, 700, "/", "front-door 15", func(s screen) bool { return s.Status == "live" }},
	{"grid of nine", 1000, 700, "/#grid", nine, func(s screen) bool { return s.Name == "9 cameras" && s.Status == "live" }},
	{"phone", 390, 700, "/#grid", nine, func(s screen) bool { return s.Name == "9 cameras" && s.Status == "live" }},
	{"lost stream", 1000, 700, "/streams/front-door/", "none 0", func(s screen) bool { return s.Status == "no picture" }},
	{"dead server", 1000, 700, "", "kill", func(s screen) bool { return s.Status == "no connection" }},
}

const nine = "front-door,back-door,cam1,cam2,cam10,garage,garden,hall,workshop 10"

// The contact sheet shows each scene in each browser, light and dark. It is for people: go test -run Looks -update.
func TestPageContactSheet(t *testing.T) {
	if !*update {
		sheet, err := os.ReadFile(sheetFile)
		if err != nil {
			t.Fatal(err)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(sheet))
		if wide := len(scenes) * (thumb + gap); err != nil || config.Width != wide+gap {
			t.Errorf("%s does not show %d scenes: %v", sheetFile, len(scenes), err)
		}
		return
	}
	const high = thumb * 7 / 10
	sheet := image.NewRGBA(image.Rect(0, 0, len(scenes)*(thumb+gap)+gap, 2*len(browsers)*(high+gap)+gap))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{0x80}), image.Point{}, draw.Src)
	if old, err := os.ReadFile(sheetFile); err == nil { // what is not taken anew stays
		if img, err := jpeg.Decode(bytes.NewReader(old)); err == nil && img.Bounds() == sheet.Bounds() {
			draw.Draw(sheet, sheet.Bounds(), img, image.Point{}, draw.Src)
		}
	}
	for i, browser := range browsers {
		for j, dark := range []bool{false, true} {
			t.Run(fmt.Sprint(browser.name, map[bool]string{false: " light", true: " dark"}[dark]), func(t *testing.T) {
				v := &viewing{t, browser.open(t, dark)}
				for k, img := range v.scenes() {
					at := image.Pt(gap+k*(thumb+gap), gap+(2*i+j)*(high+gap))
					size := img.Bounds().Size()
					wide := high * size.X / size.Y
					at.X += (thumb - wide) / 2
					xdraw.CatmullRom.Scale(sheet, image.Rect(at.X, at.Y, at.X+wide, at.Y+high), img, img.Bounds(), draw.Src, nil)
				}
			})
		}
	}
	if t.Failed() {
		return
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, sheet, &jpeg.Options{Quality: 70}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sheetFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	sheetFile = "testdata/page.jpg"
	thumb     = 260 // pixels across
	gap       = 8
)

// scenes returns a screenshot of each scene.
func (v *viewing) scenes() (all []image.Image) {
	v.Helper()
	server := startServer(v.T)
	for _, scene := range scenes {
		if err := v.resize(scene.width, scene.height); err != nil {
			v.Fatal(err)
		}
		switch scene.order {
		case "":
		case "kill":
			server.kill()
		default:
			server.order("%s", scene.order)
			time.Sleep(300 * time.Millisecond)
		}
		if scene.path != "" {
			v.open("http://" + server.addresses[0] + scene.path)
		}
		v.until(scene.name, scene.ready)
		time.Sleep(2 * time.Second) // for figures, and for what the page does wrong a little later
		v.until(scene.name, scene.ready)
		all = append(all, v.shoot(scene.name))
	}
	return all
}

// A layout is where the parts of the page are: left, top, right, bottom.
type layout struct {
	Boxes, Captions, Tiles, Buttons [][4]float64
	Scrolls                         bool
}

func (v *viewing) layout() (l layout) {
	v.Helper()
	answer, err := v.run(`
		const all = (which) => [...document.querySelectorAll(which)].filter((e) => e.getClientRects().length)
			.map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom]);
		const view = document.getElementById('view');
		return { Boxes: all('.box'), Captions: all('.caption'), Tiles: all('.tile'), Buttons: all('#tools button'),
			Scrolls: view.scrollHeight > view.clientHeight };`)
	if err == nil {
		err = json.Unmarshal(answer, &l)
	}
	if err != nil {
		v.Fatal(err)
	}
	return l
}

// Nine cameras on a phone are two columns without scrolling. Names stand on the edges of pictures, which lie on black in the
// light theme too. The buttons are one row. The demo's panel covers no picture.
func TestPageLooks(t *testing.T) {
	demo := &Demo{Link: func() DemoLink { return DemoLink{} }}
	h := New(quiet(Config{Demo: demo}))
	for i := range 9 {
		playStream(t, h, fmt.Sprint("cam", 3*i), picture(t, 5), picture(t, 6))
	}
	addr := serve(t, h)
	v := &viewing{t, openChromium(t, false)}
	if err := v.resize(390, 700); err != nil {
		t.Fatal(err)
	}
	v.open("http://" + addr)
	v.eventually("document.querySelectorAll('.tile.live').length === 9")
	l := v.layout()
	rows, columns := map[float64]bool{}, map[float64]bool{}
	for i, tile := range l.Tiles {
		rows[tile[1]], columns[tile[0]] = true, true
		box, caption := l.Boxes[i], l.Captions[i]
		if caption[0] != box[0] || caption[3] != box[3] {
			t.Errorf("the name is at %v, the picture at %v", caption, box)
		}
		if w, h := box[2]-box[0], box[3]-box[1]; w/h < 1.3 || w/h > 1.37 {
			t.Errorf("the picture is %v × %v", w, h)
		}
	}
	if len(columns) != 2 || len(rows) != 5 || l.Scrolls {
		t.Errorf("%d columns, %d rows, scrolls: %v", len(columns), len(rows), l.Scrolls)
	}
	for _, button := range l.Buttons {
		if button[1] != l.Buttons[0][1] {
			t.Errorf("the buttons are not one row: %v", l.Buttons)
		}
	}
	v.holds("document.getElementById('network').hidden")
	v.eventually("document.querySelector('#figures .median path:last-child').getAttribute('d').startsWith('M0.00 ')")
	v.eventually("/^delay\\s*[0-9.]+\\s*ms\\s*\\(worst [0-9.]+\\)$/.test(" +
		"document.querySelector('#figures .median').innerText.trim())")
	img := v.shoot("phone")
	if r, g, b, _ := img.At(388, int(l.Tiles[8][1])+20).RGBA(); r+g+b > 0 {
		t.Error("beside the pictures it is not black")
	}

	if err := v.resize(1200, 700); err != nil {
		t.Fatal(err)
	}
	v.open("about:blank")
	v.open("http://" + addr + "/streams/cam3/")
	v.eventually("document.querySelector('.tile.live') && !document.getElementById('network').hidden")
	v.holds("document.getElementById('network').getBoundingClientRect().left >= " +
		"document.getElementById('view').getBoundingClientRect().right")
	v.zooms()
}

// zooms tests that an enlarged picture stays under the fingers, and never leaves its place.
func (v *viewing) zooms() {
	v.Helper()
	_, err := v.run(`
		const tile = document.querySelector('.tile'), { left, top, width, height } = tile.getBoundingClientRect();
		window.fire = (kind, name, x, y, more) => tile.dispatchEvent(new kind(name, {
			bubbles: true, cancelable: true, clientX: left + x * width, clientY: top + y * height, ...more }));
		window.edges = () => (({ left: l, top: t, right, bottom }) => [
			l - left, t - top, right - left - width, bottom - top - height])(
			document.querySelector('.picture').getBoundingClientRect());
		window.scale = () => document.querySelector('.picture').getBoundingClientRect().width /
			document.querySelector('.box').getBoundingClientRect().width;
		`)
	if err != nil {
		v.Fatal(err)
	}
	press := func(key string) string {
		return fmt.Sprintf("(document.body.dispatchEvent(new KeyboardEvent('keydown', { key: %q, bubbles: true })), true) && ",
			key)
	}
	for _, step := range []string{
		"scale() === 1",
		"(fire(WheelEvent, 'wheel', 0.5, 0.5, { deltaY: 100 }), scale() === 1)", // it is never smaller than its place
		"(fire(WheelEvent, 'wheel', 0.5, 0.5, { deltaY: -400 }), Math.abs(scale() - Math.E) < 0.01)",
		"(fire(PointerEvent, 'pointerdown', 0.5, 0.5, { pointerId: 1 }), " +
			"fire(PointerEvent, 'pointermove', 5, 5, { pointerId: 1 }), " +
			"fire(PointerEvent, 'pointerup', 5, 5, { pointerId: 1 }), " +
			"edges()[0] > -1 && edges()[1] > -1 && edges()[1] < 1)", // at its corner
		"(fire(MouseEvent, 'dblclick', 0.5, 0.5), scale() === 1) && !document.fullscreenElement",
		"(fire(PointerEvent, 'pointerdown', 0.4, 0.5, { pointerId: 1 }), " +
			"fire(PointerEvent, 'pointerdown', 0.6, 0.5, { pointerId: 2 }), " +
			"fire(PointerEvent, 'pointermove', 0.8, 0.5, { pointerId: 2 }), Math.abs(scale() - 2) < 0.01)",
		"(fire(PointerEvent, 'pointerup', 0, 0, { pointerId: 1 }), fire(PointerEvent, 'pointerup', 0, 0, { pointerId: 2 }), true)",
		press("0") + "scale() === 1",
		press("+") + "Math.abs(scale() - 1.25) < 0.01",
		press("ArrowRight") + "document.getElementById('name').textContent === 'cam3'", // it pans
		press("-") + "scale() < 1.01",
	} {
		v.holds(step)
	}
}
