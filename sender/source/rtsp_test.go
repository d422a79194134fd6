//go:build unix

package source

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"udpcam/protocol/mjpeg"
)

// An rtspCamera is a small RTSP server (RFC 2326). What it sends, ffmpeg makes: RTP packets, which come by UDP and leave on
// the connection of the viewer (section 10.12). It asks for a user and password.
type rtspCamera struct {
	t        *testing.T
	listener net.Listener
	media    net.PacketConn
	sdp      string // the file in which ffmpeg describes what it sends

	mu      sync.Mutex
	viewers map[net.Conn]bool
}

func newRTSPCamera(t *testing.T, encoder ...string) *rtspCamera {
	t.Helper()
	ffmpeg := program(t, "ffmpeg")
	c := &rtspCamera{t: t, sdp: filepath.Join(t.TempDir(), "sdp"), viewers: map[net.Conn]bool{}}
	var err error
	if c.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if c.media, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=20"}, encoder...)
	camera := exec.Command(ffmpeg, append(args, "-sdp_file", c.sdp, "-f", "rtp",
		"rtp://"+c.media.LocalAddr().String()+"?pkt_size=1300")...)
	if err := camera.Start(); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		camera.Process.Kill()
		camera.Wait()
		c.listener.Close()
		c.media.Close()
		running.Wait()
	})
	running.Go(c.relay)
	running.Go(func() {
		for {
			conn, err := c.listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.serve(conn) })
		}
	})
	return c
}

// relay passes RTP packets to all viewers.
func (c *rtspCamera) relay() {
	for b := make([]byte, 65536); ; {
		n, _, err := c.media.ReadFrom(b)
		if err != nil {
			break
		}
		packet := binary.BigEndian.AppendUint16([]byte{'$', 0}, uint16(n))
		c.mu.Lock()
		for conn := range c.viewers {
			conn.Write(append(packet, b[:n]...))
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.viewers {
		conn.Close()
	}
}

// serve answers the requests of a viewer.
func (c *rtspCamera) serve(conn net.Conn) {
	defer func() {
		c.mu.Lock()
		delete(c.viewers, conn)
		c.mu.Unlock()
		conn.Close()
	}()
	for in := bufio.NewReader(conn); ; {
		request, seq, known := "", "", false
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if request == "" {
				request = line
			}
			if text, ok := strings.CutPrefix(line, "CSeq: "); ok {
				seq = text
			}
			known = known || strings.HasPrefix(line, "Authorization: Basic bWU6czNjcjN0") // me:s3cr3t
		}
		answer := func(status, header, body string) {
			fmt.Fprintf(conn, "RTSP/1.0 %s\r\nCSeq: %s\r\nSession: 1\r\n%sContent-Length: %d\r\n\r\n%s", status, seq, header,
				len(body), body)
		}
		switch method, _, _ := strings.Cut(request, " "); {
		case method == "OPTIONS":
			answer("200 OK", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", "")
		case !known:
			answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"camera\"\r\n", "")
		case method == "DESCRIBE":
			sdp, _ := os.ReadFile(c.sdp)
			_, sdp2, _ := strings.Cut(string(sdp), "SDP:")
			if sdp2 == "" {
				sdp2 = string(sdp)
			}
			answer("200 OK", "Content-Type: application/sdp\r\n", strings.TrimLeft(sdp2, "\r\n"))
		case method == "SETUP":
			answer("200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "")
		case method == "PLAY":
			answer("200 OK", "", "")
			c.mu.Lock()
			c.viewers[conn] = true
			c.mu.Unlock()
			io.Copy(io.Discard, in) // reports, and the end
			return
		default:
			answer("200 OK", "", "")
		}
	}
}

// A camera that speaks RTSP is read, whether it sends H.264 or JPEGs. A wrong password is told, and not shown.
func TestRTSP(t *testing.T) {
	for name, encoder := range map[string][]string{
		"H.264": {"-c:v", "libx264", "-tune", "zerolatency", "-g", "20", "-pix_fmt", "yuv420p"},
		"JPEG":  {"-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p", "-huffman", "default", "-force_duplicated_matrix", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			camera := newRTSPCamera(t, encoder...)
			url := "rtsp://me:s3cr3t@" + camera.listener.Addr().String() + "/stream"
			for i, f := range collect(t, open(t, url, Options{}), 10) {
				if size, err := mjpeg.Size(f.JPEG); err != nil || size.X != 320 || size.Y != 240 {
					t.Errorf("frame %d: %v, %v", i, size, err)
				}
			}
			err := failure(open(t, strings.Replace(url, "s3cr3t", "wr0ng", 1), quietly(Options{})))
			if err == nil || !strings.Contains(err.Error(), "401 Unauthorized") || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}
