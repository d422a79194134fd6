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
	"udpcam/internal/trace"
)

// resultFlags say where results go, besides the table.
func resultFlags() []cli.Flag {
	return benchFlags("Results",
		&cli.StringFlag{Name: "json", Usage: "write the results to `FILE` as JSON", TakesFile: true},
		&cli.StringFlag{Name: "csv", Usage: "write the rows of the table to `FILE` as CSV", TakesFile: true},
		&cli.StringFlag{Name: "markdown", Usage: "write the table to `FILE` as Markdown", TakesFile: true},
		&cli.StringFlag{Name: "plot", Usage: "draw plots into the folder `DIR`, as SVG", TakesFile: true},
	)
}

// checkOutputs makes sure that the files of the flags can be written, before a measurement of some minutes begins. It
// changes nothing.
func checkOutputs(c *cli.Context) error {
	for _, flag := range []string{"json", "csv", "markdown", "trace", "plot"} {
		path := c.String(flag)
		if path == "" {
			continue
		}
		if flag == "plot" {
			path = filepath.Join(path, "plot.svg")
		}
		if err := checkOutput(path); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return nil
}

// checkOutput makes sure that a file can be written, or made in the first folder above it that exists.
func checkOutput(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil // a pipe or a device: opening it could block
	}
	if !errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return cmp.Or(err, f.Close())
	}
	dir := filepath.Dir(path)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		if _, err = os.Stat(dir); err != nil {
			dir = filepath.Dir(dir)
		}
	}
	f, err := os.CreateTemp(dir, ".udpcam-*")
	if err != nil {
		return err
	}
	return cmp.Or(f.Close(), os.Remove(f.Name()))
}

// show writes results wherever the flags say, and their table to the standard output.
func show(c *cli.Context, results *bench.Results) error {
	if err := results.WriteTable(c.App.Writer); err != nil {
		return err
	}
	for _, f := range []struct {
		flag  string
		write func(io.Writer) error
	}{
		{"json", results.WriteJSON}, {"csv", results.WriteCSV}, {"markdown", results.WriteMarkdown},
		{"trace", func(w io.Writer) error { return trace.Write(w, results.Traces) }},
	} {
		if path := c.String(f.flag); path != "" {
			if err := fill(path, f.write); err != nil {
				return fmt.Errorf("--%s: %w", f.flag, err)
			}
		}
	}
	if c.String("plot") == "" {
		return nil
	}
	files, err := results.Plot(c.String("plot"))
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	for _, f := range files {
		fmt.Fprintln(c.App.Writer, "drawn:", f)
	}
	return nil
}

// fill writes a file, and makes its folder.
func fill(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return cmp.Or(write(f), f.Close())
}
