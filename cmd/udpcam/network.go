package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/firewall"
	"udpcam/protocol/discovery"
)

// A network is what is known of this machine's network when no camera is found. The table networkChecks judges it.
type network struct {
	system     string          // runtime.GOOS
	only       string          // of --interface
	found      int             // streams of other machines
	heard      discovery.Heard // what came when it was asked
	failed     error           // why nothing could be asked
	interfaces []networkInterface
	rules      firewall.Rules
	container  string // what this process is in, such as docker
	wsl        bool   // Windows' Linux, on a network of its own
}

type networkInterface struct {
	name                                               string
	up, running, multicast, loopback, wireless, tunnel bool
	addrs                                              []netip.Prefix
}

// lookAtNetwork collects what is known.
func lookAtNetwork(ctx context.Context, only string) (n network) {
	n.system, n.only = runtime.GOOS, only
	all, _ := net.Interfaces()
	for _, i := range all {
		is := networkInterface{
			name: i.Name, up: i.Flags&net.FlagUp != 0, running: i.Flags&net.FlagRunning != 0,
			multicast: i.Flags&net.FlagMulticast != 0, loopback: i.Flags&net.FlagLoopback != 0,
			tunnel: i.Flags&net.FlagPointToPoint != 0,
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				is.addrs = append(is.addrs, p)
			}
		}
		is.kind()
		n.interfaces = append(n.interfaces, is)
	}
	n.rules = firewall.Read(ctx)
	n.container, n.wsl = surroundings()
	return n
}

// outside are the interfaces that lead out of this machine and work.
func (n network) outside() (list []networkInterface) {
	for _, i := range n.interfaces {
		if i.up && i.running && !i.loopback && len(i.addrs) > 0 && (n.only == "" || n.only == i.name) {
			list = append(list, i)
		}
	}
	return list
}

// asked says who was asked, and what answered.
func asked(h discovery.Heard, width int) string {
	var links []string
	for _, l := range h.Links {
		var families []string
		if l.IPv4 {
			families = append(families, "IPv4")
		}
		if l.IPv6 {
			families = append(families, "IPv6")
		}
		var addrs []string
		for _, a := range l.Addrs {
			addrs = append(addrs, a.String())
		}
		text := fmt.Sprintf("%s (%s)", l.Name, strings.Join(addrs, ", "))
		if len(families) == 0 {
			text += ", not at all"
		} else {
			text += " over " + strings.Join(families, " and ")
		}
		links = append(links, text)
	}
	return cmdline.Hang("asked on  ", cmp.Or(strings.Join(links, "; "), "no network interface"), width)
}
