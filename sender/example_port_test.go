package sender_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
)

// A camera that works only while somebody watches. If there is one stream at a port, [sender.Listen] is shorter.
func ExamplePort() {
	port, err := sender.OpenPort(context.Background(), sender.PortConfig{}, "127.0.0.1:0") // yours is ":12345"
	if err != nil {
		log.Fatal(err)
	}
	defer port.Close()
	s, err := sender.New(sender.Config{Name: "door", Port: port})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	startViewer(port.LocalAddr()) // stands for: udpcam recv --from 127.0.0.1
	for !s.Watched() {
		time.Sleep(10 * time.Millisecond)
	}
	for i := range uint64(5) {
		if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(20_000, i)}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("sent", s.Stats().Frames, "pictures to", len(s.Destinations()), "viewer")
	// Output: sent 5 pictures to 1 viewer
}

// startViewer subscribes to a port for a second.
func startViewer(camera netip.AddrPort) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(camera))
	if err != nil {
		log.Fatal(err)
	}
	asking := protocol.NewSubscriber(camera, "", nil, time.Now())
	go func() {
		defer conn.Close()
		b := make([]byte, protocol.MaxDatagram)
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			if ask, due := asking.Next(time.Now()); due {
				conn.Write(ask)
			}
			conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := conn.Read(b); err == nil {
				asking.Read(b[:n], time.Now()) // or it is a part of a picture
			}
		}
	}()
}
