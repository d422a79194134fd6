package main_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Ctrl-C ends every command in order, with a summary and exit code 0.
func TestE2ECtrlC(t *testing.T) {
	for command, test := range map[string]struct {
		args    []string
		summary string
	}{
		"send":  {[]string{"--addr", "127.0.0.1:9", "--source", "test:?size=320x240"}, "msg=sent frames="},
		"recv":  {[]string{"--addr", "127.0.0.1:0", "--http", "127.0.0.1:0"}, "msg=received frames="},
		"relay": {[]string{"--from", "127.0.0.1:9", "--listen", "127.0.0.1:0"}, "msg=relayed frames="},
		"serve": {[]string{"--source", "test:", "--http", "127.0.0.1:0"}, "msg=served frames="},
		"demo":  {[]string{"--http", "127.0.0.1:0"}, "msg=received frames="},
	} {
		t.Run(command, func(t *testing.T) {
			p := udpcam(t, append([]string{command}, test.args...)...)
			p.says(t, `msg=(sending|listening|serving)`)
			p.stop(t)
			log := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
			if last := log[len(log)-1]; !strings.Contains(last, test.summary) {
				t.Errorf("the last line is no summary: %s", last)
			}
		})
	}
}

// With --json all output is JSON: counts on standard output, and the log on standard error. If pictures go to standard
// output, both are on standard error.
func TestE2EJSON(t *testing.T) {
	path, content := film(t, 10, street(t, 5, 6)...)
	counting, countingAddr := recv(t, "--json", "--http", "127.0.0.1:0")
	recording := filepath.Join(t.TempDir(), "frames.mjpg")
	piping, pipingAddr := recv(t, "--json", "--out", "-", "--out", recording)
	sender := udpcam(t, "send", "--json", "--addr", countingAddr, "--addr", pipingAddr, "--source", path)
	sender.ends(t, 0)
	until(t, "everything is recorded", func() bool { return fileSize(recording) >= len(content) })
	counting.stop(t)
	piping.stop(t)

	for who, written := range map[string]string{
		"send":        sender.stdout.String(),
		"recv":        counting.stdout.String(),
		"recv --out-": piping.stderr.String(),
	} {
		var last struct{ Frames int }
		for _, o := range objects(t, written) {
			if !strings.Contains(o, `"msg":`) {
				json.Unmarshal([]byte(o), &last)
			}
		}
		if last.Frames != 20 {
			t.Errorf("%s counts %d frames in the end, want 20:\n%s", who, last.Frames, written)
		}
	}
	objects(t, sender.stderr.String())
	objects(t, counting.stderr.String())
	if len(frames(t, piping.stdout.Bytes())) != 20 {
		t.Error("standard output holds something else than the pictures")
	}
}

// objects returns the lines of a text, which must be JSON objects.
func objects(t *testing.T, text string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Errorf("%q is no JSON object: %v", line, err)
		}
	}
	return lines
}

// A shell completes commands, flags and their values.
func TestE2ECompletion(t *testing.T) {
	need(t, "bash")
	binary := udpcamCommand(t).Path
	for typed, want := range map[string]string{
		"s":                   "send",
		"send --w":            "--wire",
		"send --wire cl":      "classic",
		"send --log-level wa": "warn",
	} {
		words := strings.Fields("udpcam " + typed)
		script := `PATH=$1:$PATH; shift; source <(udpcam completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ` +
			`$(complete -p udpcam | sed -E 's/.*-F (\w+).*/\1/'); printf '%s\n' "${COMPREPLY[@]}"`
		out := run(t, "bash", append([]string{"-c", script, "bash", filepath.Dir(binary)}, words...)...)
		if offered := strings.Fields(string(out)); !slices.Contains(offered, want) {
			t.Errorf("%s: offers %q, want %s among it", typed, offered, want)
		}
	}
}

func TestE2EVersion(t *testing.T) {
	p := udpcam(t, "version")
	p.ends(t, 0)
	for _, want := range []string{"udpcam ", "go1.", "OpenCV"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("does not mention %q:\n%s", want, p.stdout.String())
		}
	}
}
