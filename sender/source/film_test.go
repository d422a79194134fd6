package source

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol/mjpeg"
)

// filmOf makes a film of the small pictures of the test data, which are shown at 25 a second, with a pause after the third.
func filmOf(t *testing.T, name string) (path string, pics [][]byte) {
	t.Helper()
	ffmpeg := program(t, "ffmpeg")
	pics = street(t)[4:]
	raw := store(t, "raw.mjpg", pics...)
	path = filepath.Join(t.TempDir(), name)
	args := []string{"-v", "error", "-framerate", "25", "-f", "mjpeg", "-i", raw, "-c", "copy"}
	if filepath.Ext(name) != ".avi" {
		args = append(args, "-bsf:v", "setts=ts=if(gte(N\\,3)\\,PTS+25*DURATION\\,PTS)")
	}
	if out, err := exec.Command(ffmpeg, append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path, pics
}

// A film of any kind is played at its own times, byte for byte, or at the rate that is asked for, and over and over.
func TestFilmsAtTheirOwnTimes(t *testing.T) {
	for _, name := range []string{"film.mkv", "film.avi", "film.mov", "film.mp4"} {
		t.Run(name, func(t *testing.T) {
			path, pics := filmOf(t, name)
			pause := time.Second
			if name == "film.avi" {
				pause = 0
			}
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				skipped := skips{}
				frames := collect(t, open(t, path, Options{Loop: true, Skip: skipped.add}), 8)
				equal(t, frames, append(append([][]byte{}, pics...), pics...)...)
				for i, f := range frames {
					want := time.Duration(i)*40*time.Millisecond + time.Duration((i+1)/4)*pause
					if i == 4 {
						want = 3*40*time.Millisecond + pause + (frames[3].Captured.Sub(frames[2].Captured))
					} else if i > 4 {
						want = frames[4].Captured.Sub(start) + time.Duration(i-4)*40*time.Millisecond + time.Duration((i-4+1)/4)*pause
					}
					if d := f.Captured.Sub(start) - want; d.Abs() > time.Millisecond {
						t.Errorf("picture %d at %v, want %v", i, f.Captured.Sub(start), want)
					}
				}
				if len(skipped.n) > 0 {
					t.Errorf("left out %v", skipped.n)
				}
				frames = collect(t, open(t, path, Options{FPS: 10}), -1)
				if d := frames[3].Captured.Sub(frames[0].Captured); d != 300*time.Millisecond {
					t.Errorf("four pictures at 10 a second in %v", d)
				}
			})
		})
	}
}

// A film that was cut off is played up to there, and the cut is counted. One without its table is played at the usual rate.
func TestFilmsThatAreCutOff(t *testing.T) {
	for name, pictures := range map[string]int{"film.mkv": 3, "film.avi": 3, "film.mp4": 4} {
		path, pics := filmOf(t, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		last := bytes.LastIndex(content, pics[3])
		os.Truncate(path, int64(last+len(pics[3])-[]int{1, 0}[pictures/4]))
		skipped := skips{}
		log := logged{}
		equal(t, collect(t, open(t, path, Options{FPS: 1000, Skip: skipped.add, Log: log.logger()}), -1), pics[:pictures]...)
		said := strings.Contains(log.String(), "own times cannot be read")
		if skipped.n["truncated"] != 4-pictures || said != (pictures == 4) {
			t.Errorf("%s: left out %v, logged %s", name, skipped.n, log.String())
		}
	}
}

// AVIs often lack Huffman tables, and a film may hold pictures that are damaged.
func TestFilmsOfPicturesWithoutTables(t *testing.T) {
	path, pics := filmOf(t, "film.avi")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := bytes.Index(pics[1], []byte{0xFF, 0xC4})
	length := 2 + int(pics[1][tables+2])<<8 + int(pics[1][tables+3])
	at := bytes.Index(content, pics[1])
	copy(content[at+tables:], pics[1][tables+length:]) // zeros follow, as cameras fill up
	clear(content[at+len(pics[1])-length : at+len(pics[1])])
	content[bytes.Index(content, pics[2])+3] = 0xFF // no segment
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	skipped := skips{}
	frames := collect(t, open(t, path, Options{FPS: 1000, Skip: skipped.add}), -1)
	if len(frames) != 3 || !bytes.Contains(frames[1].JPEG, []byte{0xFF, 0xC4}) || mjpeg.Check(frames[1].JPEG) != nil {
		t.Errorf("%d frames", len(frames))
	}
	if skipped.n["malformed"] != 1 {
		t.Errorf("left out %v", skipped.n)
	}
}

func TestFilmsThatUdpcamCannotPlay(t *testing.T) {
	for file, want := range map[string]string{"h264.mp4": "they are H.264", "fragments.mp4": ""} {
		_, err := Open("../../internal/film/testdata/"+file, Options{})
		if want != "" && (!errors.Is(err, ErrNoJPEG) || !strings.Contains(err.Error(), want)) || want == "" && err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
