package datachannel

import (
	"sync"
	"time"

	"udpcam/protocol"
)

// An outbox holds a browser's packets until they leave. SCTP makes them one by one, and much faster than the system takes
// them one by one. So those that have come meanwhile leave together.
type outbox struct {
	full chan struct{} // has a value if there are packets

	mu      sync.Mutex // guards what follows
	packets []protocol.Datagram
	spare   []protocol.Datagram // with memory for the next ones
}

// burst is how many packets leave at once, and then burstTime passes. Chromium's socket holds 131,072 bytes, which the
// system counts as some 57 packets. The senders of several streams know nothing of each other.
const (
	burst     = 24
	burstTime = time.Millisecond
)

// mostLeaving is how many packets may wait in an outbox. Further ones are lost.
const mostLeaving = 1024

func newOutbox() outbox { return outbox{full: make(chan struct{}, 1)} }

// put puts a copy of a packet into the outbox.
func (o *outbox) put(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.packets)
	if n == mostLeaving {
		return
	}
	if n < cap(o.packets) {
		o.packets = o.packets[:n+1]
	} else {
		o.packets = append(o.packets, protocol.Datagram{})
	}
	o.packets[n][0] = append(o.packets[n][0][:0], b...)
	select {
	case o.full <- struct{}{}:
	default:
	}
}

// leave sends what is put into the outbox, until ended is closed.
func (o *outbox) leave(ended <-chan struct{}, send func([]protocol.Datagram)) {
	for {
		select {
		case <-ended:
			return
		case <-o.full:
		}
		o.mu.Lock()
		packets := o.packets
		o.packets = o.spare[:0]
		o.mu.Unlock()
		for rest := packets; len(rest) > 0; {
			n := min(burst, len(rest))
			send(rest[:n])
			if rest = rest[n:]; n == burst {
				time.Sleep(burstTime)
			}
		}
		o.mu.Lock()
		o.spare = packets
		o.mu.Unlock()
	}
}
