package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"udpcam/internal/trace"
)

// Results are what a measurement found.
type Results struct {
	Bench  string       `json:"bench"` // loss, compare, speed, fanout, delay or hub
	Made   Environment  `json:"made"`
	Notes  []string     `json:"notes,omitempty"` // what was not measured and why, and what else readers must know
	Rows   []Row        `json:"rows"`
	Traces []trace.Case `json:"-"` // of a Matrix, if it asks for them
}

// A Measurement adds rows and notes to results.
type Measurement interface {
	Measure(ctx context.Context, results *Results, progress Progress) error
}

// A Progress is called with how many of all steps are done, and the name of the next.
type Progress func(done, all int, next string)

func (r *Results) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// An Environment is what made results.
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
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	if found := regexp.MustCompile(`(?m)^model name\s*:(.*)$`).FindSubmatch(cpuinfo); found != nil {
		e.CPU = strings.TrimSpace(string(found[1]))
	}
	return e
}

// addVersion runs a program to get its version: the first line of its output.
func (e *Environment) addVersion(program string, args ...string) {
	var out, aside bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &aside
	cmd.Run() // some programs print their version and then fail
	first, _, _ := strings.Cut(strings.TrimSpace(cmp.Or(out.String(), aside.String())), "\n")
	if e.Programs == nil {
		e.Programs = map[string]string{}
	}
	e.Programs[filepath.Base(program)] = cmp.Or(first, "unknown version")
}

// A Row is one case: first the settings, then the results. Values that do not apply or were not measured are left out.
// Times are in milliseconds. The tag "show" holds a field's title, unit and kind in tables (see column).
type Row struct {
	Carrier    string   `json:"carrier,omitempty" show:"carried by,,asked"` // udpcam, or what it is compared with
	Link       string   `json:"link,omitempty" show:"link,,asked"`          // sim, netem, tun, veth or loopback
	Scenario   string   `json:"scenario,omitempty" show:"network,,asked"`
	Netem      string   `json:"netem,omitempty" show:"netem,,aside"`
	Loss       *float64 `json:"loss_pct,omitempty" show:"loss,%,aside"`     // of packets, each way, as configured
	Burst      *float64 `json:"burst,omitempty" show:"bursts of,,aside"`    // mean packets lost in a row
	RTT        *float64 `json:"rtt_ms,omitempty" show:"RTT,ms,aside"`       // of the network
	Jitter     *float64 `json:"jitter_ms,omitempty" show:"jitter,ms,aside"` // how much more or less each way takes
	Rate       *float64 `json:"rate_mbit,omitempty" show:"rate,Mbit/s,aside"`
	FrameBytes int      `json:"frame_bytes,omitempty" show:"frame,bytes,asked"`
	FPS        float64  `json:"fps,omitempty" show:"fps,,asked"`
	Segment    int      `json:"segment,omitempty" show:"segment,bytes,asked"`
	FEC        string   `json:"fec,omitempty" show:"parity,,asked"`
	GSO        string   `json:"gso,omitempty" show:"GSO,,asked"` // on or off
	GRO        string   `json:"gro,omitempty" show:"GRO,,asked"` // on or off
	Viewers    int      `json:"viewers,omitempty" show:"viewers,,asked"`
	Stalled    *int     `json:"stalled,omitempty" show:"stalled,,asked"` // viewers that read nothing, not counted in Viewers
	Stage      string   `json:"stage,omitempty" show:"stage,,asked"`
	Camera     int      `json:"camera,omitempty" show:"camera,,asked"` // 1 or 2, where two share a network
	Frames     int      `json:"frames,omitempty" show:"frames,,asked"` // that were fed in

	Delivered  *float64          `json:"delivered_pct,omitempty" show:"delivered,%,"` // of Frames
	Worst      *float64          `json:"worst_viewer_pct,omitempty" show:"worst,%,"`
	Sustained  *float64          `json:"sustained_fps,omitempty" show:"frames/s,,"`
	Mbit       *float64          `json:"mbit,omitempty" show:"Mbit/s,,"`  // of pictures
	P50        *float64          `json:"p50_ms,omitempty" show:"p50,ms,"` // delay of the frames that were delivered
	P95        *float64          `json:"p95_ms,omitempty" show:"p95,ms,"`
	P99        *float64          `json:"p99_ms,omitempty" show:"p99,ms,"`
	Max        *float64          `json:"max_ms,omitempty" show:"max,ms,"`
	Gap        *float64          `json:"gap_ms,omitempty" show:"longest gap,ms,"`  // without a frame
	Idle       *float64          `json:"idle_bytes_s,omitempty" show:"idle,B/s,"`  // while nobody watches, both ways together
	ByParity   *uint64           `json:"by_parity,omitempty" show:"by parity,,"`   // frames repaired by parity alone
	ByRequest  *uint64           `json:"by_request,omitempty" show:"by request,,"` // frames repaired by requests
	Dropped    map[string]uint64 `json:"dropped,omitempty" show:"dropped,,"`       // frames by reason; skipped ones were not sent
	Damaged    *uint64           `json:"damaged,omitempty" show:"damaged,,"`       // frames that came out but never went in, or twice
	PacketLoss *float64          `json:"packet_loss_pct,omitempty" show:"lost,%,"`
	Overhead   *float64          `json:"wire_overhead,omitempty" show:"wire ×,,"`  // bytes on the wire, with IP and UDP headers, over picture bytes
	CPU        *float64          `json:"cpu_s_per_gb,omitempty" show:"CPU s/GB,,"` // of both ends, per gigabyte of pictures
	CPUSend    *float64          `json:"cpu_send_s_per_gb,omitempty" show:"send s/GB,,"`
	CPUReceive *float64          `json:"cpu_recv_s_per_gb,omitempty" show:"recv s/GB,,"`
	Memory     *float64          `json:"memory_mb,omitempty" show:"memory MB,,"` // peak

	Settings string `json:"settings,omitempty" show:"settings,,aside"` // of the carrier
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

// percent returns n of all in percent, for a row.
func percent(n, all int) *float64 {
	if all == 0 {
		return nil
	}
	return rounded(100*float64(n)/float64(all), 2)
}

var (
	// ErrMixed means that results cannot be shown as one.
	ErrMixed = errors.New("these results do not belong together")
	// ErrNoResults means that a file does not have results.
	ErrNoResults = errors.New("these are no results that --json wrote")
)

// ReadResults reads files that WriteJSON has written, and joins them. They must be of one kind. Otherwise the error wraps
// ErrMixed or ErrNoResults. It may also be an error of reading a file.
func ReadResults(paths ...string) (joined *Results, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		r := &Results{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrNoResults, err)
		}
		switch {
		case joined == nil:
			joined = r
			continue
		case r.Bench != joined.Bench:
			return nil, fmt.Errorf("%w: %s is of bench %s, %s of bench %s", ErrMixed, paths[0], joined.Bench, path, r.Bench)
		case r.Made.Kernel != joined.Made.Kernel || r.Made.CPU != joined.Made.CPU || r.Made.Udpcam != joined.Made.Udpcam:
			joined.note("%s is from another machine or version: %s, kernel %s, udpcam %s",
				path, r.Made.CPU, r.Made.Kernel, r.Made.Udpcam)
		}
		joined.Rows = append(joined.Rows, r.Rows...)
		joined.Made.Command += "; " + r.Made.Command
		for _, note := range r.Notes { // show equal notes only once
			if !slices.Contains(joined.Notes, note) {
				joined.Notes = append(joined.Notes, note)
			}
		}
	}
	return joined, nil
}
