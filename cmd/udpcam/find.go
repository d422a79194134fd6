package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/sender/source"
)

func findCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "find",
		Usage:     "list the cameras on this network, or say why there is none",
		UsageText: "udpcam find [--wait TIME] [--json] [ADDRESS...]",
		ArgsUsage: "[ADDRESS...]",
		Description: cmdline.Examples(
			"udpcam find", "what udpcam send --listen has announced",
			"udpcam find --key-file door.key", "also which of them this key opens",
			"udpcam find --explain", "also who was asked, and what answered",
			"udpcam find 192.168.1.7", "whether that machine has a camera for us",
		) + "\nThe exit code is 0 if there is a camera.\n",
		Action: find,
	},
		cmdline.Flags("Search",
			&cli.DurationFlag{Name: "wait", Usage: "how long (`TIME`) to listen for answers", Value: 1500 * time.Millisecond},
			&cli.StringFlag{Name: "interface", Usage: "ask on this network interface (`NAME`) alone", DefaultText: "all"},
			&cli.BoolFlag{Name: "explain", Usage: "say who was asked, what answered, and what may stand in the way"},
		),
		keyFlags("say which streams this key opens (repeatable)"),
		cmdline.Flags("Output", &cli.BoolFlag{Name: "json", Usage: "write one object, with the explanation"}),
	)
}

// A findResult is what find --json writes.
type findResult struct {
	Streams []foundStream    `json:"streams"`
	Asked   []askedInterface `json:"asked"`
	Others  int              `json:"others"` // machines that answered anything
	Types   []string         `json:"types"`  // of all services
	Checks  []finding        `json:"checks"`
}

type foundStream struct {
	Name      string   `json:"name"`
	Instance  string   `json:"instance"`
	Host      string   `json:"host"`
	Addrs     []string `json:"addrs"` // the best first
	Width     int      `json:"width,omitempty"`
	Height    int      `json:"height,omitempty"`
	FPS       float64  `json:"fps,omitempty"`
	Sealed    bool     `json:"sealed"`
	KeyID     string   `json:"key_id,omitempty"`
	Yours     bool     `json:"yours,omitempty"` // one of the given keys is the stream's
	Interface string   `json:"interface"`
	Version   string   `json:"version"`
}

type askedInterface struct {
	Name     string   `json:"name"`
	Addrs    []string `json:"addrs"`
	IPv4     bool     `json:"ipv4"`
	IPv6     bool     `json:"ipv6"`
	Problems []string `json:"problems,omitempty"`
}

func find(c *cli.Context) error {
	wait := c.Duration("wait")
	if wait <= 0 {
		return cmdline.Usagef("--wait %v: give a time above 0, such as 3s", wait)
	}
	keys, err := keysOf(c)
	if err != nil {
		return err
	}
	if _, err := interfaceOf(c); err != nil {
		return cmdline.Usagef("--interface: %w", err)
	}
	for _, arg := range c.Args().Slice() {
		if strings.HasPrefix(arg, "-") {
			return cmdline.Usagef("%q stands behind an address: flags go first", arg)
		}
	}
	if c.Args().Len() > 0 {
		return findAt(c, c.Args().Slice(), keys, wait)
	}
	found, heard, failed := search(c.Context, c.String("interface"), wait)
	list := describe(found, keys)
	var n network
	if len(list) == 0 || c.Bool("explain") || c.Bool("json") {
		n = lookAtNetwork(c.Context, c.String("interface"))
		n.heard, n.failed = heard, failed
		n.found = len(elsewhere(found))
	}
	if c.Bool("json") {
		err = writeFindResult(c.App.Writer, list, n)
	} else {
		err = printFound(c, list, n)
	}
	if len(list) == 0 && err == nil {
		err = fmt.Errorf("no camera was found in %v", wait)
	}
	return err
}

// search looks for streams for a while.
func search(ctx context.Context, only string, wait time.Duration) ([]discovery.Found, discovery.Heard, error) {
	b, err := discovery.Browse(ctx, discovery.Config{Interface: only}, true)
	if err != nil {
		return nil, discovery.Heard{}, err
	}
	var heard discovery.Heard
	over := time.AfterFunc(wait, func() {
		heard = b.Heard()
		b.Close()
	})
	defer over.Stop()
	found := map[string]discovery.Found{}
	for f := range b.Found() { // until it is closed, or ctx ends
		if found[f.Instance] = f; f.Gone {
			delete(found, f.Instance)
		}
	}
	list := slices.Collect(maps.Values(found))
	slices.SortFunc(list, func(a, b discovery.Found) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance))
	})
	return list, heard, nil
}

