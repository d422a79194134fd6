package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
)

// results are the files that flags name for a report. They are tried before it is measured, because that takes minutes.
type results struct {
	paths map[string]string // by flag
	made  []string          // files and folders that there were not before, the outermost first
}

// openResults makes the files and folders that flags name, if there are none, and changes nothing that is there.
func openResults(c *cli.Context) (*results, error) {
	r := &results{paths: map[string]string{}}
	for _, flag := range []string{"json", "csv", "markdown", "trace", "plot"} {
		path := c.String(flag)
		if path == "" {
			continue
		}
		r.paths[flag] = path
		try := r.tryFile
		if flag == "plot" {
			try = r.tryFolder
		}
		if err := try(path); err != nil {
			r.discard()
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return r, nil
}

// tryFile makes sure that a file can be written. A pipe or a device is left alone.
func (r *results) tryFile(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil
	}
	missing := errors.Is(err, fs.ErrNotExist)
	if err := r.makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	if missing {
		r.made = append(r.made, path)
	}
	return f.Close()
}

// tryFolder makes sure that files can be made in a folder.
func (r *results) tryFolder(dir string) error {
	if err := r.makeFolder(dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".udpcam-*")
	if err != nil {
		return err
	}
	return cmp.Or(f.Close(), os.Remove(f.Name()))
}

// makeFolder makes a folder and those above it that are missing.
func (r *results) makeFolder(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := r.makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	r.made = append(r.made, dir)
	return os.Mkdir(dir, 0o755)
}

// write writes a report wherever the flags say, and its table to w.
func (r *results) write(w io.Writer, report *bench.Report) error {
	if err := report.WriteTable(w); err != nil {
		return err
	}
	for _, f := range []struct {
		flag  string
		write func(io.Writer) error
	}{{"json", report.WriteJSON}, {"csv", report.WriteCSV}, {"markdown", report.WriteMarkdown}} {
		if path := r.paths[f.flag]; path != "" {
			if err := fill(path, f.write); err != nil {
				return fmt.Errorf("--%s: %w", f.flag, err)
			}
		}
	}
	if r.paths["plot"] == "" {
		return nil
	}
	files, err := report.Plot(r.paths["plot"])
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	for _, f := range files {
		fmt.Fprintln(w, "drawn:", f)
	}
	return nil
}

// fill replaces what is in a file.
func fill(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return cmp.Or(write(f), f.Close())
}

// discard removes what was made for a report that does not come. Folders that are not empty stay.
func (r *results) discard() {
	for i := len(r.made) - 1; i >= 0; i-- {
		os.Remove(r.made[i])
	}
}
