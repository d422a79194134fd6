package protocol

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// An exchange is a conversation of a sender and a receiver, for people who write another implementation: see README.md.
type exchange struct {
	Name     string          `json:"name"`
	Key      string          `json:"key,omitempty"`
	Salt     string          `json:"salt,omitempty"`     // of the sender
	Receiver string          `json:"receiver,omitempty"` // its ID
	Messages []exchangedData `json:"messages"`
}

type exchangedData struct {
	What   string `json:"what"`
	By     string `json:"by"`      // sender or receiver
	Sent   int64  `json:"sent_us"` // by the clock of who sends it
	Came   int64  `json:"came_us"` // by the clock of the other one; 0 if it is lost
	Open   string `json:"open"`
	Sealed string `json:"sealed,omitempty"`

	RTT   int64  `json:"round_trip_us,omitempty"` // what the reader learns from the clock echo
	Ahead int64  `json:"ahead_us,omitempty"`      // the same: by how much the writer's clock is ahead
	Shown uint32 `json:"shown,omitempty"`         // ID of the frame that is whole by it
}

// TestExchange plays the conversations with this package's two ends, and compares them with testdata/exchange.json.
func TestExchange(t *testing.T) {
	const file = "testdata/exchange.json"
	got := []exchange{watch(t, Key{}), watch(t, sceneKey), subscribing(t, Key{}), subscribing(t, sceneKey)}
	b, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(file, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("%s is not what the two ends say: look at the difference after go test -run Exchange -update", file)
	}
}

const (
	senderAhead = 3 * time.Second // its clock, of the receiver's
	thereDelay  = 4 * time.Millisecond
	backDelay   = 6 * time.Millisecond
)

// A conversation has two ends, and a time by the receiver's clock.
type conversation struct {
	exchange
	t         *testing.T
	splitter  *Splitter
	sealing   *sealing    // of a second sender, which opens what the first one has read
	clock     RemoteClock // of the sender
	assembler *Assembler
	now       time.Time
	requested *Request // the last one
}

// sent notes a datagram of the sender. It is given to the receiver unless it is lost.
func (c *conversation) sent(what string, open, b []byte, lost bool) {
	m := exchangedData{What: what, By: "sender", Sent: c.now.Add(senderAhead).UnixMicro(), Open: hex.EncodeToString(open)}
	if c.Key != "" {
		m.Sealed = hex.EncodeToString(b)
	}
	at := len(c.Messages)
	c.Messages = append(c.Messages, m)
	if !lost {
		came := c.now.Add(thereDelay)
		m.Came = came.UnixMicro()
		if c.assembler.Add(bytes.Clone(b), alice, came); open[2]&0x0f == byte(typeAnnouncement) {
			m.learn(parseClockEcho(open[20:]), came)
		}
		for _, f := range drain(c.assembler, nil) {
			m.Shown = f.ID
		}
		c.answers(came)
	}
	c.Messages[at] = m
}

func (m *exchangedData) learn(e clockEcho, now time.Time) {
	var c RemoteClock
	c.hear(e, now)
	m.RTT, m.Ahead = c.best.rtt.Microseconds(), c.best.offset.Microseconds()
}

// answers has the receiver send what it has to say at a moment, and the sender hear it.
func (c *conversation) answers(at time.Time) {
	c.assembler.Expire(at)
	for b, _, ok := c.assembler.NextFeedback(); ok; b, _, ok = c.assembler.NextFeedback() {
		came := at.Add(backDelay).Add(senderAhead)
		m := exchangedData{By: "receiver", Sent: at.UnixMicro(), Came: came.UnixMicro()}
		if c.Key != "" {
			m.Sealed = hex.EncodeToString(b)
			m.Open = hex.EncodeToString(openControl(bytes.Clone(b), c.sealing.feedback))
		} else {
			m.Open = hex.EncodeToString(b)
		}
		f, err := c.splitter.Feedback(b, came)
		if err != nil {
			c.t.Fatal(err)
		}
		if m.What = "request"; f.Report != nil {
			m.What = "report"
			m.learn(f.clock, came)
		}
		c.clock.Hear(f, came)
		if c.Messages = append(c.Messages, m); f.Request != nil {
			c.requested = f.Request
		}
	}
}

