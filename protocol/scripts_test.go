package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// A script is a list of datagrams that come to one end of the wire, and what must become of each. It is for people who write
// another implementation: see protocol/README.md.
type script struct {
	Name    string `json:"name"`
	Section string `json:"section"` // of protocol/README.md
	Rule    string `json:"rule"`
	Reader  string `json:"reader"` // receiver, sender, port or subscriber

	Key      string       `json:"key,omitempty"`      // in base64, of a reader that has one
	Receiver string       `json:"receiver,omitempty"` // its ID, of a receiver that has a key
	Sender   *scriptedEnd `json:"sender,omitempty"`
	Number   string       `json:"number,omitempty"` // of the Subscribe of a subscriber
	Steps    []scriptStep `json:"steps"`
}

// A scriptedEnd is what a sender that reads has.
type scriptedEnd struct {
	Session   uint32  `json:"session"`
	Stream    uint8   `json:"stream"`
	Salt      string  `json:"salt,omitempty"`
	Announced []int64 `json:"announced_us"` // Sent of its announcements
}

type scriptStep struct {
	At       int64   `json:"at_us"`
	From     string  `json:"from,omitempty"`
	Datagram *string `json:"datagram,omitempty"` // without one, only time passes

	Refused string        `json:"refused,omitempty"` // by which reason the datagram is counted and ignored
	Dropped string        `json:"dropped,omitempty"` // by which reason a frame is dropped
	Shown   []scriptFrame `json:"shown,omitempty"`   // the frames that are handed on
	Answer  string        `json:"answer,omitempty"`  // of a port
}

type scriptFrame struct {
	Stream string `json:"stream"`
	ID     uint32 `json:"id"`
	Length int    `json:"length"` // the bytes follow from it: see vectorFrame
}

