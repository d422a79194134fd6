package sink

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// names returns the files in a directory, sorted.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

// strangers are files that no recording called "film" or of the stream "film" may delete.
var strangers = []string{
	"film.mkv", "film.mjpg", "film-old.mkv", "film-20000101T000000.mp4", "film-20000101T000000.mkv.bak",
	"my-film-20000101T000000.mkv", "film2-20000101T000000.mkv", "film-2-20000101T000000.mkv",
	"film-20000101T0000001.mkv", "notes.txt", "FILM-20000101T000000.mkv",
	"film-20000101T000000-x.mkv", "film-20000101T000000-20000101T000000.mkv",
}

// The oldest files of a recording are deleted, those of earlier runs too, and nothing else.
func TestKeep(t *testing.T) {
	earlier := []string{"film-19991231T230000.mkv", "film-19991231T230000-2.mkv", "film-19991231T235959.mkv"}
	for name, test := range map[string]struct {
		out    string
		o      Options
		oldest time.Duration // the first frame that is left is at most as old
		most   int64         // bytes that are left
		gone   []string      // of the earlier ones
		least  int           // files that are left of this run
	}{
		"time": {"film.mkv", Options{Rotate: Rotation{Every: 5 * time.Second}, Keep: Keep{For: 20 * time.Second}},
			27 * time.Second, 0, earlier, 4},
		"time alone": {"film.mkv", Options{Keep: Keep{For: 20 * time.Second}}, 27 * time.Second, 0, earlier, 4},
		"size": {"film.mkv", Options{Rotate: Rotation{Every: 5 * time.Second}, Keep: Keep{Size: 2_000_000}},
			0, 2_000_000, earlier, 4},
		"size alone": {"film.mkv", Options{Keep: Keep{Size: 2_000_000}}, 0, 2_000_000, earlier, 4},
		"small size, long files": {"film.mkv", Options{Rotate: Rotation{Every: time.Hour}, Keep: Keep{Size: 400_000}},
			0, 400_000, earlier, 3},
		"size, of a directory": {"",
			Options{Matroska: true, Rotate: Rotation{Every: 5 * time.Second}, Keep: Keep{Size: 2_000_000}}, 0, 2_000_000, earlier, 4},
		"all": {"film.mkv", Options{Rotate: Rotation{Every: 5 * time.Second}, Keep: Keep{For: time.Hour * 24, Size: 1e9, Free: 1}},
			time.Hour, 1e9, nil, 12},
		"one of many": {"film.mkv", Options{Rotate: Rotation{Every: 5 * time.Second}, Keep: Keep{For: 65 * time.Minute}},
			time.Hour, 1e9, earlier[:0], 12},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { // it is midnight of 2000
				for _, file := range append(slices.Clone(strangers), earlier...) {
					path := filepath.Join(dir, file)
					if err := os.WriteFile(path, make([]byte, 1000), 0o666); err != nil {
						t.Fatal(err)
					}
					os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour))
				}
				link := filepath.Join(dir, "film-19991231T220000.mkv") // leads to a stranger
				if err := os.Symlink(filepath.Join(dir, "notes.txt"), link); err != nil {
					t.Fatal(err)
				}
				s, err := Open(filepath.Join(dir, test.out), test.o)
				if err != nil {
					t.Fatal(err)
				}
				jpeg := make([]byte, 0, 20_000)
				jpeg = append(jpeg, street(t, "5")...)
				jpeg = jpeg[:20_000]
				for i := range 600 { // a minute, of 12 MB
					f := protocol.Frame{Stream: "film", Captured: time.Now(), JPEG: jpeg}
					if err := s.Put(f); err != nil {
						t.Fatal(err)
					}
					if i%10 == 0 {
						if size := sizeOf(t, dir); test.most > 0 && size > test.most {
							t.Fatalf("after %d frames: %d bytes, want at most %d", i, size, test.most)
						}
					}
					time.Sleep(100 * time.Millisecond)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				left := names(t, dir)
				for _, file := range strangers {
					if !slices.Contains(left, file) {
						t.Errorf("%s is gone", file)
					}
				}
				for _, file := range test.gone {
					if slices.Contains(left, file) {
						t.Errorf("%s is still there", file)
					}
				}
				var own []string
				for _, file := range left {
					if strings.HasPrefix(file, "film-20000101T0000") && !slices.Contains(strangers, file) {
						own = append(own, file)
					}
				}
				if len(own) < test.least {
					t.Fatalf("left are %v", left)
				}
				first, err := time.ParseInLocation("film-"+stampLayout, strings.TrimSuffix(own[0], ".mkv")[:len("film-")+15], time.Local)
				if age := time.Since(first); err != nil || test.oldest > 0 && age > test.oldest {
					t.Errorf("the oldest is %v old: %v", age, err)
				}
			})
		})
	}
}

// sizeOf returns how many bytes the files of the recording have.
func sizeOf(t *testing.T, dir string) (size int64) {
	for _, file := range names(t, dir) {
		if info, err := os.Lstat(filepath.Join(dir, file)); err == nil && strings.HasPrefix(file, "film-20000101T0000") &&
			!slices.Contains(strangers, file) {
			size += info.Size()
		}
	}
	return size
}
