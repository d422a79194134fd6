//go:build unix

package relay_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"udpcam/bench/internal/relay"
)

// pictures are the smallest JPEGs that a reader accepts, each different.
func pictures(n int) (ps [][]byte) {
	for i := range n {
		head := "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
		ps = append(ps, []byte(fmt.Sprintf("%spicture %06d\n\xff\xd9", head, i)))
	}
	return ps
}

// pipe is two programs with a named pipe between them, and pictures for them.
func pipe(t *testing.T, send, receive string) (relay.Relay, *relay.Feed) {
	fifo := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	return relay.Relay{Send: []string{"sh", "-c", send + " >" + fifo}, Receive: []string{"sh", "-c", receive + " <" + fifo},
		From: relay.Here, To: relay.Here, Settle: 50 * time.Millisecond}, relay.NewFeed(pictures(40), 5, 5, 200)
}

func TestRelay(t *testing.T) {
	calls := 0
	r, feed := pipe(t, "exec cat", "exec cat")
	feed.Measured = func() { calls++ }
	got, err := r.Run(t.Context(), feed)
	if err != nil || feed.Counted() != 30 || len(got.Delays) != 30 || got.Damaged+got.Again != 0 || calls != 2 {
		t.Errorf("%+v, %v, measured %d times", got, err, calls)
	}
	if slices.Min(got.Delays) <= 0 {
		t.Error("a picture came out before it went in")
	}
}

// Pictures that were changed on the way, or came twice, count as damaged. The others do not.
func TestRelayDamage(t *testing.T) {
	r, feed := pipe(t, "exec cat", "LC_ALL=C exec sed -u 's/picture 000011/picture 999999/; s/picture 000012/picture 000013/'")
	got, err := r.Run(t.Context(), feed)
	if err != nil || len(got.Delays) != 28 || got.Damaged != 1 || got.Again != 1 {
		t.Errorf("%d came, %d damaged, %d again, %v", len(got.Delays), got.Damaged, got.Again, err)
	}
}

// If a program fails, the error contains its last output.
func TestRelayFailure(t *testing.T) {
	r, feed := pipe(t, "echo no camera >&2; exit 3; true", "exec cat")
	if _, err := r.Run(t.Context(), feed); err == nil || !strings.Contains(err.Error(), "no camera") {
		t.Error(err)
	}
	r.Send = []string{"no-such-program"}
	if _, err := r.Run(t.Context(), feed); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Error(err)
	}
}
