package bench

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"udpcam/bench/internal/relay"
)

// A Fan is what Fanout measures: for each way to watch, each number of viewers with each number of stalled ones.
type Fan struct {
	Udpcam           string // the command
	By               []Way
	Viewers, Stalled []int
	Pictures         [][]byte // of which Uncounted do not count
	FPS              float64
}

// Fanout measures what each viewer gets from a server. The server is a separate process: it reads pictures from standard
// input and serves them over HTTP. Stalled viewers ask for the stream too, but read nothing.
func Fanout(ctx context.Context, f Fan, progress Progress) (rows []Row, err error) {
	all := len(f.By) * len(f.Viewers) * len(f.Stalled)
	for _, way := range f.By {
		for _, viewers := range f.Viewers {
			for _, stalled := range f.Stalled {
				progress(len(rows), all, fmt.Sprintf("%s: %d viewers, %d stalled", way.title, viewers, stalled))
				row, err := f.measure(ctx, way, viewers, stalled)
				if err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// starting is how long a server may take to start, and viewers to connect.
const starting = 10 * time.Second

func (f Fan) measure(ctx context.Context, way Way, viewers, stalled int) (row Row, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	addr, err := freeAddress()
	if err != nil {
		return row, err
	}
	server := &relay.Process{Name: "server", Command: []string{f.Udpcam, "serve", "--source", "-", "--http", addr}}
	defer server.End()
	defer cancel()
	if err := server.Start(); err != nil {
		return row, err
	}
	audience := &audience{ids: map[pictureKey]int{}}
	for i, p := range f.Pictures {
		audience.ids[keyOf(p)] = i
	}
	audience.in = make([]time.Time, len(f.Pictures))
	audience.from, audience.to = int(f.FPS), len(f.Pictures)-cool
	var watching sync.WaitGroup
	seats := make([]seat, viewers)
	connected := make(chan error, viewers+stalled)
	for i := range viewers + stalled {
		watching.Go(func() {
			v, err := way.admitted(ctx, addr, i >= viewers)
			connected <- err
			if err != nil {
				return
			}
			defer v.close()
			if i >= viewers {
				<-ctx.Done()
				return
			}
			audience.watch(v, &seats[i])
		})
	}
	for range viewers + stalled {
		if err := <-connected; err != nil {
			return row, fmt.Errorf("a viewer: %w", err)
		}
	}
	var before relay.Cost
	start := time.Now()
	fed := 0
	for i, p := range f.Pictures {
		if i == audience.from {
			before = server.Cost()
		}
		due := start.Add(time.Duration(float64(i) / f.FPS * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return row, ctx.Err()
		}
		audience.went(i)
		if _, err := server.Stdin.Write(p); err != nil {
			return row, server.Failure(err)
		}
		if i >= audience.from && i < audience.to {
			fed += len(p)
		}
	}
	time.Sleep(300 * time.Millisecond)
	cost := server.Cost()
	cancel()
	watching.Wait()

	frames := audience.to - audience.from
	row = Row{Carrier: way.title, Link: "loopback", FrameBytes: meanSize(f.Pictures), FPS: f.FPS, Viewers: viewers, Stalled: &stalled, Frames: frames}
	var delays []time.Duration
	worst := frames
	for _, s := range seats {
		delays = append(delays, s.delays...)
		worst = min(worst, len(s.delays))
	}
	row.Delivered, row.Worst = percent(len(delays), frames*viewers), percent(worst, frames)
	row.delays(delays)
	row.Memory = rounded(float64(cost.Memory)/1e6, 1)
	if cost.CPU > 0 {
		row.CPU = rounded((cost.CPU-before.CPU).Seconds()/(float64(fed)*float64(viewers)/1e9), 3)
	}
	return row, nil
}

// freeAddress is an address at which nobody listens now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// An audience knows which pictures there are.
type audience struct {
	ids      map[pictureKey]int
	from, to int // which of them count

	mu sync.Mutex
	in []time.Time // when each was fed
}

// A seat is what one viewer has got.
type seat struct{ delays []time.Duration }

// A pictureKey tells a picture from the others at little cost.
type pictureKey struct {
	size int
	end  [32]byte
}

func keyOf(jpeg []byte) (k pictureKey) {
	k.size = len(jpeg)
	copy(k.end[:], jpeg[max(0, len(jpeg)-34):])
	return k
}

func (a *audience) went(i int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.in[i] = time.Now()
}

// watch notes the pictures that a viewer gets until there are no more, each once.
func (a *audience) watch(v viewer, s *seat) {
	var seen []int
	for {
		picture, err := v.next()
		if err != nil {
			return
		}
		now := time.Now()
		i, ok := a.ids[keyOf(picture)]
		if !ok || i < a.from || i >= a.to || slices.Contains(seen, i) {
			continue
		}
		seen = append(seen, i)
		a.mu.Lock()
		s.delays = append(s.delays, now.Sub(a.in[i]))
		a.mu.Unlock()
	}
}