// elsewhere are the streams of other machines.
func elsewhere(found []discovery.Found) []discovery.Found {
	return slices.DeleteFunc(slices.Clone(found), func(f discovery.Found) bool { return f.Own })
}

// describe prepares what is found for people and programs.
func describe(found []discovery.Found, keys []protocol.Key) []foundStream {
	list := []foundStream{}
	for _, f := range found {
		s := foundStream{Name: f.Name, Instance: f.Instance, Host: f.Host, Width: f.Width, Height: f.Height, FPS: f.FPS,
			Sealed: f.Sealed, Interface: f.Interface, Version: f.Version}
		for _, a := range f.Addrs {
			s.Addrs = append(s.Addrs, a.String())
		}
		if f.Sealed {
			s.KeyID = f.Key.String()
			s.Yours = slices.ContainsFunc(keys, func(k protocol.Key) bool { return k.ID() == f.Key })
		}
		list = append(list, s)
	}
	return list
}

func writeFindResult(w io.Writer, list []foundStream, n network) error {
	r := findResult{Streams: list, Asked: []askedInterface{}, Others: n.heard.Others, Types: append([]string{}, n.heard.Types...),
		Checks: append([]finding{}, checkNetwork(n)...)}
	for _, l := range n.heard.Links {
		i := askedInterface{Name: l.Name, IPv4: l.IPv4, IPv6: l.IPv6, Problems: l.Problems, Addrs: []string{}}
		for _, a := range l.Addrs {
			i.Addrs = append(i.Addrs, a.String())
		}
		r.Asked = append(r.Asked, i)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// printFound prints a table, and then what to type; or why there is nothing.
func printFound(c *cli.Context, list []foundStream, n network) error {
	w := c.App.Writer
	if len(list) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tADDRESS\tSIZE\tFPS\tKEY\tHOST")
		for _, s := range list {
			fmt.Fprintln(table, strings.Join(s.row(), "\t"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
		fmt.Fprint(w, watchLine(list))
	}
	if len(list) > 0 && !c.Bool("explain") {
		return nil
	}
	findings := slices.DeleteFunc(checkNetwork(n), func(f finding) bool { return f.State == good && !c.Bool("explain") })
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(severity(a), severity(b)) })
	if _, err := io.WriteString(w, asked(n.heard, cmdline.Width(w))); err != nil {
		return err
	}
	return writeFindings(w, findings)
}

func severity(f finding) int { return slices.Index([]state{bad, note, good}, f.State) }

func (s foundStream) row() []string {
	size, fps, key := "?", "?", "open"
	if s.Width > 0 {
		size = fmt.Sprintf("%dx%d", s.Width, s.Height)
	}
	if s.FPS > 0 {
		fps = fmt.Sprint(round(s.FPS, 1))
	}
	if s.Sealed {
		key = s.KeyID
	}
	if s.Yours {
		key += ", yours"
	}
	return []string{s.Name, s.Addrs[0], size, fps, key, s.Host}
}

// watchLine is what to type to watch the first stream that can be watched.
func watchLine(list []foundStream) string {
	how, s := "--http :8080", list[0]
	if source.HasOpenCV {
		how = "--show"
	}
	if i := slices.IndexFunc(list, func(s foundStream) bool { return !s.Sealed || s.Yours }); i >= 0 {
		s = list[i]
	}
	from := shellWord(s.Name)
	if slices.ContainsFunc(list, func(o foundStream) bool { return o.Name == s.Name && o.Instance != s.Instance }) {
		from = s.Addrs[0] // the name does not tell which
	}
	if s.Name == followAll || strings.ContainsAny(s.Name, ".:[]") {
		from = s.Addrs[0] // the name could be taken for an address
	}
	if s.Sealed {
		how += " --key-file FILE"
	}
	return fmt.Sprintf("To watch:  udpcam recv --from %s %s\n", from, how)
}

// shellWord quotes a word for a shell, if it needs that.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
