package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"udpcam/cmd/internal/cmdline"
)

// hang is how long a test waits for anything. It only guards against hanging.
const hang = time.Minute

// A buffer collects the output of a command, and wakes whoever waits for more.
type buffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // closed with the next write
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrote != nil {
		close(b.wrote)
		b.wrote = nil
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// read returns what has been written, and a channel that is closed when more is.
func (b *buffer) read() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrote == nil {
		b.wrote = make(chan struct{})
	}
	return b.b.String(), b.wrote
}

// await waits until what the pattern matches has been written, and returns its last group.
func await(t *testing.T, b *buffer, pattern string) string {
	t.Helper()
	re, timeout := regexp.MustCompile(pattern), time.After(hang)
	for {
		text, more := b.read()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("%q does not come:\n%s", pattern, text)
		}
	}
}

// noLeaks fails the test if it leaves a goroutine behind.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// run runs a command line as [cmdline.Run] does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	return cmdline.Run(ctx, newApp(), args, stdout, stderr)
}

// runToEnd runs a command line that ends by itself.
func runToEnd(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	noLeaks(t)
	var out, errors buffer
	code = run(t.Context(), append([]string{"udpcam"}, args...), &out, &errors)
	return code, out.String(), errors.String()
}

// A mistake in the command line ends with code 2 and one line that says what to do.
func TestUsageErrors(t *testing.T) {
	tests := map[string]struct{ args, want string }{
		"unknown command":       {"sned", `there is no command "sned"; did you mean send? (see udpcam --help)`},
		"unlike any command":    {"xyz", `there is no command "xyz" (see udpcam --help)`},
		"unknown flag":          {"send --sorce x", "no flag --sorce; did you mean --source? (see udpcam send --help)"},
		"unlike any flag":       {"send --zzz", "there is no flag --zzz (see udpcam send --help)"},
		"unknown global flag":   {"--zzz", "there is no flag --zzz (see udpcam --help)"},
		"help on nothing":       {"help sned", `there is no command "sned"; did you mean send?`},
		"flag without a value":  {"send --addr", "--addr needs a value: give HOST[:PORT]"},
		"no number":             {"send --fps fast", `--fps "fast": give a number`},
		"no quality":            {"send --addr x --source test: --quality 0", "--quality 0: give 1 to 100"},
		"no rate":               {"send --addr x --source test: --fps 0", "--fps 0: give a number above 0"},
		"too high a rate":       {"send --addr x --source test: --fps 1001", "0.001 to 1000"},
		"no way to mirror":      {"send --addr x --source test: --flip x", `flip "x": it can be h`},
		"follow what is live":   {"send --addr x --source test: --follow", "only a file or a folder"},
		"no whole number":       {"send --ttl 1.5", `--ttl "1.5": give a whole number`},
		"no time":               {"recv --deadline 5", `--deadline "5": give a time with its unit`},
		"neither true nor not":  {"send --loop=maybe", `--loop "maybe": give true or false`},
		"argument":              {"recv 12345", `there is an argument too many: "12345"`},
		"argument of a shell":   {"completion bash x", `there is an argument too many: "x"`},
		"no shell":              {"completion", "which shell? give one: completion bash|zsh|fish|powershell"},
		"no address":            {"send --source test:", "--addr is missing"},
		"no port":               {"send --addr host:port --source test:", "the port has to be a number"},
		"port too high":         {"recv --addr :65536", "the port has to be a number up to 65535"},
		"no host":               {"send --addr :12345 --source test:", `--addr ":12345": name a host`},
		"port 0":                {"send --addr host:0 --source test:", `--addr "host:0": the port has to be 1 to 65535`},
		"too large a number":    {"send --frames 99999999999999999999", `--frames "99999999999999999999": give a smaller number`},
		"unwritable format":     {"recv --out film.mp4", "--out film.mp4: there is no sink of that kind"},
		"a port alone":          {"recv --addr 12345", "give HOST:PORT, or :PORT"},
		"wire":                  {"recv --wire rtp", "choose udpcam/1 or classic"},
		"segment":               {"send --addr x --segment 9", "--segment: segment size 9"},
		"classic segment":       {"send --addr x --wire classic --segment 65507", "--segment: segment size 65507"},
		"pin of a pattern":      {"send --addr x --source test: --pin sha256:00", "--pin is for IP cameras: it needs --source http://HOST/"},
		"header of a pattern":   {"serve --source test: --header X:y", "for IP cameras: http:// and https://"},
		"pin that is none":      {"send --addr x --source https://cam/ --pin 00", `"00" is no pin: the form is sha256:`},
		"header that is none":   {"serve --source http://cam/ --header x", "a header is NAME: VALUE"},
		"no patience":           {"send --addr x --source http://cam/ --patience 0s", "--patience 0s: give a time above 0"},
		"trust in two ways":     {"serve --source https://cam/ --insecure --pin " + strings.Repeat("0", 64), "contradict"},
		"classic with a name":   {"send --addr x --wire classic --name y", "--name and --wire classic contradict"},
		"long name":             {"send --addr x --name " + strings.Repeat("n", 65), "at most 64 bytes"},
		"name twice":            {"send --addr x --source test: --source test: --name a --name a", `--name "a" is given twice`},
		"too many names":        {"send --addr x --source test: --name a --name b", "--name is given 2 times, and --source 1"},
		"input twice":           {"send --addr x --source - --source -", "--source - is given twice"},
		"no port to listen on":  {"send --listen 5000 --source test:", `--listen "5000": that is no address`},
		"hidden to nobody":      {"send --addr x --hidden", "--hidden is for --listen"},
		"linger for nobody":     {"send --addr x --linger 5s", "--linger is for --listen"},
		"subscribers":           {"send --listen --max-subscribers 1025", "--max-subscribers 1025: give 1 to 1024"},
		"classic subscribers":   {"send --listen --wire classic", "--listen and --wire classic contradict"},
		"silent subscribers":    {"send --listen --feedback=false", "--listen and --feedback=false contradict"},
		"wrong source":          {"send --listen 127.0.0.1:0 --source nosuch.mjpg", "no such source: nosuch.mjpg"},
		"from-net":              {"recv --from-net 192.168.1", `--from-net "192.168.1": give a network such as 192.168.1.0/24`},
		"ttl":                   {"send --addr x --ttl 256", "--ttl 256: give 1 to 255"},
		"frames":                {"recv --frames -1", "--frames -1: give 1 or more"},
		"pixels":                {"recv --max-pixels 0", "--max-pixels 0: give 1 or more"},
		"deadline":              {"recv --deadline 0s", "--deadline 0s: give a time above 0"},
		"linger":                {"serve --source test: --linger -1s", "--linger -1s: give a time above 0"},
		"log level":             {"recv --log-level loud", `--log-level "loud": choose debug, info, warn or error`},
		"size":                  {"send --addr x --source test: --size 640x", `--size "640x": give WIDTHxHEIGHT`},
		"source":                {"serve --source gopher:x", "no such source: gopher:x"},
		"loop of a live source": {"serve --source test: --loop", "a live source cannot be looped"},
		"output twice":          {"recv --out - --out -", "--out - is given twice"},
		"stream of no output":   {"recv --stream x", "--stream is for --out"},
		"force of no output":    {"recv --force", "--force is for --out"},
		"page of no server":     {"recv --html x", "--html is for --http"},
		"host of no server":     {"recv --allow-host x", "--allow-host is for --http"},
		"origin of no server":   {"recv --allow-origin https://x", "--allow-origin is for --http"},
		"origin":                {"recv --http :0 --allow-origin x", "--allow-origin: \"x\" is no origin"},
		"proxy":                 {"recv --http :0 --trust-proxy x", "--trust-proxy \"x\": give an IP address"},
		"HTTP address":          {"recv --http x", `--http: bad listening address "x"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, strings.Fields(test.args)...)
			if code != cmdline.ExitUsage {
				t.Errorf("exit code %d, want %d", code, cmdline.ExitUsage)
			}
			if !strings.HasPrefix(stderr, "udpcam: ") || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("the error is not one line on standard error:\n%s%s", stdout, stderr)
			}
			if !strings.Contains(stderr, test.want) {
				t.Errorf("%q\ndoes not say %q", stderr, test.want)
			}
			if !strings.Contains(stderr, "--help)") {
				t.Errorf("%q does not point to the help", stderr)
			}
		})
	}
}

// Environment variables can set flags. Their values are checked as those of flags are. An empty variable counts as not set.
func TestEnvironment(t *testing.T) {
	t.Setenv("UDPCAM_ADDR", "nosuch.invalid:1,other.invalid:2")
	t.Setenv("UDPCAM_SOURCE", "test:")
	t.Setenv("UDPCAM_LOG_LEVEL", "")
	if code, _, stderr := runToEnd(t, "send"); code != cmdline.ExitFailure || !strings.Contains(stderr, `"nosuch.invalid"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	t.Setenv("UDPCAM_FPS", "fast")
	want := `udpcam: the environment variable UDPCAM_FPS is "fast": give a number (see udpcam send --help)` + "\n"
	if code, _, stderr := runToEnd(t, "send"); code != cmdline.ExitUsage || stderr != want {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	t.Setenv("UDPCAM_FPS", "")
	t.Setenv("UDPCAM_ADDR", "")
	if code, _, stderr := runToEnd(t, "send"); code != cmdline.ExitUsage || !strings.Contains(stderr, "--addr is missing") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A receiver and a sender run in one process. The frames that are sent are recorded and counted, and both commands end by
// themselves.
func TestSendReceive(t *testing.T) {
	noLeaks(t)
	recording := t.TempDir() + "/film.mjpg"
	var counts, log buffer
	received := make(chan int)
	go func() {
		received <- run(t.Context(), []string{"udpcam", "recv", "--addr", "127.0.0.1:0", "--json", "--frames", "5",
			"--http", "127.0.0.1:0", "--out", recording}, &counts, &log)
	}()
	addr := await(t, &log, `"listening","addr":"([^"]*)"`)
	code, _, stderr := runToEnd(t, "send", "--addr", addr, "--name", "door",
		"--source", "test:?size=320x240", "--frames", "5")
	if code != 0 {
		t.Errorf("send: exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"msg=sending", "stream=door", "msg=sent frames=5", "failed=0"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("send does not log %q:\n%s", want, stderr)
		}
	}
	if code := <-received; code != 0 {
		t.Errorf("recv: exit code %d: %s", code, log.String())
	}
	for _, want := range []string{`"stream appears","stream":"door"`, `"size":"320x240"`, `"received","frames":5`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("recv does not log %q:\n%s", want, log.String())
		}
	}
	lines := strings.Split(strings.TrimSpace(counts.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"frames":5,`) || !strings.Contains(last, `"name":"door"`) {
		t.Errorf("recv reports last: %s", last)
	}
	// What was recorded is a source.
	code, _, stderr = runToEnd(t, "send", "--addr", addr, "--source", recording, "--fps", "1000")
	if code != 0 || !strings.Contains(stderr, "msg=sent frames=5") {
		t.Errorf("send of the recording: exit code %d: %s", code, stderr)
	}
}

func TestLogLevel(t *testing.T) {
	args := []string{"send", "--addr", "127.0.0.1:9", "--source", "test:?size=320x240", "--frames", "1", "--log-level", "error"}
	if code, _, stderr := runToEnd(t, args...); code != 0 || stderr != "" {
		t.Errorf("exit code %d, and a log at the level error: %s", code, stderr)
	}
}

// When a command's context ends, it ends in order, with exit code 0 and a summary.
func TestInterrupt(t *testing.T) {
	tests := map[string]struct {
		args    []string
		summary string
	}{
		"recv":  {[]string{"recv", "--addr", "127.0.0.1:0"}, "msg=received frames=0"},
		"serve": {[]string{"serve", "--source", "test:", "--http", "127.0.0.1:0"}, "msg=served frames=0"},
		"demo":  {[]string{"demo", "--http", "127.0.0.1:0"}, "msg=received frames=0"},
		"send":  {[]string{"send", "--addr", "127.0.0.1:9", "--source", "test:?size=320x240"}, "msg=sent frames="},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out, log buffer
			ended := make(chan int)
			go func() { ended <- run(ctx, append([]string{"udpcam"}, test.args...), &out, &log) }()
			await(t, &log, "msg=(listening|serving|sending)")
			interrupt()
			if code := <-ended; code != 0 || !strings.Contains(log.String(), test.summary) {
				t.Errorf("exit code %d: %s", code, log.String())
			}
		})
	}
}
