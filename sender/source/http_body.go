package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A body is the body of an answer. It is read as the camera has written it, which may not be what the header says: some
// cameras announce chunks and send none.
type body struct {
	in      *bufio.Reader
	left    int64 // bytes of the body, or of the chunk; -1 means up to the end of the connection
	chunked bool
	begun   bool  // whether the first chunk has begun
	ended   error // io.EOF behind the last byte
	close   func(*body) error
	ctx     context.Context // of the request; when it is done, the connection is closed
}

// newBody returns the body behind a header. If endless is true, the length in the header is not believed.
func newBody(in *bufio.Reader, h answerHead, endless bool) *body {
	b := &body{in: in, left: lengthOf(h.fields), chunked: hasToken(h.fields, "Transfer-Encoding", "chunked")}
	switch {
	case h.status < 200, h.status == http.StatusNoContent, h.status == http.StatusNotModified:
		b.left, b.chunked, b.ended = 0, false, io.EOF
	case b.chunked:
		b.left = 0
	case endless && h.status == http.StatusOK, b.left == 0 && strings.HasPrefix(kindOf(h.fields), "multipart/"):
		b.left = -1
	case b.left == 0:
		b.ended = io.EOF
	}
	return b
}

var errChunks = errors.New("its answer comes in chunks that cannot be read")

// maxChunkLine is how long the line before a chunk may be. It stops lines without end.
const maxChunkLine = 4 << 10

func (b *body) Read(p []byte) (n int, err error) {
	n, err = b.read(p)
	if err != nil && b.ctx != nil && b.ctx.Err() != nil {
		err = b.ctx.Err()
	}
	return n, err
}

func (b *body) read(p []byte) (n int, err error) {
	if b.ended == nil && b.chunked && b.left == 0 {
		b.nextChunk()
	}
	switch {
	case b.ended != nil:
		return 0, b.ended
	case b.left >= 0:
		p = p[:min(int64(len(p)), b.left)]
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err = b.in.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	switch {
	case b.left == 0 && !b.chunked:
		b.ended = io.EOF
		err = nil
	case err == io.EOF && b.left > 0:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		b.ended = err
	}
	return n, err
}

// nextChunk reads the line before a chunk (RFC 9112, section 7.1). If there is no last chunk, the body ends with the
// connection.
func (b *body) nextChunk() {
	for {
		start, err := b.in.Peek(1)
		switch {
		case err != nil:
			b.ended = err
			return
		case start[0] == '\r' || start[0] == '\n' || start[0] == ' ':
			b.in.Discard(1)
			continue
		case !b.begun && !strings.ContainsRune("0123456789abcdefABCDEF", rune(start[0])):
			b.chunked, b.left = false, -1 // these are no chunks
			return
		}
		line, err := b.line()
		text, _, _ := strings.Cut(line, ";")
		size, bad := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "0x"), 16, 62)
		switch {
		case err != nil:
			b.ended = err
		case bad != nil:
			b.ended = errChunks
		case size == 0:
			b.ended = io.EOF // trailers may follow: they are skipped when the next answer is read
		}
		b.begun, b.left = true, int64(size)
		return
	}
}

func (b *body) line() (string, error) {
	var line []byte
	for len(line) < maxChunkLine {
		c, err := b.in.ReadByte()
		if err != nil || c == '\n' {
			return string(line), err
		}
		line = append(line, c)
	}
	return "", errors.New("its answer comes in chunks, before which stands a line too long")
}

// finished reports whether all of the body has been read, or the rest is there and can be passed over.
func (b *body) finished() bool {
	if !b.chunked && b.left > 0 && b.left <= int64(b.in.Buffered()) {
		b.in.Discard(int(b.left))
		b.left, b.ended = 0, io.EOF
	}
	return b.ended == io.EOF && b.left == 0
}

func (b *body) Close() error { return b.close(b) }

// unzipped returns what is compressed in r, if r begins as gzip does (RFC 1952), and else r as it is. udpcam does not ask
// for compression, but some servers compress all that they send.
func unzipped(r *bufio.Reader) (io.Reader, error) {
	if start, _ := r.Peek(1); len(start) == 0 || start[0] != 0x1F {
		return r, nil
	}
	if start, _ := r.Peek(3); !bytes.Equal(start, []byte{0x1F, 0x8B, 8}) {
		return r, nil
	}
	unzip, err := gzip.NewReader(r)
	if err == nil {
		unzip.Multistream(false) // else it would wait for what follows
	}
	return unzip, err
}
