package bench_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"udpcam/bench"
	"udpcam/internal/netns"
	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quietly(int, int, string) {}

// measure measures a matrix on some links.
func measure(t *testing.T, m bench.Matrix, links ...string) (rows []bench.Row, notes []string, err error) {
	m.Links = links
	var results bench.Results
	err = m.Measure(t.Context(), &results, quietly)
	return results.Rows, results.Notes, err
}

func matrix(frames int, networks ...bench.Network) bench.Matrix {
	return bench.Matrix{Networks: networks, FrameSizes: []int{78_000}, FPS: []float64{30},
		Segments: []int{protocol.DefaultSegmentSize}, FECs: []sender.FEC{{}}, Frames: frames, Seed: 1}
}

// Every scenario can be simulated. MakeNetwork makes the network that its figures describe.
func TestNetworks(t *testing.T) {
	for _, n := range bench.Scenarios {
		for _, c := range append([]bench.Change{{Netem: n.Netem}}, n.Changes...) {
			if _, err := netsim.ParseNetem(c.Netem); err != nil {
				t.Errorf("%s: %v", n.Name, err)
			}
		}
	}
	n := bench.MakeNetwork(0.05, 5, 40*time.Millisecond, 3*time.Millisecond, 20e6)
	p, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		t.Fatal(err)
	}
	loss := p.Burst.Enter / (p.Burst.Enter + p.Burst.Leave)
	if math.Abs(loss-0.05) > 1e-4 || p.Burst.Leave != 0.2 || p.Delay+p.Jitter/2 != 20*time.Millisecond || p.Jitter != 6*time.Millisecond || p.Rate != 20e6 {
		t.Errorf("%s: %+v", n.Netem, p)
	}
	if _, err := bench.FindScenario("moon"); !errors.Is(err, bench.ErrName) {
		t.Error(err)
	}
}

// The simulation agrees with real packets: the shares of frames that arrive differ by at most three points.
func TestNetnsLinksAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds of real time")
	}
	var networks []bench.Network
	for _, name := range []string{"wifi", "bursty"} {
		n, err := bench.FindScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		networks = append(networks, n)
	}
	delivered := func(l string) (shares []float64) {
		rows, _, err := measure(t, matrix(100, networks...), l)
		if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrNetem) || errors.Is(err, netns.ErrTun) {
			return nil
		}
		if err != nil {
			t.Fatal(l, err)
		}
		for _, r := range rows {
			if *r.Damaged != 0 {
				t.Errorf("%s, %s: %d frames damaged", l, r.Scenario, *r.Damaged)
			}
			shares = append(shares, *r.Delivered)
		}
		return shares
	}
	want, compared := delivered(bench.LinkSim), 0
	for _, l := range []string{bench.LinkNetem, bench.LinkTun} {
		for i, got := range delivered(l) {
			compared++
			if math.Abs(got-want[i]) > 3 {
				t.Errorf("%s over %s: %g %% delivered, simulated %g %%", networks[i].Name, l, got, want[i])
			}
		}
	}
	if compared == 0 {
		t.Skip("there are no network namespaces here")
	}
}

