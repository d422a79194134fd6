package film

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// read returns the pictures of a film, and the error at its end.
func read(b []byte) (kind string, pictures []Picture, err error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return "", nil, err
	}
	for p, err := range f.Pictures() {
		if err != nil {
			return f.Kind, pictures, err
		}
		pictures = append(pictures, p)
	}
	return f.Kind, pictures, nil
}

// made returns a film that ffmpeg makes of a moving pattern, and what ffprobe says of it.
func made(t *testing.T, name string, args ...string) (content []byte, want []Picture) {
	t.Helper()
	for _, p := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	args = append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine",
		"-t", "3", "-c:v", "mjpeg", "-c:a", "pcm_s16le"}, append(args, path)...)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content, probed(t, path)
}

// probed is what ffprobe says of a film's pictures.
func probed(t *testing.T, path string) (pictures []Picture) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,pos,size",
		"-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Packets []struct {
			Time string `json:"pts_time"`
			Size string `json:"size"`
			Pos  string `json:"pos"`
		} `json:"packets"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	for _, p := range said.Packets {
		seconds, _ := strconv.ParseFloat(p.Time, 64)
		size, _ := strconv.Atoi(p.Size)
		pos, _ := strconv.ParseInt(p.Pos, 10, 64)
		pictures = append(pictures, Picture{time.Duration(seconds * 1e9), pos, size})
	}
	return pictures
}

// The pictures stand where ffprobe finds them, and are due when it says.
func TestFilmsAsFFprobeReadsThem(t *testing.T) {
	for name, args := range map[string][]string{
		"Matroska film.mkv":          nil,
		"Matroska vfw.mkv":           {"-c:v", "mjpeg", "-allow_raw_vfw", "1", "-vtag", "MJPG"},
		"Matroska times.mkv":         {"-vf", "select='not(mod(n\\,3))+gt(n\\,40)'", "-vsync", "vfr"},
		"AVI film.avi":               nil,
		"AVI dropped.avi":            {"-vf", "select='not(mod(n\\,3))+gt(n\\,40)'", "-vsync", "vfr"},
		"MP4 film.mp4":               {"-an"},
		"MP4 fast.mp4":               {"-an", "-movflags", "faststart"},
		"MP4 times.mp4":              {"-an", "-vf", "select='not(mod(n\\,3))+gt(n\\,40)'", "-vsync", "vfr"},
		"QuickTime film.mov":         {"-map", "1", "-map", "0"},
		"QuickTime fast-uneven.mov":  {"-movflags", "faststart", "-r", "29.97"},
		"QuickTime large-offset.mov": {"-movflags", "+write_colr"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, file, _ := strings.Cut(name, " ")
			content, want := made(t, file, args...)
			got, pictures, err := read(content)
			if err != nil || got != kind || len(pictures) != len(want) || len(want) < 20 {
				t.Fatalf("%d pictures of %d in %s, %v", len(pictures), len(want), got, err)
			}
			for i, p := range pictures {
				begin := content[p.Offset:][:p.Size]
				if d := p.At - (want[i].At - want[0].At); d.Abs() > time.Millisecond || p.Size != want[i].Size ||
					!bytes.HasPrefix(begin, []byte{0xFF, 0xD8}) {
					t.Fatalf("picture %d is %+v, % x, want %+v", i, p, begin[:2], want[i])
				}
			}
		})
	}
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A film whose recording was cut off has the pictures up to there, if its table does not stand at its end.
func TestCutFilms(t *testing.T) {
	for _, name := range []string{"tiny.mkv", "tiny.avi", "sound.avi"} {
		whole := fixture(t, name)
		_, all, err := read(whole)
		if err != nil || len(all) != 5 {
			t.Fatalf("%s: %d pictures, %v", name, len(all), err)
		}
		cut := whole[:all[3].Offset+int64(all[3].Size)-1]
		_, some, err := read(cut)
		if !errors.Is(err, ErrCut) || !slices.Equal(some, all[:3]) {
			t.Errorf("%s: %v, %v", name, some, err)
		}
	}
	mp4 := fixture(t, "tiny.mp4")
	if _, some, err := read(mp4[:len(mp4)-10]); !errors.Is(err, ErrCut) || len(some) > 0 {
		t.Errorf("an MP4 without its table: %v, %v", some, err)
	}
}

// Recorders that are killed leave sizes of zero.
func TestAVIWithoutSizes(t *testing.T) {
	whole := fixture(t, "tiny.avi")
	_, want, _ := read(whole)
	killed := bytes.Clone(whole)
	copy(killed[4:], make([]byte, 4))
	copy(killed[bytes.Index(killed, []byte("movi"))-4:], make([]byte, 4))
	if _, got, err := read(killed); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestFilmsOfSomethingElse(t *testing.T) {
	for name, want := range map[string]error{
		"h264.mp4":      fmt.Errorf("%w: they are H.264", ErrCodec),
		"fragments.mp4": ErrForm,
		"../film.go":    ErrForeign,
	} {
		_, _, err := read(fixture(t, name))
		if !errors.Is(err, want) && (err == nil || err.Error() != want.Error()) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// FuzzFilm holds any file to what a reader may rely on: pictures lie within the file, times never go back, and a small file
// costs neither much memory nor much time.
func FuzzFilm(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.*")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bound := fuzzcost.Bound{Bytes: 64 << 10, Time: 20 * time.Millisecond}.Plus(len(b), 16, 2*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			last := Picture{}
			n := 0
			film, err := Open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				return
			}
			for p, err := range film.Pictures() {
				if err != nil {
					break
				}
				if p.At < last.At || p.At > maxAt || p.Offset < 0 || p.Size < 1 || p.Offset+int64(p.Size) > int64(len(b)) {
					t.Fatalf("%+v behind %+v in %d bytes", p, last, len(b))
				}
				last = p
				if n++; n > 1000 { // a table may name the same picture many times
					break
				}
			}
		})
	})
}
