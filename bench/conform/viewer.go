package conform

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A viewer is the receiver that tests a sender.
type viewer struct {
	t    *trial
	conn *net.UDPConn
	key  Key
	own  control // of what it sends

	mu       sync.Mutex // guards what follows
	sender   netip.AddrPort
	salt     [16]byte
	seg      cipher.AEAD
	arrivals []arrival
	waiting  [][]byte // sealed segments that came before the announcement
	heard    uint64   // Sent of the last announcement
	heardAt  time.Time
	reports  []uint64 // Sent of the reports
	began    time.Time
}

// An arrival is a datagram that came. seg, ann or sub is what it says; or wrong is what is wrong with it.
type arrival struct {
	at      time.Time
	from    netip.AddrPort
	raw     []byte
	prefix  prefix
	control control
	seg     *segment
	ann     *announced
	sub     *answered
	wrong   string
}

// An answered is an answer to a Subscribe.
type answered struct {
	number uint64
	cookie [16]byte
	status byte
}

// newViewer makes a receiver at an address.
func (t *trial) newViewer(at netip.AddrPort) *viewer {
	conn, err := listen(at)
	if err != nil {
		t.broken("a socket", "%v", err)
	}
	t.close = append(t.close, func() { conn.Close() })
	v := &viewer{t: t, conn: conn, key: t.config.Key, began: time.Now()}
	v.own = control{origin: random16(), key: v.key.id()}
	go v.listen()
	return v
}

func (v *viewer) sealed() bool { return v.key != (Key{}) }

func (v *viewer) listen() {
	b := make([]byte, 1<<16)
	for {
		n, from, err := v.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		v.mu.Lock()
		v.comes(bytes.Clone(b[:n]), from)
		v.mu.Unlock()
	}
}

func (v *viewer) comes(b []byte, from netip.AddrPort) {
	a := arrival{at: time.Now(), from: from, raw: b}
	if err := v.parse(&a); err != nil {
		a.wrong = fmt.Sprintf("%v: %x…", err, b[:min(len(b), 40)])
	} else if a.seg == nil && a.ann == nil && a.sub == nil {
		v.waiting = append(v.waiting, b)
		return
	}
	v.arrivals = append(v.arrivals, a)
	if a.ann != nil {
		v.heard, v.heardAt, v.sender = a.ann.echo.sent, a.at, from
		waiting := v.waiting
		v.waiting = nil
		for _, b := range waiting {
			v.comes(b, from)
		}
	}
}

func (v *viewer) parse(a *arrival) (err error) {
	if a.prefix, err = parsePrefix(a.raw); err != nil {
		return err
	}
	if a.prefix.sealed != v.sealed() {
		return fmt.Errorf("sealed: %v, want %v", a.prefix.sealed, v.sealed())
	}
	open := a.raw
	switch a.prefix.typ {
	case data, parity, data | answering, parity | answering:
		s, err := parseSegment(open)
		if err != nil {
			return err
		}
		if a.prefix.sealed {
			if v.seg == nil {
				return nil // it is opened when the announcement comes
			}
			if s.payload, err = v.seg.Open(nil, nonce(open), open[headerSize:], open[:headerSize]); err != nil {
				return fmt.Errorf("the key does not open a segment")
			}
		}
		a.seg = &s
		return nil
	case announcement, skip:
		if a.prefix.sealed {
			if a.control, open, err = openControl(func(control) cipher.AEAD { return v.key.announcements() }, open); err != nil {
				return err
			}
			if v.seg == nil || v.salt != a.control.origin {
				v.salt = a.control.origin
				if v.seg, err = v.key.segments(v.salt[:], a.control.suite); err != nil {
					return err
				}
			}
		}
		if a.prefix.typ == skip {
			return fmt.Errorf("a Skip, and nothing was left out here")
		}
		ann, err := parseAnnounced(open[8:])
		a.ann = &ann
		return err
	case subscribed:
		if a.prefix.sealed {
			if a.control, open, err = openControl(func(control) cipher.AEAD { return v.key.subscriptions() }, open); err != nil {
				return err
			}
		}
		if len(open) < 34 {
			return fmt.Errorf("an answer to a Subscribe has %d bytes", len(open))
		}
		a.sub = &answered{binary.BigEndian.Uint64(open[8:]), [16]byte(open[16:32]), open[32]}
		return nil
	}
	return fmt.Errorf("type %d", a.prefix.typ)
}