// A network that becomes narrow delays the frames that follow. Two cameras on one network delay each other.
func TestChangeAndRival(t *testing.T) {
	const wide, narrow = "delay 1ms tbf rate 100mbit limit 1mb", "delay 1ms tbf rate 10mbit limit 1mb"
	m := matrix(90, bench.Network{Name: "wide", Netem: wide},
		bench.Network{Name: "falls", Netem: wide, Changes: []bench.Change{{After: 2 * time.Second, Netem: narrow}, {After: time.Hour, Netem: wide}}},
		bench.Network{Name: "shared", Netem: wide, Rival: time.Second})
	m.FrameSizes = nil
	for _, link := range []string{bench.LinkSim, bench.LinkTun} {
		if link != bench.LinkSim && testing.Short() {
			continue // it takes some seconds of real time
		}
		rows, _, err := measure(t, m, link)
		if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrTun) {
			continue
		}
		if err != nil || len(rows) != 4 {
			t.Fatalf("%s: %d rows, %v", link, len(rows), err)
		}
		alone, falls, first, second := rows[0], rows[1], rows[2], rows[3]
		if alone.Camera != 0 || first.Camera != 1 || second.Camera != 2 || first.Frames != 90 || second.Frames != 60 || alone.FrameBytes != bench.UsualFrame {
			t.Errorf("%s: cameras %d, %d and %d, with %d and %d frames", link, alone.Camera, first.Camera, second.Camera, first.Frames, second.Frames)
		}
		// In real time a busy machine delays frames too.
		if link == bench.LinkSim && *alone.P95 > 15 || *falls.P95 < 25 {
			t.Errorf("%s: in 95 of 100 cases within %g ms, and where the rate falls %g ms", link, *alone.P95, *falls.P95)
		}
		if link == bench.LinkSim && max(*first.P95, *second.P95) < 1.5**alone.P95 {
			t.Errorf("in 95 of 100 cases within %g ms, and %g and %g ms for two cameras", *alone.P95, *first.P95, *second.P95)
		}
	}
}

// If this machine cannot make one kind of link, a note says so, and the other kinds are measured.
func TestMissingLinkIsNoted(t *testing.T) {
	odd := bench.Network{Name: "odd", Netem: "reorder 25% delay 10ms"}
	_, _, err := measure(t, matrix(10, odd), bench.LinkSim)
	if !errors.Is(err, netsim.ErrNetem) {
		t.Errorf("a network that cannot be simulated: %v", err)
	}
	if _, err := bench.FindLink("air"); !errors.Is(err, bench.ErrName) {
		t.Error(err)
	}
}

// A matrix measures every combination of segment size and parity. Segments that are larger than the MTU are lost more
// often.
func TestLossMatrix(t *testing.T) {
	m := matrix(60, bench.MakeNetwork(0.01, 1, 4*time.Millisecond, 0, 0))
	m.Segments = []int{protocol.DefaultSegmentSize, 65_472}
	m.FECs = []sender.FEC{{}, sender.FECOff}
	rows, notes, err := measure(t, m, bench.LinkSim)
	if err != nil || len(rows) != 4 || notes != nil {
		t.Fatalf("%d rows, %v, %v", len(rows), notes, err)
	}
	small, jumbo := rows[0], rows[2]
	if *small.Delivered < 100 || *small.PacketLoss > 3 || *jumbo.PacketLoss < 20 {
		t.Errorf("of small segments %g %% are lost, of jumbo ones %g %%", *small.PacketLoss, *jumbo.PacketLoss)
	}
	if *rows[1].Overhead >= *rows[0].Overhead || *rows[1].ByRequest < 10 || *rows[1].ByParity != 0 {
		t.Errorf("without parity: overhead %g of %g, %d by request", *rows[1].Overhead, *rows[0].Overhead, *rows[1].ByRequest)
	}
}

