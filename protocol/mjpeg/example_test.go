package mjpeg_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"udpcam/protocol/mjpeg"
)

// Reading pictures from a stream of any form: here a file of multipart, as curl would have saved it from a camera.
func ExampleReader() {
	picture, err := os.ReadFile("testdata/street/5.jpg")
	if err != nil {
		log.Fatal(err)
	}
	var saved bytes.Buffer
	saved.WriteString("HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cam\r\n\r\n")
	fmt.Fprintf(&saved, "--cam\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", picture)
	fmt.Fprintf(&saved, "--cam\r\nContent-Type: image/jpeg\r\n\r\n%s", picture[:5000])

	r := mjpeg.NewReader(&saved, mjpeg.ReaderOptions{
		Skip: func(reason mjpeg.Reason) { fmt.Println("left out:", reason) },
	})
	for {
		picture, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		size, err := mjpeg.Size(picture)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(picture), "bytes,", size.X, "by", size.Y)
	}
	// Output:
	// 14089 bytes, 320 by 240
	// left out: truncated
}

// Writing a multipart stream: the boundary line once, then for each picture its header, the picture and the next
// boundary line in one go.
func ExampleAppendPartHeader() {
	picture := []byte("(a picture)")
	captured := time.Unix(1700000000, 250000000)

	stream := []byte(mjpeg.BoundaryLine)
	stream = mjpeg.AppendPartHeader(stream, len(picture), captured)
	stream = append(stream, picture...)
	stream = append(stream, mjpeg.PartEnd...)
	fmt.Print(strings.ReplaceAll(string(stream), "\r\n", "\n"))
	// Output:
	// --boundarydonotcross
	// Content-Type: image/jpeg
	// Content-Length: 11
	// X-Timestamp: 1700000000.250000
	//
	// (a picture)
	// --boundarydonotcross
}
