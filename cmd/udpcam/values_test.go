package main

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"udpcam/sender/source"
)

func TestAddressOf(t *testing.T) {
	for text, want := range map[string]string{
		"host":             "host:12345",
		"host:1":           "host:1",
		"192.168.1.20":     "192.168.1.20:12345",
		":9":               ":9",
		"fe80::1%eth0":     "[fe80::1%eth0]:12345",
		"[::1]":            "[::1]:12345",
		"[::1]:9":          "[::1]:9",
		"239.1.2.3":        "239.1.2.3:12345",
		"12345":            "",
		"host:port":        "",
		"host:65536":       "",
		"host:-1":          "",
		"12345:1":          "",
		"192.168.1.20:1:2": "[192.168.1.20:1:2]:12345", // the error comes later, when the name is resolved
	} {
		if got, err := addressOf("addr", text); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestFallenBack(t *testing.T) {
	for _, test := range []struct {
		asked, got string
		want       bool
	}{
		{"[::]:9", "0.0.0.0:9", true}, {"[::]:9", "[::]:9", false}, {":9", "0.0.0.0:9", false}, {"0.0.0.0:9", "0.0.0.0:9", false},
		{"host:9", "127.0.0.1:9", false},
	} {
		if got := fallenBack(test.asked, netip.MustParseAddrPort(test.got)); got != test.want {
			t.Errorf("%s for %s: %v", test.got, test.asked, got)
		}
	}
}

// A page file that is too large is not read to its end.
func TestReadPage(t *testing.T) {
	file := t.TempDir() + "/page.html"
	if err := os.WriteFile(file, []byte("<p>"), 0o666); err != nil {
		t.Fatal(err)
	}
	if page, err := readPage(file); string(page) != "<p>" || err != nil {
		t.Errorf("%q, %v", page, err)
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip(err)
	}
	if page, err := readPage("/dev/zero"); err == nil || !strings.Contains(err.Error(), "--html: /dev/zero is no page") {
		t.Errorf("%d bytes of /dev/zero, %v", len(page), err)
	}
}

// A stream's name says what the stream shows, and is the same at each start. It never contains a password.
func TestStreamName(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	host, _, _ = strings.Cut(host, ".")
	for name, want := range map[string]string{
		source.Default():                     "",
		"":                                   "",
		"v4l2:/dev/video2":                   "-video2",
		"v4l2:2":                             "-video2",
		"/dev/video2":                        "-video2",
		"test":                               "-test",
		"test:?size=640x480":                 "-test-size-640x480",
		"-":                                  "-stdin",
		"opencv:1":                           "-opencv-1",
		"opencv:rtsp://me:secret@cam/1":      "-cam-1",
		"http://me:secret@cam.local:80/":     "-cam.local",
		"http://me:secret@cam.local/video":   "-cam.local-video",
		"http://cam.local:8081/?action=x":    "-cam.local-8081-action-x",
		"https://[fe80::1]/x":                "-fe80-1-x",
		"http://me:sec%ret@cam/x":            "-http",
		"http://nvr/mjpg?channel=2&pwd=s3cr": "-nvr-mjpg-channel-2",
		"http://nvr/a/long/way/to/pictures":  "-nvr-068c9",
		"post://:8081/upload":                "-post-8081-upload",
		"post://0.0.0.0:8081/upload":         "-post-8081-upload",
		"films/night 3.mjpg":                 "-films-night-3.mjpg",
		"/home/me/films/night 3.mjpg":        "-night-3-cef68",
		"photos/":                            "-photos",
		"photos/*.jpg":                       "-photos-jpg",
		".":                                  "-files",
		"/dev/udpcam-front":                  "-udpcam-front",
		"/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_5D3A-video-index0": "-usb-046d-HD-Pro-Webcam-C-13036",
	} {
		if got := streamName(name); got != host+want {
			t.Errorf("%q: %q, want %q", name, got, host+want)
		}
	}
}

func TestNextPort(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8081", "[::]:80": "[::]:81", "0.0.0.0:65535": "0.0.0.0:1",
	} {
		if got := nextPort(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
