//go:build gocv

package sink

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// huge are pictures that would take a decoder hundreds of megabytes: claims of a few bytes, and whole pictures.
func huge(t *testing.T) (pictures [][]byte) {
	t.Helper()
	var grey, color bytes.Buffer
	jpeg.Encode(&grey, image.NewGray(image.Rect(0, 0, 8192, 4096)), nil)
	jpeg.Encode(&color, image.NewYCbCr(image.Rect(0, 0, 4096, 2048), image.YCbCrSubsampleRatio420), nil)
	progressive := exec.Command("jpegtran", "-progressive")
	progressive.Stdin = bytes.NewReader(color.Bytes())
	scans, err := progressive.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []byte{0xC0, 0xC1, 0xC2, 0xC9, 0xCA} {
		claim := bytes.Clone(street(t, "5"))
		sof := bytes.Index(claim, []byte{0xFF, 0xC0})
		claim[sof+1] = kind
		copy(claim[sof+5:], []byte{0x20, 0, 0x20, 0}) // 8192 × 8192
		pictures = append(pictures, claim)
	}
	return append(pictures, grey.Bytes(), color.Bytes(), scans)
}

// Huge pictures, ten a second, take at most 64 MiB, and the window of another stream goes on.
func TestWindowOfHugePictures(t *testing.T) {
	s := showWindow(t, xvfb(t))
	s.put("door", street(t, "5"))
	door := s.window("udpcam: door")
	s.shows(door, street(t, "5"))
	pictures := huge(t)
	before := s.peak()
	for i := range 40 {
		s.put("huge", pictures[i%len(pictures)])
		if i%10 == 0 {
			s.put("door", street(t, strconv.Itoa(5+i/10%4)))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.tool("xdotool", "windowraise", door)
	s.shows(door, street(t, "8"))
	if grown := s.peak() - before; grown > 64<<10 {
		t.Errorf("huge pictures take %d MiB, want at most 64", grown>>10)
	}
	s.tool("xdotool", "windowfocus", "--sync", door, "key", "q")
	if end := s.end(); end.Err != "" || end.Skipped[SkipHuge] == 0 || end.Skipped[SkipDamaged] > 0 {
		t.Errorf("it ended with %+v", end)
	}
}

// peak is the most memory that the window's process has had, in KiB.
func (s *shown) peak() (kib int) {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(text, &kib)
	return kib
}

// A picture is decoded as small as the screen allows, and the window has the picture's proportions.
func TestReducedPictures(t *testing.T) {
	encode := func(w, h int) []byte {
		var b bytes.Buffer
		jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil)
		return b.Bytes()
	}
	for _, test := range []struct {
		picture, screen image.Point
		windows         int32
		scale           int
	}{
		{image.Pt(1920, 1080), image.Pt(1280, 1024), 1, 1},
		{image.Pt(3840, 2160), image.Pt(1920, 1080), 1, 2},
		{image.Pt(3840, 2160), image.Pt(3840, 2160), 1, 1},
		{image.Pt(3840, 2160), image.Point{}, 1, 2}, // the screen's size is unknown
		{image.Pt(1920, 1080), image.Pt(1920, 1080), 4, 1},
		{image.Pt(1920, 1080), image.Pt(1920, 1080), 5, 2},
		{image.Pt(8192, 4096), image.Pt(1280, 1024), 1, 4},
		{image.Pt(8192, 4096), image.Pt(640, 480), 1, 8},
	} {
		g := &highGUI{size: test.screen}
		g.views.Store(test.windows)
		picture, scale, ok := g.decode(encode(test.picture.X, test.picture.Y))
		if want := test.picture.Div(test.scale); !ok || scale != test.scale || picture.Cols() != want.X || picture.Rows() != want.Y {
			t.Errorf("%v on %v: %v, %d × %d at 1/%d, want 1/%d", test.picture, test.screen, ok, picture.Cols(), picture.Rows(), scale,
				test.scale)
		}
		free(&picture)
	}
}

// What OpenCV would hold as coefficients is decoded at an eighth without it.
func TestHeldPictures(t *testing.T) {
	var color bytes.Buffer
	jpeg.Encode(&color, image.NewYCbCr(image.Rect(0, 0, 4096, 4096), image.YCbCrSubsampleRatio420), nil)
	progressive := exec.Command("jpegtran", "-progressive")
	progressive.Stdin = &color
	scans, err := progressive.Output()
	if err != nil {
		t.Fatal(err)
	}
	picture, scale, ok := (&highGUI{size: image.Pt(3840, 2160)}).decode(scans)
	if !ok || scale != 8 || picture.Cols() != 512 || picture.Rows() != 512 {
		t.Errorf("%v, %d × %d at 1/%d, want 512 × 512 at 1/8", ok, picture.Cols(), picture.Rows(), scale)
	}
	free(&picture)
}
