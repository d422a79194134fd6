package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/sink"
)

// A fakeSink takes frames until it fails.
type fakeSink struct {
	frames []protocol.Frame
	fails  error
	blocks chan struct{} // if not nil, Put waits for it to be closed
	closed bool
}

func (s *fakeSink) Put(f protocol.Frame) error {
	if s.blocks != nil {
		<-s.blocks
	}
	s.frames = append(s.frames, f.Keep())
	return s.fails
}

func (s *fakeSink) Close() error {
	s.closed = true
	return nil
}

// toFakes returns outputs to sinks, their log, and whether they have ended the command.
func toFakes(sinks ...*fakeSink) (o *outputs, log *buffer, ended *bool) {
	log, ended = &buffer{}, new(bool)
	o = &outputs{log: slog.New(slog.NewTextHandler(log, nil)), none: func() { *ended = true }}
	for i, s := range sinks {
		o.files = append(o.files, &file{
			name:  string(rune('a' + i)),
			queue: sink.NewQueue(s, sink.QueueOptions{Frames: 2}),
		})
		o.left.Add(1)
	}
	return o, log, ended
}

// put puts n frames, and after each lets the queues work.
func put(o *outputs, n int) {
	for range n {
		o.put(protocol.Frame{JPEG: []byte("picture")}, time.Now())
		synctest.Wait()
	}
}

func TestOutputs(t *testing.T) {
	full := errors.New("disk full")
	tests := map[string]struct {
		fails []error // of each sink
		ended bool
		log   string
		err   error
	}{
		"all is well":               {[]error{nil, nil}, false, "", nil},
		"the only one fails":        {[]error{full}, true, "", full},
		"one of two fails":          {[]error{full, nil}, false, "cannot write: this output gets no more frames", full},
		"both fail":                 {[]error{full, full}, true, "cannot write: this output gets no more frames", full},
		"the only reader leaves":    {[]error{sink.ErrClosed}, true, "its reader has closed this output", nil},
		"one of two readers leaves": {[]error{sink.ErrClosed, nil}, false, "its reader has closed this output", nil},
		"one leaves, one fails":     {[]error{sink.ErrClosed, full}, true, "its reader has closed this output", full},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sinks []*fakeSink
				for _, err := range test.fails {
					sinks = append(sinks, &fakeSink{fails: err})
				}
				o, log, ended := toFakes(sinks...)
				put(o, 3)
				err := o.close()
				if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
					t.Errorf("closing: %v, want %v", err, test.err)
				}
				if *ended != test.ended {
					t.Errorf("the command ends is %v", *ended)
				}
				if !strings.Contains(log.String(), test.log) || (log.String() == "") != (test.log == "") {
					t.Errorf("log: %s", log.String())
				}
				for i, s := range sinks {
					if !s.closed || (s.fails == nil) != (len(s.frames) == 3) {
						t.Errorf("sink %d: %+v", i, s)
					}
				}
			})
		})
	}
}

// At the end the command waits for a blocked output only a short time. If the output is a recording, the command fails.
func TestOutputsStalled(t *testing.T) {
	for name, kept := range map[string]bool{"pipe": false, "recording": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stalled := &fakeSink{blocks: make(chan struct{})}
				o, log, _ := toFakes(stalled)
				o.files[0].kept = kept
				put(o, 1)
				if err := o.close(); errors.Is(err, sink.ErrStalled) != kept {
					t.Errorf("closing: %v", err)
				}
				if warned := strings.Contains(log.String(), "the reader is stuck: the last frames are lost"); warned == kept {
					t.Errorf("log: %s", log.String())
				}
				close(stalled.blocks)
			})
		})
	}
}

// A blocked output does not delay the others. The frames that it misses are counted.
func TestOutputsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked, well := &fakeSink{blocks: make(chan struct{})}, &fakeSink{}
		o, _, _ := toFakes(blocked, well)
		put(o, 10)
		if len(well.frames) != 10 {
			t.Errorf("the output that works has %d of 10 frames", len(well.frames))
		}
		if dropped := o.dropped(); len(dropped) != 1 || dropped["a"] != 7 { // one is on its way, two wait
			t.Errorf("dropped: %v", dropped)
		}
		close(blocked.blocks)
		if err := o.close(); err != nil || len(blocked.frames) != 3 {
			t.Errorf("%d frames, %v", len(blocked.frames), err)
		}
	})
}
