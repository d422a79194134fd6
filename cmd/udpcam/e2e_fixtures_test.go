package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"udpcam/protocol/mjpeg"
)

// need skips the test if a program is not installed. `make test` installs them all, and fails if a test is skipped.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s", p)
		}
	}
}

// street returns the paths of the test pictures with these numbers. Pictures 1 to 4 are larger than a UDP datagram, 5 to 8
// are small. The directory's README has their sizes.
func street(t *testing.T, numbers ...int) (paths []string) {
	t.Helper()
	for _, n := range numbers {
		path, err := filepath.Abs(fmt.Sprintf("../../protocol/mjpeg/testdata/street/%d.jpg", n))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// film writes pictures to a file, one behind the other, n times over, and returns its path and what is in it.
func film(t *testing.T, n int, pictures ...string) (path string, content []byte) {
	t.Helper()
	for _, p := range pictures {
		content = append(content, readFile(t, p)...)
	}
	content = bytes.Repeat(content, n)
	path = filepath.Join(t.TempDir(), "film.mjpg")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// numberedFilm writes a film of a picture's copies that differ in a number, from 0 up.
func numberedFilm(t *testing.T, n int, picture string) (path string, content []byte) {
	t.Helper()
	original := readFile(t, picture)
	for i := range n {
		content = append(content, withComment(original, binary.BigEndian.AppendUint32(nil, uint32(i)))...)
	}
	path = filepath.Join(t.TempDir(), "numbered.mjpg")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// numberOf returns the number of a picture in a numbered film.
func numberOf(picture []byte) int {
	const header = 6 // SOI, COM and its length
	if len(picture) < header+4 {
		return -1
	}
	return int(binary.BigEndian.Uint32(picture[header:]))
}

// withComment returns a picture with comment segments in it, which hold any number of bytes (ITU-T T.81, B.2.4.5).
func withComment(picture, comment []byte) []byte {
	const soi, longest = 2, 0xFFFF - 2
	out := bytes.Clone(picture[:soi])
	for part := range slices.Chunk(comment, longest) {
		out = append(out, 0xFF, 0xFE)
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)+2))
		out = append(out, part...)
	}
	return append(out, picture[soi:]...)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// fileSize is the size of a file, 0 if there is none.
func fileSize(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// frames returns the pictures in a stream. The stream must hold nothing else.
func frames(t *testing.T, stream []byte) (pictures [][]byte) {
	t.Helper()
	r := mjpeg.NewReader(bytes.NewReader(stream), mjpeg.ReaderOptions{Skip: func(reason mjpeg.Reason) {
		t.Errorf("the stream holds something that is no whole picture: %s", reason)
	}})
	for {
		picture, err := r.Next()
		if err == io.EOF {
			return pictures
		}
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, picture)
	}
}

// only fails the test if a picture is not one of those that were sent.
func only(t *testing.T, pictures [][]byte, sent [][]byte) {
	t.Helper()
	for i, p := range pictures {
		if !contains(sent, p) {
			t.Errorf("picture %d of %d, %d bytes, is not as it was sent", i, len(pictures), len(p))
		}
	}
}

func contains(pictures [][]byte, p []byte) bool {
	for _, other := range pictures {
		if bytes.Equal(p, other) {
			return true
		}
	}
	return false
}

// get returns what a URL answers, or an error if that is not 200 OK.
func get(url string) ([]byte, error) { return answer(http.Get(url)) }

// answer returns the body of an HTTP answer, or an error if that is not 200 OK.
func answer(resp *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}

// run runs a program to its end and returns its standard output.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	need(t, name)
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return out
}
