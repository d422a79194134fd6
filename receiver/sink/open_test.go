package sink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
	"udpcam/protocol"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	existing := filepath.Join(dir, "old.mjpg")
	picture := filepath.Join(dir, "old.jpg")
	for _, name := range []string{existing, picture} {
		if err := os.WriteFile(name, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		is   error
		says string
	}{
		{name: "", says: "name one"},
		{name: existing, is: fs.ErrExist, says: "not overwritten"},
		{name: picture, is: fs.ErrExist, says: "not overwritten"},
		{name: filepath.Join(dir, "none", "x.mjpg"), is: fs.ErrNotExist, says: "create it first"},
		{name: filepath.Join(dir, "none", "x.jpg"), is: fs.ErrNotExist, says: "create it first"},
		{name: existing + string(os.PathSeparator), says: "that is a file"},
		{name: filepath.Join(dir, "film.mp4"), is: ErrUnknown, says: "ffmpeg"},
		{name: "rtp://host/x", is: ErrUnknown, says: "ffmpeg"},
	} {
		_, err := Open(test.name, Options{})
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: %v, want %q", test.name, err, test.says)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has several lines: %v", test.name, err)
		}
	}
	contains(t, existing, []byte("old"))
	contains(t, picture, []byte("old"))
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("what was refused left something behind: %v", files)
	}
}

func TestRecording(t *testing.T) {
	a, b := street(t, "5"), street(t, "6")
	for _, ext := range []string{".mjpg", ".MJPEG", ""} {
		name := filepath.Join(t.TempDir(), "frames"+ext)
		s, err := Open(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, a, b)
		contains(t, name, a, b) // before Close, as after kill -9
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		contains(t, name, a, b)
	}
}

func TestRecordingOverwrites(t *testing.T) {
	name := filepath.Join(t.TempDir(), "frames.mjpg")
	if err := os.WriteFile(name, make([]byte, 1e6), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Open(name, Options{Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != 1e6 {
		t.Errorf("the old recording is gone before the new one has a frame: %v, %v", info.Size(), err)
	}
	put(t, s, street(t, "5"))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	contains(t, name, street(t, "5"))
}

func TestRecordingOfNothingLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"frames.mjpg", "pic.jpg", ""} {
		s, err := Open(filepath.Join(dir, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "pic.jpg")
	for range 2 { // the second replaces the first one's
		s, err := Open(name, Options{Overwrite: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"5", "6", "1"} {
			put(t, s, street(t, n))
			contains(t, name, street(t, n))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "recordings")
	for range 2 {
		s, err := Open(dir+"/", Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, stream := range []string{"", "door", "a/b", "a_b", "A_B", "../../etc/passwd", "door"} {
			if err := s.Put(protocol.Frame{Stream: stream, JPEG: []byte(stream + "|")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"udpcam.mjpg": "|", "udpcam-2.mjpg": "|", "door.mjpg": "door|door|", "door-2.mjpg": "door|door|",
		"a_b.mjpg": "a/b|", "a_b-2.mjpg": "a_b|", "A_B-3.mjpg": "A_B|",
		"_._.._etc_passwd.mjpg": "../../etc/passwd|",
	} {
		contains(t, filepath.Join(dir, name), []byte(want))
	}
}

func TestDirectoryOverwrites(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"longer at first", "second"} {
		s, err := Open(dir, Options{Overwrite: true})
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, []byte(text))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	contains(t, filepath.Join(dir, "udpcam.mjpg"), []byte("second"))
}

func TestDirectoryHasRoomForSoManyStreams(t *testing.T) {
	var skipped counter
	dir := t.TempDir()
	s, err := Open(dir, Options{Skip: skipped.skip})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := s.Put(protocol.Frame{Stream: strings.Repeat("x", i), JPEG: street(t, "5")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != maxRecordings || skipped.of(SkipStreams) != 100-maxRecordings {
		t.Errorf("%d files, %d frames left out", len(files), skipped.of(SkipStreams))
	}
}

func TestFileName(t *testing.T) {
	for stream, want := range map[string]string{
		"": "udpcam", "door": "door", "Tür 1": "Tür_1", "..": "_.", ".hidden": "_hidden", "a/b\\c": "a_b_c",
		"a\x00b\nc": "a_b_c", "\xff": "_", "C:x": "C_x", strings.Repeat("é", 50): strings.Repeat("é", 32),
		"*?<>|\"": "______", "cam@host+1-2": "cam@host+1-2",
	} {
		if got := fileName(stream); got != want {
			t.Errorf("fileName(%q) = %q, want %q", stream, got, want)
		}
	}
}

// FuzzFileName checks that no stream's name leaves its directory.
func FuzzFileName(f *testing.F) {
	for _, stream := range []string{"", "..", "../x", "a/b", "\x00", "CON", "é", "\xff\xfe", " .. "} {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		var name string
		bound := fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}.Plus(len(stream), 16, 100*time.Nanosecond)
		fuzzcost.Check(t, bound, func() { name = fileName(stream) + ".mjpg" })
		if !filepath.IsLocal(name) || filepath.Base(name) != name || name[0] == '.' || len(name) > 255 ||
			strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || slices.Contains([]rune(`/\:*?"<>|`), r) }) {
			t.Errorf("%q becomes %q", stream, name)
		}
	})
}

func BenchmarkRecording(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "frames.mjpg"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := protocol.Frame{JPEG: street(b, "1")}
	b.SetBytes(int64(len(f.JPEG)))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%1000 == 999 { // not the whole disk
			s.(*recording).frames = 0
			s.(*recording).file.Seek(0, 0)
		}
		if err := s.Put(f); err != nil {
			b.Fatal(err)
		}
	}
}
