package cmdline

import (
	"flag"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// A ListFlag can be repeated. Its values may hold commas, other than those of a [cli.StringSliceFlag]: commas separate
// values only in its environment variable. [List] returns the values.
type ListFlag struct{ cli.GenericFlag }

// Apply implements [cli.Flag].
func (f *ListFlag) Apply(set *flag.FlagSet) error {
	given := &texts{}
	f.Value = given
	if err := f.GenericFlag.Apply(set); err != nil {
		return err
	}
	if len(given.values) > 0 { // GenericFlag has read the variable
		given.values, given.fallback = strings.Split(given.values[0], ","), true
	}
	return nil
}

// texts are the values of a ListFlag.
type texts struct {
	values   []string
	fallback bool // they are of the variable, which the command line overrides
}

// copied is what cli sets to the flag's second name after its first was given, or the other way round. The two share their
// values, so there is nothing to do.
const copied = "\x00"

// Serialize implements [cli.Serializer].
func (t *texts) Serialize() string { return copied }

func (t *texts) Set(value string) error {
	if value == copied {
		return nil
	}
	if t.fallback {
		t.values, t.fallback = nil, false
	}
	t.values = append(t.values, value)
	return nil
}

func (t *texts) String() string { return strings.Join(t.values, ",") }

// An OptionalFlag is a flag whose value may be left out: --listen means the Usual one, --listen :5000 and --listen=:5000
// another. Without the flag, and after --listen=false, it is empty.
type OptionalFlag struct {
	cli.GenericFlag
	Usual string
}

// Apply implements [cli.Flag].
func (f *OptionalFlag) Apply(set *flag.FlagSet) error {
	f.Value = &optional{usual: f.Usual}
	return f.GenericFlag.Apply(set)
}

type optional struct{ usual, value string }

// IsBoolFlag makes package flag set the value "true" if none follows.
func (o *optional) IsBoolFlag() bool { return true }

func (o *optional) Set(value string) error {
	o.value = value
	if on, err := strconv.ParseBool(value); err == nil {
		o.value = ""
		if on {
			o.value = o.usual
		}
	}
	return nil
}

func (o *optional) String() string { return o.value }

// joinValues puts the values of each [OptionalFlag] into the same argument as the flag. Package flag would take a value that
// stands alone for the end of all flags.
func joinValues(app *cli.App, args []string) []string {
	if len(args) < 2 || app.Command(args[1]) == nil {
		return args
	}
	flags := app.Command(args[1]).Flags
	joined := slices.Clone(args[:2])
	for rest := args[2:]; len(rest) > 0; rest = rest[1:] {
		arg := rest[0]
		name := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
		if name == arg || name == "" {
			return append(joined, rest...) // package flag takes no flags behind this
		}
		i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		if i >= 0 && len(rest) > 1 {
			switch _, isOptional := flags[i].(*OptionalFlag); {
			case isOptional && !strings.HasPrefix(rest[1], "-"):
				arg, rest = arg+"="+rest[1], rest[1:]
			case !isOptional && flags[i].(cli.DocGenerationFlag).TakesValue():
				joined = append(joined, arg)
				arg, rest = rest[1], rest[1:]
			}
		}
		joined = append(joined, arg)
	}
	return joined
}