// Pictures are about as large as asked for, all different, and can be decoded.
func TestPictures(t *testing.T) {
	pictures, err := bench.Pictures(t.Context(), image.Pt(320, 240), 20_000, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pictures {
		if len(p) < 18_000 || len(p) > 23_000 {
			t.Errorf("picture %d has %d bytes, want about 20000", i, len(p))
		}
		if _, err := jpeg.Decode(bytes.NewReader(p)); err != nil {
			t.Error(err)
		}
		for _, other := range pictures[:i] {
			if bytes.Equal(p, other) {
				t.Errorf("picture %d is not the only one of its kind", i)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "clip.mjpg")
	os.WriteFile(path, bytes.Join(pictures, nil), 0o600)
	if got, err := bench.ReadPictures(path, 5); err != nil || !bytes.Equal(got[4], pictures[4]) {
		t.Error(err)
	}
	if _, err := bench.ReadPictures(path, 6); !errors.Is(err, bench.ErrPictures) {
		t.Error(err)
	}
}

// results are some with all kinds of figures.
func results() *bench.Results {
	f := func(v float64) *float64 { return &v }
	var rows []bench.Row
	for i, carrier := range []string{"udpcam", "another"} {
		for _, loss := range []float64{0, 1, 5} {
			rows = append(rows, bench.Row{Carrier: carrier, Settings: "as " + carrier, Link: "tun", Scenario: "loss", Loss: f(loss), FPS: 30,
				FrameBytes: 78_000, Delivered: f(100 - loss*float64(i)), P50: f(1 + loss), P99: f(20 / float64(i+1)), Overhead: f(1.05)})
		}
	}
	return &bench.Results{Bench: "compare", Made: bench.NewEnvironment("v0", []string{"udpcam-bench"}), Rows: rows, Notes: []string{"a note"}}
}

func TestResults(t *testing.T) {
	r := results()
	var table, markdown, text, object bytes.Buffer
	err := errors.Join(r.WriteTable(&table), r.WriteMarkdown(&markdown), r.WriteCSV(&text), r.WriteJSON(&object))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"carried by", "delivered %", "udpcam", "another: as another", "link tun; network loss; frame 78000 bytes; fps 30", "a note", "kernel",
		"others are better in p99 another (10; udpcam 20)"} {
		for name, text := range map[string]string{"table": table.String(), "Markdown": markdown.String()} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q:\n%s", name, want, text)
			}
		}
	}
	records, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(records) != 7 || len(records[0]) != len(records[6]) {
		t.Errorf("CSV of %d lines, %v", len(records), err)
	}
	path := filepath.Join(t.TempDir(), "results.json")
	os.WriteFile(path, object.Bytes(), 0o600)
	again, err := bench.ReadResults(path)
	if err != nil || len(again.Rows) != 6 || *again.Rows[5].Delivered != 95 || again.Made.Udpcam != "v0" {
		t.Errorf("%+v, %v", again, err)
	}
}

// Plots are drawn, and there is something on them.
func TestPlot(t *testing.T) {
	paths, err := results().Plot(t.TempDir())
	if err != nil || len(paths) != 4 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("<svg")) || !bytes.Contains(text, []byte("another")) {
			t.Errorf("%s: no picture, or no legend", path)
		}
	}
}

// The lab has netem. There the scenarios give the same results as in the simulation, within three points. Where queues
// overflow, they may differ by eight points: then the times of sending matter, and an emulated machine sends late. A busy
// host makes it later still, so a network whose results differ is measured again, up to four times. Two kinds of scenarios are
// left out: those that are too fast for that machine, and those that change, because there a small difference grows into a
// large one.
func TestLabLossAgrees(t *testing.T) {
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("this is for bench/lab")
	}
	const attempts = 5
	for _, n := range bench.Scenarios {
		p, err := netsim.ParseNetem(n.Netem)
		if err != nil || p.Rate >= 100e6 || n.Changes != nil || n.Rival > 0 {
			continue
		}
		frames, points := 100, 3.0
		if strings.Contains(n.Netem, "tbf") {
			frames, points = 300, 8 // so many that an overload noticed a little later hardly matters
		}
		delivered := func(link string) float64 {
			rows, _, err := measure(t, matrix(frames, n), link)
			if err != nil {
				t.Fatal(err)
			}
			return *rows[0].Delivered
		}
		want, attempt := delivered(bench.LinkSim), 1
		got := delivered(bench.LinkNetem)
		for ; math.Abs(got-want) > points && attempt < attempts; attempt++ {
			got = delivered(bench.LinkNetem)
		}
		t.Logf("%-11s delivered %6.2f %%, simulated %6.2f %%, attempts %d", n.Name, got, want, attempt)
		if math.Abs(got-want) > points {
			t.Errorf("%s: delivered %g %%, simulated %g %%", n.Name, got, want)
		}
	}
}
