package conform

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// startWait is how long a program may take to start, on a busy machine. showWait is how long it may take until a picture is
// shown for which the receiver need not wait. Tests of mutants have shorter ones.
var (
	startWait = 20 * time.Second
	showWait  = 3 * time.Second
)

// A camera is the sender that tests a receiver.
type camera struct {
	t       *trial
	conn    *net.UDPConn
	to      netip.AddrPort
	session uint32
	stream  byte
	name    string
	suite   byte
	size    int          // of segments
	trip    atomic.Int64 // a simulated round trip: how many nanoseconds feedback waits until the camera hears it
	mute    bool         // whether its announcements echo nothing
	key     Key
	tail    []byte                                    // behind the fields of its announcements
	door    func(asked) (status int, cookie [16]byte) // answers Subscribes; a status below 0 is no answer

	mu      sync.Mutex // guards what follows
	salt    [16]byte
	seg     cipher.AEAD
	back    cipher.AEAD // opens feedback
	counter uint64
	next    uint32 // ID of the next frame
	sent    []uint64
	bytes   int // sent so far
	heard   []heard
	peer    [16]byte // the receiver's ID
	asks    []asked
	answers control  // the last answer to a Subscribe
	strange []string // what came that is no feedback
}

// A heard is feedback that came.
type heard struct {
	came    time.Time // when it came
	at      time.Time // when the camera heard it: see camera.trip
	prefix  prefix
	control control
	report  *reported
	request *requested
	bytes   int
	from    netip.AddrPort
}

// newCamera makes a sender that sends to an address. It has sent nothing yet.
func (t *trial) newCamera(to netip.AddrPort) *camera {
	return t.cameraAt(netip.MustParseAddrPort("127.0.0.1:0"), to)
}

func (t *trial) cameraAt(at, to netip.AddrPort) *camera {
	conn, err := listen(at)
	if err != nil {
		t.broken("a socket", "%v", err)
	}
	t.close = append(t.close, func() { conn.Close() })
	c := &camera{t: t, conn: conn, to: to, name: "door", suite: chacha, size: 1408, next: 1, key: t.config.Key}
	c.answers = control{origin: random16(), key: c.key.id()}
	c.renew()
	go c.listen(conn)
	return c
}

// renew begins a new session.
func (c *camera) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.salt, c.counter = rand.Uint32()>>8, random16(), 0
	c.heard, c.sent, c.peer = nil, nil, [16]byte{}
	if c.sealed() {
		c.seg, c.back = must(c.key.segments(c.salt[:], c.suite)), c.key.feedback(c.salt[:])
	}
}

func (c *camera) listen(conn *net.UDPConn) {
	b := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		got, came := bytes.Clone(b[:n]), time.Now()
		if trip := time.Duration(c.trip.Load()); trip > 0 {
			time.AfterFunc(trip, func() { c.hear(got, from, came) })
			continue
		}
		c.hear(got, from, came)
	}
}

func (c *camera) hear(b []byte, from netip.AddrPort, came time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := heard{came: came, at: time.Now(), bytes: len(b), from: from}
	err := func() (err error) {
		if h.prefix, err = parsePrefix(b); err != nil {
			return err
		}
		if h.prefix.sealed != c.sealed() {
			return fmt.Errorf("the S bit is %v, and the stream is sealed: %v", h.prefix.sealed, c.sealed())
		}
		if h.prefix.typ == subscribe {
			return c.asked(b, from)
		}
		if h.prefix.session != c.session || h.prefix.stream != c.stream {
			return nil // about a session that has ended
		}
		if h.prefix.sealed {
			if h.control, b, err = openControl(func(control) cipher.AEAD { return c.back }, b); err != nil {
				return err
			}
			c.peer = h.control.origin
		}
		switch h.prefix.typ {
		case report:
			r, err := parseReported(b[8:])
			h.report = &r
			c.heard = append(c.heard, h)
			return err
		case request:
			r, err := parseRequested(h.prefix.block, b[8:])
			h.request = &r
			c.heard = append(c.heard, h)
			return err
		}
		return fmt.Errorf("type %d", h.prefix.typ)
	}()
	if err != nil {
		c.strange = append(c.strange, fmt.Sprintf("%v: %x", err, b[:min(len(b), 40)]))
	}
}

func (c *camera) sealed() bool { return c.key != (Key{}) }

// said returns the feedback that has come, as far as such is true of it.
func (c *camera) said(such func(heard) bool) (all []heard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.heard {
		if such(h) {
			all = append(all, h)
		}
	}
	return all
}

func isReport(h heard) bool { return h.report != nil }

func requestOf(id uint32) func(heard) bool {
	return func(h heard) bool { return h.request != nil && h.request.frame == id }
}

// waits waits until feedback has come of which such is true, and returns all of that.
func (c *camera) waits(within time.Duration, such func(heard) bool) (all []heard) {
	until(within, func() bool { all = c.said(such); return len(all) > 0 })
	return all
}

func (c *camera) write(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += len(b)
	c.conn.WriteToUDPAddrPort(b, c.to)
}

// control makes a datagram that is no segment.
func (c *camera) control(typ byte, body []byte) []byte {
	b := append(prefix{typ: typ, stream: c.stream, session: c.session}.bytes(), body...)
	if !c.sealed() {
		return b
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counter++
	k := c.key
	return sealControl(k.announcements(), control{c.salt, c.counter, k.id(), c.suite}, b)
}

// announcement makes an announcement that echoes the last report.
func (c *camera) announcement() []byte {
	a := announced{width: 16, height: 16, milliFPS: 30_000, name: c.name}
	c.mu.Lock()
	now := time.Now()
	a.newest, a.echo.sent = c.next-1, stamp(now)
	peer := [16]byte{}
	for _, h := range slices.Backward(c.heard) {
		if h.report != nil && !c.mute {
			a.echo.echo, a.echo.held, peer = h.report.echo.sent, uint32(max(1, now.Sub(h.at).Microseconds())), c.peer
			break
		}
	}
	c.sent = append(c.sent, a.echo.sent)
	c.mu.Unlock()
	if c.sealed() {
		a.more = peer[:]
	}
	a.more = append(a.more, c.tail...)
	return c.control(announcement, a.bytes())
}

func (c *camera) announce() { c.write(c.announcement()) }

func (c *camera) skip(first, last uint32) {
	b := []byte{}
	for _, id := range []uint32{first, last} {
		b = append(b, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
	}
	c.write(c.control(skip, b))
}

// jump changes the ID of the next frame, and returns the one that it would have had.
func (c *camera) jump(by uint32) (before uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before = c.next
	c.next += by
	return before
}
