package sink

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"udpcam/protocol"
)

// helpers are for tests that need a process of its own: for its main thread, its standard output, or to kill it. The test
// starts its own binary, with the name of a helper in an environment variable. The binary then runs the helper instead of
// the tests.
var helpers = map[string]func(){}

const helperVariable = "UDPCAM_SINK_TEST_HELPER"

func TestMain(m *testing.M) {
	if help, ok := helpers[os.Getenv(helperVariable)]; ok {
		help()
		os.Exit(0)
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		os.Setenv("TMPDIR", "/dev/shm") // where nothing has to wait for a disk
	}
	goleak.VerifyTestMain(m)
}

// helper returns a command that runs one of the helpers.
func helper(t testing.TB, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), helperVariable+"="+name)
	return cmd
}

// street returns a real camera's picture, 1 to 8.
func street(t testing.TB, n string) []byte {
	t.Helper()
	jpeg, err := os.ReadFile("../../protocol/mjpeg/testdata/street/" + n + ".jpg")
	if err != nil {
		t.Fatal(err)
	}
	return jpeg
}

// put puts JPEGs as frames of the unnamed stream, and fails the test if one is refused.
func put(t testing.TB, s Sink, jpegs ...[]byte) {
	t.Helper()
	for i, jpeg := range jpegs {
		if err := s.Put(protocol.Frame{ID: uint32(i), JPEG: jpeg}); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}

// contains fails the test unless the file is the JPEGs one behind the other.
func contains(t testing.TB, name string, jpegs ...[]byte) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Join(jpegs, nil); !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes, want the %d of %d frames", name, len(got), len(want), len(jpegs))
	}
}
