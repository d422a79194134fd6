package sink

import (
	"cmp"
	"errors"
	"os"
	"time"

	"udpcam/internal/film"
)

// Reasons for which a film is not mended.
var (
	// ErrForeign means that udpcam has not recorded this file, so udpcam does not change it.
	ErrForeign = errors.New("it is no film that udpcam has recorded")
	// ErrDamaged means that a film is broken in its middle. If it were cut there, what follows would be lost.
	ErrDamaged = film.ErrDamaged
	// ErrRecording means that a film is still being recorded.
	ErrRecording = errors.New("it is still being recorded")
)

// Mended is what [Mend] has done.
type Mended struct {
	Whole    bool          // nothing: the film has all it needs
	Duration time.Duration // of the film; 0 if Whole
	Cut      int64         // how many bytes were cut off, of a frame or table that was not finished
}

// Mend gives a film (.mkv) what it lacks if its recording was not finished, as after kill -9 or a power cut: its duration,
// and a table by which players seek. It cuts off a frame that was not written whole. Otherwise it only adds to the file and
// fills in what was left open. So if Mend itself is interrupted, the film can still be played, and mended.
func Mend(name string) (Mended, error) { return mend(name, false) }

// mend does the same. If it leaves copies alone, it does not touch a film that was finished once: another program may be
// copying it here at the moment.
func mend(name string, leaveCopies bool) (m Mended, err error) {
	file, err := openOwn(name, os.O_RDWR)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return m, err
	case !info.Mode().IsRegular():
		return m, ErrForeign
	case !claim(file):
		return m, ErrRecording
	}
	if m, err = mendFile(file, info.Size(), leaveCopies); err != nil || m.Whole {
		return m, err
	}
	err = datasync(file)
	os.Chtimes(name, time.Time{}, info.ModTime()) // it is as old as its last frame
	return m, err
}

func mendFile(file filmFile, size int64, leaveCopies bool) (m Mended, err error) {
	film, end, err := survey(file, size, leaveCopies)
	if err != nil || film == nil {
		return Mended{Whole: err == nil}, err
	}
	m = Mended{Duration: time.Duration(film.clock.end()) * tick, Cut: size - end}
	return m, cmp.Or(file.Truncate(end), film.finish(file, end))
}
