package cmdline

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// FindFlag returns the flag with this first name, or nil.
func FindFlag(flags []cli.Flag, name string) cli.Flag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == name })
	if i < 0 {
		return nil
	}
	return flags[i]
}

// SuggestFlag returns the name of the flag that may be meant by one that does not exist, "" if none is like it.
func SuggestFlag(flags []cli.Flag, name string) string {
	suggested := strings.TrimLeft(cli.SuggestFlag(flags, name, true), "-")
	if didYouMean(name, suggested, "") == "" {
		return ""
	}
	return suggested
}

// Wanted says which values a flag takes.
func Wanted(f cli.Flag) string { return wanted([]cli.Flag{f}, f.Names()[0]) }

// Repeatable reports whether a flag may be given several times.
func Repeatable(f cli.Flag) bool {
	switch f.(type) {
	case *ListFlag, *cli.StringSliceFlag:
		return true
	}
	return false
}

// flagInText matches a flag in an error.
var flagInText = regexp.MustCompile(`--([a-z][a-z-]*[a-z])\b`)

// FlagsIn returns the flags that an error mentions, and the error's text with their names alone.
func FlagsIn(text string) (names []string, plain string) {
	for _, m := range flagInText.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names, flagInText.ReplaceAllString(text, "$1")
}
