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

// UsualWidth is the width in columns of files and pipes, and of a terminal that does not tell its width.
const UsualWidth = 80

// Examples lists command lines, each followed by what it does.
func Examples(pairs ...string) string {
	var b strings.Builder
	b.WriteString("Examples:\n")
	for pair := range slices.Chunk(pairs, 2) {
		fmt.Fprintf(&b, "  %s\n      %s\n", pair[0], pair[1])
	}
	return b.String()
}

// Indent indents every line that is not empty by two spaces.
func Indent(lines string) string {
	indented := "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
	return strings.ReplaceAll(indented, "\n  \n", "\n\n")
}

// HelpCommand is the subcommand help of a program. Its example is about another command.
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

// printHelp implements [cli.HelpPrinter]: it lays the help out for the terminal that it goes to.
func printHelp(w io.Writer, template string, data any) {
	width := Width(w)
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

// flagHelp lists flags by category. Both are in the order in which they were declared.
func flagHelp(flags []cli.Flag, width int) string {
	var categories []string
	var last cli.DocGenerationFlag
	rows := map[string][][2]string{}
	for _, f := range flags {
		category := f.(cli.CategorizableFlag).GetCategory()
		if category == "" { // --help, which the reader has just used
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
		note := fmt.Sprintf("Each flag can also be set by an environment variable: %s for %s. In a variable, commas separate "+
			"several values of one flag.", last.GetEnvVars()[0], "--"+last.(cli.Flag).Names()[0])
		b.WriteString("\n" + Hang("", note, width))
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

// onlyPlaceholder matches a placeholder that is no part of the sentence. Such a placeholder is shown only behind the flag's
// name.
var onlyPlaceholder = regexp.MustCompile(" \\(`[^`]*`\\)")

// Plain returns a flag's usage without the marks of its placeholder.
func Plain(usage string) string {
	return strings.ReplaceAll(onlyPlaceholder.ReplaceAllString(usage, ""), "`", "")
}

// placeholder returns the word that stands for a flag's value. The flag's usage has it in backquotes.
func placeholder(f cli.Flag) string {
	if parts := strings.SplitN(f.(cli.DocGenerationFlag).GetUsage(), "`", 3); len(parts) == 3 {
		return parts[1]
	}
	return "VALUE"
}

// columns lays rows out in two columns, the second wrapped at width.
func columns(rows [][2]string, width int) string {
	left := 0
	for _, row := range rows {
		left = max(left, utf8.RuneCountInString(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(Hang(fmt.Sprintf("  %-*s  ", left, row[0]), row[1], width))
	}
	return b.String()
}

// reflow wraps the lines that are too long. A second column, behind two spaces, stays a column.
func reflow(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(line) > width+1 { // the line's end counts too
			second := 0
			if gap := strings.LastIndex(line, "  "); gap >= 0 {
				second = gap + 2
			}
			line = Hang(line[:second], line[second:], width)
		}
		b.WriteString(line)
	}
	return b.String()
}

// Hang puts text behind left, in lines of at most width columns that begin in the same column. A word that is too long has
// a line of its own.
func Hang(left, text string, width int) string {
	column := utf8.RuneCountInString(left)
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && column+utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return left + strings.Join(append(lines, line), "\n"+strings.Repeat(" ", column)) + "\n"
}

// Width returns the width in columns for what is written to w: that of the terminal, but not too narrow or too wide to read.
func Width(w io.Writer) int {
	const narrow, wide = 60, 110
	if columns, ok := TerminalWidth(w); ok {
		return min(max(columns, narrow), wide)
	}
	return UsualWidth
}

// TerminalWidth returns how many columns the terminal w has. It reports false if w is no terminal.
func TerminalWidth(w io.Writer) (columns int, ok bool) {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		return columns, true
	}
	return UsualWidth, true // a serial line does not know its width
}