// TestScripts plays the scripts of testdata, and checks that they are what the builders here write.
func TestScripts(t *testing.T) {
	for file, build := range map[string]func() []script{"refused": refusedScripts, "accepted": acceptedScripts} {
		path := "testdata/" + file + ".json"
		want, err := json.MarshalIndent(build(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		if *update {
			if err := os.WriteFile(path, want, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, want) {
			t.Errorf("%s is not what its builder writes: look at the difference after go test -run Scripts -update", path)
		}
		var scripts []script
		if err := json.Unmarshal(b, &scripts); err != nil {
			t.Fatal(err)
		}
		for _, s := range scripts {
			t.Run(file+"/"+s.Reader+"/"+s.Name, func(t *testing.T) { s.play(t) })
		}
	}
}

// play gives the datagrams to the reader.
func (s script) play(t *testing.T) {
	var key Key
	if s.Key != "" {
		var err error
		if key, err = ParseKey(s.Key); err != nil {
			t.Fatal(err)
		}
	}
	read := map[string]func(*testing.T, Key) func([]byte, netip.AddrPort, time.Time) scriptStep{
		"receiver": s.receiver, "sender": s.sender, "port": s.port, "subscriber": s.subscriber}[s.Reader](t, key)
	for i, want := range s.Steps {
		from, b := alice, []byte(nil)
		if want.Datagram != nil {
			from, b = netip.MustParseAddrPort(want.From), unhex(t, *want.Datagram)
		}
		got := read(b, from, time.UnixMicro(want.At))
		got.At, want.From, want.Datagram = want.At, "", nil
		if g, w := text(t, got), text(t, want); g != w {
			t.Errorf("step %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func text(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s script) receiver(t *testing.T, key Key) func([]byte, netip.AddrPort, time.Time) scriptStep {
	c := AssemblerConfig{}
	if key != (Key{}) {
		c.Keys = []Key{key}
	}
	a := NewAssembler(c)
	if s.Receiver != "" {
		a.shared.keyring.receiver.origin = [saltSize]byte(unhex(t, s.Receiver))
	}
	return func(b []byte, from netip.AddrPort, now time.Time) (done scriptStep) {
		before := a.Stats()
		if a.Expire(now); b != nil {
			a.Add(b, from, now)
		}
		for _, f := range drain(a, nil) {
			if !bytes.Equal(f.JPEG, vectorFrame(len(f.JPEG))) {
				t.Errorf("frame %d has other bytes", f.ID)
			}
			done.Shown = append(done.Shown, scriptFrame{f.Stream, f.ID, len(f.JPEG)})
		}
		after := a.Stats()
		done.Refused = grown(before.LeftOut.Map(), after.LeftOut.Map())
		done.Dropped = grown(before.Dropped.Map(), after.Dropped.Map())
		return done
	}
}

// grown names the counts that have grown.
func grown(before, after map[string]uint64) (names string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] > before[name] {
			names += name
		}
	}
	return names
}

// reasons are the names of errors, as in the scripts.
var reasons = map[error]string{nil: "", ErrForeign: "foreign", ErrUnknownType: "unknown-type", ErrMalformed: "malformed",
	ErrUnsealed: "unsealed", ErrWrongKey: "wrong-key", ErrReplayed: "replayed", ErrOtherSession: "other-session"}

func (s script) sender(t *testing.T, key Key) func([]byte, netip.AddrPort, time.Time) scriptStep {
	splitter, err := NewSplitter(s.Sender.Session, s.Sender.Stream, 0)
	if err != nil {
		t.Fatal(err)
	}
	if key != (Key{}) {
		splitter.seal(key, [saltSize]byte(unhex(t, s.Sender.Salt)), suiteChaCha)
	}
	var clock RemoteClock
	for _, at := range s.Sender.Announced {
		clock.echo(time.UnixMicro(at))
	}
	return func(b []byte, _ netip.AddrPort, now time.Time) (done scriptStep) {
		f, err := splitter.Feedback(b, now)
		done.Refused = reasons[err]
		if err == nil && key == (Key{}) && f.Report != nil && !clock.Answered(f, now) {
			done.Refused = "unproven"
		}
		return done
	}
}

func (s script) port(t *testing.T, key Key) func([]byte, netip.AddrPort, time.Time) scriptStep {
	door := NewDoorkeeper()
	return func(b []byte, from netip.AddrPort, now time.Time) (done scriptStep) {
		sub, err := door.Read(b, from, []Key{key}, now)
		if done.Refused = reasons[err]; err == nil && door.Answer(sub, StatusSubscribed, from, now) != nil {
			done.Answer = map[bool]string{false: "cookie", true: "subscribed"}[sub.Proven]
		}
		return done
	}
}

func (s script) subscriber(t *testing.T, key Key) func([]byte, netip.AddrPort, time.Time) scriptStep {
	var keys []Key
	if key != (Key{}) {
		keys = []Key{key}
	}
	sub := NewSubscriber(alice, "", keys, epoch)
	sub.number = binary.BigEndian.Uint64(unhex(t, s.Number))
	return func(b []byte, _ netip.AddrPort, now time.Time) scriptStep {
		return scriptStep{Refused: reasons[sub.Read(b, now)]}
	}
}

// A scene writes a script for a receiver, with a sender that is honest but for what the script says.
type scene struct {
	script
	now      time.Time
	splitter *Splitter
	clock    RemoteClock // of the sender, about the receiver
	next     uint32      // ID of the next frame
	outgoing Outgoing    // the last frame
}

var (
	sceneKey      = Key(bytes.Repeat([]byte{0x42}, 32))
	otherKey      = Key(bytes.Repeat([]byte{0x43}, 32))
	sceneSalt     = [saltSize]byte(bytes.Repeat([]byte{0x51}, saltSize))
	otherSalt     = [saltSize]byte(bytes.Repeat([]byte{0x52}, saltSize))
	sceneReceiver = [saltSize]byte(bytes.Repeat([]byte{0x61}, saltSize))
)

const (
	sceneSession = 0xabcdef
	sceneLength  = 700 // of a frame in two segments
)

func newScene(section, name, rule string, sealed bool) *scene {
	c := &scene{script: script{Name: name, Section: section, Rule: rule, Reader: "receiver"}, now: epoch, next: 1}
	c.splitter, _ = NewSplitter(sceneSession, 0, MinSegmentSize)
	if sealed {
		c.Key, c.Receiver = sceneKey.Text(), hex.EncodeToString(sceneReceiver[:])
		c.splitter.seal(sceneKey, sceneSalt, suiteChaCha)
	}
	return c
}

// open begins a stream: its first frame is shown.
func (c *scene) open() *scene {
	c.comes(c.announce("door"))
	if c.Key == "" {
		return c.good(100)
	}
	f := Frame{ID: 1, Captured: epoch, JPEG: vectorFrame(100)}
	c.comes(split(c.splitter, f)[0])
	c.clock.peer = sceneReceiver
	c.clock.hear(clockEcho{Sent: timestamp(epoch)}, c.now)
	c.after(time.Millisecond).comes(c.announce("door")).shown(1, 100)
	c.next = 2
	return c
}

func (c *scene) announce(name string) []byte {
	return c.splitter.Announce(Announcement{Name: name, Newest: c.next - 1}, &c.clock, c.now)[0][0]
}

// frame returns the datagrams of the next frame: its data, then the parity.
func (c *scene) frame(length, parity int) [][]byte {
	o := &c.outgoing
	if err := c.splitter.Split(o, Frame{ID: c.next, Captured: epoch, JPEG: vectorFrame(length)}, parity); err != nil {
		panic(err)
	}
	c.next++
	return append(flat(o.Data()), flat(o.Parity())...)
}

// good sends a frame that is shown.
func (c *scene) good(length int) *scene {
	for _, b := range c.frame(length, 0) {
		c.comes(b)
	}
	return c.shown(c.next-1, length)
}

func (c *scene) after(d time.Duration) *scene {
	c.now = c.now.Add(d)
	return c
}

func (c *scene) comes(b []byte) *scene {
	text := hex.EncodeToString(b)
	c.Steps = append(c.Steps, scriptStep{At: c.now.UnixMicro(), From: alice.String(), Datagram: &text})
	return c.after(time.Millisecond)
}

// passes lets time pass without a datagram.
func (c *scene) passes(d time.Duration) *scene {
	c.after(d).Steps = append(c.Steps, scriptStep{At: c.now.UnixMicro()})
	return c
}

func (c *scene) last() *scriptStep { return &c.Steps[len(c.Steps)-1] }

// refused, dropped and shown say what comes of the last step.
func (c *scene) refused(why string) *scene { c.last().Refused = why; return c }
func (c *scene) dropped(why string) *scene { c.last().Dropped = why; return c }

func (c *scene) shown(id uint32, length int) *scene {
	c.last().Shown = append(c.last().Shown, scriptFrame{"door", id, length})
	return c
}
