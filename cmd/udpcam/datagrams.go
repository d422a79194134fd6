package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/datachannel"
	"udpcam/protocol"
	"udpcam/receiver/web"
	"udpcam/sender"
)

// datagramsSpeed is how fast a frame leaves to a browser at most, in bits a second. Chromium's socket holds 131,072 bytes,
// which the system counts as some 57 packets. More than that at once overflow it, before Chromium reads the first.
const datagramsSpeed = 250e6

// datagrams send pictures to pages: each page is a receiver that subscribes, and its data channel is the network. It
// implements [web.Datagrams]:
//
//	web.Server ──> datagrams.Put ──> onChannel.next ──> sender.Sender ──> datachannel.Conn ──> browsers
//
// Each stream that a page wants has a sender of its own, and a goroutine that sends the newest frame.
type datagrams struct {
	addr string // of the UDP port
	most int    // how many browsers may be connected
	log  *slog.Logger

	mu      sync.Mutex // guards the fields below
	conn    *datachannel.Conn
	port    *sender.Port // on conn; nil until it is opened
	failed  time.Time    // when opening has last failed
	streams map[string]*onChannel
	closed  bool
	sending sync.WaitGroup
}

// An onChannel is a stream that pages have wanted.
type onChannel struct {
	sender *sender.Sender
	next   chan protocol.Frame // has room for one: the newest
	ended  chan struct{}
	last   time.Time // when the last frame came; guarded by datagrams.mu
}

// openDatagrams opens the UDP port by which pages get datagrams. flag is what the user says of it: an address or a port, or
// off. Then it returns nil. Without the flag, it is the port of the HTTP server, whose address is given. That is opened only
// when a page first asks: another program may need it, or even this one.
func openDatagrams(flag string, http net.Addr, most int, log *slog.Logger) (*datagrams, error) {
	addr, err := datagramsAddr(flag, http.String())
	if addr == "" || err != nil {
		return nil, err
	}
	d := &datagrams{addr: addr, most: most, log: log, streams: map[string]*onChannel{}}
	if flag != "" {
		if err := d.open(); err != nil {
			return nil, explainListening("datagrams", addr, err)
		}
	}
	return d, nil
}

// open opens the UDP port. d.mu is held, or nobody else knows d.
func (d *datagrams) open() (err error) {
	d.conn, err = datachannel.Listen(context.Background(), d.addr, datachannel.Config{MaxPeers: d.most, Log: d.log})
	if err == nil {
		d.port = sender.NewPort(sender.PortConfig{MaxSubscribers: d.most, Keys: []protocol.Key{{}}, Log: d.log}, d.conn)
	}
	if err == nil && os.Getenv("GOGC") == "" {
		// The libraries make garbage of several times each packet's size. Collecting it less often takes an eighth less CPU
		// and 3 ms off the 99th percentile of delays, for 30 MB.
		debug.SetGCPercent(400)
	}
	return err
}

// Answer implements [web.Datagrams].
func (d *datagrams) Answer(offer []byte, at netip.Addr) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed, time.Since(d.failed) < time.Minute:
		return nil, web.ErrNoDatagrams
	case d.port == nil:
		if err := d.open(); err != nil {
			d.failed = time.Now()
			d.log.Warn("pages get no datagrams, so pictures come late where the network loses packets: choose another UDP port "+
				"with --datagrams", "addr", d.addr, "error", err)
			return nil, web.ErrNoDatagrams
		}
	}
	if own := d.conn.LocalAddr().Addr(); at.IsLoopback() && !own.IsUnspecified() {
		at = own // a proxy on this machine has passed the offer on, and the flag names the address that browsers reach
	}
	return d.conn.Answer(offer, at)
}

// metrics are of the UDP port.
func (d *datagrams) metrics() []web.Metric {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s datachannel.Stats
	if d.conn != nil {
		s = d.conn.Stats()
	}
	return []web.Metric{
		{Name: "page_channels", Help: "Pages with a data channel, by which datagrams come to them.", Value: float64(s.Channels)},
		{Name: "page_channel_datagrams_lost_total", Help: "Datagrams for pages that did not leave: there was no room for them.",
			Value: float64(s.Lost), Counter: true},
		{Name: "page_channel_refused_total", Help: "What came to the UDP port for pages and was ignored: packets of strangers, " +
			"and offers that are none.", Value: float64(s.Refused), Counter: true},
	}
}

// datagramsAddr returns the UDP address for pages, "" for none.
func datagramsAddr(flag, http string) (string, error) {
	switch flag {
	case "off":
		return "", nil
	case "":
		return http, nil
	}
	host, _, _ := net.SplitHostPort(http)
	if port, err := strconv.ParseUint(flag, 10, 16); err == nil {
		return net.JoinHostPort(host, strconv.FormatUint(port, 10)), nil
	}
	if addr, err := netip.ParseAddrPort(flag); err == nil {
		return addr.String(), nil
	}
	return "", cmdline.Usagef("--datagrams %q: give a UDP port such as 8080, an address such as 192.168.1.7:8080, or off", flag)
}

// Put implements [web.Datagrams].
func (d *datagrams) Put(f protocol.Frame) {
	s := d.stream(f.Stream)
	if s == nil || !s.sender.Watched() {
		return
	}
	for {
		select {
		case s.next <- f:
			return
		default:
		}
		select {
		case <-s.next: // it waits for the one before, and this one is newer
		default:
		}
	}
}

// stream returns the stream of that name. It begins one if somebody may want it; else it returns nil.
func (d *datagrams) stream(name string) *onChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if s := d.streams[name]; s != nil || d.closed {
		if s != nil {
			s.last = now
		}
		return s
	}
	if d.port == nil || !d.port.Wanted() || name == "" || protocol.CleanName(name) != name { // a page could not name it
		return nil
	}
	for other, s := range d.streams {
		if now.Sub(s.last) >= endsAfter {
			d.end(other)
		}
	}
	if len(d.streams) >= maxPassed {
		return nil
	}
	to, err := sender.New(sender.Config{Name: name, Port: d.port, SegmentSize: datachannel.SegmentSize,
		Pace: sender.PaceAtMost(datagramsSpeed), Log: d.log})
	if err != nil {
		d.log.Error("no datagrams for pages", "stream", name, "error", err)
		return nil
	}
	s := &onChannel{sender: to, next: make(chan protocol.Frame, 1), ended: make(chan struct{}), last: now}
	d.streams[name] = s
	d.sending.Go(func() { s.run(d.log) })
	return s
}

// run sends frames until the stream has ended.
func (s *onChannel) run(log *slog.Logger) {
	defer s.sender.Close()
	for {
		select {
		case <-s.ended:
			return
		case f := <-s.next:
			if _, err := s.sender.Send(f); err != nil {
				log.Debug("a picture cannot be sent as datagrams", "stream", f.Stream, "error", err)
			}
		}
	}
}

// end ends a stream. d.mu is held.
func (d *datagrams) end(name string) {
	close(d.streams[name].ended)
	delete(d.streams, name)
}

// close ends all streams, and disconnects all pages.
func (d *datagrams) close() {
	d.mu.Lock()
	d.closed = true
	for name := range d.streams {
		d.end(name)
	}
	port := d.port
	d.mu.Unlock()
	d.sending.Wait()
	if port != nil {
		port.Close()
	}
}
