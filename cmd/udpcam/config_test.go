package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/fuzzcost"
)

// A mistake in a file ends run --check with code 1 and one line that names the file, the line and what is wrong.
func TestConfigMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "house.toml")
	const ok = "[[serve]]\nsource = \"test:\"\n" // two lines
	for name, test := range map[string]struct {
		text string
		line int
		want string
	}{
		"nothing":            {"# later\n", 1, "there is nothing to run: write a table, such as [[send]]"},
		"syntax":             {ok + "[[send]\n", 3, "expected"},
		"unfinished text":    {ok + "html = \"page\n", 3, "string"},
		"unfinished list":    {ok + "allow-host = [\n\"a\",\n", 4, "unexpected EOF"},
		"key twice":          {ok + "fps = 1\nfps = 2\n", 4, "fps"},
		"unknown key":        {ok + "[[send]]\n\nsorce = \"x\"\n", 5, `send: unknown key "sorce": did you mean "source"?`},
		"unlike any key":     {ok + "zzz = 1", 3, `serve: unknown key "zzz"`},
		"key of another":     {ok + "addr = \"x\"", 3, `serve: unknown key "addr"`},
		"unknown default":    {"sorce = 1\n" + ok, 1, `unknown key "sorce": did you mean "source"?`},
		"unknown table":      {ok + "[[sned]]\n", 3, `there is no table "sned": there are [[recv]], [[relay]], [[send]], [[serve]]`},
		"one bracket":        {ok + "[send]\n", 3, "a table begins with two brackets: [[send]]"},
		"table as a value":   {"send = 1\n" + ok, 1, "a table begins with two brackets: [[send]]"},
		"table in a table":   {ok + "[serve.http]\nx = 1", 3, ""},
		"no list":            {ok + "fps = [1, 2]", 3, "serve: fps takes one value, and no list: give a number"},
		"no number":          {ok + "fps = \"fast\"", 3, `serve: fps = "fast" is of the wrong kind: give a number`},
		"no whole number":    {ok + "quality = 1.5", 3, "serve: quality = 1.5 is of the wrong kind: give a whole number"},
		"too large a number": {ok + "rotate = 9223372036854775807", 1, "serve: bad source option"},
		"no switch":          {ok + "loop = \"yes\"", 3, `serve: loop = "yes" is of the wrong kind: give true or false`},
		"no text":            {ok + "http = true", 3, "serve: http = true is of the wrong kind: give ADDR"},
		"no time":            {ok + "linger = 5", 3, "serve: linger = 5 is of the wrong kind: give a time with its unit"},
		"a date":             {ok + "text = 2026-01-01", 3, "serve: text = 2026-01-01"},
		"time without unit":  {ok + "linger = \"5\"", 3, `serve: linger "5": give a time with its unit`},
		"what a flag checks": {ok + "\n# a camera\n[[send]]\nsource = \"test:\"\naddr = \"host:0\"\n", 7,
			`send: addr "host:0": the port has to be`},
		"what a default has": {"size = \"640x\"\n" + ok, 1, `serve: size "640x": give WIDTHxHEIGHT`},
		"what is missing":    {ok + "[[send]]\nsource = \"test:\"\n", 3, "send: addr is missing"},
		"no such source":     {ok + "[[send]]\naddr = \"x\"\nsource = \"nosuch.mjpg\"\n", 3, "send: no such source: nosuch.mjpg"},
		"no key in the file": {ok + "[[recv]]\nkey-file = [\n\"none.key\",\n]\n", 4,
			"recv: key-file: open none.key: no such file"},
		"bad HTTP address": {ok + "http = \"x\"\n", 3, `serve: http: bad listening address "x"`},
		"a window":         {"show = true\n" + ok, 1, "show cannot stand in a file: a window needs a command of its own"},
		"the terminal":     {ok + "[[recv]]\nterm = true", 4, "recv: term cannot stand in a file"},
		"JSON":             {ok + "json = true", 3, "serve: json cannot stand in a file: this is for the whole"},
		"standard output":  {ok + "[[recv]]\nout = [\"a/\", \"-\"]", 4, `recv: out = "-" cannot stand in a file`},
		"standard input":   {"[[serve]]\nsource = \"-\"", 2, `serve: source = "-" cannot stand in a file`},
		"a name twice": {"addr=\"x\"\n[[send]]\nsource=\"test:\"\nname=\"a\"\n[[send]]\nsource=\"test:\"\n\nname=[\"a\"]", 8,
			`send: the stream of line 4 is called "a" too`},
		"a long value": {ok + "allow-host = [\n" + strings.Repeat("\"x\",\n", 200) + "]\n", 3,
			"this value has more than 100 lines"},
		"a long file": {ok + strings.Repeat("#\n", maxConfig), 1, "this is no file for udpcam run"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := runToEnd(t, "run", "--check", file)
			prefix := fmt.Sprintf("udpcam: %s:%d: ", file, test.line)
			if code != cmdline.ExitFailure || stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			if !strings.HasPrefix(stderr, prefix) || !strings.Contains(stderr, test.want) {
				t.Errorf("%q\nis not %q", stderr, prefix+test.want)
			}
		})
	}
}

