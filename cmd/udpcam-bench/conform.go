package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/bench/conform"
	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
)

func conformCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "conform",
		Usage:     "test a program in any language against the specification, rule by rule",
		UsageText: "udpcam-bench conform --role send|recv --against COMMAND [flags]",
		Description: cmdline.Indent("It starts COMMAND for each rule and plays the other end. In COMMAND, {addr} stands for the "+
			"address where a receiver listens, or to which a sender sends. {from} is a sender's address that a receiver "+
			"subscribes at, and {listen} the one where a sender listens for receivers. {key} is the key of --key. A sender "+
			"reads JPEGs, one after another, from standard input. A receiver writes them to standard output. The exit "+
			"status is 1 if a rule is broken.\n\n") + cmdline.Examples(
			"udpcam-bench conform --role recv --against './udpcam-recv --out - {addr}'", "a receiver in another language",
			"udpcam-bench conform --role send --against './udpcam-send --parity 10 {addr}'", "a sender",
			"udpcam-bench conform --role recv --key \"$(udpcam key)\" --against './udpcam-recv --key {key} {addr}'",
			"the rules of sealed streams",
			"udpcam-bench conform --list", "all rules",
		),
		Action: runConform,
	}, benchFlags("What is tested",
		&cli.StringFlag{Name: "against", Usage: "the `COMMAND` that starts the program"},
		&cli.StringFlag{Name: "role", Usage: "which `END` of the wire it is: send or recv"},
		&cli.StringFlag{Name: "key", Usage: "the program seals with this `KEY`: 44 characters of base64, or a file with them"},
		&cli.StringFlag{Name: "rule", Usage: "test only the rule of this `NAME`"},
		&cli.IntFlag{Name: "at-once", Usage: "how many rules (`N`) are tested at the same time", Value: 4},
		&cli.BoolFlag{Name: "list", Usage: "list the rules, and test nothing"},
	), benchFlags("Results",
		&cli.BoolFlag{Name: "json", Usage: "print the results in JSON"},
	))
}

func runConform(c *cli.Context) error {
	if c.Bool("list") {
		return listRules(c.App.Writer)
	}
	config := conform.Config{Command: c.String("against"), Role: conform.Role(c.String("role")), Rule: c.String("rule"),
		At: c.Int("at-once")}
	switch {
	case c.NArg() > 0:
		return cmdline.Usagef("%q: give the whole command to --against, in quotes", c.Args().First())
	case config.Command == "":
		return cmdline.Usagef("--against: give the command that starts the program")
	case config.Role != conform.Sender && config.Role != conform.Receiver:
		return cmdline.Usagef("--role %q: give send or recv", config.Role)
	case config.At < 1 || config.At > 64:
		return cmdline.Usagef("--at-once %d: give 1 to 64", config.At)
	}
	if text := c.String("key"); text != "" {
		key, err := keyOf(text)
		if err != nil {
			return cmdline.Usagef("--key: %w", err)
		}
		config.Key, config.KeyText = conform.Key(key), key.Text()
	}
	if _, err := config.Chosen(); err != nil {
		return cmdline.Usagef("%w", err)
	}
	results, err := conform.Run(c.Context, config, func(r conform.Result) {
		if !c.Bool("json") {
			fmt.Fprint(c.App.Writer, rowOf(r, cmdline.Width(c.App.Writer)))
		}
	})
	if err != nil {
		return errInterrupted
	}
	broken := 0
	for _, r := range results {
		if !r.Passed {
			broken++
		}
	}
	if c.Bool("json") {
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		if err := e.Encode(results); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d rules are broken", broken, len(results))
	}
	if !c.Bool("json") {
		fmt.Fprintf(c.App.Writer, "all %d rules are kept\n", len(results))
	}
	return nil
}

// keyOf reads a key, or a file with one.
func keyOf(text string) (protocol.Key, error) {
	key, err := protocol.ParseKey(text)
	if err == nil {
		return key, nil
	}
	b, failed := os.ReadFile(text)
	if errors.Is(failed, os.ErrNotExist) {
		return key, err
	}
	if failed != nil {
		return key, failed
	}
	return protocol.ParseKey(string(b))
}

// rowOf is what came of a rule, in the lines of a table.
func rowOf(r conform.Result, width int) string {
	passed := "passed"
	if !r.Passed {
		passed = "BROKEN"
	}
	row := cmdline.Hang(fmt.Sprintf("%s  %-22s ", passed, r.Rule), fmt.Sprintf("%s (%s)", r.Says, r.Section), width)
	if !r.Passed {
		row += cmdline.Hang("        expected ", r.Expected, width) + cmdline.Hang("        saw      ", r.Saw, width)
	}
	return row
}

func listRules(w io.Writer) error {
	for _, r := range conform.Rules() {
		var where []string
		placeholder := "{addr}"
		if r.Subscribing {
			placeholder = map[conform.Role]string{conform.Receiver: "{from}", conform.Sender: "{listen}"}[r.Role]
		}
		for name, is := range map[string]bool{"open": r.Open && !r.Sealed, "sealed": r.Sealed && !r.Open} {
			if is {
				where = append(where, name)
			}
		}
		where = append(where, string(r.Role), placeholder)
		fmt.Fprint(w, cmdline.Hang(fmt.Sprintf("%-22s ", r.Name), fmt.Sprintf("%s (%s; %s)", r.Says, r.Section,
			strings.Join(where, " ")), cmdline.Width(w)))
	}
	return nil
}
