package protocol

import "testing"

// TestAllocations checks that sending and receiving datagrams allocates nothing. To send a frame with much parity takes two
// small allocations, any other frame none. To receive a frame takes none, unless somebody keeps it.
func TestAllocations(t *testing.T) {
	cam := newCamera(1, "")
	a := NewAssembler(AssemblerConfig{})
	add(a, alice, epoch, cam.announce())
	jpeg := picture(78_000, 1)
	f := Frame{JPEG: jpeg, Captured: epoch}
	buffer := make([]byte, MaxDatagram)
	var o Outgoing
	if n := testing.AllocsPerRun(100, func() {
		f.ID++
		if err := cam.splitter.Split(&o, f, 8); err != nil {
			t.Fatal(err)
		}
		o.Data()
		o.Parity()
		answer(&o, Request{FrameID: f.ID, Need: 4, Data: 56, Missing: buffer[:7]}, 4)
	}); n > 2 { // that the library's encoder makes
		t.Errorf("splitting a frame allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		f.ID++
		if err := cam.splitter.Split(&o, f, 0); err != nil {
			t.Fatal(err)
		}
		for _, d := range o.Data() {
			a.Add(append(append(buffer[:0], d[0]...), d[1]...), alice, epoch)
		}
		if _, ok := a.Next(); !ok {
			t.Fatal("no frame came")
		}
	}); n > 0 {
		t.Errorf("assembling a frame of 56 datagrams allocates %v times", n)
	}
}
