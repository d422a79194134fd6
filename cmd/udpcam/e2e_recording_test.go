package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// smallDisk mounts a file system.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	need(t, "mount", "umount")
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "udpcam", dir).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a file system: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	return dir
}

// recordedIn returns how many bytes there are in files that match a pattern.
func recordedIn(t *testing.T, pattern string) (size int) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		size += fileSize(f)
	}
	return size
}

// durationOf returns how long a film is, by what is written in it. It is 0 if nothing is.
func durationOf(t *testing.T, film string) float64 {
	t.Helper()
	out := run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", film)
	duration, _ := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return duration
}

// A disk that is full for a while is said once. The recordings go on when there is room, and the process does not end.
func TestE2EFullDisk(t *testing.T) {
	need(t, "ffprobe")
	disk := smallDisk(t, "20m")
	receiver, addr := recv(t, "--json", "--http", "127.0.0.1:0", "--out", disk+"/film.mkv", "--out", disk+"/each/", "--out", disk+"/now.jpg")
	path, _ := film(t, 1, street(t, 5, 6, 7, 8)...)
	sender := udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--fps", "15", "--name", "cam")
	until(t, "it is recorded", func() bool { return recordedIn(t, disk+"/each/cam*") > 100_000 })

	filler := filepath.Join(disk, "filler")
	exec.Command("dd", "if=/dev/zero", "of="+filler, "bs=4k").Run() // until the disk is full
	for _, out := range []string{"film.mkv", "each/", "now.jpg"} {
		receiver.says(t, `"cannot write: [^"]*","out":"[^"]*`+out+`","error":"[^"]*no space left`)
	}
	until(t, "the status says so", func() bool {
		lines := strings.Split(strings.TrimSpace(receiver.stdout.String()), "\n")
		var status struct {
			Failing map[string]string `json:"outs_failing"`
		}
		return json.Unmarshal([]byte(lines[len(lines)-1]), &status) == nil && len(status.Failing) == 3
	})
	url := receiver.says(t, `"serving","url":"([^"]*)"`)[1]
	healthy := func() bool {
		answer, err := http.Get(url + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	if healthy() {
		t.Error("/healthz finds all well while nothing can be written")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	before, began := recordedIn(t, disk+"/each/cam*"), time.Now()
	for _, out := range []string{"film.mkv", "each/", "now.jpg"} {
		receiver.says(t, `"this output goes on","out":"[^"]*`+out)
	}
	until(t, "it is recorded again", func() bool { return recordedIn(t, disk+"/each/cam*") > before+100_000 })
	t.Logf("the recordings went on %v after there was room", time.Since(began))
	if n := strings.Count(receiver.stderr.String(), "cannot write"); n > 6 {
		t.Errorf("the trouble is said %d times:\n%s", n, receiver.stderr.String())
	}
	until(t, "/healthz finds all well", healthy)
	sender.stop(t)
	receiver.stop(t)
	for _, name := range []string{"film.mkv", "film-2.mkv"} {
		if d := durationOf(t, filepath.Join(disk, name)); d <= 0 {
			t.Errorf("%s is %v s long", name, d)
		}
	}
}

// A picture now and then, although it was there first, does not get into the recording of a camera.
func TestE2EOneFileTakesTheSteadyStream(t *testing.T) {
	need(t, "ffmpeg")
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", dir+"/film.mkv", "--out", dir+"/frames.mjpg", "--out", dir+"/now.jpg", "--out", "-")
	strange, strangers := film(t, 1, street(t, 7)...)
	intruder := udpcam(t, "send", "--addr", addr, "--source", strange, "--loop", "--fps", "0.4", "--name", "aaa")
	until(t, "the intruder is there", func() bool { return receiver.stdout.Len() > 0 })
	path, content := film(t, 1, street(t, 5, 6)...)
	camera := udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--fps", "30", "--name", "cam")
	receiver.says(t, `several streams.*takes=cam others=aaa`)
	until(t, "it is recorded", func() bool { return fileSize(dir+"/frames.mjpg") > 100*len(content)/2 })
	camera.stop(t)
	intruder.stop(t)
	receiver.stop(t)
	recorded := frames(t, readFile(t, dir+"/frames.mjpg"))
	if only(t, recorded, frames(t, content)); len(recorded) < 100 {
		t.Errorf("%d frames", len(recorded))
	}
	if bytes.Equal(readFile(t, dir+"/now.jpg"), strangers) {
		t.Error("the newest picture is the intruder's")
	}
	run(t, "ffmpeg", "-v", "error", "-xerror", "-i", dir+"/film.mkv", "-f", "null", "-")
}

// Streams of one picture leave no files, and a camera that comes later is recorded from its first picture on.
func TestE2EInventedStreamsLeaveNoFiles(t *testing.T) {
	dir := t.TempDir() + "/"
	receiver, addr := recv(t, "--out", dir)
	for i := range 10 {
		udpcam(t, "send", "--addr", addr, "--source", street(t, 7)[0], "--frames", "1", "--name", fmt.Sprint("invented", i)).ends(t, 0)
	}
	path, content := film(t, 10, street(t, 5, 6)...)
	udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--name", "cam")
	until(t, "the camera is recorded", func() bool { return fileSize(dir+"cam.mjpg") >= 2*len(content) })
	receiver.stop(t)
	// The first frames may be missing: a camera beside so many others must first show that it goes on.
	if recorded := readFile(t, dir+"cam.mjpg"); !bytes.Contains(bytes.Repeat(content, len(recorded)/len(content)+2), recorded) {
		t.Error("the recording differs from what was sent")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
}

// If nobody sends the wanted stream, the log says who is there, and no file is left.
func TestE2EStreamThatNobodySends(t *testing.T) {
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", dir+"/film.mkv", "--stream", "door")
	path, _ := film(t, 1, street(t, 5, 6)...)
	udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--name", "garden")
	receiver.says(t, `nobody sends the stream.*stream=door there_are=.*garden`)
	receiver.kill()
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("there are %v", files)
	}
}

// A film that was cut off by kill -9 is mended by the next recv that records beside it, or by udpcam mend.
func TestE2EMend(t *testing.T) {
	need(t, "ffprobe")
	dir := t.TempDir()
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	sendTo := func(addr string) *process {
		return udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--fps", "15", "--name", "cam")
	}
	for i, name := range []string{"first.mkv", "second.mkv"} {
		film := filepath.Join(dir, name)
		receiver, addr := recv(t, "--out", film)
		sender := sendTo(addr)
		until(t, "it is recorded", func() bool { return fileSize(film) > 10*len(content) })
		if i == 1 { // beside the first
			receiver.says(t, `msg="film mended" file=\S*first.mkv duration=`)
		}
		receiver.kill()
		sender.kill()
		if d := durationOf(t, film); d != 0 {
			t.Errorf("%s has a duration of %v s already", name, d)
		}
	}
	if d := durationOf(t, filepath.Join(dir, "first.mkv")); d < 2 {
		t.Errorf("the first film is %v s long", d)
	}
	foreign := filepath.Join(dir, "foreign.mkv")
	if err := os.WriteFile(foreign, []byte("not one of ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	mend := udpcam(t, "mend", dir)
	mend.ends(t, 0)
	for _, want := range []string{"first.mkv: is whole", "second.mkv: mended, ", "foreign.mkv: it is no film that udpcam has recorded"} {
		if !strings.Contains(mend.stdout.String(), want) {
			t.Errorf("mend does not say %q:\n%s", want, mend.stdout.String())
		}
	}
	if d := durationOf(t, filepath.Join(dir, "second.mkv")); d < 2 {
		t.Errorf("the second film is %v s long", d)
	}
	for _, bad := range []string{foreign, filepath.Join(dir, "missing.mkv"), path} {
		p := udpcam(t, "mend", bad)
		p.ends(t, 1)
		if lines := strings.Count(p.stderr.String(), "\n"); lines != 1 || !strings.Contains(p.stderr.String(), filepath.Base(bad)) {
			t.Errorf("%s: %s", bad, p.stderr.String())
		}
	}
	if string(readFile(t, foreign)) != "not one of ours" {
		t.Error("another program's file has changed")
	}
}

// Old files of a recording are deleted while it goes on.
func TestE2EKeep(t *testing.T) {
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", dir+"/", "--new-file", "200kB", "--keep", "500kB")
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	sender := udpcam(t, "send", "--addr", addr, "--source", path, "--loop", "--fps", "60", "--name", "cam")
	receiver.says(t, `msg="old recordings deleted"`)
	most := 0
	until(t, "much has come", func() bool {
		most = max(most, recordedIn(t, dir+"/cam-*"))
		return strings.Count(receiver.stderr.String(), "old recordings deleted") > 5
	})
	sender.stop(t)
	receiver.stop(t)
	if most > 500_000 || most < 10*len(content)/2 {
		t.Errorf("up to %d bytes were there, want at most 500000", most)
	}
}
