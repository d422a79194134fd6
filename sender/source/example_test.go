package source_test

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"net/http"
	"net/http/httptest"

	"udpcam/protocol/mjpeg"
	"udpcam/sender/source"
)

// Read an IP camera.
func ExampleOpen() {
	camera := httptest.NewServer(http.HandlerFunc(serveStream)) // yours is http://USER:PASSWORD@HOST/PATH
	defer camera.Close()

	src, err := source.Open(camera.URL, source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for frame, err := range src.Frames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		size, err := mjpeg.Size(frame.JPEG)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(size)
		if n++; n == 3 {
			break // closes the connection
		}
	}
	// Output:
	// (320,240)
	// (320,240)
	// (320,240)
}

// serveStream stands in for a camera: it sends a grey picture again and again, until the viewer leaves.
func serveStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	picture := image.NewGray(image.Rect(0, 0, 320, 240))
	for r.Context().Err() == nil {
		fmt.Fprint(w, "--frame\r\nContent-Type: image/jpeg\r\n\r\n")
		if err := jpeg.Encode(w, picture, nil); err != nil {
			return
		}
		fmt.Fprint(w, "\r\n")
	}
}
