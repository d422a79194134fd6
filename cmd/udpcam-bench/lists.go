package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

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

// lasting parses a time up to 10 s.
func lasting(text string) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	if text == "0" {
		return 0, nil
	}
	if err != nil || v < 0 || v > 10*time.Second {
		return 0, errors.New("give times from 0 to 10s with their unit, such as 4ms, separated by commas")
	}
	return v, nil
}
