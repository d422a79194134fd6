package receiver_test

import (
	"context"
	"fmt"
	"log"

	"udpcam/receiver"
)

// Receive frames in a program.
func Example() {
	r, err := receiver.Listen(context.Background(), receiver.Config{}, "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	go sendPictures(r.LocalAddr(), 3) // stands for: udpcam send --addr THIS_MACHINE

	for frame, err := range r.Frames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("frame %d of %s: %d bytes\n", frame.ID, frame.Stream, len(frame.JPEG))
		if frame.ID == 2 {
			break
		}
	}
	// Output:
	// frame 0 of street: 14089 bytes
	// frame 1 of street: 14719 bytes
	// frame 2 of street: 14731 bytes
}
