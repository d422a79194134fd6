package mjpeg

import (
	"bytes"
	"fmt"
	"image"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ffmpeg runs ffmpeg and returns what it writes.
func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("needs ffmpeg")
	}
	cmd := exec.Command(path, append([]string{"-v", "error"}, args...)...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, complaints.String())
	}
	return out
}

// The Reader finds in ffmpeg's stream as many pictures as went in, and leaves nothing out.
func TestReaderReadsWhatFFmpegWrites(t *testing.T) {
	const frames = 20
	source := []string{"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-frames:v", fmt.Sprint(frames)}
	codings := [][]string{{"-q:v", "2"}, {"-q:v", "31"}, {"-huffman", "default"}, {"-slices", "4", "-threads", "1"}}
	for _, format := range []string{"mjpeg", "mpjpeg"} {
		for _, coding := range codings {
			output := []string{"-c:v", "mjpeg", "-f", format, "-"}
			stream := ffmpeg(t, slices.Concat(source, coding, output)...)
			pictures, skips := readAll(t, bytes.NewReader(stream), 0)
			if len(pictures) != frames || skips != nil {
				t.Errorf("%s %v: got %d pictures, left out %q; want %d", format, coding, len(pictures), skips, frames)
			}
			for _, p := range pictures {
				if size, err := Size(p); err != nil || size != image.Pt(320, 240) {
					t.Fatalf("%s %v: size %v, %v", format, coding, size, err)
				}
			}
			if format == "mjpeg" && !bytes.Equal(join(pictures...), stream) {
				t.Errorf("mjpeg %v: the output differs from what went in", coding)
			}
		}
	}
}

// The pictures of testdata, wrapped by ffmpeg without touching them, come out byte for byte.
func TestReaderGivesBackWhatFFmpegWrapped(t *testing.T) {
	pictures := picturesIn(t, "street")[:4]
	for _, format := range []string{"mjpeg", "mpjpeg"} {
		stream := ffmpeg(t, "-f", "image2", "-i", filepath.Join("testdata", "street", "%d.jpg"), "-frames:v", "4",
			"-c:v", "copy", "-f", format, "-")
		if got, skips := readAll(t, bytes.NewReader(stream), 0); !samePictures(got, pictures) || skips != nil {
			t.Errorf("%s: got pictures of %d bytes, left out %q; want %d", format, sizes(got), skips, sizes(pictures))
		}
	}
}
