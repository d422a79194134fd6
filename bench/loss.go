package bench

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"

	"udpcam/bench/trace"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// drain is how long frames may still come after the last was sent: longer than any that is repaired.
const drain = 1500 * time.Millisecond

// A Matrix is what Loss measures: every combination of what its lists hold.
type Matrix struct {
	Networks   []Network
	FrameSizes []int     // bytes
	FPS        []float64 // frames a second
	Segments   []int     // bytes of a frame in a datagram, 0 for the default
	FECs       []sender.FEC
	Frames     int // in each case
	Seed       uint64
}

// A lossCase is one of them.
type lossCase struct {
	network Network
	size    int
	fps     float64
	segment int
	fec     sender.FEC
	frames  int
	seed    uint64
}

func (m Matrix) cases() (cases []lossCase) {
	for _, n := range m.Networks {
		for _, size := range m.FrameSizes {
			for _, fps := range m.FPS {
				for _, segment := range m.Segments {
					for _, fec := range m.FECs {
						cases = append(cases, lossCase{n, size, fps, segment, fec, m.Frames, m.Seed})
					}
				}
			}
		}
	}
	return cases
}

// A Progress is told how many of how many steps are done, and what the next is.
type Progress func(done, all int, next string)

// Loss measures what of a camera's frames arrives over each network, on each kind of link. A link that this machine does
// not have becomes a note; if it has none of them, that is the error. Traces, which may be nil, gets every datagram's
// fate.
func Loss(ctx context.Context, m Matrix, links []string, traces *trace.Writer, progress Progress) (rows []Row, notes []string, err error) {
	cases := m.cases()
	all := len(cases) * len(links)
	var failed []error
	for i, name := range links {
		open, err := linkNamed(name)
		if err != nil {
			return nil, nil, err
		}
		step := func(done int, next string) { progress(i*len(cases)+done, all, next) }
		got, err := runCases(ctx, cases, name, open, traces, step)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
			notes = append(notes, fmt.Sprintf("%s: not measured: %v", name, err))
			continue
		}
		rows = append(rows, got...)
	}
	if len(rows) == 0 {
		return nil, nil, errors.Join(failed...)
	}
	return rows, notes, nil
}

