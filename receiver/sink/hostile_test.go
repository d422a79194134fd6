//go:build unix

package sink

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// Others who can write to the directory cannot have another file overwritten, whatever they put there: links in the place of
// the file or of a temporary one that they guess.
func TestPlantedLinks(t *testing.T) {
	for _, plant := range []struct {
		kind string
		link func(to, name string) error
	}{{"symbolic", os.Symlink}, {"hard", os.Link}} {
		for _, out := range []string{"pic.jpg", "film.mkv", "frames.mjpg", "", "rotated.mkv"} {
			t.Run(plant.kind+" "+out, func(t *testing.T) {
				dir := t.TempDir()
				victim := write(t, filepath.Join(t.TempDir(), "victim"), []byte("precious"))
				planted := []string{
					out, "udpcam.mjpg", "udpcam-2.mjpg", fmt.Sprintf(".pic.jpg.%d.tmp", os.Getpid()), "pic.jpg.tmp", ".pic.jpg.tmp",
					"rotated.mkv.probe",
				}
				for i := range 5 {
					planted = append(planted, "rotated-"+time.Now().Add(time.Duration(i)*time.Second).Format(stampLayout)+".mkv")
				}
				for _, name := range planted {
					if name != "" {
						plant.link(victim, filepath.Join(dir, name))
					}
				}
				o := Options{Overwrite: true}
				if strings.HasPrefix(out, "rotated") {
					o.Rotate.Every = time.Hour
				}
				s, err := Open(filepath.Join(dir, out), o)
				if err != nil {
					t.Fatal(err)
				}
				put(t, s, street(t, "5"), street(t, "6"))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				contains(t, victim, []byte("precious"))
			})
		}
	}
}

// What a process that was killed has left is removed some time later, but nobody else's files.
func TestTemporariesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{
		".udpcam-OLD.tmp": time.Hour, ".udpcam-NEW.tmp": time.Second, ".other.tmp": time.Hour, "udpcam-OLD.tmp": time.Hour,
	} {
		write(t, filepath.Join(dir, name), nil)
		os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now().Add(-age))
	}
	s, err := Open(filepath.Join(dir, "pic.jpg"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if left := strings.Join(names(t, dir), " "); left != ".other.tmp .udpcam-NEW.tmp udpcam-OLD.tmp" {
		t.Errorf("left are %s", left)
	}
}

// Only the owner and the group see pictures.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pic.jpg", "film.mkv", "frames.mjpg", "each/", "album/"} {
		o := Options{}
		if name == "album/" {
			o.SnapshotEvery = time.Second
		}
		s, err := Open(dir+"/"+name, o)
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, street(t, "5"))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	n := 0
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if path != dir && info.Mode().Perm()&0o027 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		n++
		return nil
	})
	if n != 8 {
		t.Errorf("%d files", n)
	}
}

// Invented streams keep no camera out, whether they are silent after a while or go on with a picture now and then. A camera
// that is being recorded loses nothing to them. Memory does not grow with them.
func TestDirectoryGivesPlacesBack(t *testing.T) {
	for name, every := range map[string]int{"once": 1000, "every 2 s": 60, "every second": 30, "every half second": 15} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s, err := Open(dir+"/", Options{Overwrite: true})
				if err != nil {
					t.Fatal(err)
				}
				d := s.(*directory)
				shoot := func(stream string, jpeg []byte) {
					if err := s.Put(protocol.Frame{Stream: stream, JPEG: jpeg}); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 30 * 10 { // 10 s
					for n := range 200 {
						if i == 0 || (i+n)%every == 0 {
							shoot(fmt.Sprint("invented", n), street(t, "5"))
						}
					}
					if i%3 == 0 {
						shoot(fmt.Sprint("new", i), street(t, "5"))
					}
					shoot("first", street(t, "7")) // the first invented ones are there before
					if i >= 30*3 {
						shoot("cam", street(t, "6"))
					}
					time.Sleep(time.Second / 30)
				}
				for camera, least := range map[string]int{"first": 30 * 8, "cam": 30 * 5} {
					info, err := os.Stat(filepath.Join(dir, camera+".mjpg"))
					if err != nil || info.Size() < int64(least*len(street(t, "6"))) {
						t.Errorf("%s is not recorded, or not from two seconds on: %v", camera, err)
					}
				}
				if len(d.streams) > maxRecordings || len(d.taken) != len(d.streams) || len(d.newcomers) > maxNewcomers {
					t.Errorf("%d streams, %d names, %d newcomers", len(d.streams), len(d.taken), len(d.newcomers))
				}
				if files := names(t, dir); len(files) > maxRecordings+60 {
					t.Errorf("%d files", len(files))
				}
				time.Sleep(2 * time.Minute)
				d.tidy(time.Now())
				if len(d.streams) != 0 || len(d.taken) != 0 {
					t.Errorf("after two minutes of silence: %d streams, %d names", len(d.streams), len(d.taken))
				}
				shoot("cam", street(t, "8"))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				contains(t, filepath.Join(dir, "cam-2.mjpg"), street(t, "8")) // what it recorded before is not overwritten
			})
		})
	}
}
