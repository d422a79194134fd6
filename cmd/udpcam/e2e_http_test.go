package main_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"path/filepath"
	"testing"
	"time"

	"udpcam/internal/pattern"
)

// ffmpeg and a browser can show the demo's pictures. The block code in each picture says which one it is.
func TestE2EDemo(t *testing.T) {
	began := time.Now()
	url := udpcam(t, "demo", "--http", "127.0.0.1:0").url(t)
	for name, see := range map[string]func(*testing.T, string) image.Image{
		"ffmpeg":   seeByFFmpeg,
		"Chromium": seeByChromium,
	} {
		t.Run(name, func(t *testing.T) {
			var mark pattern.Mark
			until(t, "a picture is seen", func() (ok bool) { // a picture may come while the screenshot is taken
				var err error
				mark, err = pattern.Read(see(t, url))
				return err == nil
			})
			if mark.Captured.Before(began.Truncate(time.Second)) || mark.Captured.After(time.Now()) {
				t.Errorf("the picture is from %v, before or after the test", mark.Captured)
			}
		})
	}
}

// seeByFFmpeg returns the tenth picture of the stream.
func seeByFFmpeg(t *testing.T, url string) image.Image {
	path := filepath.Join(t.TempDir(), "seen.png")
	run(t, "ffmpeg", "-v", "error", "-f", "mpjpeg", "-i", url+"stream", "-vf", "select=gte(n\\,9)", "-frames:v", "1", path)
	return readPNG(t, path)
}

// seeByChromium returns what a browser shows of the page, once it shows a picture.
func seeByChromium(t *testing.T, url string) image.Image {
	b := browse(t, url, "")
	until(t, "a picture is shown", func() bool { return evaluate[bool](b, "!!document.querySelector('.tile.live')") })
	return b.screenshot()
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// Every address that viewers may know shows the source.
func TestE2EServe(t *testing.T) {
	need(t, "ffmpeg")
	pictures := street(t, 5, 6, 7, 8)
	path, content := film(t, 1, pictures...)
	server := udpcam(t, "serve", "--source", path, "--loop", "--fps", "30", "--http", "127.0.0.1:0")
	url := server.url(t)

	for _, snapshot := range []string{"snapshot.jpg", "snapshot", "?action=snapshot"} {
		got, err := get(url + snapshot)
		if err != nil {
			t.Fatal(err)
		}
		only(t, [][]byte{got}, frames(t, content))
	}
	byName := "streams/" + firstStream(t, url) + "/stream"
	for _, stream := range []string{"stream", "video_feed", "?action=stream", byName} {
		seen := run(t, "ffmpeg", "-v", "error", "-f", "mpjpeg", "-i", url+stream,
			"-frames:v", "10", "-c", "copy", "-f", "mjpeg", "-")
		got := frames(t, seen)
		if only(t, got, frames(t, content)); len(got) != 10 {
			t.Errorf("%s: ffmpeg has seen %d pictures, want 10", stream, len(got))
		}
	}
	for _, page := range []string{"", "healthz", "state"} {
		if _, err := get(url + page); err != nil {
			t.Errorf("/%s: %v", page, err)
		}
	}
	server.stop(t)
}

// firstStream is the name of a stream that is served.
func firstStream(t *testing.T, url string) string {
	t.Helper()
	answer, err := get(url + "streams")
	if err != nil {
		t.Fatal(err)
	}
	var listed []struct{ Name string }
	if err := json.Unmarshal(answer, &listed); err != nil || len(listed) == 0 {
		t.Fatalf("/streams: %s (%v)", answer, err)
	}
	return listed[0].Name
}

// Pictures that cameras post reach the receiver, in whatever form they are posted.
func TestE2EPost(t *testing.T) {
	need(t, "curl")
	receiver, addr := recv(t, "--out", "-")
	sender := udpcam(t, "send", "--addr", addr, "--source", "post://127.0.0.1:0/upload")
	url := "http://" + sender.says(t, `posted" address=(\S+)`)[1] + "/upload"
	pictures := street(t, 5, 6)
	run(t, "curl", "-sS", "--fail-with-body", "--data-binary", "@"+pictures[0], "-H", "Content-Type: image/jpeg", url)
	run(t, "curl", "-sS", "--fail-with-body", "-F", "picture=@"+pictures[1], url)

	_, want := film(t, 1, pictures...)
	until(t, "both pictures have come out", func() bool { return receiver.stdout.Len() >= len(want) })
	sender.stop(t)
	receiver.stop(t)
	if !bytes.Equal(receiver.stdout.Bytes(), want) {
		t.Error("the output differs from what was posted")
	}
}

// The stream of an IP camera reaches the receiver. Here udpcam itself is the camera.
func TestE2ECamera(t *testing.T) {
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	camera := udpcam(t, "serve", "--source", path, "--loop", "--http", "127.0.0.1:0")
	receiver, addr := recv(t, "--out", "-", "--frames", "20")
	udpcam(t, "send", "--addr", addr, "--source", camera.url(t)+"stream", "--frames", "20").ends(t, 0)
	receiver.ends(t, 0)
	got := frames(t, receiver.stdout.Bytes())
	if only(t, got, frames(t, content)); len(got) != 20 {
		t.Errorf("%d frames have come out, want 20", len(got))
	}
}
