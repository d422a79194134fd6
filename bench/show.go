package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

var (
	// ErrMixed is reports that cannot be shown as one.
	ErrMixed = errors.New("these reports do not belong together")
	// ErrNoReport is a file that is none.
	ErrNoReport = errors.New("that is no report as --json writes it")
)

// ReadReports reads reports that WriteJSON has written, of measurements of one kind on one machine, and joins them into
// one. The error is ErrMixed or ErrNoReport, wrapped, if they are not, or one of opening them.
func ReadReports(paths ...string) (*Report, error) {
	var joined *Report
	for _, path := range paths {
		r, err := readFile(path)
		switch {
		case err != nil:
			return nil, err
		case joined == nil:
			joined = r
			continue
		case r.Bench != joined.Bench:
			return nil, fmt.Errorf("%w: %s is of bench %s, %s of bench %s", ErrMixed, paths[0], joined.Bench, path, r.Bench)
		case r.Made.Kernel != joined.Made.Kernel || r.Made.CPU != joined.Made.CPU || r.Made.Udpcam != joined.Made.Udpcam:
			joined.Notes = append(joined.Notes, fmt.Sprintf("%s was made by another machine or version: %s, kernel %s, udpcam %s",
				path, r.Made.CPU, r.Made.Kernel, r.Made.Udpcam))
		}
		joined.Rows = append(joined.Rows, r.Rows...)
		joined.Made.Command += "; " + r.Made.Command
		for _, note := range r.Notes { // one that all have is told once
			if !slices.Contains(joined.Notes, note) {
				joined.Notes = append(joined.Notes, note)
			}
		}
	}
	return joined, nil
}

func readFile(path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := ReadReport(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrNoReport, err)
	}
	return r, nil
}
