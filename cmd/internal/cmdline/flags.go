package cmdline

import (
	"fmt"
	"image"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
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
