package web_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"udpcam/protocol"
	"udpcam/receiver/web"
)

// A stream on a program's own HTTP mux, beside the program's other pages.
func Example() {
	camera := web.New(web.Config{})
	mux := http.NewServeMux()
	mux.Handle("/camera/", http.StripPrefix("/camera", camera)) // the page is at /camera/, the stream at /camera/stream
	server := httptest.NewServer(mux)                           // any http.Server will do
	defer server.Close()
	defer camera.Close() // ends the viewers: the HTTP server no longer knows their connections

	picture, err := os.ReadFile("../../protocol/mjpeg/testdata/street/5.jpg")
	if err != nil {
		log.Fatal(err)
	}
	camera.Put(protocol.Frame{JPEG: picture}) // whenever there is a frame

	answer, err := http.Get(server.URL + "/camera/snapshot.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	snapshot, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, answer.Header.Get("Content-Type"), len(snapshot) == len(picture))
	// Output: 200 OK image/jpeg true
}

// A camera that is open only while somebody watches it, on a port of this machine, until the program is interrupted.
func ExampleServer_Pull() {
	var openCamera web.Opener // a source's Frames method
	run := func(ctx context.Context) error {
		listener, err := web.Listen(ctx, ":8080")
		if err != nil {
			return err
		}
		server := web.New(web.Config{})
		go server.Pull(ctx, openCamera, 0)
		return server.Serve(ctx, listener)
	}
	_ = run
}
