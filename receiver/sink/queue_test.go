package sink

import (
	"bytes"
	"cmp"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// A slowSink takes its time.
type slowSink struct {
	delay    time.Duration
	fails    error // of the frame numbered failsAt
	failsAt  uint32
	closing  error // of Close
	watched  bool
	mu       sync.Mutex
	ids      []uint32
	isClosed bool
}

func (s *slowSink) Put(f protocol.Frame) error {
	time.Sleep(s.delay)
	if s.fails != nil && f.ID == s.failsAt {
		return s.fails
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, f.ID)
	return nil
}

func (s *slowSink) Close() error {
	s.isClosed = true
	return s.closing
}

func (s *slowSink) live() bool { return s.watched }

func frame(id uint32) protocol.Frame { return protocol.Frame{ID: id, JPEG: make([]byte, 1000)} }

func TestQueueHandsOnInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSink{delay: time.Millisecond}
		q := NewQueue(s, QueueOptions{})
		for i := range uint32(1000) {
			if err := q.Put(frame(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); err != nil || !s.isClosed {
			t.Errorf("Close: %v, closed: %v", err, s.isClosed)
		}
		if len(s.ids) != 1000 || q.Dropped() != 0 {
			t.Errorf("%d frames, %d dropped", len(s.ids), q.Dropped())
		}
		for i, id := range s.ids {
			if id != uint32(i) {
				t.Fatalf("frame %d came as number %d", id, i)
			}
		}
		if err := q.Put(frame(0)); !errors.Is(err, ErrClosed) {
			t.Errorf("Put behind Close: %v", err)
		}
		if err := q.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
	})
}

func TestQueueDropsTheOldest(t *testing.T) {
	for name, test := range map[string]struct {
		o     QueueOptions
		bytes int
		watch bool
		want  int // frames that wait, of 100
	}{
		"frames":            {o: QueueOptions{Frames: 10}, want: 10},
		"bytes":             {bytes: 10_500, want: 10},
		"one always may":    {bytes: 1, want: 1},
		"what is watched":   {watch: true, want: liveFrames},
		"watched, and told": {watch: true, o: QueueOptions{Frames: 20}, want: 20},
		"what is kept":      {want: 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowSink{delay: time.Second, watched: test.watch}
				q := NewQueue(s, test.o)
				q.bytes = cmp.Or(test.bytes, q.bytes)
				q.Put(frame(1000)) // occupies the sink
				synctest.Wait()
				start := time.Now()
				for i := range uint32(100) {
					q.Put(frame(i))
				}
				if d := time.Since(start); d > 0 {
					t.Errorf("Put blocks for %v", d)
				}
				if err := q.Close(); err != nil {
					t.Error(err)
				}
				if len(s.ids) != 1+test.want || s.ids[len(s.ids)-1] != 99 || q.Dropped() != uint64(100-test.want) {
					t.Errorf("%d frames, %d dropped; want %d", len(s.ids)-1, q.Dropped(), test.want)
				}
			})
		})
	}
}

func TestQueueOfASinkThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		s := &slowSink{fails: broken, failsAt: 3, closing: errors.New("of Close, which comes second")}
		q := NewQueue(s, QueueOptions{})
		for i := range uint32(10) {
			q.Put(frame(i))
		}
		<-q.done
		if !s.isClosed || len(s.ids) != 3 {
			t.Errorf("closed: %v, %d frames", s.isClosed, len(s.ids))
		}
		if err := q.Put(frame(0)); !errors.Is(err, broken) {
			t.Errorf("Put: %v", err)
		}
		if err := q.Close(); !errors.Is(err, broken) {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestQueueReportsTheErrorOfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		q := NewQueue(&slowSink{closing: full}, QueueOptions{})
		if err := q.Close(); !errors.Is(err, full) {
			t.Errorf("%v, want %v", err, full)
		}
	})
}

func TestQueueGivesUpASinkThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSink{delay: time.Hour}
		q := NewQueue(s, QueueOptions{})
		for i := range uint32(3) {
			q.Put(frame(i))
		}
		synctest.Wait()
		start := time.Now()
		if err := q.Close(); !errors.Is(err, ErrStalled) {
			t.Errorf("%v, want %v", err, ErrStalled)
		}
		if d := time.Since(start); d != patience {
			t.Errorf("it was given up after %v", d)
		}
		<-q.done // in an hour
		if len(s.ids) != 1 || !s.isClosed {
			t.Errorf("the sink, back again, got %d frames; closed: %v", len(s.ids), s.isClosed)
		}
	})
}

// TestQueueWaitsForASinkThatWorks closes a queue before a slow disk.
func TestQueueWaitsForASinkThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSink{delay: 2 * time.Second}
		q := NewQueue(s, QueueOptions{})
		for i := range uint32(20) {
			q.Put(frame(i))
		}
		if err := q.Close(); err != nil || len(s.ids) != 20 {
			t.Errorf("%d frames of 20, %v", len(s.ids), err)
		}
	})
}

// A keepingSink may use a frame only until its Put returns.
type keepingSink struct {
	slowSink
	t *testing.T
}

func (s *keepingSink) Put(f protocol.Frame) error {
	before := bytes.Clone(f.JPEG)
	err := s.slowSink.Put(f)
	if want := bytes.Repeat([]byte{byte(f.ID)}, len(f.JPEG)); !bytes.Equal(before, want) || !bytes.Equal(f.JPEG, want) {
		s.t.Errorf("frame %d has changed", f.ID)
	}
	return err
}

// TestQueueKeeps has frames of a lender, and of a program with one buffer, wait in two queues at once, while the program
// keeps some itself. All frames must stay unchanged.
func TestQueueKeeps(t *testing.T) {
	var pool protocol.Pool
	buffer := make([]byte, 1000)
	for name, next := range map[string]func() (b []byte, lend func(protocol.Frame) protocol.Frame){
		"lent": func() ([]byte, func(protocol.Frame) protocol.Frame) {
			pool.TakeBack()
			return pool.Get(1000), pool.Lend
		},
		"one buffer": func() ([]byte, func(protocol.Frame) protocol.Frame) {
			return buffer, func(f protocol.Frame) protocol.Frame { return f }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fast := NewQueue(&keepingSink{slowSink{delay: time.Millisecond}, t}, QueueOptions{})
				slow := NewQueue(&keepingSink{slowSink{delay: 3 * time.Millisecond, watched: true}, t}, QueueOptions{})
				var kept []protocol.Frame
				for i := range uint32(50) {
					b, lend := next()
					copy(b, bytes.Repeat([]byte{byte(i)}, len(b)))
					f := lend(protocol.Frame{ID: i, JPEG: b})
					fast.Put(f)
					slow.Put(f)
					if i%3 == 0 {
						kept = append(kept, f.Keep())
					}
					time.Sleep(time.Millisecond)
				}
				if err := errors.Join(fast.Close(), slow.Close()); err != nil || slow.Dropped() == 0 {
					t.Errorf("%v, %d dropped", err, slow.Dropped())
				}
				for _, f := range kept {
					if !bytes.Equal(f.JPEG, bytes.Repeat([]byte{byte(f.ID)}, 1000)) {
						t.Errorf("frame %d, kept beside the queues, has changed", f.ID)
					}
				}
			})
		})
	}
}

func BenchmarkQueue(b *testing.B) {
	q := NewQueue(&slowSink{watched: true}, QueueOptions{})
	f := frame(0)
	b.ReportAllocs()
	for b.Loop() {
		q.Put(f)
	}
	q.Close()
}
