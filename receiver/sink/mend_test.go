package sink

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// filmed records n frames in simulated time. It returns the film as it would be after kill -9, and as it was finished.
func filmed(t *testing.T, n int) (cut, whole []byte, times []float64, sizes []int) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mkv")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		times, sizes = shoot(t, s, n, uneven)
		if cut, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return cut, whole, times, sizes
}

// killed copies a film as it would be if its writer were killed now.
func killed(t *testing.T, name string) (copied string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	copied = name + ".killed.mkv"
	if err := os.WriteFile(copied, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return copied
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(name, content, 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

// A film that was cut off, wherever, gets its duration and its seek table, and has all frames that were written whole.
func TestMend(t *testing.T) {
	cut, whole, times, sizes := filmed(t, 100)
	lastFrame := len(cut) - sizes[99]
	for name, test := range map[string]struct {
		content []byte
		frames  int
		lost    int64 // bytes of a frame that was not finished
	}{
		"killed between frames":      {cut, 100, 0},
		"killed in a frame":          {cut[:len(cut)-1], 99, int64(len(cut) - 1 - (lastFrame - 13))},
		"killed in a block's header": {cut[:lastFrame-3], 99, 10},
		"zeros behind":               {append(bytes.Clone(cut), make([]byte, 5000)...), 100, 5000},
		"killed while it finished":   {whole[:len(cut)+30], 100, 30},
		"cut off while copied":       {whole[:len(cut)], 100, 0},
		"cut off, and in a frame":    {whole[:lastFrame+9], 99, 22},
	} {
		t.Run(name, func(t *testing.T) {
			film := write(t, filepath.Join(t.TempDir(), "film.mkv"), test.content)
			old := time.Now().Add(-time.Hour).Truncate(time.Second)
			os.Chtimes(film, old, old)
			mended, err := Mend(film)
			if err != nil || mended.Whole || mended.Cut != test.lost {
				t.Fatalf("%+v, %v; want %d bytes cut off", mended, err, test.lost)
			}
			gotTimes, gotSizes, duration := probe(t, film)
			sameFilm(t, gotTimes, times[:test.frames], gotSizes, sizes[:test.frames])
			if last := times[test.frames-1]; duration <= last || duration > last+.1 || mended.Duration.Seconds() != duration {
				t.Errorf("the film is %v s long, its last frame at %v; Mend says %v", duration, last, mended.Duration)
			}
			from := times[50]
			later, _, _ := probe(t, film, "-read_intervals", fmt.Sprintf("%f", from))
			if len(later) == 0 || later[0] > from || later[0] < from-1.1 {
				t.Errorf("seeking to %v: %v", from, later)
			}
			if info, err := os.Stat(film); err != nil || !info.ModTime().Equal(old) {
				t.Errorf("its time has changed: %v, %v", info.ModTime(), err)
			}
			once, err := os.ReadFile(film)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Mend(film); err != nil || !again.Whole {
				t.Errorf("again: %+v, %v", again, err)
			}
			contains(t, film, once)
			if test.frames == 100 && !bytes.Equal(once, whole) {
				t.Error("it differs from a film that was finished")
			}
		})
	}
}

// What is no film of udpcam, or is broken in its middle, is not changed.
func TestMendRefuses(t *testing.T) {
	cut, whole, _, _ := filmed(t, 100)
	foreign := bytes.ReplaceAll(cut, []byte(muxer), []byte("others"))
	hole := bytes.Clone(cut)
	copy(hole[len(hole)-600_000:], make([]byte, 400_000))
	for name, test := range map[string]struct {
		content []byte
		is      error
	}{
		"another program's":  {foreign, ErrForeign},
		"no film":            {street(t, "5"), ErrForeign},
		"empty":              {nil, ErrForeign},
		"text":               {[]byte("this is no film, but a text that somebody called so"), ErrForeign},
		"cut in its header":  {cut[:200], ErrDamaged},
		"no whole frame":     {cut[:500], ErrDamaged},
		"a hole":             {hole, ErrDamaged},
		"something appended": {append(bytes.Clone(whole), "something else"...), ErrDamaged},
		"garbage behind":     {append(bytes.Clone(cut), "garbage"...), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			film := write(t, filepath.Join(t.TempDir(), "film.mkv"), test.content)
			if mended, err := Mend(film); !errors.Is(err, test.is) {
				t.Errorf("%+v, %v; want %v", mended, err, test.is)
			}
			contains(t, film, test.content)
		})
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "link.mkv")
	film := write(t, filepath.Join(dir, "film.mkv"), cut)
	if err := os.Symlink(film, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, dir, filepath.Join(dir, "missing.mkv")} {
		if _, err := Mend(name); err == nil && claims {
			t.Errorf("%s is mended", name)
		}
	}
}

// A memoryFile is a file in memory.
type memoryFile struct{ content []byte }

func (m *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.content).ReadAt(b, at)
}

func (m *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	if grow := int(at) + len(b) - len(m.content); grow > 0 {
		m.content = append(m.content, make([]byte, grow)...)
	}
	return copy(m.content[at:], b), nil
}

func (m *memoryFile) Truncate(size int64) error {
	m.content = m.content[:size]
	return nil
}

// FuzzMend checks that a film, whatever is in it, is either mended or not changed. A film that was mended is whole.
func FuzzMend(f *testing.F) {
	var film memoryFile
	var m matroska
	for i := range 5 {
		m.clock.came = time.Time{} // each begins a cluster
		head, err := m.before(&film, protocol.Frame{Stream: "door", JPEG: make([]byte, i)}, int64(len(film.content)))
		if err != nil {
			f.Fatal(err)
		}
		film.content = append(film.content, append(head, make([]byte, i)...)...)
	}
	f.Add(bytes.Clone(film.content))
	f.Add(bytes.Clone(film.content[:len(film.content)-2]))
	if err := m.finish(&film, int64(len(film.content))); err != nil {
		f.Fatal(err)
	}
	f.Add(film.content)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		film := &memoryFile{bytes.Clone(content)}
		mended, err := mendFile(film, int64(len(content)), false)
		if err != nil || mended.Whole {
			if !bytes.Equal(film.content, content) {
				t.Errorf("%+v, %v: the film has changed", mended, err)
			}
			return
		}
		if len(film.content) > 4*len(content)+1000 {
			t.Errorf("%d bytes grow to %d", len(content), len(film.content))
		}
		if again, err := mendFile(film, int64(len(film.content)), false); err != nil || !again.Whole {
			t.Errorf("again: %+v, %v", again, err)
		}
	})
}
