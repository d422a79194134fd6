package sink

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The modes of what is written. Pictures show what happens in somebody's home: other users of the machine see none of them,
// and the umask may take away more.
const (
	fileMode      = 0o640
	directoryMode = 0o750
)

// newFile makes a file. It refuses a name that is taken, even by a link that leads nowhere, so that nobody can have another
// file written by putting a link in its place.
func newFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// newTemporary makes a file beside another, whose place it can take. Nobody can guess its name.
func newTemporary(beside string) (*os.File, error) {
	return newFile(filepath.Join(filepath.Dir(beside), ".udpcam-"+rand.Text()+".tmp"))
}

// removeTemporaries removes what processes that were killed have left beside a file.
func removeTemporaries(beside string) {
	entries, _ := os.ReadDir(filepath.Dir(beside))
	for _, entry := range entries {
		if own, _ := filepath.Match(".udpcam-*.tmp", entry.Name()); !own {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > time.Minute {
			removeOld(filepath.Join(filepath.Dir(beside), entry.Name()))
		}
	}
}

// writable finds out whether files can be made beside name.
func writable(name string) error {
	removeTemporaries(name)
	file, err := newTemporary(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// A home is the directory of what is written. While its drive is away, the directory of the same name that was below the
// drive may be there: whatever is written to it fills another disk, and is hidden when the drive is back.
type home struct {
	dir   string
	mount string // where the drive of dir is mounted, "" if it is the root or not known
}

// homeOf looks where the drive of a directory is mounted. The directory may not be there yet.
func homeOf(dir string) *home {
	h := &home{dir: dir}
	path, err := filepath.Abs(dir)
	if err != nil {
		return h
	}
	for parent := filepath.Dir(path); parent != path; path, parent = parent, filepath.Dir(parent) {
		if here, ok := deviceOf(path); ok && isMount(here, parent) {
			h.mount = path
			break
		}
	}
	return h
}

// isMount reports whether a directory's parent is on another device than here.
func isMount(here uint64, parent string) bool {
	above, ok := deviceOf(parent)
	return ok && above != here
}

// check returns an error if the drive is away.
func (h *home) check() error {
	if h.mount == "" {
		return nil
	}
	here, ok := deviceOf(h.mount)
	if !ok || !isMount(here, filepath.Dir(h.mount)) {
		return fmt.Errorf("its drive is away: mount %s again", h.mount)
	}
	return nil
}

// stays returns an error if the name of an open file means none any more, or one on another drive, or if the file has been
// deleted. Some network drives number files anew now and then, so another number alone means nothing.
func stays(file *os.File, name string) error {
	is, err := file.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(is, named) && departed(is, named) {
		return fmt.Errorf("%s is gone: it was deleted or moved, or its drive was taken away", name)
	}
	return nil
}