// runCases measures cases on one kind of link: where time is simulated as many at once as there are CPUs, else one after
// another.
func runCases(ctx context.Context, cases []lossCase, link string, open opener, traces *trace.Writer, step func(int, string)) ([]Row, error) {
	workers := 1
	if link == LinkSim {
		workers = runtime.NumCPU()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rows, recorders := make([]Row, len(cases)), make([]*trace.Recorder, len(cases))
	var group sync.WaitGroup
	var mu sync.Mutex // guards next and done
	next, done := 0, 0
	for range min(workers, len(cases)) {
		group.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				if i < len(cases) {
					step(done, cases[i].network.Name)
				}
				mu.Unlock()
				if i >= len(cases) || ctx.Err() != nil {
					return
				}
				if traces != nil {
					recorders[i] = trace.NewRecorder()
				}
				row, err := cases[i].run(ctx, open, recorders[i])
				if err != nil {
					cancel(err)
					return
				}
				row.Link = link
				rows[i] = row
				mu.Lock()
				done++
				step(done, cases[i].network.Name)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	report := Report{Rows: rows}
	for i, r := range recorders {
		if r != nil {
			traces.Write(cmp.Or(report.label(&rows[i]), rows[i].Scenario)+", "+link, r)
		}
	}
	return rows, nil
}

// run measures one case: a camera at one end of a link, and at the other whoever looks at its frames.
func (c lossCase) run(ctx context.Context, open opener, recorder *trace.Recorder) (Row, error) {
	l, err := open(c.network, c.seed, recorder)
	if err != nil {
		return Row{}, err
	}
	defer l.close()
	quiet := slog.New(slog.DiscardHandler)
	r := receiver.New(l.receiver, receiver.Config{Clock: l.clock, Log: quiet})
	defer r.Close()
	s, err := sender.New(sender.Config{SegmentSize: c.segment, FEC: c.fec, Clock: l.clock, Log: quiet},
		sender.Destination{Conn: l.sender, Addr: l.to})
	if err != nil {
		return Row{}, err
	}
	defer s.Close()

	film := newFilm(c.size, c.seed)
	var came arrivals
	watching := make(chan error, 1)
	go func() {
		var failed error
		for f, err := range r.Frames(context.Background()) {
			if failed = err; err == nil {
				came.note(film, f, l.clock.Now())
				recorder.Delivered(f.ID, l.clock.Now())
				f.Release()
			}
		}
		watching <- failed
	}()
	var failed error
	var began, ended time.Duration
	if l.cpu != nil {
		began = l.cpu()
	}
	l.play(ctx, func() { failed = c.film(ctx, film, s, l, recorder) })
	if l.cpu != nil {
		ended = l.cpu()
	}
	sent, received := s.Stats(), r.Stats()
	r.Close()
	if err := errors.Join(<-watching, failed, ctx.Err()); err != nil {
		return Row{}, err
	}

	row := Row{Carrier: "udpcam", FrameBytes: c.size, FPS: c.fps, Segment: c.segment, FEC: c.fec.String(), Frames: c.frames}
	c.network.describe(&row)
	row.Segment = cmp.Or(c.segment, protocol.DefaultSegmentSize)
	row.Delivered = percent(len(came.delays), c.frames)
	row.delays(came.delays)
	row.ByParity, row.ByRequest = &received.ByParity, &received.ByRequest
	row.Dropped = received.Dropped.Map()
	if sent.Skipped > 0 {
		row.Dropped["skipped"] = sent.Skipped
	}
	if told := received.Frames + received.Dropped.Total(); sent.Frames > told {
		row.Dropped["unseen"] = sent.Frames - told // at the start or the end, where a receiver cannot know of them
	}
	row.Damaged = &came.wrong
	row.Overhead = rounded((float64(sent.WireBytes)+float64(packetHeaders*sent.Datagrams))/float64(max(1, sent.FrameBytes)), 3)
	if received.Expected > 0 {
		row.PacketLoss = rounded(100*(1-float64(received.Received)/float64(received.Expected)), 2)
	}
	if l.cpu != nil {
		row.CPU = rounded((ended-began).Seconds()/(float64(sent.FrameBytes)/1e9), 2)
	}
	return row, nil
}

// packetHeaders is what IPv4 and UDP add to a datagram, in bytes.
const packetHeaders = 28

// film sends the frames as a camera would, and waits for the last.
func (c lossCase) film(ctx context.Context, film *film, s *sender.Sender, l *endpoints, recorder *trace.Recorder) error {
	start := l.clock.Now()
	for i := range c.frames {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		due := start.Add(time.Duration(float64(i) / c.fps * float64(time.Second)))
		l.clock.Sleep(due.Sub(l.clock.Now()))
		now := l.clock.Now()
		before := s.Stats().Frames
		if err := s.Send(protocol.Frame{Captured: now, JPEG: film.frame(i)}); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return ctx.Err()
			}
			return err
		}
		recorder.Captured(uint32(before), now, s.Stats().Frames > before)
	}
	for end := l.clock.Now().Add(drain); ctx.Err() == nil && l.clock.Now().Before(end); {
		l.clock.Sleep(drain / 20)
	}
	return ctx.Err()
}

// A film is frames that are no pictures, but as hard to compress as such: random bytes between the markers of a JPEG,
// with the frame's number.
type film struct{ bytes []byte }

const filmNumber = 4 // where in a frame its number stands

func newFilm(size int, seed uint64) *film {
	f := &film{make([]byte, max(size, 16))}
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(f.bytes)
	copy(f.bytes, "\xff\xd8\xff\xfe")
	copy(f.bytes[len(f.bytes)-2:], "\xff\xd9")
	return f
}

// frame returns frame i, whose bytes are the caller's.
func (f *film) frame(i int) []byte {
	b := append([]byte(nil), f.bytes...)
	binary.BigEndian.PutUint32(b[filmNumber:], uint32(i))
	return b
}

// arrivals are what came out at the other end.
type arrivals struct {
	delays []time.Duration
	wrong  uint64 // frames that never went in, or came twice or after a newer one
	next   int
}

func (a *arrivals) note(film *film, f protocol.Frame, now time.Time) {
	i := -1
	if len(f.JPEG) == len(film.bytes) {
		i = int(binary.BigEndian.Uint32(f.JPEG[filmNumber:]))
	}
	if i < a.next || string(film.frame(i)) != string(f.JPEG) {
		a.wrong++
		return
	}
	a.next = i + 1
	a.delays = append(a.delays, now.Sub(f.Captured))
}

// ParseLinks reads a list of links such as "sim,tun".
func ParseLinks(list string) (links []string, err error) {
	for _, name := range strings.Split(list, ",") {
		if _, err := linkNamed(name); err != nil {
			return nil, err
		}
		links = append(links, name)
	}
	return links, nil
}
