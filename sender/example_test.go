package sender_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
)

// Send the JPEGs that a program has: here, those of a folder, ten a second.
func Example() {
	s, err := sender.Dial(context.Background(), sender.Config{Name: "street"}, "127.0.0.1:12345")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	files, _ := filepath.Glob("../protocol/mjpeg/testdata/street/*.jpg")
	for range time.Tick(100 * time.Millisecond) {
		if len(files) == 0 {
			break
		}
		jpeg, err := os.ReadFile(files[0])
		if err != nil {
			log.Fatal(err)
		}
		if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: jpeg}); err != nil {
			log.Fatal(err)
		}
		files = files[1:]
	}
	fmt.Println("sent", s.Stats().Frames, "frames")
	// Output: sent 8 frames
}
