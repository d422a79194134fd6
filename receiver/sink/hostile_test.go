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

// A stream that has ended gives back its place, its name and its file. So a camera is recorded although streams were
// invented before it, and memory does not grow with them.
func TestDirectoryGivesPlacesBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir+"/", Options{Overwrite: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 { // some at a time
			if i%50 == 0 {
				time.Sleep(2 * time.Second)
			}
			if err := s.Put(protocol.Frame{Stream: fmt.Sprint("invented", i), JPEG: street(t, "5")}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 128 { // all at once
			if err := s.Put(protocol.Frame{Stream: fmt.Sprint("more", i), JPEG: street(t, "5")}); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for time.Since(began) < 2*time.Second {
			if err := s.Put(protocol.Frame{Stream: "cam", JPEG: street(t, "6")}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second / 30)
		}
		if info, err := os.Stat(filepath.Join(dir, "cam.mjpg")); err != nil || info.Size() < 20*int64(len(street(t, "6"))) {
			t.Errorf("the camera is not recorded: %v", err)
		}
		d := s.(*directory)
		if len(d.streams) > maxRecordings || len(d.taken) != len(d.streams) {
			t.Errorf("%d streams, %d names", len(d.streams), len(d.taken))
		}
		time.Sleep(2 * time.Minute)
		d.tidy(time.Now())
		if len(d.streams) != 0 || len(d.taken) != 0 {
			t.Errorf("after two minutes of silence: %d streams, %d names", len(d.streams), len(d.taken))
		}
		if err := s.Put(protocol.Frame{Stream: "cam", JPEG: street(t, "7")}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		contains(t, filepath.Join(dir, "cam-2.mjpg"), street(t, "7")) // what it recorded before is not overwritten
	})
}
