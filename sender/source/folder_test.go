package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// photos makes a folder of files.
func photos(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolder(t *testing.T) {
	pics := street(t)
	dir := photos(t, map[string][]byte{
		"10.jpg":    pics[0],
		"2.JPG":     pics[1],
		"a.jpeg":    append(telephone(pics[2]), pics[5]...),
		"b.jpg":     []byte("no picture & nothing like it"),
		"c.jpg":     pics[3][:20_000],
		"d.jpg":     nil,
		"notes.txt": []byte("notes"),
		"other.png": pics[4],
		"z.jpg":     append([]byte("  "), pics[4]...),
	})
	if err := os.Mkdir(filepath.Join(dir, "e.jpg"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := [][]byte{pics[0], pics[1], telephone(pics[2]), pics[4]}

	for _, name := range []string{dir, filepath.Join(dir, "*.[jJ]*")} {
		synctest.Test(t, func(t *testing.T) {
			skipped, log := skips{}, logged{}
			o := Options{FPS: 10, Skip: skipped.add, Log: log.logger()}
			start := time.Now()
			frames := collect(t, open(t, name, o), -1)
			equal(t, frames, want...)
			for i, f := range frames {
				if at := f.Captured.Sub(start); at != time.Duration(i)*100*time.Millisecond {
					t.Errorf("frame %d at %v", i, at)
				}
			}
			if got := fmt.Sprint(skipped.n); got != "map[garbage:1 truncated:1 unreadable:2]" {
				t.Errorf("skipped %s", got)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "b.jpg") {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// While a folder is looped, files may be added and removed. When all are away, it waits for one.
func TestFolderLoop(t *testing.T) {
	pics := street(t)
	dir := photos(t, map[string][]byte{"1.jpg": pics[0], "2.jpg": pics[1]})
	synctest.Test(t, func(t *testing.T) {
		var log logged
		n, gone := 0, time.Time{}
		for f, err := range open(t, dir, Options{Loop: true, Log: log.logger()}).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := []int{0, 1, 0, 1, 2, 3}[n]; len(f.JPEG) != len(pics[want]) {
				t.Errorf("frame %d: %d bytes", n, len(f.JPEG))
			}
			n++
			switch n {
			case 2:
				os.WriteFile(filepath.Join(dir, "3.jpg"), pics[2], 0o644)
			case 5:
				for i := range 3 {
					os.Remove(filepath.Join(dir, fmt.Sprint(i+1, ".jpg")))
				}
				gone = time.Now()
				time.AfterFunc(time.Minute, func() { os.WriteFile(filepath.Join(dir, "4.jpg"), pics[3], 0o644) })
			}
			if n == 6 {
				break
			}
		}
		if d := time.Since(gone); d < time.Minute || d > time.Minute+lastRetry {
			t.Errorf("it went on after %v", d)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "away") {
			t.Errorf("logged %s", log.String())
		}
	})
}

func TestFolderOfTexts(t *testing.T) {
	dir := photos(t, map[string][]byte{"1.jpg": []byte("a"), "2.jpg": []byte("b")})
	if err := failure(open(t, dir, Options{Loop: true})); !errors.Is(err, ErrNoJPEG) {
		t.Errorf("error %v, want %v", err, ErrNoJPEG)
	}
}
