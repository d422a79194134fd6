package web

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

const hintsShown = "document.getElementById('hints').checkVisibility()"

// Without a stream the page tells what to do. With a picture that is gone, and it comes back when there is no stream.
func TestPageHints(t *testing.T) {
	h := New(quiet(Config{Hints: hints, QuietAfter: 300 * time.Millisecond, ForgetAfter: 300 * time.Millisecond}))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 700)
	p.until(hintsShown)
	text := p.text("#hints")
	for _, want := range []string{"Waiting for a camera", "udpcam send --addr 192.168.1.20\n", "A note.",
		"192.168.1.7: no answer yet", "door 192.168.1.9, sealed", "udpcam recv --from 192.168.1.9",
		"This page on a phone:\n\nhttp://192.168.1.20:8080/"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q but\n%s", want, text)
		}
	}
	p.until("!document.querySelector('.notice').checkVisibility()")
	p.until("document.getElementById('said').textContent === 'Waiting for a camera'")
	p.click("#hints summary")
	p.until("document.querySelector('#hints details .line').innerText.startsWith('udpcam send --addr 10.0.0.5')")
	p.screenshot("open")

	stop := playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p.until("document.querySelector('.tile.live')")
	if evaluate[bool](p, hintsShown) {
		t.Error("the hints hide the picture")
	}
	stop()
	p.until("document.querySelector('.tile.quiet')")
	if evaluate[bool](p, hintsShown) {
		t.Error("the hints hide the last picture while there still is a stream")
	}
	p.click("#pause") // a stream that somebody watches is not forgotten
	p.until(hintsShown)
	p.click("#pause")
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	p.until("document.querySelector('.tile.live') && !" + hintsShown)
}

// If nothing can be told, or the server tells nothing, all is as without hints.
func TestPageWithoutHints(t *testing.T) {
	var told atomic.Pointer[Hints]
	told.Store(&Hints{})
	asked := make(chan bool, 100)
	h := New(quiet(Config{Hints: func() Hints { asked <- true; return *told.Load() }}))
	p := browse(t, "http://"+serve(t, h)+"/", 800, 600)
	<-asked
	p.until("document.querySelector('.notice').checkVisibility()")
	<-asked // a second later the answer to the first has come
	if evaluate[bool](p, hintsShown) {
		t.Errorf("the page shows hints without any: %s", p.text("#hints"))
	}
	told.Store(&Hints{Send: []string{"udpcam send --addr 192.168.7.7"}}) // the network has come
	p.until(hintsShown)
	if evaluate[bool](p, "!!document.querySelector('#hints svg')") {
		t.Error("there is a QR code of nothing")
	}
}

// The button copies a line, with a mouse and with keys, also where the page has come by http and may not use the clipboard.
func TestPageHintsCopy(t *testing.T) {
	h := New(quiet(Config{Hints: hints}))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 700)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		grant := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name},
			Setting: browser.PermissionSettingGranted, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID}
		if _, err := chromedp.Call(p.ctx, browser.SetPermission, grant); err != nil {
			t.Fatal(err)
		}
	}
	p.until(hintsShown)
	evaluate[any](p, "Object.defineProperty(navigator, 'written', { value: navigator.clipboard }), "+
		"Object.defineProperty(navigator, 'clipboard', { value: undefined }), 1")
	copied := func(command string) {
		t.Helper()
		p.until(fmt.Sprintf("navigator.written.readText().then((text) => text === %q)", command))
	}
	p.click("#hints .send .line button")
	copied("udpcam send --addr 192.168.1.20")
	p.until("document.querySelector('#hints .send button').textContent === 'copied'")
	p.until("document.getElementById('said').textContent === 'copied'")
	evaluate[any](p, "document.querySelector('#hints .found button').focus(), 1")
	p.press("\r")
	copied("udpcam recv --from 192.168.1.9 --http :8080")
	p.until("document.querySelector('#hints .send button').textContent === 'copy'")
}

// What is found on the network is text, whatever it is.
func TestPageHintsAreText(t *testing.T) {
	evil := `<img src=x onerror="document.title='evil'"><script>document.title='evil'</script>` + "\u202e{{.}}"
	h := New(quiet(Config{Hints: func() Hints {
		return Hints{Send: []string{evil}, Notes: []string{evil}, Asked: []string{evil}, Found: []Found{{evil, evil, evil}}}
	}}))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 700)
	p.until(hintsShown)
	if n := evaluate[int](p, "document.querySelectorAll('#hints img, #hints script').length"); n > 0 {
		t.Errorf("%d elements come from the network", n)
	}
	if n := strings.Count(evaluate[string](p, "document.getElementById('hints').textContent"), evil); n != 6 {
		t.Errorf("the text is there %d times", n)
	}
}

// On screens of all sizes nothing is cut off, and a phone's camera reads the QR code off the screen.
func TestPageHintsQR(t *testing.T) {
	scan := need(t, "zbarimg")
	h := New(quiet(Config{Hints: func() Hints {
		told := hints()
		told.Send = append(told.Send, `udpcam send --addr "[2001:db8:1234:5678:9abc:def0:1234:5678]:12399" --wire classic `+
			"--key-file FILE")
		return told
	}}))
	p := browse(t, "http://"+serve(t, h)+"/", 1000, 700)
	p.until(hintsShown)
	p.click("#hints summary")
	for _, theme := range []string{"light", "dark"} {
		p.theme(theme)
		for _, size := range [][2]int64{{1280, 800}, {768, 1024}, {390, 844}, {844, 390}, {320, 568}} {
			p.resize(size[0], size[1])
			name := fmt.Sprintf("%s-%dx%d", theme, size[0], size[1])
			p.do(chromedp.Evaluate[chromedp.Void]("document.getElementById('hints').scrollTo(0, 0)"))
			p.capture(name)
			if evaluate[bool](p, "document.getElementById('hints').scrollWidth > innerWidth") ||
				evaluate[bool](p, "document.documentElement.scrollHeight > innerHeight") {
				t.Errorf("%s: it is cut off", name)
			}
			p.do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#hints svg').scrollIntoView()"))
			eventually(t, name+": the code is read", func() bool { // the browser may not have drawn it yet
				return readCode(t, scan, p.capture(name+"-code")) == "http://192.168.1.20:8080/"
			})
		}
	}
}

// readCode returns what the QR code in a picture, a PNG, says, "" if none is found.
func readCode(t *testing.T, scan string, picture []byte) string {
	t.Helper()
	cmd := exec.Command(scan, "--quiet", "--raw", "--nodbus", "-")
	cmd.Stdin = bytes.NewReader(picture)
	text, _ := cmd.Output() // which fails if there is no code
	return strings.TrimSpace(string(text))
}
