package sender_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
)

// A program that draws pictures and sends them, ten a second. All pictures are encoded into the same buffer: Send keeps
// nothing of it.
func Example_jpegs() {
	s, err := sender.Dial(context.Background(), sender.Config{Name: "clock"}, "127.0.0.1:12345")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	picture := image.NewGray(image.Rect(0, 0, 640, 480))
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var buffer bytes.Buffer
	for i := range 5 {
		now := <-ticker.C
		picture.SetGray(100*i, 240, color.Gray{Y: 255})
		buffer.Reset()
		if err := jpeg.Encode(&buffer, picture, nil); err != nil {
			log.Fatal(err)
		}
		sent, err := s.Send(protocol.Frame{Captured: now, JPEG: buffer.Bytes()})
		if err != nil {
			log.Fatal(err)
		}
		if !sent {
			log.Print("skipped a picture: the network is too slow for ten a second")
		}
	}
	fmt.Println("sent", s.Stats().Frames, "pictures")
	// Output: sent 5 pictures
}
