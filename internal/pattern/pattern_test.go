package pattern

import (
	"fmt"
	"image"
	"testing"
	"time"
)

// noon is a time with a different digit in each place of the clock.
var noon = time.Date(2026, 5, 17, 12, 34, 56, 789_012_000, time.UTC)

func newPattern(t testing.TB, width, height int) *Pattern {
	t.Helper()
	p, err := New(image.Pt(width, height), fmt.Sprintf("%dx%d\n30 fps", width, height))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCheckSize(t *testing.T) {
	for _, tt := range []struct {
		size image.Point
		ok   bool
	}{
		{image.Pt(160, 120), true},
		{image.Pt(8192, 8192), true},
		{image.Pt(161, 4001), true},
		{image.Pt(159, 120), false},
		{image.Pt(160, 119), false},
		{image.Pt(8193, 120), false},
		{image.Pt(160, 8193), false},
		{image.Pt(-160, -120), false},
		{image.Pt(0, 0), false},
	} {
		if err := CheckSize(tt.size); (err == nil) != tt.ok {
			t.Errorf("CheckSize(%v) = %v", tt.size, err)
		}
	}
	if _, err := New(image.Pt(8, 8), ""); err == nil {
		t.Error("New takes a size that CheckSize does not")
	}
}

// At any size, no part covers another, and none lies outside the picture.
func TestLayout(t *testing.T) {
	sizes := []image.Point{{160, 120}, {161, 121}, {8192, 120}, {160, 8192}, {3840, 2160}, {8192, 8192}}
	for width := 160; width < 2000; width += 37 {
		for height := 120; height < 2000; height += 53 {
			sizes = append(sizes, image.Pt(width, height))
		}
	}
	for _, size := range sizes {
		l := newLayout(size)
		plate := image.Rectangle{l.plate, l.plate.Add(image.Pt(plateColumns, plateRows).Mul(l.cell))}
		parts := map[string]image.Rectangle{
			"bars": l.bars, "ramp": l.ramp, "lane": l.lane, "clock": l.clock, "number": l.number,
			"dial": l.dial, "caption": l.caption, "plate": plate,
		}
		for name, r := range parts {
			if r.Empty() {
				if name != "ramp" && name != "lane" && name != "caption" {
					t.Errorf("%v: no %s", size, name)
				}
				continue
			}
			if !r.In(image.Rectangle{Max: size}) {
				t.Errorf("%v: the %s, %v, is outside", size, name, r)
			}
			for other, o := range parts {
				if name < other && r.Overlaps(o) {
					t.Errorf("%v: the %s, %v, and the %s, %v, overlap", size, name, r, other, o)
				}
			}
		}
	}
}

func TestDrawDoesNotAllocate(t *testing.T) {
	p := newPattern(t, 640, 480)
	m := Mark{Captured: noon}
	if n := testing.AllocsPerRun(20, func() { m.Number++; p.Draw(m) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// A frame depends on its mark alone, not on the frames drawn before.
func TestDrawLeavesNothingBehind(t *testing.T) {
	used, fresh := newPattern(t, 320, 240), newPattern(t, 320, 240)
	for i := range 50 {
		used.Draw(Mark{^uint32(i), noon.Add(time.Duration(i) * 33 * time.Millisecond)})
	}
	got, want := used.Draw(Mark{7, noon}), fresh.Draw(Mark{7, noon})
	if string(got.Y) != string(want.Y) || string(got.Cb) != string(want.Cb) || string(got.Cr) != string(want.Cr) {
		t.Error("the same mark gave another picture")
	}
}

// The ball goes from one edge of the picture to the other in a second and back in the next, with no jump between.
func TestSweepIsEven(t *testing.T) {
	p := newPattern(t, 640, 480)
	ball := func(at time.Time) (left, right int) {
		img := p.Draw(Mark{Captured: at})
		y := (p.lane.Min.Y + p.lane.Max.Y) / 4 // In a colour plane.
		left, right = -1, -1
		for x, cr := range img.Cr[y*img.CStride:][:img.CStride] {
			if cr > 150 {
				if left < 0 {
					left = x
				}
				right = x
			}
		}
		return left, right
	}
	start := noon.Truncate(2 * time.Second)
	before := -1
	for i := range 60 {
		left, right := ball(start.Add(time.Duration(i) * time.Second / 30))
		if left < 0 {
			t.Fatalf("frame %d: no ball", i)
		}
		middle := left + right
		if i > 0 {
			if step := max(middle-before, before-middle); step < 18 || step > 23 {
				t.Errorf("frame %d: moved by %d pixels, not by about 20.5", i, step)
			}
		}
		before = middle
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, size := range []image.Point{{640, 480}, {1280, 720}, {1920, 1080}, {3840, 2160}} {
		b.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(b *testing.B) {
			p := newPattern(b, size.X, size.Y)
			m := Mark{Captured: noon}
			b.ReportAllocs()
			for b.Loop() {
				m.Number++
				m.Captured = m.Captured.Add(time.Second / 30)
				p.Draw(m)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newPattern(b, 1280, 720)
	}
}
