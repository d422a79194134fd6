package receiver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
)

// Go to where the camera is, instead of waiting for what it sends here.
func ExampleSubscribe() {
	camera := startCamera("127.0.0.1:0") // stands for: udpcam send --listen

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := receiver.Subscribe(ctx, receiver.Config{}, camera.String()) // yours is "192.168.1.7"
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for frame, err := range r.Frames(ctx) {
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

// startCamera starts a sender of three pictures to everybody who subscribes. It ends when one says farewell.
func startCamera(addr string) netip.AddrPort {
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer conn.Close()
		keeper, subscribed := protocol.NewDoorkeeper(), map[netip.AddrPort]bool{}
		b := make([]byte, 1500)
		for {
			n, peer, err := conn.ReadFrom(b)
			if err != nil {
				log.Fatal(err)
			}
			from := peer.(*net.UDPAddr).AddrPort()
			ask, err := keeper.Read(b[:n], from, []protocol.Key{{}}, time.Now())
			switch {
			case err != nil: // it is a report
				continue
			case ask.Proven && ask.Farewell:
				return
			}
			conn.WriteTo(keeper.Answer(ask, protocol.StatusSubscribed, from, time.Now()), peer)
			if ask.Proven && !subscribed[from] {
				subscribed[from] = true
				sendPicturesBy(conn, peer, 3)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
