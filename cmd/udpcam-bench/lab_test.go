package main_test

import (
	"os"
	"testing"
)

// Over the kernel's netem each carrier delivers every picture if nothing is lost. If one packet in twenty is lost, udpcam
// and TCP still deliver every picture. The classic wire does not: its frames here have fifteen packets each.
func TestLabBenchCompare(t *testing.T) {
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("this is for bench/lab")
	}
	results := benchResults(t, "compare", "--link", "netem", "--loss", "0,5", "--carrier", "udpcam,classic,TCP",
		"--settle", "500ms", "--fps", "15", "--frames", "20", "--size", "320x240", "--frame-size", "20000")
	type row struct {
		carrier string
		loss    float64
	}
	delivered := map[row]float64{}
	for _, r := range results.Rows {
		if r.Delivered == nil || r.Damaged == nil || r.Overhead == nil || r.CPUSend == nil || r.CPUReceive == nil || r.Memory == nil {
			t.Fatalf("%s: %+v, notes %q", r.Carrier, r, results.Notes)
		}
		at := row{r.Carrier, *r.Loss}
		delivered[at] = *r.Delivered
		t.Logf("%-8s %g %% lost: %3g %% delivered, overhead %g", r.Carrier, at.loss, *r.Delivered, *r.Overhead)
		if (at.loss == 0 || r.Carrier != "classic") && (*r.Delivered != 100 || *r.Damaged != 0) {
			t.Errorf("%+v: %g %% delivered, %d damaged", at, *r.Delivered, *r.Damaged)
		}
		if r.Link != "netem" || *r.RTT != 4 || *r.Overhead < 1 || *r.Overhead > 2 || *r.P50 < 2 {
			t.Errorf("%+v: %+v", at, r)
		}
	}
	if len(delivered) != 6 {
		t.Fatalf("%v; %q", delivered, results.Notes)
	}
	if classic := delivered[row{"classic", 5}]; classic >= 95 {
		t.Errorf("the classic wire delivers %g %% where 5 %% are lost", classic)
	}
}
