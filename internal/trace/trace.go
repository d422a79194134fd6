// Package trace records what happens to every datagram between a sender and a receiver. From that it explains why a frame
// was lost.
//
//	protocol.Conn ── Recorder.Tap ──> sent, received ─┐
//	a simulated link ── Recorder.Dropped ─────────────┼─> Recorder ──> Case ── Write ──> FILE.zst ── Read ──> Case ──> Explain
//	the camera and the viewer ── Captured, Delivered ─┘
//
// A trace is a file of JSON lines, compressed with zstd: a case, then its frames, then its datagrams in the order of
// sending. `zstdcat FILE.zst | jq` reads it too. Times are microseconds since the case began.
package trace

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"udpcam/protocol"
)

// A Fate is what happened to a datagram.
type Fate string

// Fates of datagrams. If a link does not report what it drops, every datagram that does not arrive is Missing.
const (
	Arrived Fate = "arrived"
	Lost    Fate = "lost"    // by chance, as configured
	Full    Fate = "full"    // dropped by a full queue
	Missing Fate = "missing" // did not arrive, or was damaged on the way
)

// A Datagram is one datagram and its fate.
type Datagram struct {
	Sent    int64                 `json:"sent_us"`
	Arrived int64                 `json:"arrived_us,omitempty"`
	Fate    Fate                  `json:"fate"`
	Back    bool                  `json:"back,omitempty"` // from the receiver to the sender
	Kind    protocol.DatagramKind `json:"kind"`           // "" if it is not one of udpcam's
	Frame   uint32                `json:"frame"`          // its ID, for data, parity and requests
	Block   int                   `json:"block,omitempty"`
	Index   int                   `json:"index"` // data: in its frame; parity: in its block
	Repair  bool                  `json:"repair,omitempty"`
	Data    int                   `json:"data,omitempty"` // how many data segments the frame has
	Need    int                   `json:"need,omitempty"` // how many segments a request asks for, 0 for the frame
	Bytes   int                   `json:"bytes"`
}

// A Frame is one frame and what happened to it.
type Frame struct {
	ID        uint32 `json:"id"`
	Captured  int64  `json:"captured_us"`
	Delivered *int64 `json:"delivered_us,omitempty"` // nil if it was not delivered
	Skipped   bool   `json:"skipped,omitempty"`      // not sent, because the path carries fewer frames
}

// A Case is one measurement.
type Case struct {
	Name      string
	Frames    []Frame
	Datagrams []Datagram
}

// A line is one line of a trace: exactly one of its fields is set.
type line struct {
	Case     *string   `json:"case,omitempty"`
	Frame    *Frame    `json:"frame,omitempty"`
	Datagram *Datagram `json:"datagram,omitempty"`
}

// Write writes cases as one trace.
func Write(w io.Writer, cases []Case) error {
	z, err := zstd.NewWriter(w, zstd.WithWindowSize(maxWindow))
	if err != nil {
		return err
	}
	lines := json.NewEncoder(z)
	for _, c := range cases {
		err = cmp.Or(err, lines.Encode(line{Case: &c.Name}))
		for i := range c.Frames {
			err = cmp.Or(err, lines.Encode(line{Frame: &c.Frames[i]}))
		}
		for i := range c.Datagrams {
			err = cmp.Or(err, lines.Encode(line{Datagram: &c.Datagrams[i]}))
		}
	}
	return cmp.Or(err, z.Close())
}

// Bounds on the content of a trace, so that a wrong file does not fill the memory.
const (
	maxLine    = 1 << 20
	maxRecords = 10_000_000
	maxWindow  = 8 << 20 // of zstd: what Write uses
)

// ErrNoTrace means that a file is not a trace.
var ErrNoTrace = errors.New("this is no trace that loss --trace wrote")

// Read reads a trace. The error wraps ErrNoTrace or is one of r.
func Read(r io.Reader) (cases []Case, err error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNoTrace, n, err)
		}
		if l.Case == nil && cases == nil || n > maxRecords {
			return nil, fmt.Errorf("%w: line %d is out of place", ErrNoTrace, n)
		}
		switch last := len(cases) - 1; {
		case l.Case != nil:
			cases = append(cases, Case{Name: *l.Case})
		case l.Frame != nil:
			cases[last].Frames = append(cases[last].Frames, *l.Frame)
		case l.Datagram != nil:
			cases[last].Datagrams = append(cases[last].Datagrams, *l.Datagram)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	if cases == nil {
		return nil, fmt.Errorf("%w: it is empty", ErrNoTrace)
	}
	return cases, nil
}