// A table is the command line that it stands for, with what stands above all tables, of which each takes what it has.
func TestConfigArgs(t *testing.T) {
	tables, err := parseConfig([]byte("\ufeff" + `
log-level = "warn"
addr = ["a", "b"]     # of send and recv
fps = 12.50

[[send]]
source = ["test:", "test:?a,b"]
name = '''door, front'''
listen = true
pace = 200
"loop" = false

[[serve]]
source = "test:"
fps = 30
allow-host = [
  "one",   # [[send]]
  "two",
]
[[recv]]
addr = ":1"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"send --source=test: --source=test:?a,b --name=door, front --listen=true --pace=200 --loop=false " +
			"--log-level=warn --addr=a --addr=b --fps=12.5",
		"serve --source=test: --fps=30 --allow-host=one --allow-host=two --log-level=warn",
		"recv --addr=:1 --log-level=warn",
	}
	for i, table := range tables {
		if got := strings.Join(table.args()[1:], " "); got != want[i] {
			t.Errorf("table %d: %s\nwant     %s", i, got, want[i])
		}
	}
	if lines := []int{tables[0].line, tables[1].line, tables[2].line}; !slices.Equal(lines, []int{6, 13, 20}) {
		t.Errorf("they are in lines %v", lines)
	}
}

// The example is right, as far as that is known without its cameras, and has six.
func TestConfigExample(t *testing.T) {
	text, err := os.ReadFile("dist/udpcam.toml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`"/dev/.*"`).ReplaceAll(text, []byte(`"test:"`))
	text = regexp.MustCompile(`(?m)^control = .*`).ReplaceAll(text, nil)           // a test pattern has none
	text = regexp.MustCompile(`(?m)^# (.* = ".*")`).ReplaceAll(text, []byte("$1")) // what may be wanted
	text = bytes.ReplaceAll(text, []byte("# [["), []byte("[["))
	dir := t.TempDir()
	file := filepath.Join(dir, "udpcam.toml")
	_, key, _ := runToEnd(t, "key")
	if err := errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(dir+"/house.key", []byte(key), 0o600)); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runToEnd(t, "run", "--check", file); code != 0 || stderr != "" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	tables, err := parseConfig(text)
	cameras := 0
	for _, table := range tables {
		cameras += len(table.values("name"))
	}
	if err != nil || cameras != 6 || len(tables) != 6 {
		t.Errorf("%d cameras in %d tables, %v", cameras, len(tables), err)
	}
}

// Whatever is in a file, reading it ends soon, and a mistake is in one of its lines.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{"", "[[send]]\nsource = \"test:\"\n",
		"a = [\n1,\n2]\n[[recv]]\n", "fps = 1\n[send]\n", "x = '''\n[[send]]\n'''",
		"[[send]]\nname = [true, 1.5, 1979-05-27, {a = 1}]", "\"source\" = 1", "[[send]]\n[[send.name]]\n", "a.b = 1"} {
		f.Add([]byte(text))
	}
	tableFlags()
	f.Fuzz(func(t *testing.T, text []byte) {
		// The fixed part is for the first mistake, which is compared with all flags. With the race detector that takes most.
		bound := fuzzcost.Bound{Bytes: 8 << 20, Time: 5 * time.Millisecond}.Plus(len(text), 40_000, 40*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			tables, err := parseConfig(text)
			if m, is := err.(mistake); err != nil && (!is || m.line < 1 || m.line > strings.Count(string(text), "\n")+1 ||
				strings.Contains(m.text, "\n")) {
				t.Errorf("%q: %#v", text, err)
			}
			for _, table := range tables {
				table.args()
				table.label()
			}
		})
	})
}
