//go:build gocv

package sink

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

func init() { helpers["window"] = showStandardInput }

// ending is what the window helper prints when its window has ended.
type ending struct {
	Err     string
	Skipped map[string]int
}

// showStandardInput shows the frames that come on standard input in gob's form, on the main thread.
func showStandardInput() {
	var mu sync.Mutex
	end := ending{Skipped: map[string]int{}}
	w, err := NewWindow(Options{Skip: func(reason string) {
		mu.Lock()
		defer mu.Unlock()
		end.Skipped[reason]++
	}})
	if err == nil {
		go func() {
			for in := gob.NewDecoder(os.Stdin); ; {
				var f protocol.Frame
				if in.Decode(&f) != nil || w.Put(f) != nil {
					return
				}
			}
		}()
		err = w.Run(context.Background())
	}
	if err != nil {
		end.Err = err.Error()
	}
	mu.Lock()
	defer mu.Unlock()
	json.NewEncoder(os.Stdout).Encode(end)
}

func TestWindowShowsTheFrame(t *testing.T) {
	s := showWindow(t, xvfb(t))
	s.put("", street(t, "1"))
	id := s.window("udpcam")
	s.shows(id, street(t, "1"))
	s.put("", street(t, "4"))
	s.shows(id, street(t, "4"))
}

func TestWindowEnds(t *testing.T) {
	display := xvfb(t)
	for name, act := range map[string]func(s *shown, id string){
		"q":   func(s *shown, id string) { s.tool("xdotool", "windowfocus", "--sync", id, "key", "q") },
		"Esc": func(s *shown, id string) { s.tool("xdotool", "windowfocus", "--sync", id, "key", "Escape") },
		"close button": func(s *shown, id string) {
			s.tool("python3", "testdata/close_window.py", id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := showWindow(t, display)
			s.put("", street(t, "5"))
			id := s.window("udpcam")
			s.shows(id, street(t, "5"))
			act(s, id)
			if end := s.end(); end.Err != "" {
				t.Errorf("Run: %v", end.Err)
			}
		})
	}
}

// TestWindowOfSeveralStreams closes one of two windows; the other goes on.
func TestWindowOfSeveralStreams(t *testing.T) {
	s := showWindow(t, xvfb(t))
	s.put("door", street(t, "5"))
	s.put("yard", street(t, "6"))
	door, yard := s.window("udpcam: door"), s.window("udpcam: yard")
	s.tool("xdotool", "windowmove", "--sync", yard, "400", "300")
	s.shows(door, street(t, "5"))
	s.shows(yard, street(t, "6"))
	s.tool("python3", "testdata/close_window.py", door)
	s.until("the window is gone", func() bool { return len(s.windows("udpcam: door")) == 0 })
	s.put("door", street(t, "7"))
	s.put("yard", street(t, "8"))
	s.shows(yard, street(t, "8"))
	s.tool("python3", "testdata/close_window.py", yard)
	if end := s.end(); end.Err != "" || end.Skipped[SkipHidden] != 1 {
		t.Errorf("it ended with %+v", end)
	}
}

// TestWindowStandsDamage shows pictures that are damaged, or whole and unusual.
func TestWindowStandsDamage(t *testing.T) {
	s := showWindow(t, xvfb(t))
	s.put("", street(t, "1"))
	id := s.window("udpcam")
	damaged := damagedJPEGs(t)
	for name, jpeg := range damaged {
		t.Log(name)
		s.put("", jpeg)
		s.shows(id, street(t, "1"))
	}
	for _, options := range []string{
		"-colorspace Gray", "-colorspace CMYK", "-interlace JPEG", "-sampling-factor 1x1 -quality 100",
	} {
		t.Log(options)
		convert := exec.Command("convert", append(append([]string{"jpg:-"}, strings.Fields(options)...), "jpg:-")...)
		convert.Stdin = bytes.NewReader(street(t, "2"))
		unusual, err := convert.Output()
		if err != nil {
			t.Fatal(err)
		}
		s.put("", unusual)
		s.shows(id, unusual)
		s.put("", street(t, "1"))
		s.shows(id, street(t, "1"))
	}
	var tiny bytes.Buffer
	if err := jpeg.Encode(&tiny, image.NewGray(image.Rect(0, 0, 1, 1)), nil); err != nil {
		t.Fatal(err)
	}
	s.put("tiny", tiny.Bytes())
	s.window("udpcam: tiny")
	s.tool("xdotool", "windowfocus", "--sync", id, "key", "q")
	end := s.end()
	if n := end.Skipped[SkipDamaged] + end.Skipped[SkipHuge]; end.Err != "" || n != len(damaged) {
		t.Errorf("it ended with %+v, want %d frames left out", end, len(damaged))
	}
}

