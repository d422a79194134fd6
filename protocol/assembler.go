package protocol

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// DefaultDeadline is how long a receiver waits for the rest of a frame, from the frame's first segment on.
const DefaultDeadline = time.Second

// An AssemblerConfig says how datagrams become frames. The zero value is the documented default.
type AssemblerConfig struct {
	// Deadline is how long after its first segment an incomplete frame is dropped. 0 means DefaultDeadline.
	Deadline time.Duration
	// Latency is how long a whole frame may wait for an older one that can still be repaired. 0 means about three round
	// trips, at most 150 ms. On a local network that is some 10 ms. It delays frames only when something was lost. Less
	// than 0 means that no frame waits.
	Latency time.Duration
	// From are the networks whose datagrams are taken. If there are none, those of all networks are.
	From []netip.Prefix
	// Wanted says whether datagrams from an address are taken, of those networks. Nil means that all are.
	Wanted func(from netip.AddrPort) bool
	// OneWay turns off feedback: senders get no reports and no requests.
	OneWay bool
	// Keys are the keys of the sealed streams that are wanted. With a key, open streams are ignored. Without one, sealed
	// streams are ignored. NextLocked tells of ignored streams.
	Keys []Key
	// Relay is this relay's ID, 0 if this is no relay. Streams that have come through it already are ignored. NextLocked tells
	// of them.
	Relay uint32
}

