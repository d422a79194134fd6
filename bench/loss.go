package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"udpcam/internal/trace"
	"udpcam/sender"
)

// A Matrix is what Loss measures: every combination of the values in its lists.
type Matrix struct {
	Networks   []Network
	FrameSizes []int     // bytes; nil for each network's own sizes
	FPS        []float64 // frames a second
	Segments   []int     // bytes of a frame in a datagram, 0 for the default
	FECs       []sender.FEC
	Frames     int // in each case
	Seed       uint64
}

// A lossCase is one combination.
type lossCase struct {
	network Network
	size    int
	fps     float64
	segment int
	fec     sender.FEC
	frames  int
	seed    uint64
}

func (m Matrix) cases() (cases []lossCase) {
	for _, n := range m.Networks {
		sizes := m.FrameSizes
		if sizes == nil {
			sizes = n.FrameSizes
		}
		if sizes == nil {
			sizes = []int{UsualFrame}
		}
		for _, size := range sizes {
			for _, fps := range m.FPS {
				for _, segment := range m.Segments {
					for _, fec := range m.FECs {
						cases = append(cases, lossCase{n, size, fps, segment, fec, m.Frames, m.Seed})
					}
				}
			}
		}
	}
	return cases
}

// A Progress is called with how many of all steps are done, and the name of the next.
type Progress func(done, all int, next string)

// Loss measures how many of a camera's frames arrive over each network, on each kind of link. A link that this machine
// lacks becomes a note. If it lacks all of them, Loss fails. If traces is not nil, it gets the fate of every datagram.
func Loss(ctx context.Context, m Matrix, links []string, traces *trace.Writer, progress Progress) (rows []Row, notes []string, err error) {
	cases := m.cases()
	all := len(cases) * len(links)
	var failed []error
	for i, name := range links {
		open, err := linkNamed(name)
		if err != nil {
			return nil, nil, err
		}
		step := func(done int, next string) { progress(i*len(cases)+done, all, next) }
		got, err := runCases(ctx, cases, name, open, traces, step)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
			notes = append(notes, fmt.Sprintf("%s: not measured: %v", name, err))
			continue
		}
		rows = append(rows, got...)
	}
	if len(rows) == 0 {
		return nil, nil, errors.Join(failed...)
	}
	return rows, notes, nil
}

// runCases measures cases on one kind of link, one after another. In simulated time it runs one case per CPU at once.
func runCases(ctx context.Context, cases []lossCase, link string, open opener, traces *trace.Writer, step func(int, string)) ([]Row, error) {
	workers := 1
	if link == LinkSim {
		workers = runtime.NumCPU()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rowsOf, recorders := make([][]Row, len(cases)), make([]*trace.Recorder, len(cases))
	var group sync.WaitGroup
	var mu sync.Mutex // guards next and done
	next, done := 0, 0
	for range min(workers, len(cases)) {
		group.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				if i < len(cases) {
					step(done, cases[i].network.Name)
				}
				mu.Unlock()
				if i >= len(cases) || ctx.Err() != nil {
					return
				}
				if traces != nil {
					recorders[i] = trace.NewRecorder()
				}
				rows, err := cases[i].run(ctx, open, recorders[i])
				if err != nil {
					cancel(err)
					return
				}
				for j := range rows {
					rows[j].Link = link
				}
				rowsOf[i] = rows
				mu.Lock()
				done++
				step(done, cases[i].network.Name)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	report := Report{Rows: slices.Concat(rowsOf...)}
	for i, r := range recorders {
		if r != nil {
			first := &rowsOf[i][0]
			traces.Write(cmp.Or(report.label(first), first.Scenario)+", "+link, r)
		}
	}
	return report.Rows, nil
}

// ParseLinks reads a list of links such as "sim,tun".
func ParseLinks(list string) (links []string, err error) {
	for _, name := range strings.Split(list, ",") {
		if _, err := linkNamed(name); err != nil {
			return nil, err
		}
		links = append(links, name)
	}
	return links, nil
}
