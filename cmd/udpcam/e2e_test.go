package main_test

// The tests named TestE2E run the command as it is built for users, in processes of its own, with real sockets. At the
// other end are programs that were not written for udpcam. A test never sleeps for a fixed time: [until] waits for the
// event that the test needs.

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for anything before it gives up. It only guards against hanging.
const patience = 60 * time.Second

// build builds the command, once for all tests, and returns the binary's path. It lies next to the test binary, which
// the go command removes at the end. Where there is no Go, UDPCAM_TEST_BINARY names one that is built already.
var build = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("UDPCAM_TEST_BINARY"); built != "" {
		return built, nil
	}
	test, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(test), "e2e", "udpcam")
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-o", binary}, append(buildArgs, ".")...)...)
	cmd.Env = append(os.Environ(), buildEnv...)
	cmd.Stderr = os.Stderr
	return binary, cmd.Run()
})

// udpcam starts the command.
func udpcam(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, udpcamCommand(t, args...))
}

// recv starts udpcam recv on a free port of this machine and returns it once it listens, with its address.
func recv(t *testing.T, args ...string) (p *process, addr string) {
	t.Helper()
	p = udpcam(t, append([]string{"recv", "--addr", "127.0.0.1:0"}, args...)...)
	return p, p.says(t, listening)[1]
}

// listening is what recv says once it listens, also as JSON. The group is its address.
const listening = `listening"?[\s,]+"?addr"?[=:]"?([^\s"]+)`

// url waits until the process serves HTTP and returns the page's address, which ends in a slash.
func (p *process) url(t *testing.T) string {
	t.Helper()
	return p.says(t, `url\W+([^\s"]+)`)[1]
}

// udpcamCommand returns the command without starting it, for tests that must change it first.
func udpcamCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("on Windows a process cannot be sent the Ctrl-C that these tests end udpcam with")
	}
	binary, err := build()
	if err != nil {
		t.Fatalf("building udpcam: %v", err)
	}
	return exec.Command(binary, args...)
}

// A process is a program that a test runs. What it writes is collected.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	done           chan struct{} // closed when it has ended
}

// start starts a program. If the program still runs when the test ends, it is killed. If the test has failed, the program's
// log is shown.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = patience // ends the wait for standard input's writer, which may never end
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		cmd.Wait() // the error is also in ProcessState, or comes from a reader that has gone
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s\n%s", cmd, p.stderr.String())
		}
	})
	return p
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// stop presses Ctrl-C and expects the process to end well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatalf("%s: %v\n%s", p.cmd, err, p.stderr.String())
	}
	p.ends(t, 0)
}

// ends waits for the process to end and compares its exit code.
func (p *process) ends(t *testing.T, code int) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.cmd)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s: exit code %d, want %d\n%s", p.cmd, got, code, p.stderr.String())
	}
}

// says waits for the process to write something to its standard error and returns what the pattern matches, and its
// groups.
func (p *process) says(t *testing.T, pattern string) (match []string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	until(t, "it says "+pattern, func() bool {
		select {
		case <-p.done:
			if match = re.FindStringSubmatch(p.stderr.String()); match == nil {
				t.Fatalf("%s has ended and not said %q, but:\n%s", p.cmd, pattern, p.stderr.String())
			}
		default:
		}
		match = re.FindStringSubmatch(p.stderr.String())
		return match != nil
	})
	return match
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %v in vain: %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An output collects what a process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// Bytes returns a copy of what has been written so far.
func (o *output) Bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.buf.Bytes())
}

// Len is how many bytes have been written so far.
func (o *output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Len()
}

func (o *output) String() string { return string(o.Bytes()) }
