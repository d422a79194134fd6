package bench

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"udpcam/internal/trace"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// drain is how long frames may still come after the last was sent. Every repair is over by then.
const drain = 1500 * time.Millisecond

// run measures one case. It returns a row for each camera.
func (c lossCase) run(ctx context.Context, open opener, recorder *trace.Recorder) (rows []Row, err error) {
	frames := []int{c.frames} // by camera
	if n := c.frames - int(c.network.Rival.Seconds()*c.fps); c.network.Rival > 0 && n > 0 {
		frames = append(frames, n)
	}
	l, err := open(c.network, c.seed, len(frames), recorder)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var cameras []*camera
	var tasks []func()
	for i, n := range frames {
		camera, err := newCamera(c, l.clock, l.pairs[i], firstOnly(recorder, i))
		if err != nil {
			return nil, err
		}
		defer camera.close()
		cameras = append(cameras, camera)
		tasks = append(tasks, func() {
			if i > 0 {
				l.clock.Sleep(c.network.Rival)
			}
			camera.filming = camera.play(ctx, n)
		})
	}
	var changing error
	tasks = append(tasks, func() { changing = c.change(l) })

	began := l.used()
	l.play(ctx, tasks)
	used := l.used() - began
	bytes := uint64(0)
	for i, camera := range cameras {
		row, err := camera.row(frames[i])
		if err := errors.Join(err, changing, ctx.Err()); err != nil {
			return nil, err
		}
		if len(cameras) > 1 {
			row.Camera = i + 1
		}
		rows = append(rows, row)
		bytes += camera.sender.Stats().FrameBytes
	}
	if l.cpu != nil {
		for i := range rows { // of all cameras together
			rows[i].CPU = rounded(used.Seconds()/(float64(bytes)/1e9), 2)
		}
	}
	return rows, nil
}

// used is the CPU time so far, 0 if it is not known.
func (l *endpoints) used() time.Duration {
	if l.cpu == nil {
		return 0
	}
	return l.cpu()
}

// change changes the network while the first camera films.
func (c lossCase) change(l *endpoints) error {
	start := l.clock.Now()
	length := time.Duration(float64(c.frames) / c.fps * float64(time.Second))
	for _, change := range c.network.Changes {
		if change.After >= length {
			break
		}
		l.clock.Sleep(change.After - l.clock.Now().Sub(start))
		if err := l.change(change.Netem); err != nil {
			return err
		}
	}
	return nil
}

// A camera is a sender at one end of a link, and a viewer of its frames at the other.
type camera struct {
	lossCase
	clock    protocol.Clock
	film     *film
	sender   *sender.Sender
	receiver *receiver.Receiver
	recorder *trace.Recorder

	filming  error // why it failed
	came     arrivals
	watching chan error // gets the error of watch when that ends
}

// newCamera sets up a camera and starts watch.
func newCamera(c lossCase, clock protocol.Clock, p pair, recorder *trace.Recorder) (*camera, error) {
	quiet := slog.New(slog.DiscardHandler)
	r := receiver.New(receiver.Config{Clock: clock, Log: quiet}, p.receiver)
	s, err := sender.New(sender.Config{SegmentSize: c.segment, FEC: c.fec, Clock: clock, Log: quiet},
		sender.Destination{Conn: p.sender, Addr: p.to})
	if err != nil {
		r.Close()
		return nil, err
	}
	k := &camera{lossCase: c, clock: clock, film: newFilm(c.size, c.seed), sender: s, receiver: r, recorder: recorder, watching: make(chan error, 1)}
	go k.watch()
	return k, nil
}

func (k *camera) close() {
	k.receiver.Close()
	k.sender.Close()
}

// watch notes the frames that arrive until the receiver is closed.
func (k *camera) watch() {
	var failed error
	for f, err := range k.receiver.Frames(context.Background()) {
		if failed = err; err == nil {
			k.came.note(k.film, f, k.clock.Now())
			k.recorder.Delivered(f.ID, k.clock.Now())
		}
	}
	k.watching <- failed
}

// play sends frames at the camera's rate and waits for the last to arrive.
func (k *camera) play(ctx context.Context, frames int) error {
	start := k.clock.Now()
	for i := range frames {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		due := start.Add(time.Duration(float64(i) / k.fps * float64(time.Second)))
		k.clock.Sleep(due.Sub(k.clock.Now()))
		now := k.clock.Now()
		before := k.sender.Stats().Frames
		if _, err := k.sender.Send(protocol.Frame{Captured: now, JPEG: k.film.frame(i)}); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return ctx.Err()
			}
			return err
		}
		k.recorder.Captured(uint32(before), now, k.sender.Stats().Frames > before)
	}
	for end := k.clock.Now().Add(drain); ctx.Err() == nil && k.clock.Now().Before(end); {
		k.clock.Sleep(drain / 20)
	}
	return ctx.Err()
}

// packetHeaders is what IPv4 and UDP add to a datagram, in bytes.
const packetHeaders = 28

// row is the outcome of so many frames. It closes the receiver.
func (k *camera) row(frames int) (Row, error) {
	sent, received := k.sender.Stats(), k.receiver.Stats()
	k.receiver.Close()
	if err := errors.Join(<-k.watching, k.filming); err != nil {
		return Row{}, err
	}
	row := Row{Carrier: "udpcam", FrameBytes: k.size, FPS: k.fps, FEC: k.fec.String(), Frames: frames}
	k.network.describe(&row)
	row.Segment = cmp.Or(k.segment, protocol.DefaultSegmentSize)
	row.Delivered = percent(len(k.came.delays), frames)
	row.delays(k.came.delays)
	row.ByParity, row.ByRequest = &received.ByParity, &received.ByRequest
	row.Dropped = received.Dropped.Map()
	if sent.Skipped > 0 {
		row.Dropped["skipped"] = sent.Skipped
	}
	if told := received.Frames + received.Dropped.Total(); sent.Frames > told {
		row.Dropped["unseen"] = sent.Frames - told // frames that the receiver cannot know of, at the start or the end
	}
	row.Damaged = &k.came.wrong
	row.Overhead = rounded((float64(sent.WireBytes)+float64(packetHeaders*sent.Datagrams))/float64(max(1, sent.FrameBytes)), 3)
	if received.Expected > 0 {
		row.PacketLoss = rounded(100*(1-float64(received.Received)/float64(received.Expected)), 2)
	}
	return row, nil
}
