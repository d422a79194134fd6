package sink

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"udpcam/protocol"
)

// A snapshot is a file that always holds the newest picture, and always a whole one: each is written beside it under
// another name and renamed over it. At 30 frames a second this is a load that belongs on a RAM disk (/run, /dev/shm)
// rather than on flash memory.
type snapshot struct {
	name, beside string
}

func openSnapshot(name string, overwrite bool) (*snapshot, error) {
	if _, err := os.Stat(name); err == nil && !overwrite {
		return nil, refuse(name, fs.ErrExist)
	}
	s := &snapshot{
		name:   name,
		beside: filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.tmp", filepath.Base(name), os.Getpid())),
	}
	// A directory that cannot be written is better known now than at the first frame.
	file, err := os.Create(s.beside)
	if err != nil {
		return nil, refuse(name, err)
	}
	file.Close()
	return s, nil
}

// Put implements [Sink].
func (s *snapshot) Put(f protocol.Frame) error {
	err := os.WriteFile(s.beside, f.JPEG, 0o666)
	if err == nil {
		err = os.Rename(s.beside, s.name)
	}
	if err != nil {
		return fmt.Errorf("cannot replace the picture: %w", err)
	}
	return nil
}

// Close implements [Sink]. The newest picture stays.
func (s *snapshot) Close() error {
	if err := os.Remove(s.beside); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// live says that only the newest frames matter to whoever looks.
func (s *snapshot) live() bool { return true }
