package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recipe returns the line of README that begins with a text.
func recipe(t *testing.T, begin string) string {
	t.Helper()
	for line := range strings.Lines(string(readFile(t, "../../README.md"))) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, begin) {
			return line
		}
	}
	t.Fatalf("README has no recipe that begins with %s", begin)
	return ""
}

// cook runs a recipe in a folder, as a user types it, but for the receiver's address. Programs in the folder bin stand for
// those that this machine lacks.
func cook(t *testing.T, dir, addr, line string) *process {
	t.Helper()
	binary := filepath.Dir(udpcamCommand(t).Path)
	cmd := exec.Command("bash", "-c", strings.ReplaceAll(line, "192.168.1.20", addr))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+binary+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := start(t, cmd)
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return p
}

// The recipes of README for other programs work as they stand there.
func TestE2ERecipes(t *testing.T) {
	need(t, "ffmpeg", "bash")
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=20", "-t", "3", "-c:v", "libx264",
		filepath.Join(dir, "film.mp4"))
	// The Raspberry Pi's program, for a second.
	fake := "#!/bin/sh\ncase \"$*\" in *'--codec mjpeg'*'-o -'*) exec ffmpeg -v error -re -i " +
		dir + "/film.mp4 -t 1 -f mjpeg -;; esac\nexit 3\n"
	if err := os.WriteFile(filepath.Join(bin, "rpicam-vid"), []byte(fake), 0o777); err != nil {
		t.Fatal(err)
	}

	t.Run("a film by ffmpeg plays at its own speed", func(t *testing.T) {
		recording := filepath.Join(dir, "film.mkv")
		receiver, addr := recv(t, "--out", recording)
		cook(t, dir, addr, recipe(t, "ffmpeg -re -i film.mp4")).ends(t, 0)
		receiver.stop(t)
		if d := durationOf(t, recording); d < 2.7 || d > 3.6 {
			t.Errorf("a film of 3 s was sent in %v s", d)
		}
	})
	t.Run("without -re, --fps paces it", func(t *testing.T) {
		recording := filepath.Join(dir, "paced.mkv")
		receiver, addr := recv(t, "--out", recording)
		line := strings.Replace(recipe(t, "ffmpeg -re -i film.mp4"), "-re ", "", 1) + " --fps 20"
		cook(t, dir, addr, line).ends(t, 0)
		receiver.stop(t)
		if d := durationOf(t, recording); d < 2.7 || d > 3.6 {
			t.Errorf("a film of 3 s was sent in %v s", d)
		}
	})
	for _, begin := range []string{"rpicam-vid -n -t 0", "udpcam send --addr 192.168.1.20 --source 'exec:rpicam-vid"} {
		t.Run(begin, func(t *testing.T) {
			recording := filepath.Join(t.TempDir(), "film.mjpg")
			receiver, addr := recv(t, "--out", recording)
			cook(t, dir, addr, recipe(t, begin))
			until(t, "pictures come", func() bool { return fileSize(recording) > 50_000 })
			receiver.stop(t)
			if len(frames(t, readFile(t, recording))) < 5 {
				t.Error("few pictures")
			}
		})
	}
	t.Run("a folder that grows", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "door") + "/"
		os.Mkdir(folder, 0o777)
		receiver, addr := recv(t, "--out", "-")
		line := strings.Replace(recipe(t, "udpcam send --addr 192.168.1.20 --source /srv/ftp/door/"), "/srv/ftp/door/", folder, 1)
		cook(t, dir, addr, line)
		for i, path := range street(t, 5, 6, 7) {
			content := readFile(t, path)
			if err := os.WriteFile(fmt.Sprint(folder, i, ".jpg"), content, 0o666); err != nil {
				t.Fatal(err)
			}
			until(t, "the picture comes", func() bool { return bytes.Contains(receiver.stdout.Bytes(), content) })
		}
		receiver.stop(t)
	})
	t.Run("posting with curl", func(t *testing.T) {
		need(t, "curl", "openssl")
		receiver, addr := recv(t, "--out", "-")
		picture := readFile(t, street(t, 5)[0])
		os.WriteFile(filepath.Join(dir, "photo.jpg"), picture, 0o666)
		token := recipe(t, "export UDPCAM_TOKEN=")
		listen := recipe(t, "udpcam send --addr 192.168.1.20 --source post://")
		post := recipe(t, "curl --data-binary")
		free := "127.0.0.1:0"
		listen = strings.Replace(listen, "0.0.0.0:8081", free, 1)
		both := cook(t, dir, addr, "UDPCAM_TOKEN=; "+token+"; echo token $UDPCAM_TOKEN >&2; "+listen)
		secret := both.says(t, `token (\w+)`)[1]
		port := both.says(t, `waiting for pictures.*address=127.0.0.1:(\d+)`)[1]
		post = strings.Replace(post, ":8081", ":"+port, 1)
		cook(t, dir, addr, "UDPCAM_TOKEN="+secret+"; "+post).ends(t, 0)
		until(t, "the picture comes", func() bool { return bytes.Contains(receiver.stdout.Bytes(), picture) })
		receiver.stop(t)
	})
	t.Run("through ffmpeg", func(t *testing.T) {
		receiver, addr := recv(t, "--out", "-")
		line := strings.Replace(recipe(t, "udpcam send --addr 192.168.1.20 --source rtsp://"),
			"rtsp://user:password@camera/stream", "ffmpeg:film.mp4", 1)
		began := time.Now()
		cook(t, dir, addr, line).ends(t, 0)
		if d := time.Since(began); d < 2700*time.Millisecond {
			t.Errorf("a film of 3 s was sent in %v", d)
		}
		until(t, "pictures have come", func() bool { return receiver.stdout.Len() > 100_000 })
		receiver.stop(t)
	})
}
