package receiver_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
)

// A program that always keeps the last ten frames, so that it can look back when something has happened.
func Example_lastTen() {
	r, err := receiver.Listen(context.Background(), receiver.Config{}, "127.0.0.1:0") // yours is ":12345"
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	go sendPictures(r.LocalAddr(), 25) // stands for: udpcam send --addr THIS_MACHINE

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var last []protocol.Frame
	for frame, err := range r.Frames(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if len(last) == 10 {
			last = append(last[:0], last[1:]...)
		}
		last = append(last, frame.Keep()) // without Keep the frame ends with the loop's body
		if frame.ID == 24 {               // something has happened
			break
		}
	}
	fmt.Println(len(last), "frames of", last[0].Stream)
	fmt.Println("from", last[0].ID, "to", last[len(last)-1].ID)
	// Output:
	// 10 frames of street
	// from 15 to 24
}
