//go:build unix

package sink

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// A reopenedSink fails while broken is set. It can be opened again when it is not.
type reopenedSink struct {
	slowSink
	broken atomic.Pointer[error]
	opened atomic.Int32
}

func (s *reopenedSink) trouble() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *reopenedSink) Put(f protocol.Frame) error {
	if err := s.trouble(); err != nil {
		return err
	}
	return s.slowSink.Put(f)
}

func (s *reopenedSink) again() (Sink, error) {
	s.opened.Add(1)
	return s, s.trouble()
}

// While a sink has failed, whatever the error, its frames wait, and its state says what is wrong. When it works again, it
// gets them all in order.
func TestQueueOpensItsSinkAgain(t *testing.T) {
	for _, trouble := range []error{syscall.EIO, syscall.ESTALE, syscall.EDQUOT, syscall.ENOSPC, syscall.EROFS,
		syscall.EACCES, ErrClosed} {
		synctest.Test(t, func(t *testing.T) {
			s := &reopenedSink{}
			q := NewQueue(s, QueueOptions{})
			for i := range uint32(300) { // 10 s
				switch i {
				case 100:
					s.broken.Store(&trouble)
				case 250:
					if state := q.State(); state.Err == "" || time.Since(state.Since) < 4*time.Second {
						t.Errorf("%v: %+v", trouble, state)
					}
					s.broken.Store(nil)
				}
				if err := q.Put(frame(i)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second / 30)
				if state := q.State(); i < 100 && state.Err != "" {
					t.Errorf("%+v", state)
				}
			}
			if state := q.State(); state.Err != "" {
				t.Errorf("%v: a second and a half later: %+v", trouble, state)
			}
			if err := q.Close(); err != nil {
				t.Error(err)
			}
			if len(s.ids) != 300 || s.opened.Load() > 5 {
				t.Errorf("%v: %d of 300 frames, opened %d times", trouble, len(s.ids), s.opened.Load())
			}
			for i, id := range s.ids {
				if id != uint32(i) {
					t.Fatalf("%v: frame %d came as number %d", trouble, id, i)
				}
			}
		})
	}
}

// A queue that is closed during trouble tries once more, and says what is lost.
func TestQueueClosedDuringTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, mended := range []bool{false, true} {
			trouble := error(syscall.EIO)
			s := &reopenedSink{}
			s.broken.Store(&trouble)
			q := NewQueue(s, QueueOptions{})
			for i := range uint32(3) {
				q.Put(frame(i))
			}
			synctest.Wait()
			if mended {
				s.broken.Store(nil)
			}
			err := q.Close()
			if mended && (err != nil || len(s.ids) != 3) {
				t.Errorf("%v, %d frames", err, len(s.ids))
			}
			if !mended && (!errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "3 frames are lost")) {
				t.Error(err)
			}
		}
	})
}
