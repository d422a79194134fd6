package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// probe returns the times, in seconds, and the sizes of a film's frames as ffmpeg's reader sees them, and how long it says
// the film is. The test fails if ffmpeg finds anything wrong with the film.
func probe(t *testing.T, name string, args ...string) (times []float64, sizes []int, duration float64) {
	t.Helper()
	path, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("needs ffprobe")
	}
	cmd := exec.Command(path, append(args, "-v", "error", "-of", "json", "-show_packets", "-show_format", "-show_streams", name)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var found struct {
		Packets []struct {
			PTS  string `json:"pts_time"`
			Size string
		}
		Streams []struct {
			Codec         string `json:"codec_name"`
			Width, Height int
		}
		Format struct{ Duration string }
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Packets {
		at, err1 := strconv.ParseFloat(p.PTS, 64)
		size, err2 := strconv.Atoi(p.Size)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		times, sizes = append(times, at), append(sizes, size)
	}
	if s := found.Streams; len(s) != 1 || s[0].Codec != "mjpeg" || s[0].Width != 320 || s[0].Height != 240 {
		t.Errorf("%+v", s)
	}
	duration, _ = strconv.ParseFloat(found.Format.Duration, 64)
	return times, sizes, duration
}

// shoot puts n frames with these intervals, in simulated time. It returns the times and sizes that a player must see.
func shoot(t *testing.T, s Sink, n int, apart func(i int) time.Duration) (times []float64, sizes []int) {
	t.Helper()
	began := time.Now()
	for i := range n {
		jpeg := street(t, fmt.Sprint(5+i%4))
		if err := s.Put(protocol.Frame{Stream: "door", Captured: time.Now(), JPEG: jpeg}); err != nil {
			t.Fatal(err)
		}
		times, sizes = append(times, time.Since(began).Seconds()), append(sizes, len(jpeg))
		time.Sleep(apart(i))
	}
	return times, sizes
}

// uneven are the intervals of a camera whose rate changes.
func uneven(i int) time.Duration {
	return time.Duration(33333+i%7*4000) * time.Microsecond
}

func sameFilm(t *testing.T, gotTimes, wantTimes []float64, gotSizes, wantSizes []int) {
	t.Helper()
	if len(gotTimes) != len(wantTimes) {
		t.Fatalf("%d frames, want %d", len(gotTimes), len(wantTimes))
	}
	for i := range wantTimes {
		if math.Abs(gotTimes[i]-wantTimes[i]) > .001 || gotSizes[i] != wantSizes[i] {
			t.Fatalf("frame %d is at %v s, %d bytes, want %v, %d", i, gotTimes[i], gotSizes[i], wantTimes[i], wantSizes[i])
		}
	}
}

// A film plays with the right times, whether it was finished or its writer was killed after any frame. In a finished film a
// player can seek to any time.
func TestMatroska(t *testing.T) {
	for _, n := range []int{1, 2, 31, 150} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "film.mkv")
			var times []float64
			var sizes []int
			synctest.Test(t, func(t *testing.T) {
				s, err := Open(name, Options{})
				if err != nil {
					t.Fatal(err)
				}
				times, sizes = shoot(t, s, n, uneven)
				killed(t, name)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
			gotTimes, gotSizes, _ := probe(t, name+".killed.mkv")
			sameFilm(t, gotTimes, times, gotSizes, sizes)
			gotTimes, gotSizes, duration := probe(t, name)
			sameFilm(t, gotTimes, times, gotSizes, sizes)
			if last := times[n-1]; duration <= last || duration > last+.1 {
				t.Errorf("the film is %v s long, its last frame at %v", duration, last)
			}
			if n < 100 {
				return
			}
			from := times[n-1] / 2
			later, _, _ := probe(t, name, "-read_intervals", fmt.Sprintf("%f", from))
			if len(later) == 0 || later[0] > from || later[0] < from-1.1 {
				t.Errorf("from %v on: %v", from, later)
			}
		})
	}
}

// A film that ends in the middle of a frame is whole up to the one before.
func TestMatroskaCut(t *testing.T) {
	name := filepath.Join(t.TempDir(), "film.mkv")
	var times []float64
	var sizes []int
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		times, sizes = shoot(t, s, 40, uneven)
		name = killed(t, name)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, info.Size()-int64(sizes[39])-5); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ffprobe", "-v", "quiet", "-of", "csv", "-show_packets", name)
	out, err := cmd.Output()
	if n := strings.Count(string(out), "packet,"); err != nil || n != len(times)-1 {
		t.Errorf("%d frames, want %d: %v", n, len(times)-1, err)
	}
}

