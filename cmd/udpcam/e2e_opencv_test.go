//go:build gocv

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The binary that is tested is the one that `make build-opencv` makes.
var (
	buildArgs = []string{"-tags", "gocv,gocv_specific_modules,gocv_highgui,gocv_videoio"}
	buildEnv  []string
)

// A window shows the pictures that are sent. The key q in the window ends the command.
func TestE2EOpenCVWindow(t *testing.T) {
	display := xServer(t)
	need(t, "xdotool", "import", "convert")
	onDisplay := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Env = append(os.Environ(), "DISPLAY="+display)
		return cmd
	}
	receiver := start(t, onDisplay(udpcamCommand(t, "recv", "--addr", "127.0.0.1:0", "--show")))
	addr := receiver.says(t, `listening addr=(\S+)`)[1]
	picture := street(t, 1)[0]
	sender := udpcam(t, "send", "--addr", addr, "--source", picture, "--name", "street")

	var window string
	until(t, "there is a window", func() bool {
		found, _ := onDisplay(exec.Command("xdotool", "search", "--name", "street")).Output() // fails if there is none
		window = strings.TrimSpace(string(found))
		return window != ""
	})
	screenshot := filepath.Join(t.TempDir(), "window.png")
	until(t, "the window shows the picture", func() bool {
		if out, err := onDisplay(exec.Command("import", "-window", window, screenshot)).CombinedOutput(); err != nil {
			t.Fatalf("import: %v\n%s", err, out)
		}
		return similar(t, screenshot, picture)
	})
	press := onDisplay(exec.Command("xdotool", "windowfocus", "--sync", window, "key", "q"))
	if out, err := press.CombinedOutput(); err != nil {
		t.Fatalf("xdotool: %v\n%s", err, out)
	}
	receiver.ends(t, 0)
	sender.stop(t)
}

// xServer starts an X server without a screen and returns its display.
func xServer(t *testing.T) (display string) {
	t.Helper()
	need(t, "Xvfb")
	server := start(t, exec.Command("Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24",
		"-nolisten", "tcp", "-noreset"))
	until(t, "the X server is there", func() bool { return strings.HasSuffix(server.stdout.String(), "\n") })
	return ":" + strings.TrimSpace(server.stdout.String())
}

// similar reports whether two pictures differ by no more than two JPEG decoders do.
func similar(t *testing.T, a, b string) bool {
	t.Helper()
	sizes := strings.Fields(string(run(t, "identify", "-format", "%wx%h ", a, b)))
	if len(sizes) != 2 || sizes[0] != sizes[1] {
		return false
	}
	out := run(t, "convert", a, b, "-metric", "MAE", "-compare", "-format", "%[distortion]", "info:")
	meanError, err := strconv.ParseFloat(string(out), 64) // of a colour, 0 to 1
	if err != nil {
		t.Fatal(err)
	}
	return meanError < 0.01
}
