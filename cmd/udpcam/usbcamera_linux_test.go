package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A usbCamera is a USB camera as its bus sees it (USB Video Class 1.0, one MJPEG stream by bulk transfers). USB/IP
// (https://docs.kernel.org/usb/usbip_protocol.html) plugs it into this machine. So the kernel's driver uvcvideo uses it
// like a real camera.
type usbCamera struct {
	film map[image.Point][]byte // the picture of each size, numbered as it is sent
	port int                    // of the host controller, where it is plugged in next
	conn net.Conn
	gone chan struct{} // closed when it has been pulled out

	writing sync.Mutex

	mu        sync.Mutex
	changed   *sync.Cond
	waiting   []usbRequest // for picture data
	control   [26]byte     // what was negotiated (UVC 1.0, 4.3.1.1)
	stops     int          // of the stream
	unplugged bool
	sequence  int // of the next picture
}

// A usbRequest is one that the host waits for.
type usbRequest struct {
	sequence uint32
	length   int
}

const (
	usbipHeader  = 48
	usbTransfer  = 16 << 10 // as large as uvcvideo's buffers are
	usbStall     = -int32(unix.EPIPE)
	usbUnlinked  = -int32(unix.ECONNRESET)
	usbUVC       = 0x0E // the class
	usbInterface = 0x24 // CS_INTERFACE, the type of the class's descriptors
)

var usbSizes = []image.Point{{640, 480}, {1280, 720}}

// usbIntervals are the times between two pictures that the camera can do, in units of 100 ns: 30 and 15 fps.
var usbIntervals = []uint32{333333, 666666}

// plugIn plugs the camera into the machine.
func (c *usbCamera) plugIn(t *testing.T) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "camera"), os.NewFile(uintptr(pair[1]), "host")
	defer ours.Close()
	defer theirs.Close()
	if c.conn, err = net.FileConn(ours); err != nil {
		t.Fatal(err)
	}
	c.changed, c.unplugged, c.waiting, c.gone = sync.NewCond(&c.mu), false, nil, make(chan struct{})
	var running sync.WaitGroup
	running.Go(c.answer)
	running.Go(c.stream)
	go func() { running.Wait(); close(c.gone) }()
	const device, highSpeed = 1<<16 | 2, 3
	attach := fmt.Sprintf("%d %d %d %d", c.port, theirs.Fd(), device, highSpeed)
	if err := os.WriteFile("/sys/devices/platform/vhci_hcd.0/attach", []byte(attach), 0); err != nil {
		t.Fatal(err)
	}
	c.port++
}

// pullOut unplugs the camera.
func (c *usbCamera) pullOut() {
	c.conn.Close()
	<-c.gone
}

// answer answers the host's requests, except those for pictures, until the camera is unplugged.
func (c *usbCamera) answer() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unplugged = true
		c.changed.Broadcast()
	}()
	for {
		var header [usbipHeader]byte
		if _, err := io.ReadFull(c.conn, header[:]); err != nil {
			return
		}
		word := func(at int) uint32 { return binary.BigEndian.Uint32(header[at:]) }
		sequence, in, endpoint, length := word(4), word(12) == 1, word(16), int(word(24))
		const submit, unlink = 1, 2
		switch {
		case word(0) == unlink:
			c.unlink(sequence, word(20))
			continue
		case word(0) != submit:
			return
		case endpoint != 0:
			c.mu.Lock()
			c.waiting = append(c.waiting, usbRequest{sequence, length})
			c.changed.Broadcast()
			c.mu.Unlock()
			continue
		}
		var data []byte
		if !in {
			data = make([]byte, length)
			if _, err := io.ReadFull(c.conn, data); err != nil {
				return
			}
		}
		answer, ok := c.setup([8]byte(header[40:]), data)
		switch {
		case !ok:
			c.reply(sequence, usbStall, 0, nil)
		case in:
			answer = answer[:min(len(answer), length)]
			c.reply(sequence, 0, len(answer), answer)
		default:
			c.reply(sequence, 0, length, nil)
		}
	}
}

