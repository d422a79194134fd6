package bench

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bareSource is a relay in C that does only what it must: what the others cost more is what they do more.
//
//go:embed bare/relay.c
var bareSource string

// compile builds a program in C, and returns where it is. The error is what the compiler says.
func compile(source, dir string) (program string, err error) {
	program = filepath.Join(dir, "relay")
	cc := exec.Command("cc", "-O2", "-o", program, "-x", "c", "-")
	cc.Stdin = strings.NewReader(source)
	cc.Env = append(os.Environ(), "TMPDIR="+dir)
	if said, err := cc.CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
		return "", fmt.Errorf("cc: %w: %s", err, line)
	}
	return program, nil
}
