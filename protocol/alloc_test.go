package protocol

import "testing"

// TestAllocations holds the promise that nothing is allocated for a datagram: a frame costs its own bytes, and a
// handful of small things beside them.
func TestAllocations(t *testing.T) {
	cam := newCamera(1, "")
	a := NewAssembler(AssemblerConfig{})
	add(a, alice, epoch, cam.announce())
	jpeg := picture(78_000, 1)
	f := Frame{JPEG: jpeg, Captured: epoch}
	buffer := make([]byte, MaxDatagram)
	if n := testing.AllocsPerRun(100, func() {
		f.ID++
		if _, err := cam.splitter.Split(f); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("splitting a frame allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		f.ID++
		ds, err := cam.splitter.Split(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			a.Add(append(append(buffer[:0], d[0]...), d[1]...), alice, epoch)
		}
		if _, ok := a.Next(); !ok {
			t.Fatal("no frame came")
		}
	}); n > 4 {
		t.Errorf("assembling a frame of 56 datagrams allocates %v times, want at most 4", n)
	}
}
