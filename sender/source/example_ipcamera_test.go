package source_test

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/sender/source"
)

// A program that reads an IP camera which wants a password, and keeps the newest picture.
func Example_ipCamera() {
	camera := httptest.NewServer(http.HandlerFunc(serveCamera))
	defer camera.Close()
	name := strings.Replace(camera.URL, "http://", "http://me:secret@", 1) + "/video.mjpg" // yours is the camera's

	src, err := source.Open(name, source.Options{
		Skip: func(reason string) { log.Print("a picture was left out: ", reason) },
	})
	if err != nil {
		log.Fatal(err) // it has no password in it
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel() // closes the connection
	var newest protocol.Frame
	pictures := 0
	for frame, err := range src.Frames(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		newest = frame.Keep() // without Keep the frame ends with the loop's body
		if pictures++; pictures == 3 {
			break
		}
	}
	fmt.Println(pictures, "pictures; the newest begins with", fmt.Sprintf("% x", newest.JPEG[:2]))
	// Output: 3 pictures; the newest begins with ff d8
}

// serveCamera is a camera that wants a password.
func serveCamera(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != "me" || password != "secret" {
		w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	for r.Context().Err() == nil {
		fmt.Fprint(w, "--frame\r\nContent-Type: image/jpeg\r\n\r\n")
		if err := jpeg.Encode(w, image.NewGray(image.Rect(0, 0, 320, 240)), nil); err != nil {
			return
		}
		fmt.Fprint(w, "\r\n")
	}
}
