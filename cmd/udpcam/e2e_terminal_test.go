//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// inTerminal starts udpcam recv --term in a terminal of 80 × 24 that answers so when it is asked what it can do.
func inTerminal(t *testing.T, answer string) (receiver *process, addr string, shown *output) {
	t.Helper()
	receiver, addr, shown, _ = atTerminal(t, answer)
	return receiver, addr, shown
}

// atTerminal is inTerminal, and returns what the terminal's keys are written to.
func atTerminal(t *testing.T, answer string, args ...string) (receiver *process, addr string, shown *output, keys *os.File) {
	t.Helper()
	screen, inside, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	cmd := udpcamCommand(t, "recv", "--addr", "127.0.0.1:0", "--term", "--json=false")
	cmd.Args = append(cmd.Args, args...)
	cmd.Stdin, cmd.Stdout = inside, inside
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that closing the terminal is a hangup
	receiver = start(t, cmd)
	inside.Close()
	shown = new(output)
	go io.Copy(shown, screen)
	until(t, "the terminal is asked", func() bool { return bytes.Contains(shown.Bytes(), []byte("\x1b[c")) })
	if _, err := screen.WriteString(answer); err != nil {
		t.Fatal(err)
	}
	return receiver, receiver.says(t, listening)[1], shown, screen
}

