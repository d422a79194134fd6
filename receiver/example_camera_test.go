package receiver_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"time"

	"udpcam/protocol"
)

// sendPictures is the sender of a stream called street, which the examples receive.
func sendPictures(to netip.AddrPort, n uint32) {
	conn, err := net.ListenPacket("udp", ":0")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	sendPicturesBy(conn, net.UDPAddrFromAddrPort(to), n)
}

func sendPicturesBy(conn net.PacketConn, to net.Addr, n uint32) {
	splitter, err := protocol.NewSplitter(1, 0, 0)
	if err != nil {
		log.Fatal(err)
	}
	datagrams := splitter.Announce(protocol.Announcement{Name: "street"}, &protocol.RemoteClock{}, time.Now())
	var outgoing protocol.Outgoing
	for id := range n {
		jpeg, err := os.ReadFile(fmt.Sprintf("../protocol/mjpeg/testdata/street/%d.jpg", 5+id%3))
		if err != nil {
			log.Fatal(err)
		}
		frame := protocol.Frame{ID: id, Captured: time.Now(), JPEG: jpeg}
		if err := splitter.Split(&outgoing, frame, 0); err != nil {
			log.Fatal(err)
		}
		for _, d := range append(datagrams, outgoing.Data()...) {
			conn.WriteTo(append(append([]byte(nil), d[0]...), d[1]...), to)
		}
		datagrams = nil
		time.Sleep(5 * time.Millisecond) // a camera's pictures do not come all at once
	}
}