// damagedJPEGs are JPEGs that no decoder can decode.
func damagedJPEGs(t testing.TB) map[string][]byte {
	good := street(t, "2")
	change := func(at int, bytes ...byte) []byte {
		b := append([]byte(nil), good...)
		copy(b[at:], bytes)
		return b
	}
	sof, dht, sos := bytes.Index(good, []byte{0xFF, 0xC0}), bytes.Index(good, []byte{0xFF, 0xC4}), bytes.Index(good, []byte{0xFF, 0xDA})
	return map[string][]byte{
		"empty":                      {},
		"cut off in the header":      good[:100],
		"cut off in the picture":     good[:len(good)/2],
		"65,535 x 65,535 pixels":     change(sof+5, 0xFF, 0xFF, 0xFF, 0xFF),
		"no pixels":                  change(sof+5, 0, 0, 0, 0),
		"12 bits a sample":           change(sof+4, 12),
		"an impossible Huffman code": change(dht+5, bytes.Repeat([]byte{0xFF}, 16)...),
		"a missing Huffman table":    change(sos+6, 0x33),
		"text":                       []byte("HTTP/1.1 404 Not Found"),
	}
}

// FuzzDecode gives OpenCV bytes that are nearly a JPEG, also some that undecodable would leave out.
func FuzzDecode(f *testing.F) {
	for _, jpeg := range damagedJPEGs(f) {
		f.Add(jpeg)
	}
	good := street(f, "5")
	f.Add(good)
	f.Fuzz(func(t *testing.T, jpeg []byte) {
		if _, err := mjpeg.Size(jpeg); err != nil || mjpeg.TooLarge(jpeg, 1<<20) {
			return
		}
		v := &highGUIView{screen: &highGUI{}}
		defer v.close()
		if !v.decode(good) {
			t.Fatal("a good picture cannot be decoded")
		}
		before := v.picture.Ptr()
		var decoded bool
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: maxHeld, Time: 100 * time.Millisecond}, func() { decoded = v.decode(jpeg) })
		if decoded == (v.picture.Ptr() == before) {
			t.Errorf("decoded: %v, but that is not what the picture says", decoded)
		}
	})
}

func TestNoDisplay(t *testing.T) {
	for name, test := range map[string]struct {
		env  []string
		want string
	}{
		"none":         {[]string{"DISPLAY=", "WAYLAND_DISPLAY="}, "DISPLAY is not set"},
		"not there":    {[]string{"DISPLAY=:54321", "WAYLAND_DISPLAY="}, ":54321"},
		"Wayland only": {[]string{"DISPLAY=", "WAYLAND_DISPLAY=wayland-0"}, "Xwayland"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := helper(t, "window")
			cmd.Env = append(cmd.Env, append(test.env, "QT_QPA_PLATFORM=")...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var end ending
			if err := json.Unmarshal(out, &end); err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			if !strings.Contains(end.Err, ErrNoDisplay.Error()) || !strings.Contains(end.Err, test.want) {
				t.Errorf("%q does not contain %q", end.Err, test.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	for _, test := range []struct{ size, room, want image.Point }{
		{image.Pt(768, 576), image.Pt(1152, 921), image.Pt(768, 576)},
		{image.Pt(3840, 2160), image.Pt(1152, 921), image.Pt(1152, 648)},
		{image.Pt(1080, 1920), image.Pt(1152, 921), image.Pt(518, 921)},
		{image.Pt(3840, 2160), image.Point{}, image.Pt(3840, 2160)},
		{image.Pt(65000, 1), image.Pt(1152, 921), image.Pt(1152, 1)},
	} {
		if got := fit(test.size, test.room); got != test.want {
			t.Errorf("fit(%v, %v) = %v, want %v", test.size, test.room, got, test.want)
		}
	}
}
