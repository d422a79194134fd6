package main_test

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Pictures from ffmpeg go in through a pipe and come out byte for byte. A recording has all of them. A pipe has those that
// its reader takes in time.
func TestE2EPipe(t *testing.T) {
	need(t, "ffmpeg")
	recording := filepath.Join(t.TempDir(), "frames.mjpg")
	receiver, addr := recv(t, "--out", "-", "--out", recording)

	const pictures = 60
	ffmpeg := exec.Command("ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30",
		"-frames:v", "60", "-q:v", "3", "-f", "mjpeg", "-")
	film, err := ffmpeg.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	defer ffmpeg.Wait()

	var sent bytes.Buffer
	cmd := udpcamCommand(t, "send", "--addr", addr, "--source", "-")
	cmd.Stdin = io.TeeReader(film, &sent)
	start(t, cmd).ends(t, 0)

	until(t, "everything is recorded", func() bool { return fileSize(recording) >= sent.Len() })
	receiver.stop(t)
	if !bytes.Equal(readFile(t, recording), sent.Bytes()) {
		t.Error("the recording differs from what went in")
	}
	made, piped := frames(t, sent.Bytes()), frames(t, receiver.stdout.Bytes())
	if len(made) != pictures || len(piped) < 1 || len(piped) > pictures {
		t.Errorf("ffmpeg made %d pictures, want %d; %d came through the pipe", len(made), pictures, len(piped))
	}
	only(t, piped, made)
}

// A recording has the bytes that were sent, whatever the size of the datagrams. ffprobe counts as many frames.
func TestE2ERecord(t *testing.T) {
	need(t, "ffprobe")
	for name, args := range map[string][]string{
		"default segments": nil,
		"small segments":   {"--segment", "512"},
		"jumbo segments":   {"--segment", "65472"},
	} {
		t.Run(name, func(t *testing.T) {
			recording := filepath.Join(t.TempDir(), "frames.mjpg")
			receiver, addr := recv(t, "--out", recording)
			path, content := film(t, 2, street(t, 1, 2, 3, 4, 5, 6)...)
			udpcam(t, append([]string{"send", "--addr", addr, "--source", path, "--fps", "15"}, args...)...).ends(t, 0)
			until(t, "everything is recorded", func() bool { return fileSize(recording) >= len(content) })
			receiver.stop(t)
			if !bytes.Equal(readFile(t, recording), content) {
				t.Error("the recording differs from what was sent")
			}
			counted := run(t, "ffprobe", "-v", "error", "-f", "mjpeg", "-count_packets",
				"-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", recording)
			if n := strings.TrimSpace(string(counted)); n != "12" {
				t.Errorf("ffprobe counts %s frames, want 12", n)
			}
		})
	}
}

// After kill -9, a film can be played up to its last second, at the right speed: a frame every fifteenth of a second.
func TestE2EFilm(t *testing.T) {
	need(t, "ffprobe")
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", filepath.Join(dir, "film.mkv"),
		"--out", dir+"/each/", "--record-as", "mkv", "--new-file", "500kB")
	pictures, _ := film(t, 15, street(t, 5, 6, 7, 8)...) // 60, of some 14 kB
	udpcam(t, "send", "--addr", addr, "--source", pictures, "--fps", "15", "--name", "door").ends(t, 0)
	recorded := func(pattern string) (files []string, size int) {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			size += fileSize(f)
		}
		return files, size
	}
	for _, pattern := range []string{"film-*.mkv", "each/door-*.mkv"} {
		until(t, "it is recorded", func() bool { _, size := recorded(pattern); return size >= fileSize(pictures) })
	}
	receiver.kill()
	for _, pattern := range []string{"film-*.mkv", "each/door-*.mkv"} {
		files, _ := recorded(pattern)
		var times []float64
		for _, f := range files {
			out := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", f)
			for _, line := range strings.Fields(string(out)) {
				at, err := strconv.ParseFloat(strings.Trim(line, ","), 64)
				if err != nil {
					t.Fatal(err)
				}
				times = append(times, at)
			}
			if last := times[len(times)-1]; last < 1 {
				t.Errorf("%s ends after %v s", f, last)
			}
		}
		if len(files) < 2 || len(times) != 60 {
			t.Errorf("%d frames in %d files, want 60 in 2", len(times), len(files))
		}
	}
}

// A snapshot now and then.
func TestE2ESnapshots(t *testing.T) {
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", filepath.Join(dir, "now.jpg"), "--out", dir+"/album/", "--snapshot-every", "1s")
	pictures, _ := film(t, 10, street(t, 5, 6, 7, 8)...)
	udpcam(t, "send", "--addr", addr, "--source", pictures, "--fps", "15", "--name", "door").ends(t, 0)
	receiver.stop(t)
	album, err := filepath.Glob(filepath.Join(dir, "album", "door-*.jpg"))
	if err != nil || len(album) < 2 || len(album) > 10 {
		t.Errorf("%d snapshots of 40 frames in 2.7 s: %v", len(album), err)
	}
	for _, picture := range append(album, filepath.Join(dir, "now.jpg")) {
		only(t, [][]byte{readFile(t, picture)}, frames(t, readFile(t, pictures)))
	}
}

// All outputs get the frames at the same time.
func TestE2ESeveralOutputs(t *testing.T) {
	dir := t.TempDir()
	recording, newest := filepath.Join(dir, "frames.mjpg"), filepath.Join(dir, "newest.jpg")
	receiver, addr := recv(t, "--out", recording, "--out", newest, "--out", "-", "--http", "127.0.0.1:0")
	url := receiver.url(t)
	pictures := street(t, 5, 6, 7, 8)
	path, content := film(t, 1, pictures...)
	udpcam(t, "send", "--addr", addr, "--source", path).ends(t, 0)
	until(t, "everything has come out", func() bool { return receiver.stdout.Len() >= len(content) })
	snapshot, err := get(url + "snapshot.jpg")
	if err != nil {
		t.Fatal(err)
	}
	receiver.stop(t)

	last := readFile(t, pictures[3])
	for output, ok := range map[string]bool{
		"recording":       bytes.Equal(readFile(t, recording), content),
		"standard output": bytes.Equal(receiver.stdout.Bytes(), content),
		"newest picture":  bytes.Equal(readFile(t, newest), last),
		"snapshot":        bytes.Equal(snapshot, last),
	} {
		if !ok {
			t.Errorf("%s: is not what was sent", output)
		}
	}
}
