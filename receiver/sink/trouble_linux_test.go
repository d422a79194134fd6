package sink

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/protocol"
)

// A disk is a file system of its own that can be filled and taken away.
type disk struct {
	dir, size string
	t         *testing.T
}

func newDisk(t *testing.T, size string) *disk {
	d := &disk{t.TempDir(), size, t}
	if err := d.mount(); err != nil {
		t.Skipf("needs to mount a file system: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d *disk) mount() error { return unix.Mount("tmpfs", d.dir, "tmpfs", 0, "size="+d.size) }

func (d *disk) must(err error) {
	if err != nil {
		d.t.Helper()
		d.t.Fatal(err)
	}
}

func (d *disk) fill() {
	file, err := os.Create(filepath.Join(d.dir, "filler"))
	d.must(err)
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
}

// fsImmutable is the flag of a directory in which not even root can make files (FS_IMMUTABLE_FL).
const fsImmutable = 0x10

// setFlags sets the flags of the directory of recordings.
func (d *disk) setFlags(flags int) {
	dir, err := os.Open(filepath.Join(d.dir, "rec"))
	d.must(err)
	defer dir.Close()
	d.must(unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, flags))
}

// Whatever ends a recording is said, and the recording goes on within 5 s of the end of the trouble.
func TestRecordingGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		begin, end func(d *disk)
		lossless   bool // nothing is lost: the frames of the trouble waited
		notFor     string
	}{
		"full disk": {
			begin:    func(d *disk) { d.fill() },
			end:      func(d *disk) { d.must(os.Remove(filepath.Join(d.dir, "filler"))) },
			lossless: true,
		},
		"directory deleted": {
			begin: func(d *disk) { d.must(os.RemoveAll(filepath.Join(d.dir, "rec"))) },
			end:   func(d *disk) { d.must(os.MkdirAll(filepath.Join(d.dir, "rec"), 0o777)) },
		},
		"drive away": {
			begin: func(d *disk) {
				d.must(unix.Unmount(d.dir, unix.MNT_DETACH))
				d.must(os.Mkdir(filepath.Join(d.dir, "rec"), 0o777)) // below the drive
			},
			end: func(d *disk) {
				if below, _ := os.ReadDir(filepath.Join(d.dir, "rec")); len(below) > 0 {
					d.t.Errorf("written below the drive: %v", below)
				}
				d.must(d.mount())
				d.must(os.Mkdir(filepath.Join(d.dir, "rec"), 0o777))
			},
		},
		"read-only": {
			begin: func(d *disk) {
				d.must(unix.Mount("", d.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
			},
			end:    func(d *disk) { d.must(unix.Mount("", d.dir, "", unix.MS_REMOUNT|unix.MS_BIND, "")) },
			notFor: "film rotated", // a drive with a file that is being written cannot be made read-only
		},
		"permission lost": {
			begin:  func(d *disk) { d.setFlags(fsImmutable) },
			end:    func(d *disk) { d.setFlags(0) },
			notFor: "film", // a file that is open can still be written
		},
	} {
		for _, out := range []string{"rec/film.mkv", "rec/film.mjpg", "rec/", "rec/pic.jpg", "rec/rotated.mkv"} {
			kind, _, _ := strings.Cut(strings.TrimPrefix(out, "rec/"), ".")
			if test.notFor != "" && (strings.Contains(test.notFor, kind)) {
				continue
			}
			t.Run(name+" "+out, func(t *testing.T) {
				d := newDisk(t, "4m")
				d.must(os.Mkdir(filepath.Join(d.dir, "rec"), 0o777))
				synctest.Test(t, func(t *testing.T) { goesOn(t, d, out, test.begin, test.end, test.lossless) })
			})
		}
	}
}

// goesOn records while there is trouble with the disk for 5 s, and for 6 s after it.
func goesOn(t *testing.T, d *disk, out string, begin, end func(*disk), lossless bool) {
	var s Sink
	o := Options{}
	if strings.Contains(out, "rotated") {
		o.Rotate.Every = time.Second
	}
	s, err := Open(d.dir+"/"+out, o)
	d.must(err)
	q := NewQueue(s, QueueOptions{})
	jpeg := street(t, "5")
	number := byte(0)
	shoot := func(seconds int, watch func(state OutputState)) {
		for range 10 * seconds {
			number++
			f := protocol.Frame{Captured: time.Now(), JPEG: append(bytes.Clone(jpeg), number)}
			if err := q.Put(f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			watch(q.State())
		}
	}
	shoot(3, func(state OutputState) {
		if state.Err != "" {
			t.Errorf("before the trouble: %+v", state)
		}
	})
	begin(d)
	said := 0
	shoot(5, func(state OutputState) {
		if state.Err != "" {
			said++
		}
	})
	if said < 10 { // a directory that was deleted is made again at once
		t.Errorf("the trouble was said for %d00 ms", said)
	}
	end(d)
	shoot(6, func(OutputState) {})
	if state := q.State(); state.Err != "" {
		t.Errorf("after the trouble: %+v", state)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	have := map[byte]bool{}
	d.must(filepath.WalkDir(filepath.Join(d.dir, "rec"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for i := range number {
			if bytes.Contains(content, append(bytes.Clone(jpeg), i+1)) {
				have[i+1] = true
			}
		}
		if strings.HasSuffix(path, ".tmp") || len(content) == 0 {
			t.Errorf("left behind: %s", path)
		}
		if _, err := Mend(path); isMatroska(path) && err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return err
	}))
	switch {
	case strings.HasSuffix(out, ".jpg"):
		if !have[number] {
			t.Errorf("the picture is not the newest: %v", have)
		}
	case lossless && len(have) != int(number):
		t.Errorf("%d of %d frames", len(have), number)
	default:
		for n := number - 50 + 1; n != 0 && n <= number; n++ { // from a second after the trouble
			if !have[n] {
				t.Fatalf("frame %d of %d is missing", n, number)
			}
		}
	}
}

// A named pipe gets frames again when it has another reader.
func TestNamedPipeGetsAnotherReader(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		reader, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		return reader
	}
	reader := open()
	s, err := Open(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := NewQueue(s, QueueOptions{})
	reader.Close()
	waitFor := func(trouble bool) {
		t.Helper()
		for began := time.Now(); (q.State().Err != "") != trouble; time.Sleep(10 * time.Millisecond) {
			if err := q.Put(protocol.Frame{JPEG: []byte("picture")}); err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%+v", q.State())
			}
		}
	}
	waitFor(true)
	reader = open()
	waitFor(false)
	got := make([]byte, 7)
	if _, err := reader.Read(got); err != nil || string(got) != "picture" {
		t.Errorf("%q, %v", got, err)
	}
	reader.Close()
	waitFor(true)
	if err := q.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed without a reader: %v", err)
	}
}
