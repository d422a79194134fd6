package receiver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
)

// Receive frames in a program.
func Example() {
	r, err := receiver.Listen(context.Background(), receiver.Config{}, "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	go fakeCamera(r.LocalAddr()) // stands for `udpcam send --addr`, or for package sender

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

// Keep the last two frames, for longer than they are lent.
func ExampleReceiver_Frames() {
	r, err := receiver.Listen(context.Background(), receiver.Config{}, "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	go fakeCamera(r.LocalAddr())

	var last []protocol.Frame
	for frame, err := range r.Frames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		last = append(last, frame.Keep())
		last = last[max(0, len(last)-2):]
		if frame.ID == 2 {
			break
		}
	}
	for _, frame := range last {
		fmt.Printf("frame %d: %d bytes\n", frame.ID, len(frame.JPEG))
	}
	// Output:
	// frame 1: 14719 bytes
	// frame 2: 14731 bytes
}

func fakeCamera(to netip.AddrPort) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	splitter, err := protocol.NewSplitter(1, 0, 0)
	if err != nil {
		log.Fatal(err)
	}
	datagrams := splitter.Announce(protocol.Announcement{Name: "street"}, &protocol.RemoteClock{}, time.Now())
	var outgoing protocol.Outgoing
	for id := range uint32(3) {
		jpeg, err := os.ReadFile(fmt.Sprintf("../protocol/mjpeg/testdata/street/%d.jpg", 5+id))
		if err != nil {
			log.Fatal(err)
		}
		frame := protocol.Frame{ID: id, Captured: time.Now(), JPEG: jpeg}
		if err := splitter.Split(&outgoing, frame, 0); err != nil {
			log.Fatal(err)
		}
		for _, d := range append(datagrams, outgoing.Data()...) {
			conn.Write(append(append([]byte(nil), d[0]...), d[1]...))
		}
		datagrams = nil
	}
}