// Whatever ends recv --term, the terminal is as it was before: its screen, its cursor, and its echo of what is typed. The
// reason of a panic is said after that.
func TestE2ETerminalIsRestored(t *testing.T) {
	const answer = "\x1b[?62;22c"
	dir := t.TempDir()
	for name, end := range map[string]func(p *process, keys *os.File){
		"q":         func(_ *process, keys *os.File) { keys.WriteString("q") },
		"kill":      func(p *process, _ *os.File) { p.cmd.Process.Signal(syscall.SIGTERM) },
		"kill -9":   func(p *process, _ *os.File) { p.cmd.Process.Kill() },
		"a hangup":  func(p *process, _ *os.File) { p.cmd.Process.Signal(syscall.SIGHUP) },
		"Ctrl-C":    func(_ *process, keys *os.File) { keys.WriteString("\x03") },
		"Go's dump": func(p *process, _ *os.File) { p.cmd.Process.Signal(syscall.SIGQUIT) }, // as a panic does
	} {
		t.Run(name, func(t *testing.T) {
			receiver, addr, shown, keys := atTerminal(t, answer)
			has := func(text string) bool { return bytes.Contains(shown.Bytes(), []byte(text)) }
			before, _ := unix.IoctlGetTermios(int(keys.Fd()), unix.TCGETS)
			if before.Lflag&unix.ECHO != 0 {
				t.Error("keys are echoed into the picture")
			}
			udpcam(t, "send", "--addr", addr, "--source", street(t, 5)[0], "--fps", "5")
			until(t, "a picture is drawn", func() bool { return has("▀") })
			end(receiver, keys)
			until(t, "it has ended", func() bool { return receiver.ended() })
			until(t, "the screen is as before", func() bool { return has("\x1b[?1049l") && has("\x1b[?25h") })
			until(t, "keys are as before", func() bool {
				after, err := unix.IoctlGetTermios(int(keys.Fd()), unix.TCGETS)
				return err == nil && after.Lflag&unix.ECHO != 0 && after.Lflag&unix.ICANON != 0
			})
			if name == "Go's dump" {
				until(t, "the reason is said", func() bool {
					_, behind, _ := bytes.Cut(shown.Bytes(), []byte("\x1b[?1049l"))
					return bytes.Contains(behind, []byte("SIGQUIT"))
				})
			} else if code := receiver.cmd.ProcessState.ExitCode(); name != "kill -9" && code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
	// A recording beside it goes on.
	film := filepath.Join(dir, "film.mjpg")
	receiver, addr, shown, keys := atTerminal(t, answer, "--out", film)
	udpcam(t, "send", "--addr", addr, "--source", street(t, 5)[0], "--fps", "15")
	until(t, "a picture is drawn", func() bool { return bytes.Contains(shown.Bytes(), []byte("▀")) })
	keys.WriteString("q")
	until(t, "the screen is as before", func() bool { return bytes.Contains(shown.Bytes(), []byte("\x1b[?1049l")) })
	before := fileSize(film)
	until(t, "the recording goes on", func() bool { return fileSize(film) > before })
	receiver.stop(t)
}

// ended reports whether a process has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// A terminal that says what it can do gets the picture in that form. Afterwards the terminal is as it was before.
func TestE2ETerminal(t *testing.T) {
	for answer, want := range map[string]string{
		"\x1b[?62;22c":                      "▀",
		"\x1b[?62;4;22c":                    "\x1bP",
		"\x1b_Gi=31;OK\x1b\\\x1b[?62;4;22c": "a=T",
	} {
		receiver, addr, shown := inTerminal(t, answer)
		has := func(text string) bool { return bytes.Contains(shown.Bytes(), []byte(text)) }
		udpcam(t, "send", "--addr", addr, "--source", street(t, 5)[0], "--fps", "5")
		until(t, "a picture is drawn", func() bool { return has(want) })
		receiver.stop(t)
		until(t, "the terminal is as before", func() bool { return has("\x1b[?1049l") && has("\x1b[?25h") })
	}
}

// Pictures that claim to be huge, or are, ten a second, take at most 64 MiB. Others between them are drawn.
func TestE2ETerminalHugePictures(t *testing.T) {
	dir := t.TempDir()
	for i, picture := range hugePictures(t) {
		for j, content := range [][]byte{picture, readFile(t, street(t, 5)[0])} {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d%d.jpg", i, j)), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	receiver, addr, shown := inTerminal(t, "\x1b_Gi=31;OK\x1b\\\x1b[?62;4;22c")
	drawn := func() int { return bytes.Count(shown.Bytes(), []byte("a=T")) }
	before := peakMemory(t, receiver)
	udpcam(t, "send", "--addr", addr, "--source", dir, "--fps", "20", "--loop")
	until(t, "forty pictures are drawn", func() bool { return drawn() >= 40 })
	if grown := peakMemory(t, receiver) - before; grown > 64<<10 {
		t.Errorf("huge pictures take %d MiB, want at most 64", grown>>10)
	}
	receiver.stop(t)
	if said := receiver.stderr.String(); !strings.Contains(said, "too large to decode") ||
		strings.Contains(said, "reason=damaged") {
		t.Errorf("it says:\n%s", said)
	}
}

// hugePictures are pictures that would take a decoder hundreds of megabytes: claims of 8192 × 8192 pixels in a few bytes,
// and whole pictures.
func hugePictures(t *testing.T) (pictures [][]byte) {
	t.Helper()
	for _, kind := range []byte{0xC0, 0xC2} { // baseline and progressive
		claim := readFile(t, street(t, 5)[0])
		sof := bytes.Index(claim, []byte{0xFF, 0xC0})
		claim[sof+1] = kind
		copy(claim[sof+5:], []byte{0x20, 0, 0x20, 0})
		pictures = append(pictures, claim)
	}
	for _, img := range []image.Image{
		image.NewGray(image.Rect(0, 0, 8192, 4096)),
		image.NewYCbCr(image.Rect(0, 0, 8192, 8192), image.YCbCrSubsampleRatio420),
		image.NewYCbCr(image.Rect(0, 0, 5000, 4000), image.YCbCrSubsampleRatio420),
		image.NewYCbCr(image.Rect(0, 0, 3840, 2160), image.YCbCrSubsampleRatio420),
	} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, b.Bytes())
	}
	return pictures
}

// peakMemory is the most memory that a process has had, in KiB. It is 0 on systems that do not tell.
func peakMemory(t *testing.T, p *process) (kib int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	_, text, _ := strings.Cut(string(readFile(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))), "VmHWM:")
	fmt.Sscan(text, &kib)
	return kib
}
