package main

import (
	_ "embed"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

// manual is the template of the manual page, in the macros of man(7).
//
//go:embed man.tmpl
var manual string

func manCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		UsageText:   "udpcam man",
		Description: cmdline.Examples("udpcam man | man -l -", "to read it"),
		Action: func(c *cli.Context) error {
			page := template.Must(template.New("man").Funcs(template.FuncMap{
				"roff":    roff,
				"capital": func(text string) string { return strings.ToUpper(text[:1]) + text[1:] },
				"trim":    func(text string) string { return strings.TrimRight(text, "\n") },
				"description": func(c *cli.Command) string { // without the sources, which have a section of their own
					text, _, _ := strings.Cut(c.Description, "\nSources:\n")
					return text
				},
				"flags": flagRows,
			}).Parse(manual))
			return page.Execute(c.App.Writer, map[string]any{
				"App": c.App, "Sources": source.Help(), "Variable": cmdline.Variable("log-level"),
			})
		},
	})
}

// flagRows returns the flags of a command, but for --help.
func flagRows(c *cli.Command) (rows [][2]string) {
	for _, f := range c.VisibleFlags() {
		if f.(cli.CategorizableFlag).GetCategory() != "" {
			rows = append(rows, cmdline.FlagRow(f.(cli.DocGenerationFlag)))
		}
	}
	return rows
}

// roff escapes text for roff: hyphens can be copied from the page, and no line begins with what would be a macro.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
