//go:build gocv

package sink

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"udpcam/protocol"
)

// shown is a window helper that runs.
type shown struct {
	t       testing.TB
	display string
	pid     int
	frames  *gob.Encoder
	out     bytes.Buffer
	ended   chan error
}

// xvfb starts an X server of its own for the test, without a window manager.
func xvfb(t testing.TB) (display string) {
	t.Helper()
	for _, tool := range []string{"Xvfb", "xdotool", "import"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (on Debian: xvfb, xdotool, imagemagick)", tool)
		}
	}
	number, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp",
		"-noreset") // else the server restarts when its last client leaves, and drops new ones
	server.ExtraFiles = []*os.File{theirs}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	var n int
	if _, err := fmt.Fscanln(number, &n); err != nil {
		t.Fatalf("Xvfb gives no display: %v", err)
	}
	return fmt.Sprintf(":%d", n)
}

func showWindow(t testing.TB, display string) *shown {
	t.Helper()
	s := &shown{t: t, display: display, ended: make(chan error, 1)}
	cmd := helper(t, "window")
	cmd.Env = append(cmd.Env, "DISPLAY="+display, "QT_QPA_PLATFORM=xcb")
	cmd.Stdout = &s.out
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.frames = gob.NewEncoder(in)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	go func() { s.ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	return s
}

func (s *shown) put(stream string, jpeg []byte) {
	s.t.Helper()
	if err := s.frames.Encode(protocol.Frame{Stream: stream, JPEG: jpeg}); err != nil {
		s.t.Fatal(err)
	}
}

// end waits until the window has ended, and returns the output of its process.
func (s *shown) end() (end ending) {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Fatalf("the window's process: %v", err)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatal("the window does not end")
	}
	if err := json.Unmarshal(s.out.Bytes(), &end); err != nil {
		s.t.Fatalf("%q: %v", s.out.String(), err)
	}
	return end
}

// tool runs a program on the window's display.
func (s *shown) tool(name string, args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

// windows returns the X windows with that title.
func (s *shown) windows(title string) []string {
	cmd := exec.Command("xdotool", "search", "--name", "^"+title+"$")
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	out, _ := cmd.Output() // exit code 1: none
	return strings.Fields(string(out))
}

// until waits for a condition.
func (s *shown) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (s *shown) screenshot(of string) image.Image {
	s.t.Helper()
	shot, err := bmp.Decode(bytes.NewReader(s.tool("import", "-window", of, "bmp:-")))
	if err != nil {
		s.t.Fatal(err)
	}
	return shot
}

// shows waits until the window shows the picture. Pixels may differ by as much as two decoders do.
func (s *shown) shows(window string, jpg []byte) {
	s.t.Helper()
	want, err := jpeg.Decode(bytes.NewReader(jpg))
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("the picture is on the screen", func() bool {
		d := difference(s.screenshot(window), want)
		s.t.Logf("mean difference %.2f of 255", d)
		return d < 3
	})
}

// difference is the mean difference of the colours of every third pixel of every third line of two pictures, 0 to 255,
// or 255 if their sizes differ.
func difference(a, b image.Image) float64 {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 255
	}
	sum, n := 0.0, 0
	for y := 0; y < a.Bounds().Dy(); y += 3 {
		for x := 0; x < a.Bounds().Dx(); x += 3 {
			p := color.RGBAModel.Convert(a.At(a.Bounds().Min.X+x, a.Bounds().Min.Y+y)).(color.RGBA)
			q := color.RGBAModel.Convert(b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y)).(color.RGBA)
			for _, d := range [...]int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				sum += float64(max(d, -d))
				n++
			}
		}
	}
	return sum / float64(n)
}

// window waits for the one window with that title.
func (s *shown) window(title string) (id string) {
	s.t.Helper()
	s.until("a window "+title, func() bool {
		ids := s.windows(title)
		if len(ids) > 0 {
			id = ids[0]
		}
		return len(ids) == 1
	})
	return id
}
