package main_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"udpcam/protocol/mjpeg"
)

// Some viewers of a stream see it to its end, while the server closes others, who never read. The tests of package web
// check that a viewer gets every single frame. There, nothing else keeps the machine busy.
func TestE2EViewers(t *testing.T) {
	const healthy, stalled, pictures = 20, 3, 150
	path, _ := numberedFilm(t, pictures, street(t, 5)[0])
	receiver, addr := recv(t, "--http", "127.0.0.1:0")
	page := receiver.url(t)
	host := strings.Trim(strings.TrimPrefix(page, "http:"), "/")

	for range stalled {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	}
	watched := make(chan error, healthy)
	for range healthy {
		go func() { watched <- watch(page+"stream", pictures) }()
	}
	said := func(message string) int { return strings.Count(receiver.stderr.String(), message) }
	until(t, "all viewers have come", func() bool { return said("viewer came") == healthy+stalled })

	udpcam(t, "send", "--addr", addr, "--source", path, "--fps", "30").ends(t, 0)
	for range healthy {
		if err := <-watched; err != nil {
			t.Error(err)
		}
	}
	until(t, "viewers that never read are closed", func() bool { return said("took no picture in time") == stalled })
	receiver.stop(t)
}

// watch reads a stream of numbered pictures to the last. It returns an error if they do not come in order, or if many
// of them are missing.
func watch(url string, pictures int) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	seen, last := 0, -1
	for r := mjpeg.NewReader(resp.Body, mjpeg.ReaderOptions{}); last < pictures-1; seen++ {
		picture, err := r.Next()
		if err != nil {
			return fmt.Errorf("after picture %d: %w", last, err)
		}
		n := numberOf(picture)
		if n <= last {
			return fmt.Errorf("picture %d comes after %d", n, last)
		}
		last = n
	}
	if seen < pictures*9/10 {
		return fmt.Errorf("a viewer has seen %d of %d pictures", seen, pictures)
	}
	return nil
}
