package sink

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"udpcam/protocol"
)

// mountImage mounts a file system that is in a file, below a directory that is made for it.
func mountImage(t *testing.T, image string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a file system: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
}

// A power cut takes at most the last two seconds. What is on the disk at the moment of the cut is a copy of its image, which
// is made while films are recorded to it. The copy is what the machine would find when it starts again.
func TestRecordingAfterAPowerCut(t *testing.T) {
	for _, program := range []string{"mkfs.ext4", "mount", "umount", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	image := filepath.Join(t.TempDir(), "disk")
	if err := os.Truncate(write(t, image, nil), 32<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	disk := mountImage(t, image)
	film, err := Open(filepath.Join(disk, "film.mkv"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	each, err := Open(filepath.Join(disk, "each")+"/", Options{Rotate: Rotation{Every: 1500 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	recordings := []*Queue{NewQueue(film, QueueOptions{}), NewQueue(each, QueueOptions{})}
	const interval = 100 * time.Millisecond
	jpeg, began := street(t, "5"), time.Now()
	for time.Since(began) < 4500*time.Millisecond { // a moment between two datasyncs
		for _, q := range recordings {
			if err := q.Put(protocol.Frame{Stream: "door", Captured: time.Now(), JPEG: jpeg}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(interval)
	}
	cut := time.Since(began)
	left := filepath.Join(t.TempDir(), "left")
	if out, err := exec.Command("cp", "--sparse=always", image, left).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, q := range recordings {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}

	found := mountImage(t, left)
	times, _, _ := probeCut(t, filepath.Join(found, "film.mkv"))
	if len(times) == 0 || times[len(times)-1] < (cut-2*time.Second).Seconds() {
		t.Errorf("cut after %v, the film has its frames up to %v", cut, times)
	}
	size := int64(0)
	for _, name := range names(t, filepath.Join(found, "each")) {
		info, err := os.Stat(filepath.Join(found, "each", name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if n := size / int64(len(jpeg)); n < int64(len(times))-10 {
		t.Errorf("of the recording in several files %d frames are left, of the film %d", n, len(times))
	}
	mended, err := Mend(filepath.Join(found, "film.mkv"))
	if err != nil || mended.Duration < cut-2*time.Second {
		t.Errorf("%+v, %v", mended, err)
	}
	if _, _, duration := probe(t, filepath.Join(found, "film.mkv")); duration < (cut - 2*time.Second).Seconds() {
		t.Errorf("the mended film is %v s long", duration)
	}
}

// probeCut returns the times of a film that may end in the middle of a frame.
func probeCut(t *testing.T, name string) (times []float64, sizes []int, duration float64) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "film.mkv")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, copied, content)
	if _, err := Mend(copied); err != nil {
		t.Fatal(err)
	}
	return probe(t, copied)
}
