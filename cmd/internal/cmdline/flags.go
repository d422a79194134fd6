package cmdline

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Command completes a subcommand: it has these flags, and takes no arguments unless its ArgsUsage names them.
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

// Flags puts flags into one category of the help and gives each its environment variable: UDPCAM_LOG_LEVEL for
// --log-level.
func Flags(category string, fs ...cli.Flag) []cli.Flag { return PrefixedFlags("", category, fs...) }

// PrefixedFlags does the same with flags whose names mean something else in another program: with "bench-" the variable
// of --json is UDPCAM_BENCH_JSON.
func PrefixedFlags(prefix, category string, fs ...cli.Flag) []cli.Flag {
	for _, f := range fs {
		variable := []string{Variable(prefix + f.Names()[0])}
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Category, f.EnvVars = category, variable
		case *cli.StringSliceFlag:
			f.Category, f.EnvVars = category, variable
		case *cli.BoolFlag:
			f.Category, f.EnvVars = category, variable
		case *cli.IntFlag:
			f.Category, f.EnvVars = category, variable
		case *cli.Float64Flag:
			f.Category, f.EnvVars = category, variable
		case *cli.DurationFlag:
			f.Category, f.EnvVars = category, variable
		default:
			panic(fmt.Sprintf("flag --%s is of a type that has no environment variable", f.Names()[0]))
		}
	}
	return fs
}

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return "UDPCAM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// List is the values of a flag that can be repeated. A variable that is set to nothing is as good as none.
func List(c *cli.Context, flag string) []string {
	return slices.DeleteFunc(c.StringSlice(flag), func(value string) bool { return value == "" })
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