// Capture times are used as long as they agree with the times of arrival. A film's time never goes back.
func TestFilmClock(t *testing.T) {
	var c filmClock
	came, captured := time.Unix(1e9, 0), time.Unix(1e9, 0).Add(-20*time.Millisecond)
	at := func(want int64) {
		t.Helper()
		if got := c.read(captured, came); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	step := func(taken, arrived time.Duration) { captured, came = captured.Add(taken), came.Add(arrived) }
	at(0)
	step(40*time.Millisecond, 90*time.Millisecond) // it came late
	at(40)
	step(40*time.Millisecond, 0)
	at(80)
	step(-time.Hour, 40*time.Millisecond) // its clock was set
	at(120)
	step(time.Hour, 40*time.Millisecond)
	at(160)
	step(-10*time.Millisecond, 40*time.Millisecond) // out of order
	at(161)
	step(0, 0)
	at(162)
	step(time.Second, time.Second)
	at(1160)
	for range 30 { // 30 frames a second: no interval is a whole number of milliseconds
		step(time.Second/30, time.Second/30)
		c.read(captured, came)
	}
	if c.last != 2160 {
		t.Errorf("a second later: %d", c.last)
	}
	captured = time.Time{}
	came = came.Add(50 * time.Millisecond)
	at(2210)
	if c.end() != 2260 {
		t.Error(c.end())
	}
}

// A recording goes on in a new file when the old one is long or large enough. Each file is whole.
func TestRotation(t *testing.T) {
	for name, test := range map[string]struct {
		rotate Rotation
		want   []int // frames of each file
	}{
		"film.mkv":  {Rotation{Every: 2 * time.Second}, []int{20, 20, 10}},
		"film.mjpg": {Rotation{Every: 2 * time.Second}, []int{20, 20, 10}},
		"size.mkv":  {Rotation{Size: 300_000}, []int{20, 20, 10}},
		"tiny.mkv":  {Rotation{Size: 1}, slicesOfOne(50)},
		"both.mjpg": {Rotation{Every: time.Hour, Size: 300_000}, []int{20, 20, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s, err := Open(filepath.Join(dir, name), Options{Rotate: test.rotate})
				if err != nil {
					t.Fatal(err)
				}
				shoot(t, s, 50, func(int) time.Duration { return 100 * time.Millisecond })
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != len(test.want) {
				t.Fatalf("%d files, want %d: %v", len(files), len(test.want), files)
			}
			total := 0
			for i, file := range files {
				base, ext, _ := strings.Cut(name, ".")
				if !strings.HasPrefix(file.Name(), base+"-20") || !strings.HasSuffix(file.Name(), ext) {
					t.Error(file.Name())
				}
				content, err := os.ReadFile(filepath.Join(dir, file.Name()))
				if err != nil {
					t.Fatal(err)
				}
				n := bytes.Count(content, []byte{0xFF, 0xD8, 0xFF})
				total += n
				if test.rotate.Every == 2*time.Second && n != test.want[i] {
					t.Errorf("%s has %d frames, want %d", file.Name(), n, test.want[i])
				}
				if test.rotate.Size > 1 && int64(len(content)) > test.rotate.Size+1000 {
					t.Errorf("%s has %d bytes", file.Name(), len(content))
				}
			}
			if total != 50 {
				t.Errorf("%d frames in all", total)
			}
		})
	}
}

func slicesOfOne(n int) []int { return append([]int(nil), make([]int, n)...) }

// Snapshots have the right intervals, in one file and in a directory. In a directory all of them stay.
func TestSnapshotEvery(t *testing.T) {
	dir := t.TempDir()
	pictures := filepath.Join(dir, "album")
	synctest.Test(t, func(t *testing.T) {
		between := 0
		o := Options{SnapshotEvery: time.Second, Skip: func(string) { between++ }}
		one, err := Open(filepath.Join(dir, "now.jpg"), o)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Open(pictures+"/", o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 35 {
			jpeg := street(t, fmt.Sprint(5+i/10))
			put(t, one, jpeg)
			put(t, all, jpeg)
			contains(t, filepath.Join(dir, "now.jpg"), street(t, fmt.Sprint(5+i/10)))
			time.Sleep(100 * time.Millisecond)
		}
		if err := one.Close(); err != nil {
			t.Error(err)
		}
		if err := all.Close(); err != nil {
			t.Error(err)
		}
		if between != 2*31 {
			t.Errorf("%d frames were left out, want %d", between, 2*31)
		}
	})
	files, err := os.ReadDir(pictures)
	if err != nil || len(files) != 4 {
		t.Fatalf("%d snapshots, want 4: %v %v", len(files), files, err)
	}
	for i, file := range files {
		if want := fmt.Sprintf("udpcam-20000101T00000%d.jpg", i); file.Name() != want && time.Local == time.UTC {
			t.Errorf("%s, want %s", file.Name(), want)
		}
		contains(t, filepath.Join(pictures, file.Name()), street(t, fmt.Sprint(5+i)))
	}
}
