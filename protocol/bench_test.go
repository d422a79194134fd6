package protocol

import (
	"fmt"
	"testing"
)

// BenchmarkSplit and BenchmarkAssemble work on frames of a good camera, 78 kB, and of a very good one, 250 kB.
func BenchmarkSplit(b *testing.B) {
	for _, size := range []int{78_000, 250_000} {
		b.Run(fmt.Sprintf("%dkB", size/1000), func(b *testing.B) {
			s, _ := NewSplitter(1, 0, 0)
			f := Frame{JPEG: picture(size, 1), Captured: epoch}
			var o Outgoing
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				f.ID++
				if err := s.Split(&o, f, 0); err != nil {
					b.Fatal(err)
				}
				o.Data()
			}
		})
	}
}

func BenchmarkAssemble(b *testing.B) {
	for _, size := range []int{78_000, 250_000} {
		b.Run(fmt.Sprintf("%dkB", size/1000), func(b *testing.B) {
			cam := newCamera(1, "")
			a := NewAssembler(AssemblerConfig{})
			add(a, alice, epoch, cam.announce())
			_, ds := cam.frame(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, d := range ds {
					d[11]++ // the frame ID, as far as it takes here
					if d[11] == 0 {
						d[10]++
					}
					a.Add(d, alice, epoch)
				}
				if _, ok := a.Next(); !ok {
					b.Fatal("no frame came")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	_, ds := newCamera(1, "").frame(78_000)
	b.ReportAllocs()
	for b.Loop() {
		p, err := parsePrefix(ds[3])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parseSegment(p, ds[3]); err != nil {
			b.Fatal(err)
		}
	}
}
