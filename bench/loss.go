package bench

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"udpcam/internal/trace"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// A Matrix measures how many of a camera's frames arrive: on each kind of link, for every combination of the values in its
// lists.
type Matrix struct {
	Links      []string // LinkSim, LinkNetem or LinkTun
	Networks   []Network
	FrameSizes []int     // bytes; nil for each network's own sizes
	FPS        []float64 // frames a second
	Segments   []int     // bytes of a frame in a datagram, 0 for the default
	FECs       []sender.FEC
	Frames     int // in each case
	Seed       uint64
	Trace      bool // whether to record the fate of every datagram
}

// A lossCase is one combination.
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
		sizes := m.FrameSizes
		if sizes == nil {
			sizes = n.FrameSizes
		}
		if sizes == nil {
			sizes = []int{UsualFrame}
		}
		for _, size := range sizes {
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

// Measure implements Measurement. A link that this machine lacks becomes a note. If it lacks all of them, Measure fails.
func (m Matrix) Measure(ctx context.Context, results *Results, progress Progress) error {
	cases := m.cases()
	var failed []error
	for i, link := range m.Links {
		step := func(done int, next string) { progress(i*len(cases)+done, len(cases)*len(m.Links), next) }
		err := m.measureOn(ctx, link, cases, results, step)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
			results.note("%s: not measured: %v", link, err)
		}
	}
	if len(failed) == len(m.Links) {
		return errors.Join(failed...)
	}
	return nil
}

// measureOn measures cases on one kind of link, one after another. In simulated time it measures one case per CPU at once.
func (m Matrix) measureOn(ctx context.Context, link string, cases []lossCase, results *Results, step func(int, string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := 1
	if link == LinkSim {
		workers = runtime.NumCPU()
	}
	free := make(chan struct{}, workers)
	rowsOf, recorders := make([][]Row, len(cases)), make([]*trace.Recorder, len(cases))
	var group sync.WaitGroup
	for i, c := range cases {
		if free <- struct{}{}; ctx.Err() != nil {
			break
		}
		step(i, c.network.Name)
		if m.Trace {
			recorders[i] = trace.NewRecorder()
		}
		group.Go(func() {
			defer func() { <-free }()
			var err error
			if rowsOf[i], err = c.run(ctx, link, recorders[i]); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	measured := Results{Rows: slices.Concat(rowsOf...)}
	for i, rows := range rowsOf {
		if m.Trace {
			name := cmp.Or(measured.label(&rows[0]), rows[0].Scenario) + ", " + link
			results.Traces = append(results.Traces, recorders[i].Case(name))
		}
	}
	results.Rows = append(results.Rows, measured.Rows...)
	return nil
}

// drain is how long frames may still come after the last was sent. Every repair is over by then.
const drain = 1500 * time.Millisecond

// run measures one case. It returns a row for each camera. The recorder, which may be nil, records the first camera.
func (c lossCase) run(ctx context.Context, link string, recorder *trace.Recorder) (rows []Row, err error) {
	frames := []int{c.frames} // by camera
	if n := c.frames - int(c.network.Rival.Seconds()*c.fps); c.network.Rival > 0 && n > 0 {
		frames = append(frames, n)
	}
	recorders := make([]*trace.Recorder, len(frames))
	recorders[0] = recorder
	l, err := open(link, c.network, c.seed, recorders)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var cameras []*camera
	var tasks []func()
	for i, n := range frames {
		camera, err := c.newCamera(l.clock, l.pairs[i], recorders[i])
		if err != nil {
			return nil, err
		}
		defer camera.end()
		cameras = append(cameras, camera)
		tasks = append(tasks, func() {
			if i > 0 {
				l.clock.Sleep(c.network.Rival)
			}
			camera.failed = camera.send(ctx, c.fps, func(sent int) bool { return sent < n })
			for end := l.clock.Now().Add(drain); ctx.Err() == nil && l.clock.Now().Before(end); {
				l.clock.Sleep(drain / 20)
			}
		})
	}
	var unchanged error
	tasks = append(tasks, func() {
		length := time.Duration(float64(c.frames) / c.fps * float64(time.Second))
		sleep := func(d time.Duration) bool { l.clock.Sleep(d); return true }
		unchanged = c.network.change(length, sleep, l.change)
	})

	began := l.cpu()
	l.play(ctx, tasks)
	used := l.cpu() - began
	bytes := uint64(0) // of all cameras together
	for _, camera := range cameras {
		bytes += camera.sender.Stats().FrameBytes
	}
	for i, camera := range cameras {
		sent, received := camera.sender.Stats(), camera.receiver.Stats()
		if err := errors.Join(camera.end(), unchanged, ctx.Err()); err != nil {
			return nil, err
		}
		row := c.row(camera, sent, received, frames[i])
		if row.Link = link; len(cameras) > 1 {
			row.Camera = i + 1
		}
		if used > 0 {
			row.CPU = rounded(used.Seconds()/(float64(bytes)/1e9), 2)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// newCamera sets up a camera, and begins.
func (c lossCase) newCamera(clock protocol.Clock, p pair, recorder *trace.Recorder) (*camera, error) {
	quiet := slog.New(slog.DiscardHandler)
	r := receiver.New(receiver.Config{Clock: clock, Log: quiet}, p.receiver)
	s, err := sender.New(sender.Config{SegmentSize: c.segment, FEC: c.fec, Clock: clock, Log: quiet},
		sender.Destination{Conn: p.sender, Addr: p.to})
	if err != nil {
		r.Close()
		return nil, err
	}
	k := &camera{clock: clock, clip: newClip(c.size, c.seed), sender: s, receiver: r, recorder: recorder}
	k.begin()
	return k, nil
}

// packetHeaders is what IPv4 and UDP add to a datagram, in bytes.
const packetHeaders = 28

// row is the result of sending that many frames.
func (c lossCase) row(k *camera, sent sender.Stats, received protocol.Stats, frames int) Row {
	row := Row{Carrier: "udpcam", FrameBytes: c.size, FPS: c.fps, FEC: c.fec.String(), Frames: frames}
	c.network.describe(&row)
	row.Segment = cmp.Or(c.segment, protocol.DefaultSegmentSize)
	row.Delivered = percent(len(k.delays), frames)
	row.delays(k.delays)
	row.ByParity, row.ByRequest = &received.ByParity, &received.ByRequest
	row.Dropped = received.Dropped.Map()
	if sent.Skipped > 0 {
		row.Dropped["skipped"] = sent.Skipped
	}
	if told := received.Frames + received.Dropped.Total(); sent.Frames > told {
		row.Dropped["unseen"] = sent.Frames - told // frames that the receiver cannot know of, at the start or the end
	}
	row.Damaged = &k.wrong
	row.Overhead = rounded((float64(sent.WireBytes)+float64(packetHeaders*sent.Datagrams))/float64(max(1, sent.FrameBytes)), 3)
	if received.Expected > 0 {
		row.PacketLoss = rounded(100*(1-float64(received.Received)/float64(received.Expected)), 2)
	}
	return row
}
