package pattern_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"time"

	"udpcam/internal/pattern"
)

// A frame is drawn, goes through JPEG, and tells which it was.
func Example() {
	p, err := pattern.New(image.Pt(640, 480), "640x480\n30 fps")
	if err != nil {
		log.Fatal(err)
	}
	frame := p.Draw(pattern.Mark{Number: 42, Captured: time.UnixMicro(1_000_000_123_456)})

	var b bytes.Buffer
	if err := jpeg.Encode(&b, frame, &jpeg.Options{Quality: 30}); err != nil {
		log.Fatal(err)
	}
	received, err := jpeg.Decode(&b)
	if err != nil {
		log.Fatal(err)
	}
	mark, err := pattern.Read(received)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mark.Number, mark.Captured.UnixMicro())
	// Output: 42 1000000123456
}
