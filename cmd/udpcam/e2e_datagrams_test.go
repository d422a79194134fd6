package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"udpcam/internal/datachannel"
	"udpcam/protocol"
	"udpcam/receiver"
)

// offerAt brings an offer of a data channel to a server, as its page does.
func offerAt(url string) func(offer []byte) ([]byte, error) {
	return func(offer []byte) ([]byte, error) {
		response, err := http.Post(url+"datagrams", "application/sdp", bytes.NewReader(offer))
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		return io.ReadAll(response.Body)
	}
}

// onChannel returns a receiver behind a data channel to the server at a URL, subscribed to a stream.
func onChannel(t *testing.T, url, stream string) *receiver.Receiver {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	channel, err := datachannel.Dial(ctx, offerAt(url))
	if err != nil {
		t.Fatal(err)
	}
	r := receiver.NewSubscriber(receiver.Config{}, channel)
	t.Cleanup(func() { r.Close() })
	if err := r.Subscribe(ctx, receiver.Subscription{Addr: channel.Server().String(), Name: stream}); err != nil {
		t.Fatal(err)
	}
	return r
}

// A page that offers a data channel gets the pictures of a stream as datagrams, byte for byte.
func TestE2EDatagrams(t *testing.T) {
	path, content := film(t, 1, street(t, 5, 6, 7, 8)...)
	server := udpcam(t, "serve", "--source", path, "--loop", "--fps", "30", "--http", "127.0.0.1:0")
	url := server.url(t)
	viewer, err := http.Get(url + "stream") // a page also has a viewer's place, and keeps the source open
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Body.Close()
	r := onChannel(t, url, firstStream(t, url))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got [][]byte
	var last protocol.Frame
	for f, err := range r.Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if last.JPEG != nil && f.ID != last.ID+1 {
			t.Errorf("frame %d follows frame %d", f.ID, last.ID)
		}
		if age := time.Since(f.Captured); age < 0 || age > 10*time.Second {
			t.Errorf("a picture is %v old", age)
		}
		last = f.Keep()
		if got = append(got, last.JPEG); len(got) == 60 {
			break
		}
	}
	if len(got) < 60 {
		t.Fatalf("%d pictures came", len(got))
	}
	only(t, got, frames(t, content))
}

// Where the UDP port cannot be had, pages go on without datagrams, and the log says what to do.
func TestE2EDatagramsPort(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.LocalAddr().String()
	offer := func(url string) (status int, answer string) {
		response, err := http.Post(url+"datagrams", "application/sdp", strings.NewReader(chromiumsOffer))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(b)
	}

	late := udpcam(t, "serve", "--source", "test:", "--http", addr)
	if status, _ := offer(late.url(t)); status != http.StatusServiceUnavailable {
		t.Errorf("an offer was answered %d", status)
	}
	late.says(t, "choose another UDP port with --datagrams")

	off := udpcam(t, "serve", "--source", "test:", "--http", "127.0.0.1:0", "--datagrams", "off")
	if status, _ := offer(off.url(t)); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("an offer was answered %d, although there are no datagrams", status)
	}
	other := udpcam(t, "serve", "--source", "test:", "--http", "127.0.0.1:0", "--datagrams", "0")
	if status, _ := offer(other.url(t)); status != http.StatusOK {
		t.Errorf("an offer was answered %d", status)
	}
	// The page has come by a proxy on this machine. The flag names the address that browsers reach.
	behind := udpcam(t, "serve", "--source", "test:", "--http", "127.0.0.1:0", "--datagrams", "127.0.0.2:0")
	if _, answer := offer(behind.url(t)); runtime.GOOS == "linux" && !strings.Contains(answer, "udp 2130706431 127.0.0.2 ") {
		t.Errorf("answered %s", answer)
	}
	refused := udpcam(t, "serve", "--source", "test:", "--http", "127.0.0.1:0", "--datagrams", addr)
	refused.says(t, "in use by another program")
	refused.ends(t, 1)
	wrong := udpcam(t, "serve", "--source", "test:", "--http", "127.0.0.1:0", "--datagrams", "example.org")
	wrong.says(t, "give a UDP port such as 8080")
	wrong.ends(t, 2)
}

const chromiumsOffer = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:4ZcD\r\na=mid:0\r\n" +
	"a=fingerprint:sha-256 75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:FF:A6:22:D9:35\r\n"