// watch is the beginning of a stream: a receiver hears an announcement, reports, hears another one, and asks for what is
// missing of a frame.
func watch(t *testing.T, key Key) exchange {
	c := conversation{exchange: exchange{Name: "a frame that is asked for"}, t: t, now: epoch}
	c.splitter, _ = NewSplitter(sceneSession, 0, MinSegmentSize)
	open, _ := NewSplitter(sceneSession, 0, MinSegmentSize)
	config := AssemblerConfig{}
	if key != (Key{}) {
		c.Name, c.Key, c.Salt, c.Receiver = "sealed: "+c.Name, key.Text(), hex.EncodeToString(sceneSalt[:]),
			hex.EncodeToString(sceneReceiver[:])
		c.splitter.seal(key, sceneSalt, suiteAES)
		c.sealing = newSealing(key, sceneSalt, suiteAES)
		config.Keys = []Key{key}
	}
	c.assembler = NewAssembler(config)
	c.assembler.shared.keyring.receiver.origin = sceneReceiver
	announce := func() {
		same := c.clock
		a := Announcement{Name: "door", Newest: 6}
		b := c.splitter.Announce(a, &c.clock, c.now.Add(senderAhead))[0][0]
		plain := b
		if key != (Key{}) {
			plain = a.append(nil, sceneSession, 0, same.echo(c.now.Add(senderAhead)), same.peer[:])
		}
		c.sent("announcement", plain, b, false)
	}
	frame := func(o, p *Outgoing, f Frame, parity int) (plain, b [][]byte) {
		if err := open.Split(o, f, parity); err != nil {
			t.Fatal(err)
		}
		if err := c.splitter.Split(p, f, parity); err != nil {
			t.Fatal(err)
		}
		return append(flat(o.Data()), flat(o.Parity())...), append(flat(p.Data()), flat(p.Parity())...)
	}
	for range 3 { // in an open stream, a report must not be longer than half of what came
		announce()
		c.now = c.now.Add(100 * time.Millisecond)
	}
	announce() // echoes the report
	var o, p Outgoing
	frame7 := Frame{ID: 7, Captured: c.now.Add(senderAhead), JPEG: vectorFrame(4 * 448)}
	plain, b := frame(&o, &p, frame7, 1)
	for i := range b {
		c.now = c.now.Add(100 * time.Microsecond)
		c.sent(map[bool]string{false: "data segment", true: "parity segment"}[i == 4], plain[i], b[i], i == 1 || i == 2)
	}
	c.now = c.now.Add(thereDelay)
	for i := 0; c.requested == nil && i < 100; i++ {
		c.now = c.now.Add(time.Millisecond)
		c.answers(c.now)
	}
	if c.requested == nil {
		t.Fatal("the receiver asks for nothing")
	}
	c.now = c.now.Add(backDelay)
	plain, b = flat(answer(&o, *c.requested, 9)), flat(answer(&p, *c.requested, 9))
	for i := range b {
		c.sent("answer, a parity segment", plain[i], b[i], false)
	}
	if !slices.ContainsFunc(c.Messages, func(m exchangedData) bool { return m.Shown == 7 }) {
		t.Errorf("the frame is not whole: %v", c.assembler.Stats())
	}
	return c.exchange
}

// subscribing is how a receiver subscribes at a port, and says farewell.
func subscribing(t *testing.T, key Key) exchange {
	e := exchange{Name: "subscribing"}
	var keys []Key
	door := NewDoorkeeper()
	door.mac, door.control.origin = hmac.New(sha256.New, []byte("secret")), sceneSalt
	if key != (Key{}) {
		keys = []Key{key}
		e.Name, e.Key, e.Salt, e.Receiver = "sealed: "+e.Name, key.Text(), hex.EncodeToString(sceneSalt[:]),
			hex.EncodeToString(sceneReceiver[:])
	}
	now := epoch
	s := NewSubscriber(port, "front-door", keys, now)
	s.number, s.control.origin = binary.BigEndian.Uint64([]byte("number--")), sceneReceiver
	note := func(what, by string, b []byte, delay time.Duration) {
		m := exchangedData{What: what, By: by, Sent: now.UnixMicro(), Came: now.Add(delay + senderAhead).UnixMicro(),
			Open: hex.EncodeToString(b)}
		if by == "sender" {
			m.Sent, m.Came = now.Add(senderAhead).UnixMicro(), now.Add(delay).UnixMicro()
		}
		if key != (Key{}) {
			m.Sealed, m.Open = m.Open, hex.EncodeToString(openControl(bytes.Clone(b), key.subscriptions()))
		}
		e.Messages = append(e.Messages, m)
		now = now.Add(delay)
	}
	ask := func(b []byte, from netip.AddrPort) []byte {
		read, err := door.Read(bytes.Clone(b), from, []Key{key}, now.Add(senderAhead))
		if err != nil {
			t.Fatal(err)
		}
		return door.Answer(read, StatusSubscribed, from, now.Add(senderAhead))
	}
	for _, what := range []string{"a cookie", "subscribed"} {
		b, ok := s.Next(now)
		if !ok {
			t.Fatal("the receiver does not ask")
		}
		note("subscribe", "receiver", b, backDelay)
		answer := ask(b, alice)
		note("answer: "+what, "sender", answer, thereDelay)
		if err := s.Read(bytes.Clone(answer), now); err != nil {
			t.Fatal(err)
		}
	}
	if s.State(now) != Subscribed {
		t.Errorf("the receiver is %v", s.State(now))
	}
	b := s.Farewell()[0]
	note("farewell", "receiver", b, backDelay)
	if ask(b, alice) != nil {
		t.Error("a farewell is answered")
	}
	return e
}
