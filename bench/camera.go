package bench

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"udpcam/internal/trace"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// A camera is a sender at one end of a link, and a viewer of its frames at the other.
type camera struct {
	clock    protocol.Clock
	clip     clip
	sender   *sender.Sender
	receiver *receiver.Receiver
	recorder *trace.Recorder
	warm     int // how many first frames do not count

	sent   int          // frames handed to the sender
	id     uint32       // of the next frame that leaves
	failed error        // why sending failed
	end    func() error // closes both ends, once, and returns the first errors of both
	// What came out at the other end, once watch has ended.
	delays []time.Duration // of the frames that count
	wrong  uint64          // frames that never went in, or came twice or after a newer one
}

// begin starts watch. Afterwards end must be called.
func (k *camera) begin() {
	watching := make(chan error, 1)
	go func() { watching <- k.watch() }()
	k.end = sync.OnceValue(func() error {
		k.receiver.Close()
		return errors.Join(k.failed, <-watching, k.sender.Close())
	})
}

// watch notes the frames that arrive until the receiver is closed.
func (k *camera) watch() (failed error) {
	next := 0
	for f, err := range k.receiver.Frames(context.Background()) {
		if failed = err; err != nil {
			continue
		}
		now := k.clock.Now()
		k.recorder.Delivered(f.ID, now)
		i := k.clip.number(f.JPEG)
		if i < next {
			k.wrong++
			continue
		}
		if next = i + 1; i >= k.warm {
			k.delays = append(k.delays, now.Sub(f.Captured))
		}
	}
	return failed
}

// send sends frames at this rate, as long as more returns true. An infinite rate means as fast as possible.
func (k *camera) send(ctx context.Context, fps float64, more func(sent int) bool) error {
	start := k.clock.Now()
	for i := 0; more(i); i++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		due := start.Add(time.Duration(float64(i) / fps * float64(time.Second)))
		k.clock.Sleep(due.Sub(k.clock.Now()))
		now := k.clock.Now()
		left, err := k.sender.Send(protocol.Frame{Captured: now, JPEG: k.clip.frame(k.sent)})
		if errors.Is(err, net.ErrClosed) {
			return ctx.Err()
		} else if err != nil {
			return err
		}
		k.sent++
		k.recorder.Captured(k.id, now, left)
		if left {
			k.id++
		}
	}
	return nil
}
