package source

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// layOut makes a directory with one file of each kind that a path can name.
func layOut(t *testing.T) string {
	dir := t.TempDir()
	pics := street(t)
	write := func(name string, content ...[]byte) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, bytes.Join(content, nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("film.mjpg", pics...)
	write("film-without-a-name", pics...)
	write("photo.jpg", pics[0])
	write("photo-without-a-name", pics[0])
	write("cut.jpg", pics[0][:5000])
	write("clip.mp4", []byte("\x00\x00\x00\x20ftypisom"))
	write("empty.mjpg")
	write("photos/1.jpg", pics[0])
	write("photos/2.JPEG", pics[1])
	write("photos/notes.txt", []byte("notes"))
	write("texts/notes.txt", []byte("notes"))
	write("cam:10.mjpg", pics...)
	return dir
}

func TestOpen(t *testing.T) {
	t.Chdir(layOut(t))
	for _, tt := range []struct {
		name string
		o    Options
		want string // the source's type
		err  error  // if not nil, the error must wrap this
		says string // and contain this
	}{
		{name: "film.mjpg", want: "*source.recording"},
		{name: "film-without-a-name", want: "*source.recording"},
		{name: "./film.mjpg", want: "*source.recording"},
		{name: "cam:10.mjpg", want: "*source.recording"},
		{name: "photo.jpg", want: "*source.photo"},
		{name: "photo-without-a-name", want: "*source.photo"},
		{name: "photos", want: "*source.folder"},
		{name: "photos/", want: "*source.folder"},
		{name: "photos/*.jp*g", want: "*source.folder"},
		{name: "test", want: "*source.testPattern"},
		{name: "test:?size=640x480", want: "*source.testPattern"},
		{name: "http://camera/stream", want: "*source.camera"},
		{name: "HTTPS://user:pass@camera/", want: "*source.camera"},
		{name: "http://[::1]:8080", want: "*source.camera"},
		{name: "post://:8081/upload", want: "*source.upload"},
		{name: "post://127.0.0.1:0", want: "*source.upload"},
		{name: "film.mjpg", o: Options{FPS: 12.5, Loop: true}, want: "*source.recording"},

		{name: "", err: ErrUnknown, says: "test:"},
		{name: "nothing.mjpg", err: ErrUnknown, says: "nothing.mjpg"},
		{name: "no/such/folder/", err: ErrUnknown},
		{name: "ftp://host/x", err: ErrUnknown, says: "ftp://host/x: unknown scheme; there are v4l2: test: opencv: http: https: post: "},
		{name: "none/*.jpg", err: ErrNoJPEG, says: "none/*.jpg"},
		{name: "[", err: ErrName},
		{name: "cut.jpg", err: ErrNoJPEG, says: "cut.jpg"},
		{name: "clip.mp4", err: ErrNoJPEG, says: "ffmpeg:clip.mp4"},
		{name: "empty.mjpg", err: ErrNoJPEG},
		{name: "texts", err: ErrNoJPEG, says: "*.jpg or *.jpeg in texts"},
		{name: "http:", err: ErrName, says: "http://HOST/PATH"},
		{name: "http:///stream", err: ErrName, says: "names no host"},
		{name: "http://camera:port/", err: ErrName, says: "invalid port"},
		{name: "http://camera:99999/", err: ErrName, says: "no port 99999"},
		{name: "http://user:pa/ss@camera/", err: ErrName, says: "%2F"},
		{name: "post:", err: ErrName, says: "post://:8081/PATH"},
		{name: "post://host/upload", err: ErrName, says: "no port"},
		{name: "post://:65536/upload", err: ErrName},
		{name: "post://:8081/upload?x=1", err: ErrName},

		{name: "-", o: Options{Loop: true}, err: ErrOption, says: "looped"},
		{name: "http://camera/", o: Options{Loop: true}, err: ErrOption},
		{name: "post://:8081/", o: Options{FPS: 10}, err: ErrOption, says: "frame rate"},
		{name: "film.mjpg", o: Options{Size: image.Pt(640, 480)}, err: ErrOption, says: "size"},
		{name: "photos", o: Options{Quality: 50}, err: ErrOption, says: "quality"},
		{name: "photos", o: Options{FPS: -1}, err: ErrOption},
		{name: "photos", o: Options{FPS: 1e9}, err: ErrOption},
		{name: "photos", o: Options{MaxFrameSize: 1 << 30}, err: ErrOption},
		{name: "test:", o: Options{Quality: 101}, err: ErrOption},
		{name: "test:", o: Options{Rotate: 45}, err: ErrOption, says: "90, 180 or 270"},
		{name: "test:", o: Options{Flip: "x"}, err: ErrOption, says: "flip"},
		{name: "test:", o: Options{Follow: true}, err: ErrOption, says: "followed"},
		{name: "photos", o: Options{Follow: true, Loop: true}, err: ErrOption, says: "contradict"},
		{name: "photos", o: Options{Follow: true}, want: "*source.followed"},
		{name: "photo.jpg", o: Options{Follow: true}, want: "*source.followed"},
		{name: "exec:true", want: "*source.child"},
		{name: "test:", o: Options{DropSame: -1}, err: ErrOption, says: "repeats"},
		{name: "test:", o: Options{Format: "yuyv"}, err: ErrOption, says: "formats"},
		{name: "test:", o: Options{Text: "%Q"}, err: ErrOption, says: "text"},
		{name: "http://camera/", o: Options{Text: "x"}, err: ErrOption, says: "text"},
		{name: "-", o: Options{Controls: []string{"x=1"}}, err: ErrOption, says: "controls"},
		{name: "film.mjpg", o: Options{DropSame: 1}, err: ErrOption, says: "repeats"},
		{name: "test:", o: Options{Size: image.Pt(640, 0)}, err: ErrOption},
	} {
		t.Run(fmt.Sprintf("%s %+v", tt.name, tt.o), func(t *testing.T) {
			src, err := Open(tt.name, tt.o)
			if got := fmt.Sprintf("%T", src); err == nil && got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if err == nil {
				return
			}
			if tt.err == nil || !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q, want %v that says %q", err, tt.err, tt.says)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "pa/ss") {
				t.Errorf("error %q is longer than a line, or holds a password", err)
			}
		})
	}
}

