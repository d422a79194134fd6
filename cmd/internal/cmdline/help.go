package cmdline

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

const appHelp = `{{.Usage}}

Usage:
  {{.Name}} COMMAND [flags]

Commands:
{{commands .VisibleCommands}}
Examples:
{{.Description}}
See {{.Name}} COMMAND --help for its flags and more.
`

const commandHelp = `{{.Usage}}

Usage:
  {{.UsageText}}

{{reflow .Description}}
{{- flags .VisibleFlags}}`

// Widths in columns. Help is laid out between the narrow and the wide one.
const (
	NarrowWidth = 60
	UsualWidth  = 80 // of what is no terminal, or one that does not tell
	wideWidth   = 110
)

// Examples lists command lines and what they do.
func Examples(pairs ...string) string {
	var b strings.Builder
	b.WriteString("Examples:\n")
	for pair := range slices.Chunk(pairs, 2) {
		fmt.Fprintf(&b, "  %s\n      %s\n", pair[0], pair[1])
	}
	return b.String()
}

// Indent indents every line by two spaces.
func Indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// HelpCommand is the subcommand help of a program. Command is one of the others, for the example.
func HelpCommand(program, command string) *cli.Command {
	return Command(&cli.Command{
		Name:        "help",
		Usage:       "show how a command is used",
		UsageText:   program + " help [COMMAND]",
		ArgsUsage:   "[COMMAND]",
		Description: Examples(program+" help "+command, "the same as "+program+" "+command+" --help"),
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			switch {
			case name == "":
				return cli.ShowAppHelp(c)
			case c.App.Command(name) == nil:
				return UnknownCommand(c, name)
			}
			return cli.ShowCommandHelp(c, name)
		},
	})
}

// printHelp implements cli's HelpPrinter: it lays the help out for the terminal that it goes to.
func printHelp(w io.Writer, template string, data any) {
	width := UsualWidth
	if columns, ok := TerminalWidth(w); ok {
		width = min(max(columns, NarrowWidth), wideWidth)
	}
	cli.HelpPrinterCustom(w, template, data, map[string]any{
		"commands": func(commands []*cli.Command) string {
			var rows [][2]string
			for _, c := range commands {
				rows = append(rows, [2]string{c.Name, c.Usage})
			}
			return columns(rows, width)
		},
		"flags":  func(flags []cli.Flag) string { return flagHelp(flags, width) },
		"reflow": func(text string) string { return reflow(text, width) },
	})
}

// flagHelp lists flags by category, both in the order in which they were declared.
func flagHelp(flags []cli.Flag, width int) string {
	var categories []string
	var last cli.DocGenerationFlag
	rows := map[string][][2]string{}
	for _, f := range flags {
		category := f.(cli.CategorizableFlag).GetCategory()
		if category == "" { // --help, which whoever reads this knows
			continue
		}
		if !slices.Contains(categories, category) {
			categories = append(categories, category)
		}
		last = f.(cli.DocGenerationFlag)
		rows[category] = append(rows[category], FlagRow(last))
	}
	var b strings.Builder
	for _, category := range categories {
		fmt.Fprintf(&b, "\n%s:\n%s", category, columns(rows[category], width))
	}
	if last != nil {
		note := fmt.Sprintf("Instead of a flag an environment variable can be set: %s for %s. In it, several values of one "+
			"flag are separated by commas.", last.GetEnvVars()[0], "--"+last.(cli.Flag).Names()[0])
		b.WriteString("\n" + strings.Join(Wrap(note, width), "\n") + "\n")
	}
	return b.String()
}

// FlagRow is a flag as the help shows it.
func FlagRow(f cli.DocGenerationFlag) [2]string {
	name, usage := "--"+f.Names()[0], Plain(f.GetUsage())
	if f.TakesValue() {
		name += " " + placeholder(f)
	}
	if usual := strings.Trim(f.GetDefaultText(), `"`); !slices.Contains([]string{"", "0", "0s", "false"}, usual) {
		usage += " (default: " + usual + ")"
	}
	return [2]string{name, usage}
}

// onlyPlaceholder is a placeholder that stands in a flag's usage for the sake of the flag's name alone.
var onlyPlaceholder = regexp.MustCompile(" \\(`[^`]*`\\)")

// Plain is a flag's usage as people read it.
func Plain(usage string) string {
	return strings.ReplaceAll(onlyPlaceholder.ReplaceAllString(usage, ""), "`", "")
}

// placeholder is what stands for a flag's value: what its usage has in backquotes.
func placeholder(f cli.Flag) string {
	if parts := strings.SplitN(f.(cli.DocGenerationFlag).GetUsage(), "`", 3); len(parts) == 3 {
		return parts[1]
	}
	return "VALUE"
}

// columns lays rows out in two columns, the second wrapped at width.
func columns(rows [][2]string, width int) string {
	const indent, gap = 2, 2
	left := 0
	for _, row := range rows {
		left = max(left, utf8.RuneCountInString(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		cell := row[0]
		for _, line := range Wrap(row[1], width-indent-left-gap) {
			fmt.Fprintf(&b, "%*s%-*s%*s%s\n", indent, "", left, cell, gap, "", line)
			cell = ""
		}
	}
	return b.String()
}

// reflow wraps the lines of text that are too long. What stands in a second column stays in it.
func reflow(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		left, right := "", strings.TrimSuffix(line, "\n")
		if gap := strings.LastIndex(right, "  ") + 2; utf8.RuneCountInString(right) > width && gap >= 2 {
			left, right = right[:gap], right[gap:]
		}
		column := utf8.RuneCountInString(left)
		if column+utf8.RuneCountInString(right) <= width {
			b.WriteString(line)
			continue
		}
		for _, part := range Wrap(right, width-column) {
			fmt.Fprintf(&b, "%s%s\n", left, part)
			left = strings.Repeat(" ", column)
		}
	}
	return b.String()
}

// Wrap breaks text between words into lines of at most width columns; a longer word has a line of its own.
func Wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// TerminalWidth is how many columns the terminal has that w is, if it is one.
func TerminalWidth(w io.Writer) (columns int, ok bool) {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		return columns, true
	}
	return UsualWidth, true // a serial line does not know
}