// reply completes a request.
func (c *usbCamera) reply(sequence uint32, status int32, length int, data []byte) {
	const command = 3
	b := make([]byte, usbipHeader, usbipHeader+len(data))
	binary.BigEndian.PutUint32(b, command)
	binary.BigEndian.PutUint32(b[4:], sequence)
	binary.BigEndian.PutUint32(b[20:], uint32(status))
	binary.BigEndian.PutUint32(b[24:], uint32(length))
	c.writing.Lock()
	defer c.writing.Unlock()
	c.conn.Write(append(b, data...)) // after unplugging, nobody needs the answer
}

// unlink takes back a request of the host's.
func (c *usbCamera) unlink(sequence, which uint32) {
	c.mu.Lock()
	before := len(c.waiting)
	c.waiting = slices.DeleteFunc(c.waiting, func(r usbRequest) bool { return r.sequence == which })
	taken := len(c.waiting) < before
	c.mu.Unlock()
	const command = 4
	var b [usbipHeader]byte
	binary.BigEndian.PutUint32(b[:], command)
	binary.BigEndian.PutUint32(b[4:], sequence)
	if taken {
		status := usbUnlinked
		binary.BigEndian.PutUint32(b[20:], uint32(status))
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.conn.Write(b[:])
}

// setup answers a control request (USB 2.0, 9.3). It reports false if it does not know the request.
func (c *usbCamera) setup(request [8]byte, data []byte) (answer []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const (
		getDescriptor    = 0x8006
		getStatus        = 0x8000
		setConfiguration = 0x0009
		setInterface     = 0x010B
		clearHalt        = 0x0201
		setCurrent       = 0x2101
		getCurrent       = 0xA181
		getMin           = 0xA182
		getMax           = 0xA183
		getLength        = 0xA185
		getInfo          = 0xA186
		getDefault       = 0xA187
		streaming        = 1 // the interface
	)
	negotiates := request[4] == streaming && (request[3] == 1 || request[3] == 2) // VS_PROBE_CONTROL, VS_COMMIT_CONTROL
	switch what := int(request[0])<<8 | int(request[1]); {
	case what == getDescriptor:
		return usbDescriptor(request[3], request[2])
	case what == getStatus:
		return []byte{0, 0}, true
	case what == setConfiguration, what == setInterface:
		return nil, true
	case what == clearHalt:
		c.stops++ // uvcvideo does so when it is done
		return nil, true
	case !negotiates:
		return nil, false
	case what == setCurrent:
		copy(c.control[:], data)
		c.agree()
		return nil, true
	case what == getInfo:
		return []byte{3}, true
	case what == getLength:
		return []byte{byte(len(c.control)), 0}, true
	case what == getCurrent, what == getMin, what == getMax, what == getDefault:
		c.agree()
		return bytes.Clone(c.control[:]), true
	}
	return nil, false
}

// agree changes a request of the host into the nearest that the camera can do.
func (c *usbCamera) agree() {
	c.control[2] = 1 // the format
	c.control[3] = max(1, min(c.control[3], byte(len(usbSizes))))
	if !slices.Contains(usbIntervals, binary.LittleEndian.Uint32(c.control[4:])) {
		binary.LittleEndian.PutUint32(c.control[4:], usbIntervals[0])
	}
	binary.LittleEndian.PutUint32(c.control[18:], usbLargest)
	binary.LittleEndian.PutUint32(c.control[22:], usbTransfer)
}

// usbLargest is more than the size of any picture in bytes.
const usbLargest = 1 << 20

// usbDescriptor is what the camera says of itself (USB 2.0, 9.6; UVC 1.0, 3).
func usbDescriptor(kind, index byte) (_ []byte, ok bool) {
	short := func(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
	long := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	descriptor := func(kind byte, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append([]byte{byte(2 + len(body)), kind}, body...)
	}
	const device, configuration, text = 1, 2, 3
	switch kind {
	case device:
		return descriptor(kind, short(0x0200), []byte{0xEF, 2, 1, 64},
			short(0x1209), short(0x0001), short(0x0100), []byte{1, 2, 3, 1}), true
	case text:
		if index == 0 {
			return descriptor(kind, short(0x0409)), true
		}
		var letters []byte
		for _, letter := range []string{1: "udpcam", 2: "Lab Camera", 3: "L1"}[min(index, 3)] {
			letters = append(letters, byte(letter), 0)
		}
		return descriptor(kind, letters), true
	case configuration:
	default:
		return nil, false
	}

	const camera, streaming = 1, 2 // the terminals: where pictures come from and where they go
	terminals := append(
		descriptor(usbInterface, []byte{2, camera}, short(0x0201), []byte{0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0}),
		descriptor(usbInterface, []byte{3, streaming}, short(0x0101), []byte{0, camera, 0})...)
	control := append(descriptor(usbInterface, []byte{1}, short(0x0100),
		short(13+len(terminals)), long(1_000_000), []byte{1, 1}), terminals...)

	formats := descriptor(usbInterface, []byte{6, 1, byte(len(usbSizes)), 0, 1, 0, 0, 0, 0})
	for i, size := range usbSizes {
		intervals := []byte{byte(len(usbIntervals))}
		for _, interval := range usbIntervals {
			intervals = append(intervals, long(interval)...)
		}
		formats = append(formats, descriptor(usbInterface, []byte{7, byte(i + 1), 0}, short(size.X), short(size.Y),
			long(1e6), long(1e8), long(usbLargest), long(usbIntervals[0]), intervals)...)
	}
	formats = append(formats, descriptor(usbInterface, []byte{0x0D, 1, 1, 4})...)
	streams := append(descriptor(usbInterface, []byte{1, 1},
		short(14+len(formats)), []byte{0x81, 0, streaming, 0, 0, 0, 1, 0}), formats...)

	all := bytes.Join([][]byte{
		descriptor(0x0B, []byte{0, 2, usbUVC, 3, 0, 0}), // the two interfaces belong together
		descriptor(4, []byte{0, 0, 0, usbUVC, 1, 0, 0}), control,
		descriptor(4, []byte{1, 0, 1, usbUVC, 2, 0, 0}), streams,
		descriptor(5, []byte{0x81, 2}, short(512), []byte{0}),
	}, nil)
	return append(descriptor(kind, short(9+len(all)), []byte{2, 1, 0, 0x80, 50}), all...), true
}

// stream gives pictures to the host when it asks for them, until it is unplugged.
func (c *usbCamera) stream() {
	const header, toggle, end = 2, 1, 2 // a payload's header, and its bits (UVC 1.0, 2.4.3.3)
	for next := time.Now(); ; {
		c.mu.Lock()
		for len(c.waiting) == 0 && !c.unplugged {
			c.changed.Wait()
		}
		stops, size := c.stops, usbSizes[max(1, c.control[3])-1]
		interval := time.Duration(binary.LittleEndian.Uint32(c.control[4:])) * 100
		number := c.sequence
		c.sequence++
		c.mu.Unlock()
		for left := numbered(c.film[size], number); len(left) > 0; {
			request, ok := c.next(stops)
			if !ok {
				break
			}
			payload := []byte{header, byte(number) & toggle}
			n := min(len(left), request.length-header)
			if payload, left = append(payload, left[:n]...), left[n:]; len(left) == 0 {
				payload[1] |= end
			}
			c.reply(request.sequence, 0, len(payload), payload)
		}
		if next = next.Add(interval); time.Until(next) < 0 {
			next = time.Now()
		}
		time.Sleep(time.Until(next))
		c.mu.Lock()
		ended := c.unplugged
		c.mu.Unlock()
		if ended {
			return
		}
	}
}

// next is a request for picture data. There is none if the stream has been stopped more often than that.
func (c *usbCamera) next(stops int) (r usbRequest, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) == 0 && !c.unplugged {
		c.changed.Wait()
	}
	if c.unplugged || c.stops != stops {
		return r, false
	}
	r, c.waiting = c.waiting[0], c.waiting[1:]
	return r, true
}

// numbered is a picture with a number in it.
func numbered(picture []byte, n int) []byte {
	return withComment(picture, binary.BigEndian.AppendUint32(nil, uint32(n)))
}
