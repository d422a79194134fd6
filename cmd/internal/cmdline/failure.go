package cmdline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The exit codes other than 0.
const (
	ExitFailure = 1
	ExitUsage   = 2
)

// A usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usagef makes an error that is a mistake in the command line. Its text names the flag, says what is wrong with it, and what
// to give instead.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// UsageIf makes err a mistake in the command line if it is one of these kinds. Other errors stay as they are.
func UsageIf(err error, kinds ...error) error {
	if slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		return usageError{err}
	}
	return err
}

// printError prints the error that a command ended with, on one line, and returns its exit code.
func printError(c *cli.Context, err error) int {
	if err == nil {
		return 0
	}
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r < ' ' }), "; ")
	if usage := (usageError{}); errors.As(err, &usage) {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s (see %s --help)\n", c.App.Name, text, c.Command.HelpName)
		return ExitUsage
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, text)
	return ExitFailure
}

// The errors of package flag and of cli have no types, only texts.
var (
	undefinedFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badFlag       = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-+([^:]*):`)
	badVariable   = regexp.MustCompile(`^could not parse (".*") as .* from environment variable "(.*)" for flag ([^:]*):`)
)

// onUsageError makes an error that says in plain words what is wrong with a flag.
func onUsageError(c *cli.Context, err error, _ bool) error {
	flags := c.Command.Flags
	text := err.Error()
	if m := undefinedFlag.FindStringSubmatch(text); m != nil {
		return Usagef("there is no flag --%s%s", m[1], didYouMean(m[1], cli.SuggestFlag(flags, m[1], true), "--"))
	}
	if m := missingValue.FindStringSubmatch(text); m != nil {
		return Usagef("--%s needs a value: give %s", m[1], wanted(flags, m[1]))
	}
	if m := badFlag.FindStringSubmatch(text); m != nil {
		want := wanted(flags, m[2])
		if strings.HasSuffix(text, "value out of range") {
			want = "a smaller number"
		}
		return Usagef("--%s %s: give %s", m[2], m[1], want)
	}
	if m := badVariable.FindStringSubmatch(text); m != nil {
		return Usagef("the environment variable %s is %s: give %s", m[2], m[1], wanted(flags, m[3]))
	}
	return Usagef("%w", err)
}

// wanted describes the values that a flag takes.
func wanted(flags []cli.Flag, name string) string {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return "another"
	}
	switch flags[i].(type) {
	case *cli.BoolFlag:
		return "true or false"
	case *cli.IntFlag:
		return "a whole number"
	case *cli.Float64Flag:
		return "a number"
	case *cli.DurationFlag:
		return "a time with its unit, such as 500ms or 10s"
	}
	return placeholder(flags[i])
}

// UnknownCommand is the error for a command that does not exist. It names the one that may have been meant.
func UnknownCommand(c *cli.Context, name string) error {
	// cli's suggestion is a sentence with the command in quotes.
	suggested := strings.SplitN(cli.SuggestCommand(c.App.Commands, name), `"`, 3)
	return Usagef("there is no command %q%s", name, didYouMean(name, strings.Join(suggested[1:2], ""), ""))
}

// didYouMean makes a question of cli's suggestion. It returns "" if the suggestion begins differently: cli suggests a name
// even if the two have little in common.
func didYouMean(given, suggested, prefix string) string {
	name := strings.TrimPrefix(suggested, prefix)
	if given == "" || name == "" || given[0] != name[0] {
		return ""
	}
	return "; did you mean " + suggested + "?"
}
