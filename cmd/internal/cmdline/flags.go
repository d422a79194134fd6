package cmdline

import (
	"fmt"
	"image"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/sender"
)

// Command completes a subcommand with its flags. It takes no arguments unless its ArgsUsage names some.
func Command(c *cli.Command, groups ...[]cli.Flag) *cli.Command {
	c.Flags = slices.Concat(groups...)
	c.CustomHelpTemplate = commandHelp
	c.HideHelpCommand = true
	c.OnUsageError = onUsageError
	c.Before = func(c *cli.Context) error {
		if arg := c.Args().First(); arg != "" && c.Command.ArgsUsage == "" {
			return Usagef("there is an argument too many: %q", arg)
		}
		return nil
	}
	return c
}

// Flags puts flags into one category of the help, and gives each its environment variable: UDPCAM_LOG_LEVEL for
// --log-level.
func Flags(category string, flags ...cli.Flag) []cli.Flag {
	return PrefixedFlags("", category, flags...)
}

// PrefixedFlags does the same for flags that mean something else in another program. With the prefix "bench-", the variable
// of --json is UDPCAM_BENCH_JSON.
func PrefixedFlags(prefix, category string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		fields := reflect.ValueOf(f).Elem() // flags of all types have these fields, but no method sets them
		fields.FieldByName("Category").SetString(category)
		fields.FieldByName("EnvVars").Set(reflect.ValueOf([]string{Variable(prefix + f.Names()[0])}))
	}
	return flags
}

// Variable returns the environment variable of a flag.
func Variable(flag string) string {
	return "UDPCAM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// List returns the values of a flag that can be repeated. An empty value, as of an empty variable, does not count.
func List(c *cli.Context, flag string) []string {
	values := c.StringSlice(flag)
	if given, ok := c.Generic(flag).(*texts); ok {
		values = slices.Clone(given.values)
	}
	return slices.DeleteFunc(values, func(value string) bool { return value == "" })
}

// ParseSize reads WIDTHxHEIGHT; "" is the zero size.
func ParseSize(text string) (size image.Point, err error) {
	if text == "" {
		return size, nil
	}
	n, err := fmt.Sscanf(text, "%dx%d", &size.X, &size.Y)
	if err != nil || n != 2 || size.X < 1 || size.Y < 1 || text != fmt.Sprintf("%dx%d", size.X, size.Y) {
		return image.Point{}, Usagef("--size %q: give WIDTHxHEIGHT in pixels, such as 1280x720", text)
	}
	return size, nil
}

// ParseFEC reads "auto", "off", or a share of the data such as "20%". "" is auto.
func ParseFEC(text string) (sender.FEC, error) {
	switch text {
	case "", "auto":
		return sender.FEC{}, nil
	case "off":
		return sender.FECOff, nil
	}
	if share, ok := parsePercent(text); ok && share <= sender.MaxFEC {
		return sender.FECShare(share), nil
	}
	return sender.FEC{}, fmt.Errorf("parity %q: give auto, off, or a share of the data such as 20%%, at most %d%%",
		text, 100*sender.MaxFEC)
}

// ParsePace reads "auto", "off", a share of the time between two frames such as "25%", or a rate in Mbit/s such as "200" or
// "200mbit". "" is auto.
func ParsePace(text string) (sender.Pace, error) {
	switch text {
	case "", "auto":
		return sender.Pace{}, nil
	case "off":
		return sender.PaceOff, nil
	}
	if share, ok := parsePercent(text); ok && share > 0 && share <= 1 {
		return sender.PaceShare(share), nil
	}
	number := strings.TrimSuffix(strings.ToLower(text), "mbit")
	if mbit, err := strconv.ParseFloat(number, 64); err == nil && mbit >= 0.1 && mbit <= 1e6 {
		return sender.PaceRate(mbit * 1e6), nil
	}
	return sender.Pace{}, fmt.Errorf("pace %q: give auto, a share of the time between two frames such as 25%%, "+
		"a rate in Mbit/s such as 200, or off", text)
}

// parsePercent reads a number from 0 with a percent sign.
func parsePercent(text string) (share float64, ok bool) {
	number, ok := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	return share / 100, ok && err == nil && share >= 0 && !math.IsInf(share, 0)
}
