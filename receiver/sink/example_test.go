package sink_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"udpcam/protocol"
	"udpcam/receiver/sink"
)

// Record what comes, without ever waiting for the disk.
func Example() {
	dir, err := os.MkdirTemp("", "recordings")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	file, err := sink.Open(filepath.Join(dir, "frames.mjpg"), sink.Options{})
	if err != nil {
		log.Fatal(err)
	}
	q := sink.NewQueue(file, sink.QueueOptions{})
	for id := range uint32(3) {
		frame := protocol.Frame{ID: id, JPEG: []byte{0xFF, 0xD8, 0xFF, 0xD9}} // from a receiver
		if err := q.Put(frame); err != nil {
			log.Fatal(err) // while the disk is full, q.State says so, and frames wait
		}
	}
	if err := q.Close(); err != nil {
		log.Fatal(err)
	}

	recorded, err := os.ReadFile(filepath.Join(dir, "frames.mjpg"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes, %d dropped\n", len(recorded), q.Dropped())
	// Output: 12 bytes, 0 dropped
}
