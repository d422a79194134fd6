package web

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// This measures what Put costs its caller while viewers wait. Put wakes the viewers, and they write later. If there are
// fewer CPUs than viewers, the time includes some of their work. The wait until all have written is not timed.
func BenchmarkPut(b *testing.B) {
	for _, viewers := range []int{0, 1, 60} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			h := New(quiet(Config{}))
			addr := serve(b, h)
			f := frame(0, picture(b, 5))
			for range viewers {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				fmt.Fprint(conn, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
				go io.Copy(io.Discard, conn)
			}
			eventually(b, "all have come", func() bool { return h.Stats().Viewers == viewers })
			b.ReportAllocs()
			for b.Loop() {
				h.Put(f)
				if viewers == 0 {
					continue
				}
				b.StopTimer()
				for s := h.Stats(); s.FramesOut+s.Skipped < s.FramesIn*uint64(viewers); s = h.Stats() {
				}
				b.StartTimer()
			}
		})
	}
}
