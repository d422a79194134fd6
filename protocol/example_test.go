package protocol_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"udpcam/protocol"
)

// A frame becomes datagrams. They arrive in reverse order, and become a frame again. No network is involved.
func Example() {
	jpeg, _ := os.ReadFile("mjpeg/testdata/street/1.jpg")
	splitter, _ := protocol.NewSplitter(0x123456, 0, 0)
	var outgoing protocol.Outgoing
	if err := splitter.Split(&outgoing, protocol.Frame{ID: 7, Captured: time.Now(), JPEG: jpeg}, 0); err != nil {
		panic(err)
	}
	datagrams := outgoing.Data()

	assembler := protocol.NewAssembler(protocol.AssemblerConfig{})
	from := netip.MustParseAddrPort("192.168.1.5:40000")
	announcement := splitter.Announce(protocol.Announcement{Name: "street"}, &protocol.RemoteClock{}, time.Now())
	assembler.Add(announcement[0][0], from, time.Now())
	for i := len(datagrams) - 1; i >= 0; i-- {
		header, payload := datagrams[i][0], datagrams[i][1]
		assembler.Add(append(append([]byte(nil), header...), payload...), from, time.Now())
	}

	frame, ok := assembler.Next()
	fmt.Println(len(datagrams), ok, frame.Stream, frame.ID, len(frame.JPEG) == len(jpeg))
	// Output: 47 true street 7 true
}
