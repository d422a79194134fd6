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

// results are the files that flags name for a report. They are opened before it is measured, because that takes minutes.
type results struct {
	flags   []string
	targets []*target
	plots   string // "" without --plot
	folders folders
}

// openResults opens what flags name, and changes nothing that is there.
func openResults(c *cli.Context) (*results, error) {
	r := &results{plots: c.String("plot")}
	for _, flag := range []string{"json", "csv", "markdown"} {
		path := c.String(flag)
		if path == "" {
			continue
		}
		t, err := openTarget(path)
		if err != nil {
			r.discard()
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		r.flags, r.targets = append(r.flags, flag), append(r.targets, t)
	}
	if r.plots == "" {
		return r, nil
	}
	var err error
	if r.folders, err = makeFolders(r.plots); err == nil {
		err = tryFolder(r.plots)
	}
	if err != nil {
		r.discard()
		return nil, fmt.Errorf("--plot: %w", err)
	}
	return r, nil
}

// write writes a report wherever the flags say, and its table to w.
func (r *results) write(w io.Writer, report *bench.Report) error {
	defer r.discard() // what an error has left
	if err := report.WriteTable(w); err != nil {
		return err
	}
	writers := map[string]func(io.Writer) error{
		"json": report.WriteJSON, "csv": report.WriteCSV, "markdown": report.WriteMarkdown,
	}
	for i, flag := range r.flags {
		if err := r.targets[i].fill(writers[flag]); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	if r.plots == "" {
		return nil
	}
	files, err := report.Plot(r.plots)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	for _, f := range files {
		fmt.Fprintln(w, "drawn:", f)
	}
	return nil
}

// discard takes away what was made for a report that does not come.
func (r *results) discard() {
	for _, t := range r.targets {
		t.discard()
	}
	r.folders.discard()
}

// A target is a file that is opened now and written later.
type target struct {
	file    *os.File
	made    bool // there was none
	regular bool // neither a pipe nor a device, which cannot be emptied and are not to be removed
	folders folders
	filled  bool
}

// openTarget opens a file to be written, and makes it and its folders if there are none. What is in it stays until then.
func openTarget(path string) (*target, error) {
	t := &target{}
	var err error
	if t.folders, err = makeFolders(filepath.Dir(path)); err != nil {
		return nil, err
	}
	_, missing := os.Stat(path)
	t.made = errors.Is(missing, fs.ErrNotExist)
	if t.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		t.folders.discard()
		return nil, err
	}
	info, err := t.file.Stat()
	t.regular = err == nil && info.Mode().IsRegular()
	return t, nil
}

// fill replaces what is in the file, and closes it.
func (t *target) fill(write func(io.Writer) error) error {
	t.filled = true
	var err error
	if t.regular {
		err = t.file.Truncate(0)
	}
	if err == nil {
		err = write(t.file)
	}
	return cmp.Or(err, t.file.Close())
}

// discard closes a file that was not filled, and removes it if it was made for that.
func (t *target) discard() {
	if t.filled {
		return
	}
	t.file.Close()
	if t.made {
		t.remove()
	}
}

// remove removes a file and the folders that were made for it.
func (t *target) remove() {
	if t.regular {
		os.Remove(t.file.Name())
	}
	t.folders.discard()
}

// folders are those that were made, the innermost first.
type folders []string

// makeFolders makes a folder, and those above it that are missing.
func makeFolders(dir string) (made folders, err error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break // at the latest at "/" or "."
		}
		made = append(made, at)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		made.discard()
		return nil, err
	}
	return made, nil
}

// discard removes the folders in which there is nothing.
func (f folders) discard() {
	for _, dir := range f {
		os.Remove(dir)
	}
}

// tryFolder reports why no file can be made in a folder.
func tryFolder(dir string) error {
	f, err := os.CreateTemp(dir, ".udpcam-*")
	if err != nil {
		return err
	}
	return cmp.Or(f.Close(), os.Remove(f.Name()))
}
