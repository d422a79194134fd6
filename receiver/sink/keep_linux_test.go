package sink

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// While the disk fills up, old files make room, and the recording never stops.
func TestKeepFree(t *testing.T) {
	for _, rotate := range []Rotation{{}, {Every: 2 * time.Second}} {
		t.Run(fmt.Sprint(rotate), func(t *testing.T) { keepFree(t, rotate) })
	}
}

// keepFree records ten times as much as the disk holds.
func keepFree(t *testing.T, rotate Rotation) {
	d := newDisk(t, "8m")
	synctest.Test(t, func(t *testing.T) {
		const keep = 3 << 20
		s, err := Open(filepath.Join(d.dir, "film.mkv"), Options{Rotate: rotate, Keep: Keep{Free: keep}})
		d.must(err)
		least := int64(keep)
		for range 800 { // 80 MB in 80 s
			d.must(s.Put(protocol.Frame{Captured: time.Now(), JPEG: make([]byte, 100_000)}))
			time.Sleep(100 * time.Millisecond)
			free, err := freeSpace(d.dir)
			d.must(err)
			least = min(least, free)
		}
		if least < keep-1_500_000 { // it is looked at once a second
			t.Errorf("at times, only %d bytes were free", least)
		}
		d.fill()                   // somebody else takes what is left
		for i := 0; i < 100; i++ { // makes room for itself
			d.must(s.Put(protocol.Frame{Captured: time.Now(), JPEG: make([]byte, 100_000)}))
			time.Sleep(100 * time.Millisecond)
		}
		d.must(s.Close())
		if files := names(t, d.dir); len(files) < 3 {
			t.Errorf("left are %v", files)
		}
	})
}
