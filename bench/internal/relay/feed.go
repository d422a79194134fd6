package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"udpcam/protocol/mjpeg"
)

// A Feed is a set of pictures, and the times at which they were fed in. No two pictures are equal.
type Feed struct {
	Pictures   [][]byte
	Warm, Cool int // how many first and last pictures do not count: some programs hold back the last
	FPS        float64
	// Measured, if not nil, is called before the first picture that counts, and once the last has had time to arrive.
	Measured func()

	seed maphash.Seed
	ids  map[uint64]int // which picture has this fingerprint
	mu   sync.Mutex     // guards fed, and what its eyes have seen
	fed  []time.Time
}

// NewFeed returns a feed that has not begun.
func NewFeed(pictures [][]byte, warm, cool int, fps float64) *Feed {
	f := &Feed{Pictures: pictures, Warm: warm, Cool: cool, FPS: fps, seed: maphash.MakeSeed(), ids: map[uint64]int{},
		fed: make([]time.Time, len(pictures))}
	for i, p := range pictures {
		f.ids[f.fingerprint(p)] = i
	}
	return f
}

// Counted returns the number of pictures that count.
func (f *Feed) Counted() int { return len(f.Pictures) - f.Warm - f.Cool }

// fingerprint returns a hash of the entropy-coded data of a picture's first scan. It stays the same if a program rewrites the
// headers, as RTP does (RFC 2435), or adds padding.
func (f *Feed) fingerprint(jpeg []byte) uint64 {
	scan := jpeg
	if at := bytes.Index(jpeg, []byte{0xff, 0xda}); at >= 0 && at+4 <= len(jpeg) {
		header := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		scan = jpeg[min(len(jpeg), at+2+header):]
	}
	scan = bytes.TrimSuffix(scan, []byte{0xff, 0xd9})
	return maphash.Bytes(f.seed, bytes.TrimRight(scan, "\x00"))
}

// drain is how long Into waits for pictures after the last went in.
const drain = 1500 * time.Millisecond

// Into feeds the pictures into a process, and waits for the last to arrive. It returns how many bytes it fed in since the first
// picture that counts, and what the process and others have cost meanwhile.
func (f *Feed) Into(ctx context.Context, p *Process, others ...*Process) (bytes int, costs []Cost, err error) {
	processes := append([]*Process{p}, others...)
	start := time.Now()
	for i, picture := range f.Pictures {
		if i == f.Warm {
			for _, p := range processes {
				costs = append(costs, p.cost())
			}
			f.measured()
		}
		if !Pause(ctx, time.Until(start.Add(time.Duration(float64(i)/f.FPS*float64(time.Second))))) {
			return bytes, nil, ctx.Err()
		}
		f.mu.Lock()
		f.fed[i] = time.Now()
		f.mu.Unlock()
		if _, err := p.Stdin.Write(picture); err != nil {
			return bytes, nil, p.Failure(err)
		}
		if i >= f.Warm {
			bytes += len(picture)
		}
	}
	if !Pause(ctx, drain) {
		return bytes, nil, ctx.Err()
	}
	f.measured()
	for i, p := range processes {
		after := p.cost()
		costs[i] = Cost{after.CPU - costs[i].CPU, after.Memory}
	}
	return bytes, costs, nil
}

func (f *Feed) measured() {
	if f.Measured != nil {
		f.Measured()
	}
}

// Pause waits for d. It reports false if ctx ends first.
func Pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// A Sight is what an eye has seen.
type Sight struct {
	Delays  []time.Duration // one for each picture that counts
	Damaged uint64          // pictures that were never fed in, or not whole
	Again   uint64          // pictures that came more than once
}

// An Eye recognises the pictures of a feed where they come out.
type Eye struct {
	*Feed
	sight Sight
	seen  []bool
}

// NewEye returns an eye that has seen nothing.
func (f *Feed) NewEye() *Eye { return &Eye{Feed: f, seen: make([]bool, len(f.Pictures))} }

// Watch looks at the pictures that next returns until it fails. It gives each back to release, which may be nil.
func (e *Eye) Watch(next func() ([]byte, error), release func([]byte)) {
	for {
		picture, err := next()
		if err != nil {
			return
		}
		now := time.Now()
		print := e.fingerprint(picture)
		if release != nil {
			release(picture)
		}
		e.mu.Lock()
		i, ok := e.ids[print]
		switch {
		case !ok:
			e.sight.Damaged++
		case e.seen[i]:
			e.sight.Again++
		default:
			e.seen[i] = true
			if i >= e.Warm && i < len(e.seen)-e.Cool {
				e.sight.Delays = append(e.sight.Delays, now.Sub(e.fed[i]))
			}
		}
		e.mu.Unlock()
	}
}

// skipped counts what a reader of JPEGs left out.
func (e *Eye) skipped(reason mjpeg.Reason) {
	if reason == mjpeg.Truncated || reason == mjpeg.Malformed {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.sight.Damaged++
	}
}

// Sight returns what the eye has seen so far.
func (e *Eye) Sight() Sight {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sight
}
