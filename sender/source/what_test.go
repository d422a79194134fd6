package source

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// What ffmpeg makes of a moving pattern in another form is recognised.
func TestWhatFFmpegMakes(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	for args, want := range map[string]string{
		"-c:v libx264 -f h264":     "H.264",
		"-c:v libx265 -f hevc":     "H.265",
		"-c:v libx264 -f mpegts":   "transport stream",
		"-c:v libx264 -f matroska": "Matroska",
		"-c:v mpeg4 -f avi":        "AVI",
		"-c:v libx264 -f flv":      "Flash",
		"-c:v libx264 -f mp4 -movflags frag_keyframe+empty_moov": "MP4",
		"-f yuv4mpegpipe":        "raw video",
		"-c:v png -f image2pipe": "PNG",
		"-c:v gif -f gif":        "GIF",
		"-c:v bmp -f image2pipe": "BMP",
		"-c:v libwebp -f webp":   "WebP",
	} {
		args := strings.Fields("-v error -f lavfi -i testsrc2=size=320x240:rate=10 -t 0.5 -pix_fmt yuv420p " + args)
		if strings.Contains(want, "PNG") || want == "GIF" || want == "BMP" {
			args = append(args, "-pix_fmt", map[string]string{"PNG": "rgb24", "GIF": "rgb8", "BMP": "bgr24"}[want])
		}
		out, err := exec.Command(ffmpeg, append(args, "-")...).Output()
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		for _, content := range [][]byte{out, append([]byte("--b\r\nContent-Type: image/jpeg\r\n\r\n"), out...)} {
			if text, sure := whatIs(content[:min(len(content), enoughToTell)]); !sure || !strings.Contains(text, want) {
				t.Errorf("%s: %s, %v", args, text, sure)
			}
		}
	}
}

func TestWhatIs(t *testing.T) {
	pics := street(t)
	for content, want := range map[string]struct {
		text string
		sure bool
	}{
		"": {"nothing", false},
		"--b\r\nContent-Type: image/jpeg\r\nCont": {"nothing", false}, // more may come
		string(pics[0][:900]):                     {"cut off", false},
		"Device Busy\r\n":                         {"text", false},
		"<!DOCTYPE html><title>login":             {"log in", true},
		`{"error": "busy"}`:                       {"JSON", true},
		"--b\r\nContent-Type: video/x-h264\r\nContent-Length: 9\r\n\r\n\x8a\x11": {"H.264", true},
		"--b\r\nContent-Type: image/jpeg\r\n\r\n\x8a\x11\x12":                    {"8a1112", false},
		"\x1f\x8b\x08\x00\x00\x00\x00\x00":                                       {"gzip", true},
		"#EXTM3U\n#EXT-X-VERSION:3\n":                                            {"playlist", true},
		"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n":                                    {"RTSP", true},
		"RTSP/1.0 400 Bad Request\r\n\r\n":                                       {"rtsp://", true},
		"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic":                       {"HEIC", true},
		"\xfe\xed\x00\x01\x02":                                                   {"feed0001", false},
	} {
		if text, sure := whatIs([]byte(content)); !strings.Contains(text, want.text) || sure != want.sure {
			t.Errorf("%.20q: %s, %v, want %v", content, text, sure, want)
		}
	}
}

// A camera that sends something else is found out within five seconds, whether its answer ends or not.
func TestCameraSendsSomethingElse(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	make := func(args string) []byte {
		args = "-v error -f lavfi -i testsrc2=size=64x48:rate=10 -t 1 " + args + " -"
		out, err := exec.Command(ffmpeg, strings.Fields(args)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, tt := range map[string]struct {
		content []byte
		kind    string
		want    string
	}{
		"H.264 in parts": {make("-c:v libx264 -f h264"), "multipart/x-mixed-replace;boundary=b", "H.264"},
		"PNG":            {make("-c:v png -f image2pipe"), "image/jpeg", "PNG"},
		"a login page":   {[]byte("<html><form>Password"), "", "log in"},
	} {
		for _, ends := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " ends ", ends), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Content-Type"] = nil
					if tt.kind != "" {
						w.Header().Set("Content-Type", tt.kind)
					}
					if strings.HasPrefix(tt.kind, "multipart") {
						fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(tt.content))
					}
					w.Write(tt.content)
					w.(http.Flusher).Flush()
					if !ends {
						<-r.Context().Done()
					}
				}))
				defer server.Close()
				began := time.Now()
				err := failure(open(t, server.URL, quietly(Options{})))
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("said after %v", d)
				}
			})
		}
	}
}

func FuzzWhatIs(f *testing.F) {
	f.Add([]byte("--b\r\n\r\n\x00\x00\x01\x67"))
	f.Add([]byte("\x00\x00\x00\x1cftypheic"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), enoughToTell)]
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 8 << 10, Time: 5 * time.Millisecond}, func() {
			if text, _ := whatIs(b); text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q: %q", b, text)
			}
		})
	})
}
