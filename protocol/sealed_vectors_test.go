package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"testing"
	"time"
)

// sealedVectors are examples of sealed datagrams beside the open ones, for other implementations. The first part is given,
// the second follows from it.
type sealedVectors struct {
	Passphrase string `json:"passphrase"`
	Salt       string `json:"salt"`     // of the sender, and ID of its port
	Receiver   string `json:"receiver"` // ID of the receiver
	Counter    uint64 `json:"counter"`  // of the announcement, the report, the Subscribe and the answer

	Key       string           `json:"key"` // of the passphrase, base64
	KeyID     string           `json:"key_id"`
	Datagrams []sealedDatagram `json:"datagrams"`
}

type sealedDatagram struct {
	Name   string `json:"name"`
	Open   string `json:"open"`
	Sealed string `json:"sealed"`
}

// TestSealedVectors makes the datagrams of the vectors, and opens them.
func TestSealedVectors(t *testing.T) {
	for name, by := range map[string]suite{"chacha20-poly1305": suiteChaCha, "aes-256-gcm": suiteAES} {
		t.Run(name, func(t *testing.T) { testSealedVectors(t, "testdata/sealed-"+name+".json", by) })
	}
}

func testSealedVectors(t *testing.T, file string, by suite) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want sealedVectors
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	key, err := KeyFromPassphrase(want.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	salt, receiver := [saltSize]byte(unhex(t, want.Salt)), [saltSize]byte(unhex(t, want.Receiver))
	got := want
	got.Key, got.KeyID, got.Datagrams = key.Text(), key.ID().String(), nil

	open, _ := NewSplitter(0xabcdef, 0, MinSegmentSize)
	sealed, _ := NewSplitter(0xabcdef, 0, MinSegmentSize)
	sealed.seal(key, salt, by)
	sealed.sealing.control.counter = want.Counter - 1
	a := NewAssembler(AssemblerConfig{Keys: []Key{key}})
	a.shared.keyring.receiver = controlHeader{origin: receiver, counter: want.Counter - 1}
	note := func(name string, open, sealed []byte) {
		got.Datagrams = append(got.Datagrams, sealedDatagram{name, hex.EncodeToString(open), hex.EncodeToString(sealed)})
	}

	// The clock has heard a report of the receiver, so that the announcement echoes it.
	clock := RemoteClock{peer: receiver}
	clock.hear(clockEcho{Sent: timestamp(epoch)}, epoch.Add(time.Millisecond))
	announcement := Announcement{Name: "door", Size: image.Pt(1280, 720), MilliFPS: 30_000, Newest: 7}
	now := epoch.Add(2 * time.Millisecond)
	announced := sealed.Announce(announcement, &clock, now)[0][0]
	note("announcement", open.Announce(announcement, &clock, now)[0][0], announced)
	a.Add(announced, alice, epoch)
	if s := a.find(streamKey{session: 0xabcdef}); s == nil || !s.believed() {
		t.Errorf("the stream is not believed: %v", a.Stats().LeftOut.Map())
	}

	f := Frame{ID: 7, Captured: epoch, JPEG: vectorFrame(700)}
	var o, p Outgoing
	if err := open.Split(&o, f, 1); err != nil {
		t.Fatal(err)
	}
	if err := sealed.Split(&p, f, 1); err != nil {
		t.Fatal(err)
	}
	request := Request{FrameID: 7, Need: 1, Data: 2, Missing: []byte{0x40}}
	for i, d := range flat(p.Data()) {
		note("data segment", flat(o.Data())[i], d)
		if i == 0 {
			a.Add(bytes.Clone(d), alice, epoch)
		}
	}
	note("parity segment", flat(o.Parity())[0], flat(p.Parity())[0])
	answered := flat(answer(&p, request, 1))[0]
	note("answer, a parity segment", flat(answer(&o, request, 1))[0], answered)
	frames := add(a, alice, epoch, bytes.Clone(answered))
	if len(frames) != 1 || !bytes.Equal(frames[0].JPEG, f.JPEG) {
		t.Errorf("%d frames come of it", len(frames))
	}

	left := sealed.Skip(8, 9)[0][0]
	note("skip, with the next counter", open.Skip(8, 9)[0][0], left)
	if add(a, alice, epoch, bytes.Clone(left)); a.Stats().Skipped != 2 {
		t.Errorf("%d frames are left out", a.Stats().Skipped)
	}

	sealing := newSealing(key, salt, by)
	report := Report{Largest: 476, Age: time.Second, Trains: []Train{{FrameID: 7, First: epoch, Came: 3}}}
	seal := a.find(streamKey{session: 0xabcdef}).opener.seal
	feedback := report.append(nil, 0xabcdef, 0, clockEcho{Sent: timestamp(now), Echo: timestamp(now), Held: 100})
	b = seal(feedback)
	note("report", feedback, b)
	if f, err := sealing.open(bytes.Clone(b), now); err != nil || f.Report.Largest != 476 {
		t.Errorf("the report is read as %+v, %v", f, err)
	}
	feedback = request.append(nil, 0xabcdef, 0)
	b = seal(feedback)
	note("request, with the next counter", feedback, b)
	if f, err := sealing.open(bytes.Clone(b), now); err != nil || f.Request.FrameID != 7 {
		t.Errorf("the request is read as %+v, %v", f, err)
	}

	d, s := NewDoorkeeper(), NewSubscriber(port, "front-door", []Key{key}, epoch)
	s.number, s.control = 0x0123456789abcdef, controlHeader{origin: receiver, counter: want.Counter - 1}
	b, _ = s.Next(epoch)
	note("subscribe", Subscribe{Number: s.number, Name: "front-door"}.append(nil), b)
	read, err := d.Read(bytes.Clone(b), alice, []Key{key}, epoch)
	if err != nil || read.Number != s.number || read.Name != "front-door" {
		t.Errorf("the Subscribe is read as %+v, %v", read, err)
	}
	answered = s.keys[0].seal(controlHeader{origin: salt, counter: want.Counter}, subscribeAnswer{number: s.number, status: StatusFull}.append(nil))
	note("answer", subscribeAnswer{number: s.number, status: StatusFull}.append(nil), answered)
	if err := s.Read(bytes.Clone(answered), epoch); err != nil || s.State(epoch) != Full {
		t.Errorf("the answer means %v, %v", s.State(epoch), err)
	}

	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.Key != want.Key || got.KeyID != want.KeyID || len(got.Datagrams) != len(want.Datagrams) {
		t.Fatalf("key %s (%s), want %s (%s); %d datagrams, want %d", got.Key, got.KeyID, want.Key, want.KeyID, len(got.Datagrams), len(want.Datagrams))
	}
	for i, d := range got.Datagrams {
		if d != want.Datagrams[i] {
			t.Errorf("got  %+v\nwant %+v", d, want.Datagrams[i])
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
