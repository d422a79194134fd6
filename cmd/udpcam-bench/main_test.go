package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
)

// runToEnd runs a command line, and checks that it leaves no goroutine behind.
func runToEnd(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	var out, errors bytes.Buffer
	code = cmdline.Run(t.Context(), newApp(), append([]string{"udpcam-bench"}, args...), &out, &errors)
	return code, out.String(), errors.String()
}

// Every command's help fits a terminal of 80 columns. Every flag has an environment variable of its own.
func TestHelp(t *testing.T) {
	for _, command := range newApp().Commands {
		code, help, stderr := runToEnd(t, command.Name, "--help")
		if code != 0 || stderr != "" || !strings.Contains(help, "  udpcam-bench "+command.Name) && command.Name != "help" {
			t.Errorf("%s: exit code %d: %s%s", command.Name, code, help, stderr)
		}
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > cmdline.UsualWidth {
				t.Errorf("%s: a line of %d columns: %s", command.Name, n, line)
			}
		}
		for _, f := range command.Flags {
			want := cmdline.Variable("bench-" + f.Names()[0])
			if v := f.(cli.DocGenerationFlag).GetEnvVars(); len(v) != 1 || v[0] != want {
				t.Errorf("%s --%s has the environment variables %v, want %s", command.Name, f.Names()[0], v, want)
			}
		}
	}
}

// The program that --udpcam names must be udpcam.
func TestNoUdpcam(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for given, want := range map[string]string{
		"":         "run make build",
		"/nowhere": "--udpcam: ",
	} {
		code, table, stderr := runToEnd(t, "fanout", "--frames", "10", "--size", "160x120", "--frame-size", "1", "--udpcam", given)
		if code == 0 || table != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "--udpcam") {
			t.Errorf("%q: exit code %d, %q", given, code, stderr)
		}
	}
	// Another program does not print a version as udpcam does.
	if code, _, stderr := runToEnd(t, "fanout", "--frames", "10", "--size", "160x120", "--frame-size", "1", "--udpcam", "/bin/echo"); code != 2 ||
		!strings.Contains(stderr, "is no udpcam") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

// A value that the bench does not understand is a mistake in the command line: the exit code is 2, and the message says
// what is allowed.
func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"nothing":                                          `there is no command "nothing"`,
		"loss --link air":                                  "choose from sim, netem, tun",
		"loss --link sim --scenario moon":                  "choose from lan, wifi, busy-wifi, radio, bursty, bursty-wifi, lte, bottleneck, uplink, falling, shared, ",
		"loss --link sim --loss much":                      "give numbers from 0 to 90",
		"loss --link sim --loss 1 --rtt 4":                 "with their unit",
		"loss --link sim --rtt 4ms --jitter 9ms":           "more than half of the round trip",
		"loss --link sim --netem 'delay tomorrow'":         "tomorrow",
		"loss --link sim --fec maybe":                      "off",
		"loss --link sim --frame-size 3":                   "whole numbers from 16",
		"loss --link sim --segment 65508":                  "whole numbers from 1 to 65507",
		"loss --link sim --frames 0":                       "give 1 to",
		"compare --carrier pigeon":                         "choose from udpcam, classic, GStreamer, GStreamer FEC, SRT, TCP, bare relay, ffmpeg",
		"compare --link sim --frames 10 --frame-size 9000": "netem, tun, veth",
		"speed --gso maybe":                                "on, off or both",
		"speed --trial 1h":                                 "50ms to 1m",
		"fanout --frames 9 --viewers 0":                    "whole numbers from 1",
		"fanout --frames 9 --by pigeon":                    "choose from mjpeg, socket, datagrams, udp",
		"hub --frames 10 --slow 2h":                        "give 1s to 1h",
		"hub --viewers 0":                                  "give 1 to 10000",
		"delay --size 10x10":                               "160x120",
		"fanout --fps nan":                                 "give 1 to 1000",
		"fanout --frames 9 --link pigeon":                  "choose from loopback, veth",
		"delay --loss 5":                                   "say how pictures come to it",
		"delay --frames 9 --by pigeon":                     "choose from socket, datagrams, auto",
		"delay --fps nan":                                  "give 1 to 1000",
		"loss --link sim --loss nan":                       "give numbers from 0 to 90",
		"compare --settle -1s":                             "give 0s to 1m",
		"compare --frame-size 9999999":                     "bytes at the most",
		"explain":                                          "give one file",
	} {
		code, stdout, stderr := runToEnd(t, words(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %q, want 2 and %q", args, code, stderr, want)
		}
	}
}

// If none of the programs to compare is installed, no empty table is printed.
func TestNothingInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, table, stderr := runToEnd(t, "compare", "--carrier", "SRT,ffmpeg", "--frames", "10", "--size", "160x120", "--frame-size", "1")
	if code != 1 || table != "" || !strings.Contains(stderr, "Debian: srt-tools") || !strings.Contains(stderr, "Debian: ffmpeg") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

