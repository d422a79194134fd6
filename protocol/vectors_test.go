package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"image"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// A vector is one example of the wire, for people who write another implementation: see protocol/README.md.
type vector struct {
	Name        string `json:"name"`
	Session     uint32 `json:"session"`
	Stream      uint8  `json:"stream"`
	Parity      int    `json:"parity,omitempty"`    // segments of each block
	LateRows    []int  `json:"late_rows,omitempty"` // further rows of block 0, as they are sent when a receiver asks
	SegmentSize int    `json:"segment_size"`

	// A frame, its bytes given by a rule, and its datagrams.
	Frame *struct {
		ID             uint32 `json:"id"`
		CapturedMicros int64  `json:"captured_us"`
		Length         int    `json:"length"`
	} `json:"frame,omitempty"`
	Segments []vectorSegment `json:"segments,omitempty"`

	// Or an announcement, and its datagram.
	Announcement *struct {
		Name     string   `json:"name"`
		Width    int      `json:"width"`
		Height   int      `json:"height"`
		MilliFPS uint32   `json:"milli_fps"`
		Relays   []uint32 `json:"relays,omitempty"`
	} `json:"announcement,omitempty"`
	// Or what a receiver sends, a report or a request, and its datagram.
	Report  *vectorReport  `json:"report,omitempty"`
	Request *vectorRequest `json:"request,omitempty"`
	Skip    *vectorSkip    `json:"skip,omitempty"`
	// Or a Subscribe, or the answer to one, and its datagram.
	Subscribe *vectorSubscribe `json:"subscribe,omitempty"`
	Answer    *vectorAnswer    `json:"answer,omitempty"`
	Datagram  string           `json:"datagram,omitempty"`
}

type vectorReport struct {
	SentMicros int64         `json:"sent_us"`
	EchoMicros int64         `json:"echo_us"`
	HeldMicros uint32        `json:"held_us"`
	Largest    int           `json:"largest"`
	Late       int           `json:"late"`
	AgeMillis  int64         `json:"age_ms"`
	Trains     []vectorTrain `json:"trains"`
}

type vectorTrain struct {
	FrameID     uint32 `json:"frame_id"`
	FirstMicros int64  `json:"first_us"`
	TookMicros  int64  `json:"took_us"`
	SpanMicros  int64  `json:"span_us"`
	Came        int    `json:"came"`
	LostFirst   int    `json:"lost_first"`
	LostSecond  int    `json:"lost_second"`
	Runs        int    `json:"runs"`
}

type vectorRequest struct {
	FrameID uint32 `json:"frame_id"`
	Block   uint8  `json:"block"`
	Need    uint8  `json:"need"`
	Data    uint8  `json:"data"`
	Missing []int  `json:"missing"` // data segments
}

type vectorSkip struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
}

// Numbers and cookies are hexadecimal. Cookies are what their sender likes.
type vectorSubscribe struct {
	Number   string `json:"number"`
	Cookie   string `json:"cookie"`
	Farewell bool   `json:"farewell,omitempty"`
	Name     string `json:"name"`
}

type vectorAnswer struct {
	Number string          `json:"number"`
	Cookie string          `json:"cookie"`
	Status SubscribeStatus `json:"status"`
}

// subscription is the datagram of a Subscribe or of an answer. It checks that it is read as it was written.
func (v vector) subscription(t *testing.T) (b []byte) {
	if a := v.Answer; a != nil {
		want := subscribeAnswer{binary.BigEndian.Uint64(unhex(t, a.Number)), cookie(unhex(t, a.Cookie)), a.Status}
		b = want.append(nil)
		if got, err := parseAnswer(b); err != nil || got != want {
			t.Errorf("%x is read as %+v, %v", b, got, err)
		}
		return b
	}
	s := v.Subscribe
	want := Subscribe{Number: binary.BigEndian.Uint64(unhex(t, s.Number)), Name: s.Name, Farewell: s.Farewell, cookie: cookie(unhex(t, s.Cookie))}
	b = want.append(nil)
	if got, err := parseSubscribe(b); err != nil || got != want {
		t.Errorf("%x is read as %+v, %v", b, got, err)
	}
	return b
}

