// Package relay measures programs from outside. Pictures go into the standard input of one. They come out of another's
// standard output, or out of a server. The package measures which pictures arrive, how late, and at what cost.
//
//	Pictures ──> sender's process ── a network ──> receiver's process ──> mjpeg.Reader ──> Eye
//	Pictures ──> server's process ── HTTP ──> many viewers, each with an Eye
package relay

import (
	"context"
	"errors"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Relay is a pair of programs that is measured.
type Relay struct {
	Send, Receive []string      // command lines
	From, To      Starter       // where they run
	Settle        time.Duration // time for each process to start
}

// A Result is the outcome. It covers only the pictures that count.
type Result struct {
	Sight
	Bytes            int // fed in. Like the costs, this includes the last pictures, which do not count
	Sender, Receiver Cost
}

// Run feeds pictures into the sender. If a process ends too early, the error contains its last output.
func (r Relay) Run(ctx context.Context, feed *Feed) (result Result, err error) {
	sender := &Process{Name: "sender", Command: r.Send, Start: r.From}
	receiver := &Process{Name: "receiver", Command: r.Receive, Start: r.To}
	defer receiver.End()
	defer sender.End()
	for _, p := range []*Process{receiver, sender} {
		if err := p.Begin(); err != nil {
			return result, err
		}
		if !Pause(ctx, r.Settle) {
			return result, ctx.Err()
		}
	}
	eye := feed.NewEye()
	var memory protocol.Pool // reused, because reading into new memory costs more than a fast carrier itself
	pictures := mjpeg.NewReader(receiver.Stdout, mjpeg.ReaderOptions{Skip: eye.skipped, Alloc: memory.Get})
	go eye.Watch(pictures.Next, memory.Put)

	bytes, costs, err := feed.Into(ctx, sender, receiver)
	if err != nil {
		return result, err
	}
	result = Result{eye.Sight(), bytes, costs[0], costs[1]}
	if len(result.Delays) == 0 { // find out whether a process failed; otherwise the network lost them all
		for _, p := range []*Process{sender, receiver} {
			if p.ended() {
				return result, p.Failure(errors.New("it ended"))
			}
		}
	}
	return result, nil
}
