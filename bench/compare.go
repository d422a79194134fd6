package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// A Comparison feeds the same pictures to every carrier over every network, and measures each from outside, in the same way.
type Comparison struct {
	Udpcam   string // the command, if one of the carriers is udpcam
	Networks []Network
	Carriers []Carrier
	Link     string   // LinkNetem, LinkTun or LinkVeth
	Pictures [][]byte // including Uncounted ones that do not count
	FPS      float64
	Settle   time.Duration // for each process to get ready
	Seed     uint64
}

// Uncounted returns how many pictures do not count: one second of them at the start, and cool at the end.
func Uncounted(fps float64) int { return int(fps) + cool }

const cool = 3

// Measure implements Measurement. A carrier that fails or is not installed becomes a note.
func (c *Comparison) Measure(ctx context.Context, results *Results, progress Progress) error {
	bench, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "udpcam-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs := map[program]string{product: c.Udpcam, itself: bench}
	var carriers []Carrier
	for _, carrier := range c.Carriers {
		if why := carrier.missing(); why != "" {
			results.note("%s: not measured: %s (Debian: %s)", carrier.Name, why, carrier.Debian)
			continue
		}
		if v := carrier.Version; v != nil {
			results.Made.addVersion(v[0], v[1:]...)
		}
		if carrier.program == inC {
			if programs[inC], err = compile(bareSource, dir); err != nil {
				results.note("%s: not measured: %v", carrier.Name, err)
				continue
			}
		}
		carriers = append(carriers, carrier)
	}
	if carriers == nil {
		return errors.New(strings.Join(results.Notes, "; "))
	}
	for _, n := range c.Networks {
		if n.Rival > 0 {
			results.note("%s: not measured: there is only one camera here; udpcam-bench loss has two", n.Name)
			continue
		}
		for _, carrier := range carriers {
			progress(len(results.Rows), len(c.Networks)*len(carriers), carrier.Name+", "+n.Name)
			row, why, err := c.measure(ctx, carrier, n, programs[carrier.program])
			if err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			if why != nil {
				results.note("%s, %s: %v", carrier.Name, n.Name, why)
			}
			results.Rows = append(results.Rows, row)
		}
	}
	return nil
}

const (
	// notWorse is how many percentage points fewer frames than udpcam a carrier may deliver and still be compared.
	// Lost frames cost nothing and are never late, so a carrier that loses many would look too good.
	notWorse = 5

	// clearly is the factor by which a figure must be better to be mentioned.
	clearly = 0.95
)

// better notes for each network where other carriers beat udpcam.
func better(rows []Row) (notes []string) {
	for _, ours := range rows {
		if ours.Carrier != Carriers[0].Name || ours.Delivered == nil {
			continue
		}
		var found []string
		for _, f := range []struct {
			name string
			of   func(*Row) *float64
		}{
			{"median delay", func(r *Row) *float64 { return r.P50 }},
			{"p99", func(r *Row) *float64 { return r.P99 }},
			{"wire bytes", func(r *Row) *float64 { return r.Overhead }},
			{"CPU of the sender", func(r *Row) *float64 { return r.CPUSend }},
			{"CPU of the receiver", func(r *Row) *float64 { return r.CPUReceive }},
			{"memory", func(r *Row) *float64 { return r.Memory }},
		} {
			var best *Row
			for i := range rows {
				r := &rows[i]
				if r.Scenario == ours.Scenario && r.FPS == ours.FPS && r.Delivered != nil && *r.Delivered >= *ours.Delivered-notWorse && f.of(r) != nil &&
					(best == nil || *f.of(r) < *f.of(best)) {
					best = r
				}
			}
			if best != nil && f.of(&ours) != nil && *f.of(best) < clearly**f.of(&ours) {
				found = append(found, fmt.Sprintf("%s %s (%s; udpcam %s)", f.name, best.Carrier, text(*f.of(best)), text(*f.of(&ours))))
			}
		}
		if found != nil {
			notes = append(notes, fmt.Sprintf("%s, %g fps: others are better in %s", ours.Scenario, ours.FPS, strings.Join(found, ", ")))
		}
	}
	return notes
}

// measure measures one carrier over one network. Program is the path of the carrier's program, if that is ours. Why says
// how the carrier itself failed.
func (c *Comparison) measure(ctx context.Context, carrier Carrier, n Network, program string) (row Row, why, err error) {
	cable, err := plug(c.Link, n, c.Seed)
	if err != nil {
		return row, nil, err
	}
	defer cable.Close()
	changing, stop := context.WithCancel(ctx)
	defer stop()
	unchanged := make(chan error, 1)
	feed := relay.NewFeed(c.Pictures, int(c.FPS), cool, c.FPS)
	var sent []netns.Traffic
	feed.Measured = func() {
		if sent == nil { // the pictures that count begin
			go func() {
				sleep := func(d time.Duration) bool { return relay.Pause(changing, d) }
				unchanged <- n.change(time.Duration(float64(feed.Counted())/c.FPS*float64(time.Second)), sleep, cable.Change)
			}()
		}
		a, _, e := cable.Sent()
		sent, err = append(sent, a), errors.Join(err, e)
	}
	send, receive := carrier.commands(program, netns.AddrB.String())
	pair := relay.Relay{Send: send, Receive: receive, From: cable.A.Start, To: cable.B.Start, Settle: c.Settle}
	result, why := pair.Run(ctx, feed)
	stop()
	if sent != nil {
		err = errors.Join(err, <-unchanged)
	}
	if err != nil {
		return row, nil, err
	}
	row = Row{Carrier: carrier.Name, Settings: carrier.Settings, Link: c.Link, FPS: c.FPS,
		FrameBytes: meanSize(c.Pictures), Frames: feed.Counted()}
	n.describe(&row)
	wrong := result.Damaged + result.Again
	row.Delivered, row.Damaged = percent(len(result.Delays), row.Frames), &wrong
	row.delays(result.Delays)
	if gigabytes := float64(result.Bytes) / 1e9; gigabytes > 0 && len(sent) == 2 {
		row.CPUSend = rounded(result.Sender.CPU.Seconds()/gigabytes, 2)
		row.CPUReceive = rounded(result.Receiver.CPU.Seconds()/gigabytes, 2)
		row.Memory = rounded(float64(result.Sender.Memory+result.Receiver.Memory)/1e6, 1)
		row.Overhead = rounded(float64(sent[1].Bytes-sent[0].Bytes)/float64(result.Bytes), 3)
	}
	return row, why, nil
}
