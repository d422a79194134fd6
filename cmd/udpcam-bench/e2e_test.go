package main_test

// The tests named TestE2E run the bench as a process of its own, with a udpcam beside it. A test never sleeps for a fixed
// time: until waits for the event that the test needs.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"udpcam/bench"
)

// patience is how long a test waits for anything before it gives up. It only guards against hanging.
const patience = 60 * time.Second

// build builds both commands, once for all tests, and returns the bench's path. They lie next to the test binary, which the
// go command removes at the end. Where there is no Go, UDPCAM_TEST_BINARY names a udpcam that has the bench beside it.
var build = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("UDPCAM_TEST_BINARY"); built != "" {
		return filepath.Join(filepath.Dir(built), "udpcam-bench"), nil
	}
	test, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(test), "e2e")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", dir+string(filepath.Separator), ".", "../udpcam")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return filepath.Join(dir, "udpcam-bench"), cmd.Run()
})

// command is the bench, to be run. If it still runs when the test ends it is killed.
func command(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("on Windows a process cannot be sent the Ctrl-C that these tests end the bench with")
	}
	binary, err := build()
	if err != nil {
		t.Fatalf("building: %v", err)
	}
	stderr = &bytes.Buffer{}
	cmd = exec.CommandContext(t.Context(), binary, args...)
	cmd.Stderr = stderr
	return cmd, stderr
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %v in vain: %s", patience, what)
		}
	}
}

// need skips the test if a program is not installed. `make test` installs them all, and fails if a test is skipped.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s", program)
	}
}

// benchResults runs a bench and returns its results.
func benchResults(t *testing.T, args ...string) (results bench.Results) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "results.json")
	cmd, stderr := command(t, append(args, "--json", file)...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr)
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &results)
	}
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// needNamespaces skips the test where there can be no network namespaces, or no tun devices.
func needNamespaces(t *testing.T) {
	t.Helper()
	need(t, "ip")
	if err := exec.Command("unshare", "--net", "ip", "tuntap", "add", "dev", "x", "mode", "tun").Run(); err != nil {
		t.Skip("no network namespaces here, or no tun devices: ", err)
	}
}

// namespaces are the network namespaces in which there are processes or threads with a mark in their environment. Other tests
// that run meanwhile have namespaces of their own.
func namespaces(mark string) map[string]bool {
	found := map[string]bool{}
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, e := range environments {
		if text, err := os.ReadFile(e); err != nil || !strings.Contains(string(text), mark) {
			continue
		}
		links, _ := filepath.Glob(filepath.Dir(e) + "/task/*/ns/net")
		for _, l := range links {
			if name, err := os.Readlink(l); err == nil {
				found[name] = true
			}
		}
	}
	return found
}

// A bench that is interrupted or killed leaves nothing behind: no namespace, so no device and no qdisc, and none of the
// programs that it has started.
func TestE2ENetnsBenchInterrupted(t *testing.T) {
	needNamespaces(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			mark := fmt.Sprintf("UDPCAM_TEST=%s-%d", signal, os.Getpid())
			cmd, stderr := command(t, "compare", "--link", "tun", "--carrier", "udpcam,TCP", "--loss", "1", "--frames", "1000",
				"--size", "320x240", "--frame-size", "20000")
			cmd.Env = append(os.Environ(), mark)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "its programs run", func() bool { return len(namespaces(mark)) >= 3 }) // this one, and two of their own
			cmd.Process.Signal(signal)
			cmd.Wait()
			if signal == syscall.SIGINT && !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("it says %q", stderr)
			}
			until(t, "the namespaces are gone", func() bool { return len(namespaces(mark)) == 0 })
		})
	}
}

