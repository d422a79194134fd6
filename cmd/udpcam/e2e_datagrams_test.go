package main_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
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
