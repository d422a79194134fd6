package sink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Keep says which files of a recording are deleted, the oldest first. Only files that a rotating recording of the same
// name has made are deleted, by this process or an earlier one, and never one that is being written. The zero value keeps
// all.
type Keep struct {
	For  time.Duration // delete files whose last frame is older
	Size int64         // how many bytes the files of a recording have together, the present one included
	Free int64         // how many bytes stay free on the disk, as long as there are older files to delete
}

func (k Keep) isZero() bool { return k == Keep{} }

// rotation returns how a recording is divided into files, so that there are old ones to delete.
func (k Keep) rotation(r Rotation) Rotation {
	if !k.isZero() && r.isZero() {
		r.Every = time.Hour
	}
	if k.For > 0 && r.Every > k.For/4 {
		r.Every = max(k.For/4, time.Second)
	}
	return r
}

const (
	keepShares = 4           // a file has at most one such part of the bytes that the recording may have
	leastShare = 1 << 20     // and may always have this many, also while less than Keep.Free is free
	keepEvery  = time.Second // how often ages and the disk are looked at
)

// oldFiles are the files of a series that are no longer written, the oldest first. The directory is read once.
type oldFiles struct {
	files  []oldFile
	size   int64 // of all of them
	listed bool
	next   time.Time // when to look again
}

type oldFile struct {
	name  string
	size  int64
	ended time.Time
}

// share returns how many bytes the next file of s may have, 0 for any number.
func (o *oldFiles) share(s *series) int64 {
	keep, most := s.o.Keep, s.o.Rotate.Size
	atMost := func(n int64) {
		if most == 0 || n < most {
			most = n
		}
	}
	if keep.Size > 0 {
		atMost(max(1, keep.Size/keepShares))
	}
	if keep.Free > 0 {
		o.list(s)
		if free, err := freeSpace(filepath.Dir(s.name)); err == nil {
			atMost(max(leastShare, (free-keep.Free+o.size)/keepShares))
		}
	}
	return most
}

// list looks for the files that this recording has made before.
func (o *oldFiles) list(s *series) {
	if o.listed {
		return
	}
	o.listed = true
	ext := filepath.Ext(s.name)
	base := strings.TrimSuffix(filepath.Base(s.name), ext)
	own := regexp.MustCompile(`^` + regexp.QuoteMeta(base) + `-\d{8}T\d{6}(-\d+)?` + regexp.QuoteMeta(ext) + `$`)
	dir := filepath.Dir(s.name)
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if !entry.Type().IsRegular() || !own.MatchString(entry.Name()) || s.current != nil && path == s.current.name {
			continue
		}
		if info, err := entry.Info(); err == nil {
			o.files = append(o.files, oldFile{path, info.Size(), info.ModTime()})
			o.size += info.Size()
		}
	}
	slices.SortStableFunc(o.files, func(a, b oldFile) int { return a.ended.Compare(b.ended) })
}

// add notes that a file of the series has ended.
func (o *oldFiles) add(name string, size int64) {
	if o.listed { // else it will be found
		o.files = append(o.files, oldFile{name, size, time.Now()})
		o.size += size
	}
}

// tend deletes the files that are not to be kept, before n bytes more are written to the present file.
func (o *oldFiles) tend(s *series, n int64, now time.Time) {
	keep := s.o.Keep
	if keep.isZero() {
		return
	}
	o.list(s)
	if s.current != nil {
		n += s.current.size
	}
	deleted := 0
	for keep.Size > 0 && o.size+n > keep.Size && o.remove(s) {
		deleted++
	}
	if !now.Before(o.next) {
		o.next = now.Add(keepEvery)
		for keep.For > 0 && len(o.files) > 0 && now.Sub(o.files[0].ended) > keep.For && o.remove(s) {
			deleted++
		}
		if free, err := freeSpace(filepath.Dir(s.name)); keep.Free > 0 && err == nil {
			// Some disks free the space of a file only some time after it was deleted.
			for before := o.size; free+before-o.size < keep.Free && o.remove(s); {
				deleted++
			}
		}
	}
	if deleted > 0 {
		s.o.log("old recordings deleted", "of", s.name, "files", deleted)
	}
}

// remove deletes the oldest file. It returns false if there is none.
func (o *oldFiles) remove(s *series) bool {
	o.list(s)
	for len(o.files) > 0 {
		oldest := o.files[0]
		o.files = o.files[1:]
		o.size -= oldest.size
		switch err := removeOld(oldest.name); {
		case err == nil:
			return true
		case !errors.Is(err, fs.ErrNotExist):
			s.o.log("an old recording cannot be deleted", "file", oldest.name, "error", err)
		}
	}
	return false
}

// removeOld deletes a file, unless it is being written or is none of ours.
func removeOld(name string) error {
	file, err := openOwn(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is no file")
	case err == nil && !claim(file):
		err = errors.New("another udpcam writes it")
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Remove(name)
}