// all returns the datagrams that came, as far as such is true of them.
func (v *viewer) all(such func(arrival) bool) (all []arrival) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range v.arrivals {
		if such(a) {
			all = append(all, a)
		}
	}
	return all
}

func isAnnouncement(a arrival) bool { return a.ann != nil }
func isAnswer(a arrival) bool       { return a.seg != nil && a.seg.typ >= answering }
func isFirst(a arrival) bool        { return a.seg != nil && a.seg.typ < answering }
func anything(arrival) bool         { return true }

// control makes a datagram that the viewer sends.
func (v *viewer) control(typ byte, block byte, body []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	session, stream := v.stream()
	b := append(prefix{typ: typ, session: session, stream: stream, block: block}.bytes(), body...)
	if !v.sealed() {
		return b
	}
	v.own.counter++
	return sealControl(v.key.feedback(v.salt[:]), v.own, b)
}

// stream is the session and number of the stream. v.mu is held.
func (v *viewer) stream() (session uint32, stream byte) {
	for _, a := range slices.Backward(v.arrivals) {
		if a.ann != nil || a.seg != nil {
			return a.prefix.session, a.prefix.stream
		}
	}
	return 0, 0
}

func (v *viewer) write(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conn.WriteToUDPAddrPort(b, v.sender)
}

// report makes a report that echoes the last announcement.
func (v *viewer) report(trains ...train) []byte {
	v.mu.Lock()
	now := time.Now()
	r := reported{echo: clockEcho{sent: stamp(now)}, largest: 1436, age: now.Sub(v.began), trains: trains}
	if !v.heardAt.IsZero() {
		r.echo.echo, r.echo.held = v.heard, uint32(max(1, now.Sub(v.heardAt).Microseconds()))
	}
	v.reports = append(v.reports, r.echo.sent)
	v.mu.Unlock()
	return v.control(report, 0, r.bytes())
}

// goOn reports five times a second from now on, once an announcement has come.
func (v *viewer) goOn() (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	stop = func() { once.Do(func() { close(done) }) }
	v.t.close = append(v.t.close, stop)
	go func() {
		reported := map[uint32]bool{}
		for {
			if len(v.all(isAnnouncement)) > 0 {
				v.write(v.report(v.trains(reported)...))
			}
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return stop
}

// trains returns trains for the next report: of frames of which all has come, and which were not reported yet. A report has
// at most eight.
func (v *viewer) trains(reported map[uint32]bool) (trains []train) {
	byFrame := map[uint32][]arrival{}
	for _, a := range v.all(isFirst) {
		byFrame[a.seg.frame] = append(byFrame[a.seg.frame], a)
	}
	for id, all := range byFrame {
		s := all[0].seg
		l := layout{length: s.length, blocks: s.blocks, k: s.k, stride: ceil(ceil(s.length, s.blocks*s.k), 64) * 64}
		if reported[id] || len(trains) == 8 || len(all) < ceil(l.length, l.stride)+s.p*s.blocks {
			continue
		}
		reported[id] = true
		took := uint32(all[len(all)-1].at.Sub(all[0].at).Microseconds())
		trains = append(trains, train{frame: id, first: stamp(all[0].at), came: len(all), took: took, span: took})
	}
	slices.SortFunc(trains, func(a, b train) int { return int(int32(a.frame - b.frame)) })
	return trains
}