func TestOpenDevice(t *testing.T) {
	if _, err := os.Stat("/dev/null"); err != nil {
		t.Skip("no /dev/null here")
	}
	if _, err := Open("/dev/null", Options{}); !errors.Is(err, ErrName) {
		t.Errorf("error %v, want %v", err, ErrName)
	}
}

func TestRedact(t *testing.T) {
	for name, want := range map[string]string{
		"photos/":                              "photos/",
		"test:?size=640x480":                   "test:?size=640x480",
		"http://camera/stream":                 "http://camera/stream",
		"http://token@camera/stream":           "http://xxxxx@camera/stream",
		"http://user:secret@camera/stream":     "http://user:xxxxx@camera/stream",
		"http://user:se@cr/et@camera/stream":   "http://user:xxxxx@camera/stream",
		"http://us/er:sec ret@camera/":         "http://xxxxx@camera/",
		"http://:secret@camera/":               "http://:xxxxx@camera/",
		"http://camera/v.cgi?user=a&pwd=b":     "http://camera/v.cgi?…",
		"opencv:rtsp://user:secret@camera/?c1": "opencv:rtsp://user:xxxxx@camera/?…",
	} {
		if got := Redact(name); got != want {
			t.Errorf("Redact(%q) = %q, want %q", name, got, want)
		}
	}
}

// A password is never shown, in whatever form it is written.
func FuzzRedact(f *testing.F) {
	const secret = "T0PSECRET"
	f.Add("user", "", "", "/stream")
	f.Add("us/er", "pass ", "#?@:/", "?x=a@b")
	f.Add("", "%zz", "\n", "")
	f.Fuzz(func(t *testing.T, user, before, after, path string) {
		for _, scheme := range []string{"http", "https", "opencv:rtsp", "post", "x"} {
			name := scheme + "://" + user + ":" + before + secret + after + "@camera" + path
			var got string
			bound := fuzzcost.Bound{Bytes: 16 << 10, Time: time.Millisecond}.Plus(len(name), 100, time.Microsecond)
			fuzzcost.Check(t, bound, func() { got = Redact(name) })
			if strings.Contains(got, secret) && !strings.Contains(user+path, secret) {
				t.Errorf("Redact(%q) = %q", name, got)
			}
			src, err := Open(name, Options{})
			if c, ok := src.(*camera); ok && strings.Contains(c.shown, secret) && !strings.Contains(user+path, secret) {
				t.Errorf("Open(%q) shows %q", name, c.shown)
			}
			if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(user+path, secret) {
				t.Errorf("Open(%q): %v", name, err)
			}
		}
	})
}

// A URL with a character in its password that cannot stand there is refused, by that character, and not by the password.
func TestOddCharacters(t *testing.T) {
	for password, want := range map[string]string{
		"pa/ss": `holds '/'; write it as %2F`, "pa?ss": `holds '?'; write it as %3F`, "pa#ss": `holds '#'; write it as %23`,
		"pa%ss": `holds '%'; write it as %25`, "p ass": `holds ' '; write it as %20`, "pa[ss": `holds '['; write it as %5B`,
		"pässe": `holds 'ä'; write it as %C3%A4`, "100%": `holds '%'; write it as %25`,
	} {
		_, err := Open("http://me:"+password+"@camera/video", Options{})
		if err == nil && strings.ContainsAny(password, "ä ") {
			continue // these are taken
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v, want %s", password, err, want)
		}
	}
	if _, err := Open("http://me:p@:!$&'()*+,;=%2Fss@camera/video", Options{}); err != nil {
		t.Errorf("characters that may stand there: %v", err)
	}
}

// Help must have each scheme, and no line too long for a terminal.
func TestHelp(t *testing.T) {
	for _, s := range Schemes() {
		if !strings.Contains(Help(), s) {
			t.Errorf("nothing on %s in\n%s", s, Help())
		}
	}
	for line := range strings.Lines(Help()) {
		if len(line) > 100 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

func TestDefault(t *testing.T) {
	want := ""
	switch {
	case runtime.GOOS == "linux":
		want = "v4l2:"
	case HasOpenCV:
		want = "opencv:0"
	}
	if got := Default(); got != want {
		t.Errorf("the default source is %q, want %q", got, want)
	}
}
