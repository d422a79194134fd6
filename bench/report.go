package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Report is what a measurement found.
type Report struct {
	Bench string      `json:"bench"` // loss, compare, speed, fanout or delay
	Made  Environment `json:"made"`
	Notes []string    `json:"notes,omitempty"` // what was not measured, and why; what the reader must know
	Rows  []Row       `json:"rows"`
}

// An Environment is what made a report.
type Environment struct {
	Command  string            `json:"command"` // as it was typed, flags included
	Udpcam   string            `json:"udpcam"`  // its version
	Go       string            `json:"go"`
	System   string            `json:"system"` // operating system and architecture
	Kernel   string            `json:"kernel,omitempty"`
	CPU      string            `json:"cpu,omitempty"` // the model
	CPUs     int               `json:"cpus"`
	Programs map[string]string `json:"programs,omitempty"` // versions of the others that took part
}

// NewEnvironment looks at this machine.
func NewEnvironment(version string, args []string) Environment {
	e := Environment{
		Command: strings.Join(args, " "),
		Udpcam:  version,
		Go:      runtime.Version(),
		System:  runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:    runtime.NumCPU(),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		e.Kernel = strings.TrimSpace(string(release))
	}
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				e.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	return e
}

// note notes the version of a program: the first line of what it says when asked for it.
func (e *Environment) note(program string, args ...string) {
	var out, aside bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &aside
	cmd.Run() // some tell it and fail
	first, _, _ := strings.Cut(strings.TrimSpace(cmp.Or(out.String(), aside.String())), "\n")
	if e.Programs == nil {
		e.Programs = map[string]string{}
	}
	e.Programs[filepath.Base(program)] = cmp.Or(first, "unknown version")
}

// A Row is one case that was measured: what was asked, then what came of it. What does not apply or was not measured is
// left out. Times are in milliseconds.
type Row struct {
	Carrier    string   `json:"carrier,omitempty"`  // udpcam, or what stands beside it
	Settings   string   `json:"settings,omitempty"` // how that was set
	Link       string   `json:"link,omitempty"`     // sim, netem, tun or loopback
	Scenario   string   `json:"scenario,omitempty"`
	Netem      string   `json:"netem,omitempty"`
	Loss       *float64 `json:"loss_pct,omitempty"`  // that the network was told to make, of packets, each way
	Burst      *float64 `json:"burst,omitempty"`     // packets that are lost in a row on average, where they come in bursts
	RTT        *float64 `json:"rtt_ms,omitempty"`    // of the network
	Jitter     *float64 `json:"jitter_ms,omitempty"` // by how much each way takes more or less
	Rate       *float64 `json:"rate_mbit,omitempty"` // what it carries
	FrameBytes int      `json:"frame_bytes,omitempty"`
	FPS        float64  `json:"fps,omitempty"`
	Segment    int      `json:"segment,omitempty"` // bytes of a frame in a datagram
	FEC        string   `json:"fec,omitempty"`
	GSO        string   `json:"gso,omitempty"` // on or off
	GRO        string   `json:"gro,omitempty"` // likewise
	Viewers    int      `json:"viewers,omitempty"`
	Stalled    *int     `json:"stalled,omitempty"` // viewers that take nothing, besides
	Stage      string   `json:"stage,omitempty"`
	Camera     int      `json:"camera,omitempty"` // which, where several share a network
	Frames     int      `json:"frames,omitempty"` // that were fed in

	Delivered  *float64          `json:"delivered_pct,omitempty"` // of Frames
	Worst      *float64          `json:"worst_viewer_pct,omitempty"`
	P50        *float64          `json:"p50_ms,omitempty"` // delay, of those that were delivered
	P95        *float64          `json:"p95_ms,omitempty"`
	P99        *float64          `json:"p99_ms,omitempty"`
	Max        *float64          `json:"max_ms,omitempty"`
	ByParity   *uint64           `json:"by_parity,omitempty"`  // frames that parity alone repaired
	ByRequest  *uint64           `json:"by_request,omitempty"` // and those that requests did
	Dropped    map[string]uint64 `json:"dropped,omitempty"`    // frames, by reason; skipped: not sent, because the path carries fewer
	Damaged    *uint64           `json:"damaged,omitempty"`    // frames that came out but never went in, or twice
	PacketLoss *float64          `json:"packet_loss_pct,omitempty"`
	Overhead   *float64          `json:"wire_overhead,omitempty"` // bytes on the wire, IP and UDP headers included, over bytes of pictures
	Sustained  *float64          `json:"sustained_fps,omitempty"`
	Mbit       *float64          `json:"mbit,omitempty"`              // of pictures
	CPU        *float64          `json:"cpu_s_per_gb,omitempty"`      // seconds of both ends, per gigabyte of pictures
	CPUSend    *float64          `json:"cpu_send_s_per_gb,omitempty"` // of each
	CPUReceive *float64          `json:"cpu_recv_s_per_gb,omitempty"`
	Memory     *float64          `json:"memory_mb,omitempty"` // the most that was in use
}

// delays fills in a row's delays.
func (r *Row) delays(ds []time.Duration) {
	if len(ds) == 0 {
		return
	}
	slices.Sort(ds)
	at := func(share float64) *float64 { return rounded(ms(ds[min(len(ds)-1, int(share*float64(len(ds))))]), 3) }
	r.P50, r.P95, r.P99, r.Max = at(0.5), at(0.95), at(0.99), at(1)
}

// percent is n of all in percent, for a row.
func percent(n, all int) *float64 {
	if all == 0 {
		return nil
	}
	return rounded(100*float64(n)/float64(all), 2)
}
