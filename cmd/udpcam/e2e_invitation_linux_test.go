package main_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/creack/pty"
)

// typeThis is what recv's log says to type at the camera. The group is the command.
const typeThis = `type this at the camera" command="([^"]+)"`

// at runs a command on the machine as it was told by udpcam, with more arguments.
func (m machine) at(t *testing.T, told string, more ...string) *process {
	t.Helper()
	words := strings.Fields(told)
	if words[0] != "udpcam" {
		t.Fatalf("told to type %q", told)
	}
	return m.udpcam(t, append(words[1:], more...)...)
}

// A machine with several interfaces says once what to type at the camera. That works. So does each printed address of the
// page, for another machine. What leads nowhere is not printed.
func TestE2ENetnsInvitation(t *testing.T) {
	need(t, "curl")
	left, right := cable(t)
	right.run(t, "ip", "link", "set", "lo", "up") // without ::1 there is no IPv6, says Go
	for name, addr := range map[string]string{"wlan0": "10.78.0.5/24", "docker0": "172.17.0.1/16", "eth9": "10.79.0.1/24"} {
		right.run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", name+"-end")
		right.run(t, "ip", "link", "set", name+"-end", "up")
		right.run(t, "ip", "address", "add", addr, "dev", name)
		if name != "eth9" {
			right.run(t, "ip", "link", "set", name, "up")
		}
	}
	right.run(t, "ip", "route", "add", "default", "via", "10.77.0.1")
	left.run(t, "ip", "route", "add", "10.78.0.0/24", "via", "10.77.0.2")

	receiver := right.udpcam(t, "recv", "--addr", ":12399", "--http", "0.0.0.0:8080")
	said := receiver.says(t, `url=(\S+) or="([^"]+)"`)
	urls := append([]string{said[1]}, strings.Fields(said[2])...)
	if got := strings.Join(urls, " "); got != "http://10.77.0.2:8080/ http://10.78.0.5:8080/ http://[fd77::2]:8080/" {
		t.Errorf("the page is said to be at %s", got)
	}
	for _, url := range urls {
		for _, path := range []string{"", "api/v1/hints"} {
			if status := left.run(t, "curl", "-gsS", "-o", "/dev/null", "-w", "%{http_code}", url+path); status != "200" {
				t.Errorf("%s%s: %s", url, path, status)
			}
		}
	}
	hints := left.run(t, "curl", "-sS", "http://10.78.0.5:8080/api/v1/hints")
	for _, want := range []string{`"send":["udpcam send --addr 10.77.0.2:12399","udpcam send --addr 10.78.0.5:12399"`,
		`"address":"http://10.78.0.5:8080/"`} {
		if !strings.Contains(hints, want) {
			t.Errorf("the page is not told %s, but %s", want, hints)
		}
	}
	// The interfaces may be others by now.
	right.run(t, "ip", "link", "set", "eth9", "up")
	right.run(t, "ip", "link", "del", "wlan0")
	until(t, "the page is told of the new interface, and not of the old one", func() bool {
		hints := left.run(t, "curl", "-sS", "http://10.77.0.2:8080/api/v1/hints")
		return strings.Contains(hints, "--addr 10.79.0.1:12399") && !strings.Contains(hints, "10.78.0.5")
	})

	command := receiver.says(t, typeThis)[1]
	left.at(t, command, "--source", "test:", "--fps", "10")
	receiver.says(t, "stream appears")
	until(t, "a picture is on the page", func() bool {
		return left.command("curl", "-fsS", "-o", "/dev/null", urls[0]+"snapshot.jpg").Run() == nil
	})
	receiver.stop(t)
	if n := strings.Count(receiver.stderr.String(), "no stream yet"); n != 1 {
		t.Errorf("it is said %d times what to type", n)
	}
}

