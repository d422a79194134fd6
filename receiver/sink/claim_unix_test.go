//go:build linux || darwin

package sink

import (
	"os"
	"path/filepath"
	"testing"
)

// What another process writes at the moment is not deleted.
func TestKeepLeavesWhatIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	other, err := newRecording(filepath.Join(dir, "film-19991231T230000.mkv"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	put(t, other, street(t, "5"))
	s, err := Open(filepath.Join(dir, "film.mkv"), Options{Rotate: Rotation{Size: 1}, Keep: Keep{Size: 1}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, street(t, "5"), street(t, "6"), street(t, "7"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); len(left) != 2 || left[0] != "film-19991231T230000.mkv" {
		t.Errorf("left are %v", left)
	}
}

// When a recording starts, the films beside it that were cut off are mended, but not one that is still being recorded, nor
// what a link leads to.
func TestRecordingMendsFilmsBesideIt(t *testing.T) {
	cut, whole, _, _ := filmed(t, 100)
	for _, out := range []string{"film.mkv", "", "film.mjpg"} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		old := write(t, filepath.Join(dir, "old.mkv"), cut)
		foreign := write(t, filepath.Join(dir, "foreign.mkv"), []byte("another program's"))
		copying := write(t, filepath.Join(dir, "copying.mkv"), whole[:len(whole)/2]) // by another program, at the moment
		far := write(t, filepath.Join(elsewhere, "far.mkv"), cut)
		if err := os.Symlink(far, filepath.Join(dir, "link.mkv")); err != nil {
			t.Fatal(err)
		}
		recording, err := Open(filepath.Join(dir, "recording.mkv"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		put(t, recording, street(t, "5")) // this mends old.mkv
		recording.Close()
		recording, err = Open(filepath.Join(dir, "recording2.mkv"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		put(t, recording, street(t, "5"))
		recording.(*series).o.films.done.Wait()
		before, err := os.ReadFile(filepath.Join(dir, "recording2.mkv"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, old, cut)
		s, err := Open(filepath.Join(dir, out), Options{Matroska: true})
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, street(t, "5"))
		switch s := s.(type) {
		case *series:
			s.o.films.done.Wait()
		case *directory:
			s.o.films.done.Wait()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		contains(t, old, whole)
		contains(t, far, cut)
		contains(t, foreign, []byte("another program's"))
		contains(t, copying, whole[:len(whole)/2])
		contains(t, filepath.Join(dir, "recording2.mkv"), before)
		if err := recording.Close(); err != nil {
			t.Error(err)
		}
	}
}
