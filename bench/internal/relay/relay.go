// Package relay measures a pair of programs from outside. Pictures go into the standard input of one and come out of the
// standard output of the other. Relay tells which arrive, how late, and at what cost.
//
//	Pictures ──> sender's process ── a network ──> receiver's process ──> mjpeg.Reader ──> which picture is it?
//
// Relay recognises a picture by its entropy-coded data. So it can also measure a transport that rewrites JPEG headers (RTP,
// RFC 2435).
package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Relay describes a measurement.
type Relay struct {
	Send, Receive []string // command lines
	From, To      Machine  // where they run
	Pictures      [][]byte // what is fed in; no two are equal
	Warm, Cool    int      // how many first and last pictures do not count: some programs hold back the last
	FPS           float64
	Settle        time.Duration // time for each process to start
	// Measured, if not nil, is called before the first picture that counts, and once the last has had time to arrive.
	Measured func()
}

// drain is how long Run waits for pictures after the last went in.
const drain = 1500 * time.Millisecond

// A Result is the outcome. It covers only the pictures that count.
type Result struct {
	Fed     int
	Delays  []time.Duration // one for each delivered picture
	Damaged uint64          // pictures that came out but never went in
	Again   uint64          // pictures that came out more than once
	Late    time.Duration   // the longest time by which a slow sender delayed feeding in a picture
	Bytes   int             // fed in. Like Cost, this includes the last pictures, which do not count

	Sender, Receiver Cost
}

// Run measures. If a process ends too early, the error contains its last output.
func (r Relay) Run(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sender := &Process{Name: "sender", Command: r.Send, Machine: r.From}
	receiver := &Process{Name: "receiver", Command: r.Receive, Machine: r.To}
	defer receiver.End()
	defer sender.End()
	for _, p := range []*Process{receiver, sender} {
		if err := p.Start(); err != nil {
			return Result{}, err
		}
		if !pause(ctx, r.Settle) {
			return Result{}, ctx.Err()
		}
	}
	eye := newEye(r.Pictures)
	go eye.watch(receiver.Stdout)

	var result Result
	var before [2]Cost
	start := time.Now()
	for i, picture := range r.Pictures {
		if i == r.Warm {
			before = [2]Cost{sender.Cost(), receiver.Cost()}
			if r.Measured != nil {
				r.Measured()
			}
		}
		due := start.Add(time.Duration(float64(i) / r.FPS * float64(time.Second)))
		if !pause(ctx, time.Until(due)) {
			return result, ctx.Err()
		}
		result.Late = max(result.Late, time.Since(due))
		eye.went(i, time.Now())
		if _, err := sender.Stdin.Write(picture); err != nil {
			return result, sender.Failure(err)
		}
		if i >= r.Warm { // their cost is measured to the end
			result.Bytes += len(picture)
		}
	}
	result.Fed = len(r.Pictures) - r.Warm - r.Cool
	if !pause(ctx, drain) {
		return result, ctx.Err()
	}
	if r.Measured != nil {
		r.Measured()
	}
	result.Sender, result.Receiver = sender.Cost().since(before[0]), receiver.Cost().since(before[1])
	eye.report(r.Warm, len(r.Pictures)-r.Cool, &result)
	if len(result.Delays) == 0 { // find out whether a process failed; otherwise the network lost them all
		for _, p := range []*Process{sender, receiver} {
			if p.ended() {
				return result, p.Failure(errors.New("it ended"))
			}
		}
	}
	return result, nil
}

// pause waits for d. It reports false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// An eye recognises the pictures that come out.
type eye struct {
	mu      sync.Mutex
	ids     map[[sha256.Size]byte]int
	in, out []time.Time // when each picture went in and came out, or zero
	damaged uint64
	again   uint64
}

func newEye(pictures [][]byte) *eye {
	e := &eye{ids: map[[sha256.Size]byte]int{}, in: make([]time.Time, len(pictures)), out: make([]time.Time, len(pictures))}
	for i, p := range pictures {
		e.ids[fingerprint(p)] = i
	}
	return e
}

// fingerprint returns a hash of a picture's first scan, without padding, which some programs add.
func fingerprint(jpeg []byte) [sha256.Size]byte {
	scan := jpeg
	if at := bytes.Index(jpeg, []byte{0xff, 0xda}); at >= 0 && at+4 <= len(jpeg) {
		header := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		scan = jpeg[min(len(jpeg), at+2+header):]
	}
	scan = bytes.TrimSuffix(scan, []byte{0xff, 0xd9})
	return sha256.Sum256(bytes.TrimRight(scan, "\x00"))
}

func (e *eye) went(i int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.in[i] = at
}

// watch notes the pictures that come out until r ends.
func (e *eye) watch(r io.Reader) {
	broken := func(reason mjpeg.Reason) {
		if reason == mjpeg.Truncated || reason == mjpeg.Malformed {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.damaged++
		}
	}
	var memory protocol.Pool // reused, because reading into new memory costs more than a fast carrier itself
	for pictures := mjpeg.NewReader(r, mjpeg.ReaderOptions{Skip: broken, Alloc: memory.Get}); ; {
		picture, err := pictures.Next()
		if err != nil {
			return
		}
		now := time.Now()
		print := fingerprint(picture)
		memory.Put(picture)
		e.mu.Lock()
		i, ok := e.ids[print]
		switch {
		case !ok:
			e.damaged++
		case !e.out[i].IsZero():
			e.again++
		default:
			e.out[i] = now
		}
		e.mu.Unlock()
	}
}

// report fills in the result of pictures from (inclusive) to to (exclusive).
func (e *eye) report(from, to int, r *Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := from; i < to; i++ {
		if !e.out[i].IsZero() {
			r.Delays = append(r.Delays, e.out[i].Sub(e.in[i]))
		}
	}
	r.Damaged, r.Again = e.damaged, e.again
}
