package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

// Every command's help fits a terminal of 80 columns. It has an example and every flag, and each flag has an environment
// variable.
func TestHelp(t *testing.T) {
	for _, command := range newApp().Commands {
		if command.Name == "help" { // its --help is that of the whole
			continue
		}
		t.Run(command.Name, func(t *testing.T) {
			code, help, stderr := runToEnd(t, command.Name, "--help")
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for line := range strings.Lines(help) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > cmdline.UsualWidth {
					t.Errorf("a line of %d columns: %s", n, line)
				}
			}
			if !strings.Contains(help, "\nExamples:\n  ") && !strings.Contains(help, "\nOnce:\n  ") {
				t.Errorf("shows no example:\n%s", help)
			}
			for _, f := range command.Flags {
				name := f.Names()[0]
				if !strings.Contains(help, "\n  --"+name) {
					t.Errorf("does not show --%s", name)
				}
				variable := "UDPCAM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
				if v := f.(cli.DocGenerationFlag).GetEnvVars(); len(v) != 1 || v[0] != variable {
					t.Errorf("--%s has the environment variables %v, want %s", name, v, variable)
				}
			}
			if n := len(command.Flags); n > 0 && !strings.Contains(help, cmdline.Variable(command.Flags[n-1].Names()[0])) {
				t.Error("gives no example of an environment variable")
			}
			if strings.ContainsAny(help, "`") || strings.Contains(help, "VALUE") {
				t.Errorf("has a flag without a placeholder, or a stray one:\n%s", help)
			}
			if _, other, _ := runToEnd(t, "help", command.Name); other != help {
				t.Errorf("udpcam help %s says something else:\n%s", command.Name, other)
			}
		})
	}
}

// The error for the former command bench says where the bench is now.
func TestNoBench(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "loss", "--link", "sim"}} {
		code, _, stderr := runToEnd(t, args...)
		if code != cmdline.ExitUsage || !strings.Contains(stderr, "go run ./cmd/udpcam-bench") {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}

// Without a command, the help lists all commands.
func TestAppHelp(t *testing.T) {
	_, want, _ := runToEnd(t, "--help")
	for _, args := range [][]string{nil, {"help"}, {"-h"}} {
		if code, got, _ := runToEnd(t, args...); code != 0 || got != want {
			t.Errorf("%v: exit code %d, and\n%s", args, code, got)
		}
	}
	for _, command := range newApp().Commands {
		if !strings.Contains(want, "\n  "+command.Name+"  ") {
			t.Errorf("does not mention %s:\n%s", command.Name, want)
		}
	}
}

func TestVersion(t *testing.T) {
	_, short, _ := runToEnd(t, "--version")
	_, long, _ := runToEnd(t, "version")
	if want := "udpcam version " + newApp().Version + "\n"; short != want {
		t.Errorf("--version: %q, want %q", short, want)
	}
	for _, want := range []string{"udpcam " + newApp().Version + "\n", "go1.", "OpenCV"} {
		if !strings.Contains(long, want) {
			t.Errorf("version: %q does not say %q", long, want)
		}
	}
}

// Each shell accepts the syntax of its script.
func TestCompletionScripts(t *testing.T) {
	for _, c := range completions {
		t.Run(c.shell, func(t *testing.T) {
			code, script, stderr := runToEnd(t, "completion", c.shell)
			if code != 0 || stderr != "" || !strings.Contains(script, "udpcam") {
				t.Fatalf("exit code %d: %s%s", code, script, stderr)
			}
			if _, err := exec.LookPath(c.shell); err != nil || c.shell == "powershell" { // which has no way to check a script
				t.Logf("not checked: that needs %s", c.shell)
				return
			}
			check := exec.Command(c.shell, "-n")
			check.Stdin = strings.NewReader(script)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// The completions depend on the last complete word.
func TestComplete(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	for typed, want := range map[string]string{
		"":                      "send recv relay serve hub run demo find cameras doctor mend key version man completion help",
		"send --s":              "--stream --segment --source --size",
		"send --wire":           "udpcam/1 classic",
		"recv --addr :1 --wire": "udpcam/1 classic",
		"demo --log-level":      "debug info warn error",
		"serve --source":        strings.Join(source.Schemes(), " "),
		"completion":            "bash zsh fish powershell",
	} {
		os.Args = append(append([]string{"udpcam"}, strings.Fields(typed)...), "--generate-bash-completion")
		code, offered, stderr := runToEnd(t, os.Args[1:]...)
		if got := strings.Join(strings.Fields(offered), " "); code != 0 || got != want {
			t.Errorf("%q: offers %q, want %q %s", typed, got, want, stderr)
		}
	}
}
