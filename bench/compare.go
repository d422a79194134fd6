package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// A Comparison describes what Compare measures: each carrier over each network.
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

// CheckProcessLink returns ErrLink, wrapped, if a link cannot connect processes.
func CheckProcessLink(link string) error {
	if link != LinkNetem && link != LinkTun && link != LinkVeth {
		return fmt.Errorf("%w: %q: programs need %s, %s or %s, which are not simulated", ErrLink, link, LinkNetem, LinkTun, LinkVeth)
	}
	return nil
}

// Compare feeds the same pictures to every carrier over every network and measures each from outside, in the same way. A
// carrier that fails or is not installed becomes a note.
func Compare(ctx context.Context, c Comparison, made *Environment, progress Progress) (rows []Row, notes []string, err error) {
	if err := CheckProcessLink(c.Link); err != nil {
		return nil, nil, err
	}
	bench, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "udpcam-bench-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	programs := map[program]string{product: c.Udpcam, itself: bench}
	var carriers []Carrier
	for _, carrier := range c.Carriers {
		if why := carrier.missing(); why != "" {
			notes = append(notes, why)
			continue
		}
		if v := carrier.Version; v != nil {
			made.note(v[0], v[1:]...)
		}
		if carrier.program == inC {
			if programs[inC], err = compile(carrier.source, dir); err != nil {
				notes = append(notes, fmt.Sprintf("%s: not measured: %v", carrier.Name, err))
				continue
			}
		}
		carriers = append(carriers, carrier)
	}
	if carriers == nil {
		return nil, nil, errors.New(strings.Join(notes, "; "))
	}
	for _, n := range c.Networks {
		if n.Rival > 0 {
			notes = append(notes, n.Name+": not measured: there is only one camera here; udpcam-bench loss has two")
			continue
		}
		for _, carrier := range carriers {
			progress(len(rows), len(c.Networks)*len(carriers), carrier.Name+", "+n.Name)
			row, why, err := c.measure(ctx, carrier, n, programs[carrier.program])
			if err != nil || ctx.Err() != nil {
				return nil, nil, errors.Join(err, ctx.Err())
			}
			if why != nil {
				notes = append(notes, fmt.Sprintf("%s, %s: %v", carrier.Name, n.Name, why))
			}
			rows = append(rows, row)
		}
	}
	return rows, notes, nil
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

// measure measures one carrier over one network. Program is the path of its program, if that is ours. Why tells how the
// carrier itself failed.
func (c Comparison) measure(ctx context.Context, carrier Carrier, n Network, program string) (row Row, why, err error) {
	cable, err := plug(c.Link, n, c.Seed)
	if err != nil {
		return row, nil, err
	}
	defer cable.Close()
	send, receive := carrier.commands(program, netns.AddrB.String())
	changing, stop := context.WithCancel(ctx)
	var changes sync.WaitGroup
	var unchanged error
	var sent []netns.Traffic
	result, why := relay.Relay{
		Send: send, Receive: receive,
		From: cable.A, To: cable.B,
		Pictures: c.Pictures, Warm: int(c.FPS), Cool: cool, FPS: c.FPS, Settle: c.Settle,
		Measured: func() {
			if sent == nil {
				changes.Go(func() { unchanged = change(changing, cable, n.Changes) })
			}
			a, _, e := cable.Sent()
			sent, err = append(sent, a), errors.Join(err, e)
		},
	}.Run(ctx)
	stop()
	changes.Wait()
	if err = errors.Join(err, unchanged); err != nil {
		return row, nil, err
	}
	row = Row{Carrier: carrier.Name, Settings: carrier.Settings, Link: c.Link, FPS: c.FPS,
		FrameBytes: meanSize(c.Pictures), Frames: len(c.Pictures) - Uncounted(c.FPS)}
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

// change makes the changes of a network until ctx is done.
func change(ctx context.Context, cable *netns.Cable, changes []Change) error {
	start := time.Now()
	for _, c := range changes {
		select {
		case <-time.After(time.Until(start.Add(c.After))):
		case <-ctx.Done():
			return nil
		}
		if err := cable.Change(c.Netem); err != nil {
			return err
		}
	}
	return nil
}
