package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// maxSearch is how many bytes are searched for a picture before giving up: four of the largest pictures. It stops
// endless senders of other data, and long reads of a wrong file.
const maxSearch = 4 * (protocol.MaxFrameSize + 1)

var errNothingFound = errors.New("64 MB without a whole JPEG in it")

// pictures are the pictures of a byte stream.
type pictures struct {
	in     search
	reader *mjpeg.Reader
	pool   protocol.Pool
	within int // how many of the next pictures may be parts of the last one
	field  int // which of a picture's two fields is taken, 0 while pictures are whole
	log    *slog.Logger

	most     int         // bytes of a picture
	tooLarge atomic.Bool // one had more
}

// pictures returns the pictures in r. What is left out is counted with Skip.
func (o Options) pictures(r io.Reader) *pictures {
	p := &pictures{in: search{r: r}, most: o.MaxFrameSize, log: o.Log}
	p.reader = mjpeg.NewReader(&p.in, mjpeg.ReaderOptions{
		MaxFrameSize: o.MaxFrameSize,
		Mend:         true,
		Skip: func(reason mjpeg.Reason) {
			p.tooLarge.Store(p.tooLarge.Load() || reason == mjpeg.Oversized)
			if !p.in.stopped() { // else the picture has just not come yet
				o.Skip(string(reason))
			}
		},
		Alloc: p.pool.Get,
	})
	return p
}

// next returns the next picture as a frame that was captured now. It is lent until next is called again. The error is
// that of the stream, io.EOF at its end, or errNothingFound.
func (p *pictures) next() (protocol.Frame, error) {
	p.pool.TakeBack()
	jpeg, err := p.reader.Next()
	for err == nil && (p.within > 0 && !mjpeg.HasCompanions(jpeg) || p.isSecondField(jpeg)) {
		p.within--
		p.pool.Put(jpeg)
		jpeg, err = p.reader.Next()
	}
	switch {
	case err != nil && p.in.err != nil:
		return protocol.Frame{}, p.in.err // without what the reader says around it
	case err != nil:
		return protocol.Frame{}, err
	}
	p.in.found()
	if p.within = 0; mjpeg.HasCompanions(jpeg) {
		p.within = maxWithin
	}
	return p.pool.Lend(protocol.Frame{Captured: time.Now(), JPEG: jpeg}), nil
}

// maxWithin is how many pictures may be part of another.
const maxWithin = 3

// isSecondField reports whether a picture is the other of two fields, of which the first that came is taken. To weave both
// would mean to decode and encode them.
func (p *pictures) isSecondField(jpeg []byte) bool {
	field := mjpeg.FieldOf(jpeg)
	if p.field == 0 {
		p.field = field
		return false
	}
	if field == 0 || field == p.field {
		return false
	}
	if p.log != nil {
		p.log.Info("pictures come as two fields each, with every other line: only the first field is taken, at half the height")
		p.log = nil
	}
	return true
}

// A search is a reader that gives up after maxSearch bytes in which no picture was found. It remembers how its stream
// begins.
type search struct {
	r    io.Reader
	read int // bytes since the last picture
	err  error

	mu    sync.Mutex
	begin []byte // the first bytes, until a picture has come
	any   bool   // one has
}

func (s *search) Read(b []byte) (n int, err error) {
	if s.read > maxSearch {
		s.err = errNothingFound
		return 0, s.err
	}
	n, s.err = s.r.Read(b)
	s.read += n
	if !s.any && len(s.begin) < enoughToTell {
		s.mu.Lock()
		s.begin = append(s.begin, b[:min(n, enoughToTell-len(s.begin))]...)
		s.mu.Unlock()
	}
	return n, s.err
}

// stopped reports whether the reading was ended from this side.
func (s *search) stopped() bool {
	return errors.Is(s.err, context.Canceled) || errors.Is(s.err, errStopped) || errors.Is(s.err, os.ErrDeadlineExceeded)
}

func (s *search) found() {
	s.read = 0
	if !s.any {
		s.mu.Lock()
		s.begin, s.any = nil, true
		s.mu.Unlock()
	}
}

// what says what comes instead of pictures. It may be called from any goroutine.
func (p *pictures) what() string {
	if p.tooLarge.Load() {
		return fmt.Sprintf("its pictures have more than %d bytes; make them smaller, or of a lower quality", p.most)
	}
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	text, _ := whatIs(p.in.begin)
	return text
}

// tellAfter is when a user hears what comes if it is no picture.
const tellAfter = 3 * time.Second

// watch looks whether a picture has come within tellAfter. If not, and it is sure what comes instead, it calls give with an
// error; else it logs what it sees. The caller calls stop when it needs no pictures any more.
func (p *pictures) watch(log *slog.Logger, name string, give func(error)) (stop func() bool) {
	return time.AfterFunc(tellAfter, func() {
		p.in.mu.Lock()
		defer p.in.mu.Unlock()
		switch text, sure := whatIs(p.in.begin); {
		case p.in.any, bytes.HasPrefix(withoutPartHeader(p.in.begin), []byte("\xFF\xD8")): // it may come slowly
		case sure:
			give(fmt.Errorf("%w: %s", ErrNoJPEG, text))
		default:
			log.Warn("no picture yet", "from", name, "what", text)
		}
	}).Stop
}
