package mjpeg

import "testing"

// A picture costs one allocation: its own memory. That is hardly larger than the picture.
func TestReaderAllocations(t *testing.T) {
	street := picturesIn(t, "street")
	for name, stream := range map[string][]byte{
		"back to back": join(street[1:4]...),
		"multipart":    join([]byte(BoundaryLine+"A: b\r\n\r\n"), street[1], []byte("\r\n")),
		"small":        join(street[4:]...),
	} {
		r := NewReader(&loop{stream: stream, most: 64 << 10}, ReaderOptions{})
		next := func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			next() // until the buffer's size has settled
		}
		if n := testing.AllocsPerRun(200, next); n > 1 {
			t.Errorf("%s: %v allocations a picture", name, n)
		}
		if typical := r.buf.typical; r.buf.capacity() > typical+typical/4+minRead {
			t.Errorf("%s: memory of %d bytes for pictures of %d", name, r.buf.capacity(), typical)
		}
	}
}