// again writes a datagram that was read.
func (v vector) again(f Feedback) []byte {
	if f.Report != nil {
		return f.Report.append(nil, f.Session, f.Stream, f.clock)
	}
	return f.Request.append(nil, f.Session, f.Stream)
}

// feedback is the datagram of a report or a request.
func (v vector) feedback() []byte {
	if r := v.Request; r != nil {
		request := Request{FrameID: r.FrameID, Block: r.Block, Need: r.Need, Data: r.Data, Missing: make([]byte, ceilDiv(int(r.Data), 8))}
		for _, j := range r.Missing {
			request.Missing[j/8] |= 0x80 >> (j % 8)
		}
		return request.append(nil, v.Session, v.Stream)
	}
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	report := Report{Largest: v.Report.Largest, Late: v.Report.Late, Age: time.Duration(v.Report.AgeMillis) * time.Millisecond}
	for _, t := range v.Report.Trains {
		report.Trains = append(report.Trains, Train{FrameID: t.FrameID, First: time.UnixMicro(t.FirstMicros), Took: micros(t.TookMicros),
			Span: micros(t.SpanMicros), Came: t.Came, LostFirst: t.LostFirst, LostSecond: t.LostSecond, Runs: t.Runs})
	}
	echo := clockEcho{Sent: timestamp(time.UnixMicro(v.Report.SentMicros)), Echo: timestamp(time.UnixMicro(v.Report.EchoMicros)), Held: v.Report.HeldMicros}
	return report.append(nil, v.Session, v.Stream, echo)
}

// A vectorSegment is a data segment, whose payload is a part of the frame, or a parity segment.
type vectorSegment struct {
	Header string `json:"header"`
	Offset int    `json:"offset"` // of the payload in the frame
	Length int    `json:"length"`
	Parity string `json:"parity,omitempty"` // the payload
}

// vectorFrame makes the bytes of a vector's frame.
func vectorFrame(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(i*167 + i>>8)
	}
	b[0], b[1], b[length-2], b[length-1] = 0xff, 0xd8, 0xff, 0xd9
	return b
}

func (v vector) split(t *testing.T) (Frame, []Datagram) {
	s, err := NewSplitter(v.Session, v.Stream, v.SegmentSize)
	if err != nil {
		t.Fatal(err)
	}
	f := Frame{ID: v.Frame.ID, Captured: time.UnixMicro(v.Frame.CapturedMicros), JPEG: vectorFrame(v.Frame.Length)}
	var o Outgoing
	if err := s.Split(&o, f, v.Parity); err != nil {
		t.Fatal(err)
	}
	ds := append([]Datagram(nil), o.Data()...)
	for i := range ds {
		ds[i][0] = append([]byte(nil), ds[i][0]...) // headers are valid until Parity
	}
	ds = append(ds, o.Parity()...)
	if len(v.LateRows) == 0 {
		return f, ds
	}
	for i := range ds {
		ds[i] = Datagram{bytes.Clone(ds[i][0]), bytes.Clone(ds[i][1])} // valid until Answer
	}
	k := o.BlockData()
	answered := answer(&o, Request{FrameID: f.ID, Need: uint8(maxShards - k - v.Parity), Data: uint8(k), Missing: make([]byte, 32)}, maxShards)
	for _, row := range v.LateRows {
		ds = append(ds, answered[row-v.Parity])
	}
	return f, ds
}

func (v vector) skip(t *testing.T) []byte {
	s, err := NewSplitter(v.Session, v.Stream, v.SegmentSize)
	if err != nil {
		t.Fatal(err)
	}
	b := s.Skip(v.Skip.First, v.Skip.Last)[0][0]
	if first, last, err := parseSkip(b); err != nil || first != v.Skip.First || last != v.Skip.Last {
		t.Errorf("%x is read as %d to %d, %v", b, first, last, err)
	}
	return b
}

