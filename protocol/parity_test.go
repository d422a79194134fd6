package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestCodeSize(t *testing.T) {
	for _, c := range [][3]int{{1, 0, 1}, {1, 1, 1}, {56, 3, 4}, {56, 4, 4}, {56, 5, 8}, {192, 64, 64}, {192, 65, 64}, {128, 100, 128}} {
		if got := codeSize(c[0], c[1]); got != c[2] || !validCode(c[0], got) {
			t.Errorf("the code for %d data and %d parity segments has %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// TestParityRepairs loses as many segments as there is parity, at random, in blocks of all kinds.
func TestParityRepairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var c coder
	for _, length := range []int{1, 64, 100, 1408, 3000, 20_000, 33_000, 78_000, 269_000, 272_000, 900_000} {
		for _, m := range []int{1, 2, 4, 16, 64} {
			t.Run(fmt.Sprintf("%d bytes, %d parity", length, m), func(t *testing.T) {
				frame := picture(max(length, 4), 1)[:length]
				l, err := newLayout(length, DefaultSegmentSize)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, l.segments()*l.stride)
				have := make([]bool, l.segments())
				for i := range have {
					start, end := l.span(i)
					copy(got[start:], frame[start:end])
					have[i] = true
				}
				for b := range l.blocks {
					parity := make([][]byte, m)
					for j := range parity {
						parity[j] = make([]byte, l.stride)
					}
					if err := c.encode(l, b, frame, parity); err != nil {
						t.Fatal(err)
					}
					var own []int
					for i := b; i < l.segments(); i += l.blocks {
						own = append(own, i)
					}
					lost := min(m, len(own))
					for _, at := range r.Perm(len(own))[:lost] {
						start, end := l.span(own[at])
						clear(got[start:end])
						have[own[at]] = false
					}
					for _, j := range r.Perm(m)[:m-lost] {
						parity[j] = nil // what is not needed is not there
					}
					if err := c.repair(l, b, got, func(i int) bool { return have[i] }, parity); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(got[:length], frame) {
					t.Error("the frame is not as it was")
				}
			})
		}
	}
}

func TestParityTooLittle(t *testing.T) {
	var c coder
	l, _ := newLayout(78_000, DefaultSegmentSize)
	frame := make([]byte, l.segments()*l.stride)
	parity := make([][]byte, 4)
	parity[2] = make([]byte, l.stride)
	if err := c.repair(l, 0, frame, func(i int) bool { return i > 1 }, parity); err == nil {
		t.Error("two segments were repaired from one")
	}
	if _, err := c.code(200, 64); err == nil {
		t.Error("a code was made that cannot be")
	}
	for k := 1; k <= 2*maxCoders; k++ {
		if _, err := c.code(k, 4); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.codes) > maxCoders {
		t.Errorf("%d codes are kept", len(c.codes))
	}
}

func BenchmarkParity(b *testing.B) {
	for _, m := range []int{4, 16, 32} {
		l, _ := newLayout(78_000, DefaultSegmentSize)
		frame := picture(l.segments()*l.stride, 1)
		parity := make([][]byte, m)
		for j := range parity {
			parity[j] = make([]byte, l.stride)
		}
		var c coder
		b.Run(fmt.Sprintf("encode 56+%d", m), func(b *testing.B) {
			b.SetBytes(78_000)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.encode(l, 0, frame[:78_000], parity); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("repair 3 of 56+%d", m), func(b *testing.B) {
			b.SetBytes(78_000)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += 7
				if err := c.repair(l, 0, frame, func(i int) bool { return i != n%56 && i != (n+20)%56 && i != (n+31)%56 }, parity); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