// words splits a command line at spaces, but for those between quotes.
func words(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// The simulation is deterministic, and all forms of the results say the same.
func TestLossSim(t *testing.T) {
	frames := "60"
	if testing.Short() {
		frames = "40" // the second of two cameras begins after a second
	}
	dir := t.TempDir()
	run := func(seed string) (string, []byte, bench.Results) {
		t.Helper()
		file := filepath.Join(dir, "results.json")
		os.Args = []string{"udpcam-bench", "loss"} // the command that the results name
		code, table, stderr := runToEnd(t, "loss", "--link", "sim", "--frames", frames, "--seed", seed,
			"--json", file, "--csv", filepath.Join(dir, "results.csv"), "--markdown", filepath.Join(dir, "results.md"),
			"--plot", dir, "--trace", filepath.Join(dir, "trace.zst"))
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var results bench.Results
		if err := json.Unmarshal(text, &results); err != nil {
			t.Fatal(err)
		}
		return table, text, results
	}
	args := os.Args
	defer func() { os.Args = args }()
	table, one, results := run("1")
	if _, two, _ := run("1"); !bytes.Equal(one, two) {
		t.Error("the same seed had another outcome")
	}
	if _, three, _ := run("2"); bytes.Equal(one, three) {
		t.Error("another seed had the same outcome")
	}
	var named []bench.Network // for each row; a network with two cameras or two frame sizes has two rows
	for _, n := range bench.Scenarios {
		named = append(named, slices.Repeat([]bench.Network{n}, max(1, len(n.FrameSizes)))...)
		if n.Rival > 0 {
			named = append(named, n)
		}
	}
	if len(results.Rows) != len(named) {
		t.Fatalf("%d rows, want %d", len(results.Rows), len(named))
	}
	csv, _ := os.ReadFile(filepath.Join(dir, "results.csv"))
	markdown, _ := os.ReadFile(filepath.Join(dir, "results.md"))
	for i, n := range named {
		row := results.Rows[i]
		if row.Scenario != n.Name || row.Delivered == nil || row.Damaged == nil || *row.Damaged != 0 || row.CPU != nil {
			t.Errorf("%s: %+v", n.Name, row)
		}
		if row.Rate == nil && *row.Delivered < 98 { // if the path carries less than the camera makes, frames must be missing
			t.Errorf("%s: %g %% delivered", n.Name, *row.Delivered)
		}
		for name, text := range map[string]string{"table": table, "CSV": string(csv), "Markdown": string(markdown)} {
			if !strings.Contains(text, n.Name) || !strings.Contains(text, n.Words()) {
				t.Errorf("the %s does not have %s, %s", name, n.Name, n.Words())
			}
		}
	}
	for _, name := range []string{"loss-delivered", "loss-delay", "loss-overhead"} {
		if info, err := os.Stat(filepath.Join(dir, name+".svg")); err != nil || info.Size() < 2000 {
			t.Errorf("%s.svg: %v", name, err)
		}
	}
	code, story, stderr := runToEnd(t, "explain", "--plot", dir, "--most", "1", filepath.Join(dir, "trace.zst"))
	if code != 0 || !strings.Contains(story, "given up at +") || !strings.Contains(story, "because a queue was full") ||
		strings.Count(story, "drawn: ") != 1 {
		t.Errorf("exit code %d, %s\n%s", code, stderr, story)
	}
	if code, _, stderr := runToEnd(t, "explain", filepath.Join(dir, "results.csv")); code != 1 || !strings.Contains(stderr, "no trace") {
		t.Errorf("a file that is no trace: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := runToEnd(t, "show", filepath.Join(dir, "results.csv")); code != 1 || !strings.Contains(stderr, "no results") {
		t.Errorf("a file that is no result: exit code %d, %s", code, stderr)
	}
}

// If the disk is full, one line says which file could not be written.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	for _, flag := range []string{"--json", "--csv", "--markdown", "--trace"} {
		code, table, stderr := runToEnd(t, "loss", "--link", "sim", "--frames", "10", "--scenario", "lan", flag, "/dev/full")
		want := "udpcam-bench: " + flag + ": write /dev/full: no space left on device\n"
		if code != 1 || stderr != want || !strings.Contains(table, "delivered") {
			t.Errorf("%s: exit code %d, %q", flag, code, stderr)
		}
	}
}

// If the results or a trace cannot be written, the command says so before it measures anything, and leaves no file.
func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("results\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--json", "--csv", "--markdown", "--plot", "--trace"} {
		// So many frames would take minutes.
		code, table, stderr := runToEnd(t, "loss", "--link", "sim", "--frames", "1000000",
			"--json", file, "--csv", filepath.Join(dir, "new", "folder", "results.csv"), flag, filepath.Join(file, "below"))
		if code != 1 || table != "" || !strings.HasPrefix(stderr, "udpcam-bench: "+flag+": ") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q", flag, code, stderr)
		}
		onlyFile(t, dir, "file")
	}
	if text, _ := os.ReadFile(file); string(text) != "results\n" {
		t.Errorf("the file that was there has become %q", text)
	}
}

// An interrupted measurement writes nothing: files that existed stay as they were.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "results.json")
	if err := os.WriteFile(file, []byte("results\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, flag := range []string{"--json", "--markdown", "--trace"} {
		var stdout, stderr bytes.Buffer
		code := cmdline.Run(ctx, newApp(), []string{"udpcam-bench", "loss", "--link", "sim", flag, file,
			"--csv", filepath.Join(dir, "new", "results.csv"), "--plot", filepath.Join(dir, "plots")}, &stdout, &stderr)
		if want := "udpcam-bench: interrupted: nothing is written\n"; code != 1 || stdout.String() != "" || stderr.String() != want {
			t.Errorf("%s: exit code %d, %q", flag, code, stderr.String())
		}
		onlyFile(t, dir, "results.json")
		if text, _ := os.ReadFile(file); string(text) != "results\n" {
			t.Errorf("%s: the file that was there has become %q", flag, text)
		}
	}
}

// onlyFile fails unless a folder has one file, of that name.
func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("%s has %v, %v, expected %s alone", dir, entries, err, name)
	}
}
