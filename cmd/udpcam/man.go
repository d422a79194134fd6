package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

func manCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		UsageText:   "udpcam man",
		Description: cmdline.Examples("udpcam man | man -l -", "to read it"),
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprint(c.App.Writer, manual(c.App))
			return err
		},
	})
}

// manual is the manual page, in the macros of man(7).
func manual(app *cli.App) string {
	var b strings.Builder
	section := func(name string) { fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(name)) }
	fmt.Fprintf(&b, ".TH UDPCAM 1 \"\" %q\n", "udpcam "+app.Version)
	b.WriteString(".nh\n.ad l\n") // flags are not to be broken, nor words stretched
	section("name")
	fmt.Fprintf(&b, "udpcam \\- %s\n", roff(app.Usage))
	section("synopsis")
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&b, "%s\n.br\n", roff(c.UsageText))
	}
	section("examples")
	preformatted(&b, app.Description)
	section("commands")
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&b, ".SS %s\n%s.\n", roff("udpcam "+c.Name), roff(capital(c.Usage)))
		b.WriteString(".PP\n")
		description, _, _ := strings.Cut(c.Description, "\nSources:\n") // they have a section of their own
		preformatted(&b, description)
		for _, f := range c.VisibleFlags() {
			if f.(cli.CategorizableFlag).GetCategory() == "" {
				continue
			}
			row := cmdline.FlagRow(f.(cli.DocGenerationFlag))
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(row[0]), roff(capital(row[1])))
		}
	}
	section("sources")
	preformatted(&b, source.Help())
	section("environment")
	fmt.Fprintf(&b, "Every flag is a variable too: %s for \\-\\-log\\-level. Several values of one flag are separated by commas.\n",
		roff(cmdline.Variable("log-level")))
	section("exit status")
	b.WriteString("0, 1 if something went wrong, 2 for a mistake in the command line.\n")
	return b.String()
}

// roff is text as roff has it: a hyphen is one that can be copied, and a line does not begin with what would be a macro.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

func preformatted(b *strings.Builder, text string) {
	fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", roff(strings.TrimRight(text, "\n")))
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
