package cmdline

import (
	"io"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// parse runs a command line of a program that has a flag of each kind, and returns its context.
func parse(t *testing.T, args ...string) (got *cli.Context, code int) {
	t.Helper()
	send := Command(&cli.Command{Name: "send", Action: func(c *cli.Context) error { got = c; return nil }},
		Flags("Flags",
			&ListFlag{cli.GenericFlag{Name: "name", Aliases: []string{"stream"}}},
			&OptionalFlag{GenericFlag: cli.GenericFlag{Name: "listen"}, Usual: ":12345"},
			&cli.StringFlag{Name: "addr"},
			&cli.BoolFlag{Name: "loop"},
		))
	app := Complete(&cli.App{Name: "udpcam", Commands: []*cli.Command{send}})
	code = Run(t.Context(), app, append([]string{"udpcam", "send"}, args...), io.Discard, io.Discard)
	return got, code
}

// A flag whose value may be left out takes the next argument, unless that is a flag.
func TestOptionalFlag(t *testing.T) {
	for args, want := range map[string]string{
		"":                                 "",
		"--listen":                         ":12345",
		"-listen":                          ":12345",
		"--listen :5000":                   ":5000",
		"--listen=:5000":                   ":5000",
		"--listen=":                        "",
		"--listen=false":                   "",
		"--listen --addr x":                ":12345",
		"--addr x --listen":                ":12345",
		"--addr x --loop --listen [::1]:9": "[::1]:9",
		"--listen :5000 --addr x --loop":   ":5000",
		"--addr=x --listen :5000 --loop":   ":5000",
	} {
		c, code := parse(t, strings.Fields(args)...)
		switch {
		case code != 0:
			t.Errorf("%q: exit code %d", args, code)
		case c.String("listen") != want || (strings.Contains(args, "addr") && c.String("addr") != "x"):
			t.Errorf("%q: listen is %q, want %q; addr is %q", args, c.String("listen"), want, c.String("addr"))
		case c.IsSet("listen") != strings.Contains(args, "listen"):
			t.Errorf("%q: set is %v", args, c.IsSet("listen"))
		}
	}
	for _, args := range []string{"--listen :5000 x", "x --listen", "--listen -- x", "--addr"} {
		if _, code := parse(t, strings.Fields(args)...); code != ExitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
	if c, _ := parse(t, "--addr", "--listen", "--loop"); c == nil || c.String("addr") != "--listen" || c.IsSet("listen") {
		t.Error("the value of another flag is taken for this one")
	}
	t.Setenv("UDPCAM_LISTEN", ":7")
	for args, want := range map[string]string{"": ":7", "--listen": ":12345", "--listen=false": ""} {
		if c, _ := parse(t, strings.Fields(args)...); c.String("listen") != want {
			t.Errorf("with a variable, %q: listen is %q, want %q", args, c.String("listen"), want)
		}
	}
}

// The values of a flag that can be repeated may hold commas. Its variable gives way to the command line.
func TestListFlag(t *testing.T) {
	check := func(want string, args ...string) {
		t.Helper()
		c, code := parse(t, args...)
		if got := strings.Join(List(c, "name"), "|"); code != 0 || got != want {
			t.Errorf("%q: %q, want %q; exit code %d", args, got, want, code)
		}
		if c.IsSet("name") != (want != "") {
			t.Errorf("%q: set is %v", args, c.IsSet("name"))
		}
	}
	check("")
	check("a", "--name", "a")
	check("a,b|c", "--name", "a,b", "--name=c")
	check("a|b", "--stream", "a", "--stream", "b")
	t.Setenv("UDPCAM_NAME", "x,y")
	check("x|y")
	check("a,b", "--name", "a,b")
	check("a", "--stream", "a")
}