// A machine that is on no network says so. When it is on one, it says what to type.
func TestE2ENetnsInvitationWithoutNetwork(t *testing.T) {
	left, right := cable(t)
	right.run(t, "ip", "link", "set", "cable", "down")
	receiver := right.udpcam(t, "recv", "--addr", ":12345", "--http", "0.0.0.0:0")
	receiver.says(t, `url=http://127\.0\.0\.1:\d+/ hint="this machine is on no network now"`)
	receiver.says(t, `"no stream yet" note="This machine is on no network now\."`)
	right.run(t, "ip", "link", "set", "cable", "up")
	command := receiver.says(t, typeThis)[1]
	if want := "udpcam send --addr 10.77.0.2"; command != want {
		t.Errorf("%q, want %q", command, want)
	}
	left.at(t, command, "--source", "test:", "--fps", "10")
	receiver.says(t, "stream appears")
	receiver.stop(t)
	if n := strings.Count(receiver.stderr.String(), "no stream yet"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

// What a camera needs for this receiver is in the line that is to be typed: the classic wire, the port, a key. The key itself
// is not told.
func TestE2ENetnsInvitationVariants(t *testing.T) {
	left, right := cable(t)
	right.run(t, "ip", "link", "set", "lo", "up")
	key := filepath.Join(t.TempDir(), "door.key")
	secret := strings.TrimSpace(string(run(t, udpcamCommand(t).Path, "key")))
	if err := os.WriteFile(key, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	variants := map[string][]string{
		"udpcam send --addr 10.77.0.2 --wire classic":        {"--wire", "classic"},
		"udpcam send --addr 10.77.0.2:12399 --key-file FILE": {"--addr", ":12399", "--key-file", key},
		"udpcam send --addr 239.1.2.3:12398":                 {"--addr", "239.1.2.3:12398", "--interface", "cable"},
	}
	receivers := map[string]*process{}
	for want, flags := range variants {
		receivers[want] = right.udpcam(t, append([]string{"recv", "--http", "127.0.0.1:0"}, flags...)...)
	}
	for want, receiver := range receivers {
		if command := receiver.says(t, typeThis)[1]; command != want {
			t.Errorf("%q: %q, want %q", variants[want], command, want)
		}
		hints := right.run(t, "curl", "-sS", receiver.url(t)+"api/v1/hints")
		if strings.Contains(hints+receiver.stderr.String(), secret) {
			t.Errorf("%s: the key is told", want)
		}
		if !strings.Contains(hints, `"page":null`) {
			t.Errorf("%s: there is a QR code of a page for this machine alone: %s", want, hints)
		}
		told := strings.Replace(want, "FILE", key, 1)
		camera := left.at(t, told, "--source", "test:", "--fps", "10", "--interface", "cable")
		receiver.says(t, "stream appears")
		camera.stop(t)
		receiver.stop(t)
	}
}

// With --qr, a phone reads the page's address off the terminal, with the token. Log lines and the status line do not disturb
// that. A terminal that is too narrow gets no code.
func TestE2ENetnsQR(t *testing.T) {
	need(t, "zbarimg")
	_, right := cable(t)
	for _, columns := range []uint16{80, 40, 30} {
		screen, inside, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { screen.Close() })
		if err := pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
			t.Fatal(err)
		}
		cmd := right.command(udpcamCommand(t).Path, "recv", "--addr", ":0", "--http", "0.0.0.0:8080", "--qr", "--token", "abc")
		cmd.Stdout = inside
		var shown output
		done := make(chan error, 1)
		go func() { _, err := io.Copy(&shown, screen); done <- err }()
		receiver := startWith(t, cmd, inside)
		inside.Close()
		until(t, "it listens, and then waits", func() bool { return strings.Contains(shown.String(), "waiting for") })
		receiver.stop(t)
		<-done
		text := shown.String()
		if columns == 30 {
			if !strings.Contains(text, "too narrow") || strings.Contains(text, "█") {
				t.Errorf("in %d columns:\n%s", columns, text)
			}
			continue
		}
		if got, want := readTerminal(t, text), "http://10.77.0.2:8080/?token=abc"; got != want {
			t.Errorf("in %d columns the code says %q, want %q", columns, got, want)
		}
	}
}

// startWith starts a program whose standard error is a file.
func startWith(t *testing.T, cmd *exec.Cmd, stderr *os.File) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// readTerminal returns what the QR code among the lines of a terminal says. White on black is how it is drawn.
func readTerminal(t *testing.T, text string) string {
	t.Helper()
	const module = 8 // pixels
	var rows [][]rune
	for _, line := range regexp.MustCompile(`\x1b\[38;5;231;48;5;16m([ ▀▄█]+)\x1b\[0m`).FindAllStringSubmatch(text, -1) {
		rows = append(rows, []rune(line[1]))
	}
	if len(rows) == 0 {
		t.Fatalf("there is no code:\n%s", text)
	}
	img := image.NewGray(image.Rect(0, 0, len(rows[0])*module, len(rows)*2*module))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			glyph := rows[y/module/2][x/module]
			white := glyph == '█' || glyph == '▀' && y/module%2 == 0 || glyph == '▄' && y/module%2 == 1
			if white {
				img.SetGray(x, y, color.Gray{255})
			}
		}
	}
	path := filepath.Join(t.TempDir(), "code.png")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, img); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(run(t, "zbarimg", "--quiet", "--raw", "--nodbus", path)))
}

// The page at its printed address tells what to type at the camera, its button copies that, and then there is the picture.
func TestE2EPageInvites(t *testing.T) {
	url := udpcam(t, "recv", "--addr", ":0", "--http", "0.0.0.0:0").url(t)
	b := browse(t, url, "addEventListener('copy', () => { window.copied = getSelection().toString() })")
	until(t, "the page says what to type", func() bool {
		return evaluate[bool](b, "!!document.querySelector('#hints .send code')?.checkVisibility()")
	})
	evaluate[any](b, "document.querySelector('#hints .send button').focus(), 1")
	b.do(chromedp.KeyEvent("\r"))
	until(t, "the line is copied", func() bool {
		return evaluate[bool](b, "document.querySelector('#hints .send button').textContent === 'copied'")
	})
	words := strings.Fields(evaluate[string](b, "window.copied"))
	if got := fmt.Sprint(words); !strings.HasPrefix(got, "[udpcam send --addr ") {
		t.Fatalf("copied %s", got)
	}
	udpcam(t, append(words[1:], "--source", "test:", "--fps", "10")...)
	until(t, "there is the picture, and nothing before it", func() bool {
		return evaluate[bool](b, "!!document.querySelector('.tile.live') && !document.getElementById('hints').checkVisibility()")
	})
}