// wants reports whether datagrams from an address are taken.
func (c *AssemblerConfig) wants(from netip.AddrPort) bool {
	if c.Wanted != nil && !c.Wanted(from) {
		return false
	}
	if len(c.From) == 0 {
		return true
	}
	addr := from.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(c.From, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// An Assembler turns udpcam/1 datagrams into frames. They may come from any number of senders, in any order. Lost segments
// are rebuilt from parity, or requested from the sender. The frames of a stream are handed on in order, each the moment
// that it is whole. A frame waits a little if an older one can still become whole. After that the older frame is dropped.
//
// Call Add for each datagram, and Expire when Deadline has come. After each of these calls, call Next and NextFeedback until
// they have nothing more. The assembler keeps nothing of a datagram. A frame is valid until Next is called again: see
// [Frame]. An Assembler is for one goroutine at a time.
//
// Datagrams belong to a stream by their session, their stream number and, if they are open, their address. A sender may use
// several networks at once, and each fills what the other lost: the addresses join when they describe the same frame.
//
// A stream is shown when a whole picture of it has come. All that strangers send is bounded in memory and time, and none of
// it can take the place of a camera that goes on sending: see limits.go.
type Assembler struct {
	shared    shared
	streams   map[streamKey]*stream
	guests    map[streamKey]*stream // the streams that have guests, by the guests' addresses
	latest    *stream               // the stream of the last datagram, or nil
	latestKey streamKey
	tally     Stats // of datagrams without a stream, and of forgotten streams
}

// NewAssembler returns an assembler with no streams.
func NewAssembler(c AssemblerConfig) *Assembler {
	c.Deadline = cmp.Or(c.Deadline, DefaultDeadline)
	return &Assembler{
		shared: shared{config: c, keyring: newKeyring(c.Keys),
			memory: frameMemory{limit: MaxPendingMemory}, trial: frameMemory{limit: newcomerMemory}},
		streams: map[streamKey]*stream{},
		guests:  map[streamKey]*stream{},
	}
}

// Add adds a datagram that came from an address. If b is sealed, Add decrypts it in place.
func (a *Assembler) Add(b []byte, from netip.AddrPort, now time.Time) {
	if !a.shared.config.wants(from) {
		a.tally.leaveOut(DatagramUnwanted)
		return
	}
	p, err := parsePrefix(b)
	if err != nil {
		a.tally.leaveOut(DatagramForeign)
		return
	}
	if p.Type == typeAnswer { // to a subscription that has ended; a Subscriber reads the others
		a.tally.leaveOut(DatagramUnwanted)
		return
	}
	if p.Sealed != (len(a.shared.config.Keys) > 0) {
		a.refuse(p, b, from, now)
		return
	}
	switch p.Type {
	case typeData, typeParity, typeData | typeRepair, typeParity | typeRepair:
		a.addSegment(p, b, from, now)
	case typeAnnouncement:
		a.addAnnouncement(p, b, from, now)
	case typeSkip:
		a.addSkip(p, b, from, now)
	default:
		a.tally.leaveOut(DatagramUnknownType)
	}
}

func (a *Assembler) addSegment(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	seg, err := parseSegment(p, b)
	if err != nil {
		a.tally.leaveOut(DatagramMalformed)
		return
	}
	key := keyOf(p, from)
	s := a.find(key)
	switch {
	case s == nil && p.Sealed:
		a.tally.leaveOut(DatagramUnannounced)
		return
	case s == nil:
		s = a.join(key, from, now)
	case p.Sealed:
		if why, opened := s.openSegment(&seg); !opened {
			a.tally.leaveOut(why)
			return
		}
	}
	if s.twin {
		s = a.reunite(s, &seg, now)
	}
	s.heard(len(b), from, now)
	before := s.tally.spoiled()
	a.makeRoom(s.ordering.memory, s.addSegment(&seg, now))
	if len(a.guests) > 0 && s.tally.spoiled() > before {
		a.dismiss(s, now)
	}
	s.attend(now)
	a.show(s, now)
}

func (a *Assembler) addAnnouncement(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	size, key := len(b), keyOf(p, from)
	s := a.find(key)
	if p.Sealed {
		if s, b = a.openAnnouncement(s, key, b, from, now); s == nil {
			return
		}
	}
	announced, clock, err := parseAnnouncement(b)
	if err != nil {
		a.tally.leaveOut(DatagramMalformed)
		return
	}
	if own := a.shared.config.Relay; own != 0 && announced.Via.Contains(own) && (s == nil || !s.shown) {
		if s != nil {
			a.forget(s)
		}
		a.tally.leaveOut(DatagramUnwanted)
		a.shared.keyring.noteLocked(LockedStream{From: from, Why: LockedOwn}, now)
		return
	}
	if s == nil {
		s = a.join(key, from, now)
	}
	s.heard(size, from, now)
	if s.opener != nil || !s.asking.clock.forged(clock, now) {
		s.asking.clock.hear(clock, now)
	}
	if s.opener != nil {
		s.opener.announced(announced, clock, echoedReceiver(b), a.shared.config.OneWay, now)
	}
	if !s.believed() {
		s.asking.urgent, s.asking.reported = true, time.Time{} // report now, for the next announcement to echo
	} else {
		s.announce(announced)
		if s.label != "" && s.label != s.name() {
			a.name(s, now) // it has a new name, or that name may be free now
		}
	}
	s.attend(now)
	a.show(s, now)
}

// Next returns the next frame that is ready to be handed on. The frame is valid until Next is called again.
func (a *Assembler) Next() (Frame, bool) {
	a.shared.memory.pool.TakeBack()
	if len(a.shared.ready) == 0 {
		return Frame{}, false
	}
	f := a.shared.ready[0]
	a.shared.ready = slices.Delete(a.shared.ready, 0, 1)
	return a.shared.memory.pool.Lend(f), true
}

// NextFeedback returns the next datagram that is to be sent back to a sender. The bytes are the caller's to keep.
func (a *Assembler) NextFeedback() (b []byte, to netip.AddrPort, ok bool) {
	if len(a.shared.feedback) == 0 {
		return nil, to, false
	}
	f := a.shared.feedback[0]
	a.shared.feedback = a.shared.feedback[1:]
	return f.b, f.to, true
}

// NextLocked returns the next stream that arrives but is not shown. The reason is in [LockedStream]. It returns the same
// stream once a minute, and at most one stream a second.
func (a *Assembler) NextLocked() (l LockedStream, ok bool) { return a.shared.keyring.next() }

// Deadline returns when Expire is to be called, the zero time if nothing waits. It may change with every Add.
func (a *Assembler) Deadline() (next time.Time) {
	for _, s := range a.streams {
		if next.IsZero() || s.wake.Before(next) {
			next = s.wake
		}
	}
	return next
}

// Expire does what is due at a time. It makes requests and reports, stops waiting for frames that are too late, names
// streams that were not announced, and forgets streams that have long been silent.
func (a *Assembler) Expire(now time.Time) {
	for _, s := range a.streams {
		if silent := now.Sub(s.seen); silent >= streamExpiry || silent >= newcomerExpiry && !s.proven() {
			a.forget(s)
			continue
		}
		if now.Before(s.wake) {
			continue
		}
		if !s.believed() && now.Sub(s.joined) >= provenAfter {
			a.shared.keyring.noteLocked(LockedStream{s.from, LockedUnproven, s.opener.key.id}, now)
		}
		s.attend(now)
		a.show(s, now)
	}
}

// Heard returns when the last datagram of a stream came from an address: of a stream that is shown, that has that name
// unless the name is empty, and that is sealed with that key, or open if the key is the zero value. It returns the zero time
// if none came.
func (a *Assembler) Heard(from netip.AddrPort, name string, key Key) (last time.Time) {
	for _, s := range a.streams {
		sealedWith := Key{}
		if s.opener != nil {
			sealedWith = s.opener.key.Key
		}
		if s.shown && SameAddress(s.from, from) && sealedWith == key && (name == "" || s.announced.Name == name) && s.seen.After(last) {
			last = s.seen
		}
	}
	return last
}

// Stats returns what has been counted so far.
func (a *Assembler) Stats() Stats {
	st := a.tally
	for _, s := range a.streams {
		st.add(&s.tally)
	}
	st.Pending, st.Streams = a.shared.memory.used+a.shared.trial.used, len(a.streams)
	return st
}

// Streams returns what is known of each stream that has a name, sorted by name.
func (a *Assembler) Streams() []StreamInfo {
	var infos []StreamInfo
	for _, s := range a.streams {
		if s.label == "" {
			continue
		}
		info := StreamInfo{Name: s.label, From: s.from, Announced: s.announced, Seen: s.seen, Stats: s.tally}
		if s.opener != nil {
			info.Sealed, info.Key = true, s.opener.key.id
		}
		info.RTT, _ = s.asking.clock.RTT()
		info.ClockOffset, info.ClockUncertainty, info.ClockKnown = s.asking.clock.Offset()
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}