// Over a network that loses nothing, each carrier that needs no other program delivers all pictures. For each carrier that
// is not installed there is a line, and the rest is measured.
func TestE2ENetnsBenchCompare(t *testing.T) {
	needNamespaces(t)
	if _, err := build(); err != nil { // while there is a go
		t.Fatal(err)
	}
	t.Setenv("PATH", onlyIP(t))
	results := benchResults(t, "compare", "--link", "tun", "--loss", "0", "--frames", "30", "--size", "320x240", "--frame-size", "20000")
	if len(results.Rows) != 3 || len(results.Notes) != 5 {
		t.Fatalf("%d rows, notes %q", len(results.Rows), results.Notes)
	}
	for _, r := range results.Rows {
		if *r.Delivered != 100 || *r.Damaged != 0 || *r.Overhead < 1 || *r.Overhead > 1.3 || *r.CPUSend <= 0 || *r.P50 < 2 {
			t.Errorf("%s: %+v", r.Carrier, r)
		}
	}
	for _, note := range results.Notes {
		if !strings.Contains(note, "not measured") || !strings.Contains(note, "Debian: ") {
			t.Error(note)
		}
	}
}

// The relay in C is compiled before it is measured. Over a cable it delivers all pictures.
func TestE2ENetnsBenchBareRelay(t *testing.T) {
	needNamespaces(t)
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler")
	}
	results := benchResults(t, "compare", "--link", "veth", "--carrier", "udpcam,bare relay", "--frames", "30")
	if len(results.Rows) != 2 {
		t.Fatalf("%d rows, notes %q", len(results.Rows), results.Notes)
	}
	for _, r := range results.Rows {
		if *r.Delivered != 100 || *r.Damaged != 0 || *r.CPUSend <= 0 || *r.CPUReceive <= 0 {
			t.Errorf("%s: %+v", r.Carrier, r)
		}
	}
}

// onlyIP is a folder in which there is no program but ip.
func onlyIP(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ip")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "ip")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Without the right to make namespaces, or without netem, one line says what to do instead.
func TestE2ENetnsBenchNoNetem(t *testing.T) {
	cmd, stderr := command(t, "loss", "--frames", "10", "--scenario", "lan")
	table, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code == 1 {
		if text := stderr.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "--link sim") {
			t.Errorf("it says %q", text)
		}
	} else if !strings.Contains(string(table), "lan") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// The other benches measure something.
func TestE2EBench(t *testing.T) {
	speed := benchResults(t, "speed", "--trial", "60ms", "--segment", "1408", "--gso", "on", "--gro", "on,off")
	if len(speed.Rows) != 2 || speed.Rows[0].Sustained == nil || speed.Rows[0].GRO != "on" || speed.Rows[1].GRO != "off" {
		t.Errorf("speed: %+v", speed.Rows)
	}
	fan := benchResults(t, "fanout", "--by", "mjpeg,socket,udp", "--viewers", "1,5", "--stalled", "2", "--frames", "20", "--size", "320x240", "--frame-size", "20000")
	if len(fan.Rows) != 6 {
		t.Fatalf("fanout: %+v", fan.Rows)
	}
	for i, want := range []string{"HTTP MJPEG 1", "HTTP MJPEG 5", "WebSocket 1", "WebSocket 5", "subscribed 1", "subscribed 5"} {
		r := fan.Rows[i]
		if got := fmt.Sprint(r.Carrier, " ", r.Viewers); got != want || *r.Delivered < 50 || *r.Stalled != 2 || r.P50 == nil || r.CPU == nil {
			t.Errorf("fanout, %s: %+v", want, r)
		}
	}
}

// At every stage, up to a browser's page, the age of a picture can be read from its pixels.
func TestE2EBenchDelay(t *testing.T) {
	need(t, "chromium")
	results := benchResults(t, "delay", "--frames", "30", "--size", "320x240")
	var stages []string
	for _, r := range results.Rows {
		stages = append(stages, fmt.Sprintf("%s: %v", r.Stage, time.Duration(*r.P50*float64(time.Millisecond))))
		if *r.P50 <= 0 || r.Frames < 10 {
			t.Errorf("%s: %d frames", r.Stage, r.Frames)
		}
	}
	if len(results.Rows) != 4 || *results.Rows[3].P50 <= *results.Rows[0].P50 {
		t.Errorf("stages %q", stages)
	}
}
