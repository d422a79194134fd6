package relay

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cost is what the process has taken so far, zero where the system does not tell.
func (p *process) cost() Cost { return CostOf(p.cmd.Process.Pid) }

// since leaves out what had been taken before.
func (c Cost) since(before Cost) Cost { return Cost{c.CPU - before.CPU, c.Memory} }

// CostOf is what a process has taken so far, as Linux counts it: the scheduler's time of its threads, to the nanosecond,
// and the peak of its memory. It is zero elsewhere.
func CostOf(pid int) (c Cost) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		if text, err := os.ReadFile(path); err == nil {
			var ran int64
			fmt.Sscan(string(text), &ran)
			c.CPU += time.Duration(ran)
		}
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return c
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if figure, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			var kB int
			fmt.Sscan(figure, &kB)
			c.Memory = kB << 10
		}
	}
	return c
}