func (v vector) announce(t *testing.T) []byte {
	s, err := NewSplitter(v.Session, v.Stream, v.SegmentSize)
	if err != nil {
		t.Fatal(err)
	}
	a := v.Announcement
	var via Relays
	for _, id := range a.Relays {
		via, _ = via.With(id)
	}
	return s.Announce(Announcement{Name: a.Name, Size: image.Pt(a.Width, a.Height), MilliFPS: a.MilliFPS, Via: via}, &RemoteClock{}, epoch)[0][0]
}

func TestVectors(t *testing.T) {
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if *update {
		writeVectors(t, vectors)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			if v.Report != nil || v.Request != nil {
				got := v.feedback()
				if hex.EncodeToString(got) != v.Datagram {
					t.Errorf("sent as %x\nwant %s", got, v.Datagram)
				}
				if f, err := parseFeedback(got, time.UnixMicro(1764547200000000)); err != nil || f.Session != v.Session || f.Stream != v.Stream ||
					!bytes.Equal(got, v.again(f)) {
					t.Errorf("%x is read as %+v, %v", got, f, err)
				}
				return
			}
			if v.Subscribe != nil || v.Answer != nil {
				if got := hex.EncodeToString(v.subscription(t)); got != v.Datagram {
					t.Errorf("sent as %s\nwant %s", got, v.Datagram)
				}
				return
			}
			if v.Skip != nil {
				if got := hex.EncodeToString(v.skip(t)); got != v.Datagram {
					t.Errorf("sent as %s\nwant %s", got, v.Datagram)
				}
				return
			}
			if v.Announcement != nil {
				if got := hex.EncodeToString(v.announce(t)); got != v.Datagram {
					t.Errorf("announced as %s\nwant %s", got, v.Datagram)
				}
				return
			}
			f, ds := v.split(t)
			if len(ds) != len(v.Segments) {
				t.Fatalf("%d segments, want %d", len(ds), len(v.Segments))
			}
			a := NewAssembler(AssemblerConfig{})
			now := f.Captured.Add(time.Second)
			for i, seg := range v.Segments {
				if got := hex.EncodeToString(ds[i][0]); got != seg.Header || seg.Parity == "" && len(ds[i][1]) != seg.Length {
					t.Errorf("segment %d: header %s, %d bytes\nwant %s, %d bytes", i, got, len(ds[i][1]), seg.Header, seg.Length)
				}
				header, err := hex.DecodeString(seg.Header)
				if err != nil {
					t.Fatal(err)
				}
				payload := f.JPEG[seg.Offset : seg.Offset+seg.Length]
				if seg.Parity != "" {
					if got := hex.EncodeToString(ds[i][1]); got != seg.Parity {
						t.Errorf("segment %d: parity %s, want %s", i, got, seg.Parity)
					}
					if payload, err = hex.DecodeString(seg.Parity); err != nil {
						t.Fatal(err)
					}
				}
				if i < v.Parity+len(v.LateRows) && seg.Parity == "" {
					continue // parity is to make up for the first ones
				}
				a.Add(append(header, payload...), alice, now)
			}
			a.Expire(now.Add(nameWait))
			want(t, drain(a, nil), f)
		})
	}
}

// writeVectors keeps the inputs of the vectors and writes their results again.
func writeVectors(t *testing.T, vectors []vector) {
	for i := range vectors {
		v := &vectors[i]
		if v.Report != nil || v.Request != nil {
			v.Datagram = hex.EncodeToString(v.feedback())
			continue
		}
		if v.Subscribe != nil || v.Answer != nil {
			v.Datagram = hex.EncodeToString(v.subscription(t))
			continue
		}
		if v.Skip != nil {
			v.Datagram = hex.EncodeToString(v.skip(t))
			continue
		}
		if v.Announcement != nil {
			v.Datagram = hex.EncodeToString(v.announce(t))
			continue
		}
		_, ds := v.split(t)
		v.Segments = nil
		at := 0
		for _, d := range ds {
			seg := vectorSegment{Header: hex.EncodeToString(d[0]), Offset: at, Length: len(d[1])}
			if at == v.Frame.Length {
				seg.Parity, seg.Offset, seg.Length = hex.EncodeToString(d[1]), 0, 0
			} else {
				at += len(d[1])
			}
			v.Segments = append(v.Segments, seg)
		}
	}
	b, err := json.MarshalIndent(vectors, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
