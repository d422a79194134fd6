package mjpeg

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// picturesIn returns the pictures of a folder of testdata, in name order.
func picturesIn(t testing.TB, folder string) [][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.jpg"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no pictures in testdata/%s (%v)", folder, err)
	}
	var pictures [][]byte
	for _, name := range names {
		pictures = append(pictures, picture(t, folder, filepath.Base(name)))
	}
	return pictures
}

func picture(t testing.TB, folder, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// segment returns a marker segment, its length filled in.
func segment(code byte, inside ...byte) []byte {
	n := len(inside) + 2
	return append([]byte{0xFF, code, byte(n >> 8), byte(n)}, inside...)
}

// with returns the picture with more bytes between its SOI and its first segment.
func with(picture []byte, more ...[]byte) []byte {
	return slices.Concat(picture[:2], join(more...), picture[2:])
}

// exif returns an APP1 segment that holds a thumbnail as cameras write it.
func exif(thumbnail []byte) []byte {
	tiff := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x0e\x00\x00\x00")
	return segment(0xE1, slices.Concat(tiff, thumbnail, make([]byte, 10))...)
}

// Parts of pictures. No decoder accepts pictures made of these, but the walk from marker to marker must.
var (
	frameHeader = segment(markerSOF0, 8, 0, 16, 0, 24, 1, 1, 0x11, 0)
	scanHeader  = segment(markerSOS, 1, 1, 0, 0, 63, 0)
	eoi         = []byte{0xFF, markerEOI}
)

// tiny returns the smallest picture that holds the given entropy-coded data.
func tiny(entropyCoded ...byte) []byte {
	return join(soi, frameHeader, scanHeader, entropyCoded, eoi)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// readAll reads pictures until an error and returns them with the reasons for what was left out.
func readAll(t testing.TB, src io.Reader, limit int) (pictures [][]byte, skips []Reason) {
	t.Helper()
	r := NewReader(src, ReaderOptions{MaxFrameSize: limit, Skip: func(reason Reason) { skips = append(skips, reason) }})
	for {
		picture, err := r.Next()
		if err == io.EOF {
			return pictures, skips
		}
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, picture)
	}
}

func samePictures(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

// sizes lists the sizes of pictures, for the message of a failed comparison.
func sizes(pictures [][]byte) []int {
	var n []int
	for _, p := range pictures {
		n = append(n, len(p))
	}
	return n
}
