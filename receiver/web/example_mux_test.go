package web_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/web"
)

// A program with a web page of its own, on which the camera is an <img>.
func Example_mux() {
	camera := web.New(web.Config{})
	mux := http.NewServeMux()
	mux.Handle("/camera/", http.StripPrefix("/camera", camera))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<h1>The hall</h1> <img src="camera/stream">`)
	})
	server := httptest.NewServer(mux) // yours is an http.Server
	defer server.Close()
	defer camera.Close() // ends the viewers: server.Close would wait for them

	stop := make(chan struct{})
	defer close(stop)
	go func() { // yours ranges over a receiver's frames
		var picture bytes.Buffer
		if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 320, 240)), nil); err != nil {
			log.Fatal(err)
		}
		for {
			camera.Put(protocol.Frame{Stream: "hall", Captured: time.Now(), JPEG: picture.Bytes()})
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()

	// What a browser does with the <img>.
	response, err := http.Get(server.URL + "/camera/stream")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	mediaType, params, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, mediaType)
	parts := multipart.NewReader(response.Body, params["boundary"])
	for range 3 {
		part, err := parts.NextPart()
		if err != nil {
			log.Fatal(err)
		}
		picture, err := io.ReadAll(part)
		if err != nil {
			log.Fatal(err)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(part.Header.Get("Content-Type"), config.Width, "x", config.Height)
	}
	// Output:
	// 200 OK multipart/x-mixed-replace
	// image/jpeg 320 x 240
	// image/jpeg 320 x 240
	// image/jpeg 320 x 240
}
