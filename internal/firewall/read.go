package firewall

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Read reads the rules of this machine, by the programs that it has. It takes two seconds at most.
func Read(ctx context.Context) (r Rules) {
	ctx, end := context.WithTimeout(ctx, 2*time.Second)
	defer end()
	conf, _ := os.ReadFile("/etc/ufw/ufw.conf")
	r.UFW = regexp.MustCompile(`(?m)^ENABLED=yes`).Match(conf)
	if _, err := find("firewall-cmd"); err == nil {
		state, _ := r.ask(ctx, "firewall-cmd", "--state")
		r.Firewalld = strings.TrimSpace(string(state)) == "running"
	}
	legacy, ok := r.ask(ctx, "iptables-save")
	if ok {
		r.addIPTables(string(legacy))
	}
	if text, ok := r.ask(ctx, "nft", "-j", "list", "ruleset"); ok {
		before := r.chains
		r.addNFT(text)
		if len(before) > 0 { // the rules of iptables are also in nft's list, where they are harder to read
			r.chains = slices.DeleteFunc(r.chains, func(c *chain) bool {
				return c.program == "nft" && c.family == "ip" && slices.ContainsFunc(before, func(old *chain) bool {
					return old.table == c.table && old.hook != "" && old.name == c.name
				})
			})
		}
	}
	return r
}

// ask runs a program and returns what it writes.
func (r *Rules) ask(ctx context.Context, program string, args ...string) (out []byte, ok bool) {
	name, err := find(program)
	if err != nil {
		return nil, false
	}
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	out, err = cmd.Output()
	if err != nil {
		r.Unreadable = r.Unreadable || os.Geteuid() != 0
		return nil, false
	}
	r.Programs = append(r.Programs, program)
	return out, true
}

// find finds a program, also if the user's PATH lacks the folders of root's programs.
func find(program string) (string, error) {
	if name, err := exec.LookPath(program); err == nil || errors.Is(err, exec.ErrDot) {
		return name, err
	}
	for _, folder := range []string{"/usr/sbin/", "/sbin/", "/usr/local/sbin/"} {
		if name, err := exec.LookPath(folder + program); err == nil {
			return name, nil
		}
	}
	return "", exec.ErrNotFound
}
