package bench

import (
	"fmt"
	"regexp"
	"strings"

	"udpcam/bench/internal/plot"
	"udpcam/internal/trace"
)

var unfit = regexp.MustCompile(`[^a-zA-Z0-9.]`) // for the name of a file

// PlotStory draws what happened to one frame of a case as a timeline, into a file in a folder, and returns its path.
func PlotStory(name string, s *trace.Story, dir string) (path string, err error) {
	after := func(at int64) float64 { return float64(at-s.Captured) / 1e3 }
	marks := map[trace.Fate]plot.Mark{trace.Arrived: plot.MarkArrived, trace.Full: plot.MarkFull, trace.Lost: plot.MarkLost, trace.Missing: plot.MarkLost}
	var bands []plot.Band
	for _, b := range []struct {
		name      string
		datagrams []trace.Datagram
	}{{"data", s.Data}, {"parity", s.Parity}, {"requests", s.Requests}, {"answers", s.Answers}} {
		if len(b.datagrams) == 0 {
			continue
		}
		band := plot.Band{Name: fmt.Sprintf("%d %s", len(b.datagrams), b.name)}
		for _, d := range b.datagrams {
			band.Flights = append(band.Flights, plot.Flight{Sent: after(d.Sent), Came: after(max(d.Sent, d.Arrived)), Mark: marks[d.Fate]})
		}
		bands = append(bands, band)
	}
	var moments []plot.Moment
	switch {
	case s.Delivered != nil:
		moments = append(moments, plot.Moment{At: after(*s.Delivered), Name: "delivered"})
	case s.Given > 0:
		moments = append(moments, plot.Moment{At: after(s.Given), Name: fmt.Sprintf("given up: frame %d is handed on", s.Newer)})
	}
	chart := plot.Chart{Title: fmt.Sprintf("Frame %d: %s", s.ID, name), X: "ms since capture", Footer: []string{s.Explain()}}
	return chart.Timeline(bands, moments, dir, fmt.Sprintf("frame-%d-%s", s.ID, strings.Trim(unfit.ReplaceAllString(name, "-"), "-")))
}
