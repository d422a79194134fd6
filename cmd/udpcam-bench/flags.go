package main

import (
	"errors"
	"fmt"
	"image"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/pattern"
)

// pictureFlags say which pictures are fed in.
func pictureFlags(frames, bytes int) []cli.Flag {
	return benchFlags("Camera",
		&cli.StringFlag{Name: "pictures", Usage: "feed the JPEGs in this `FILE`, instead of a noisy test pattern", TakesFile: true},
		&cli.StringFlag{Name: "size", Usage: "size (`WxH`) of the test pattern in pixels", Value: "768x576"},
		&cli.IntFlag{Name: "frame-size", Usage: "about how many bytes (`N`) a picture of the test pattern has", Value: bytes},
		&cli.Float64Flag{Name: "fps", Usage: "pictures a second (`N`)", Value: 30},
		&cli.IntFlag{Name: "frames", Usage: "how many pictures (`N`) count", Value: frames},
		&cli.IntFlag{Name: "seed", Usage: "seed (`N`) of the random losses and delays of --link tun", Value: 1},
	)
}

// picturesOf returns the pictures that the flags describe, and the additional ones that do not count.
func picturesOf(c *cli.Context) ([][]byte, error) {
	frames := c.Int("frames")
	if frames < 10 || frames > 100_000 {
		return nil, cmdline.Usagef("--frames %d: give 10 to 100000", frames)
	}
	if err := checkFPS(c.Float64("fps")); err != nil {
		return nil, err
	}
	more := bench.Uncounted(c.Float64("fps"))
	if path := c.String("pictures"); path != "" {
		pictures, err := bench.ReadPictures(path, frames+more)
		if err != nil {
			return nil, fmt.Errorf("--pictures: %w", err)
		}
		return pictures, nil
	}
	bytes := c.Int("frame-size")
	if bytes < 1 {
		return nil, cmdline.Usagef("--frame-size %d: give 1 or more", bytes)
	}
	size, err := sizeOf(c)
	if err != nil {
		return nil, err
	}
	pictures, err := bench.Pictures(c.Context, size, bytes, frames+more)
	switch {
	case c.Context.Err() != nil:
		return nil, errInterrupted
	case errors.Is(err, bench.ErrPictures):
		return nil, cmdline.Usagef("--frame-size %d: %w", bytes, err)
	}
	return pictures, err
}

// sizeOf is the size of the test pattern that the flags describe.
func sizeOf(c *cli.Context) (image.Point, error) {
	size, err := cmdline.ParseSize(c.String("size"))
	if err == nil && pattern.CheckSize(size) != nil {
		err = cmdline.Usagef("--size: %w", pattern.CheckSize(size))
	}
	return size, err
}

func checkFPS(fps float64) error {
	if fps >= 1 && fps <= 1000 {
		return nil
	}
	return cmdline.Usagef("--fps %g: give 1 to 1000", fps)
}

// listed reads the comma-separated values of a flag.
func listed[T any](c *cli.Context, flag string, parse func(string) (T, error)) (values []T, err error) {
	for _, text := range strings.Split(c.String(flag), ",") {
		v, err := parse(strings.TrimSpace(text))
		if err != nil {
			return nil, cmdline.Usagef("--%s %q: %w", flag, c.String(flag), err)
		}
		values = append(values, v)
	}
	return values, nil
}

// between returns a parser of numbers within bounds.
func between(low, high float64) func(string) (float64, error) {
	return func(text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= low && v <= high) { // NaN is neither
			return 0, fmt.Errorf("give numbers from %g to %g, separated by commas", low, high)
		}
		return v, nil
	}
}

// whole returns a parser of whole numbers within bounds.
func whole(low, high int) func(string) (int, error) {
	return func(text string) (int, error) {
		v, err := strconv.Atoi(text)
		if err != nil || v < low || v > high {
			return 0, fmt.Errorf("give whole numbers from %d to %d, separated by commas", low, high)
		}
		return v, nil
	}
}

// duration parses a time up to 10 s.
func duration(text string) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	if text == "0" {
		return 0, nil
	}
	if err != nil || v < 0 || v > 10*time.Second {
		return 0, errors.New("give times from 0 to 10s with their unit, such as 4ms, separated by commas")
	}
	return v, nil
}
