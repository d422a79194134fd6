package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"udpcam/internal/firewall"
	"udpcam/protocol"
)

// networkChecks are the things that usually keep cameras from being found. Each check says nothing if there is nothing to say.
var networkChecks = []struct {
	what  string
	check func(network) []finding
}{
	{"network", checkInterfaces},
	{"port 5353", checkDiscoveryPort},
	{"firewall", checkFirewall},
	{"multicast", checkMulticastFlag},
	{"multicast", checkWay},
	{"answers", checkAnswers},
	{"container", checkContainer},
	{"WSL", checkWSL},
	{"VPN", checkVPN},
	{"Wi-Fi", checkWiFi},
	{"firewall", checkOtherSystems},
}

// checkNetwork calls all checks.
func checkNetwork(n network) (all []finding) {
	for _, row := range networkChecks {
		for _, f := range row.check(n) {
			f.What = row.what
			all = append(all, f)
		}
	}
	return all
}

func checkInterfaces(n network) []finding {
	if out := n.outside(); len(out) > 0 {
		var texts []string
		for _, i := range out {
			texts = append(texts, i.String())
		}
		return []finding{{State: good, Found: strings.Join(texts, "; ")}}
	}
	for _, i := range n.interfaces {
		switch {
		case i.loopback || n.only != "" && n.only != i.name:
		case !i.up:
			return []finding{{State: bad, Found: i.name + " is off", Mend: onLinux("sudo ip link set " + i.name + " up")}}
		case !i.running:
			return []finding{{State: bad, Found: i.name + " has no link: is the cable plugged in, or the Wi-Fi connected?"}}
		case len(i.addrs) == 0:
			return []finding{{State: bad, Found: i.name + " has no address: is there a router that gives one (DHCP)?"}}
		}
	}
	return []finding{{State: bad, Found: "there is no network interface but loopback: only cameras of this machine can be found"}}
}

// String is the interface's name and its addresses.
func (i networkInterface) String() string {
	var addrs []string
	for _, a := range i.addrs {
		addrs = append(addrs, a.String())
	}
	return i.name + " " + strings.Join(addrs, ", ")
}

func checkDiscoveryPort(n network) []finding {
	switch {
	case n.failed != nil:
		return []finding{{State: bad, Found: n.failed.Error()}}
	case n.heard.NoPort:
		return []finding{{State: note, Found: "another program has UDP port 5353 to itself: announcements are not heard, and a camera " +
			"here cannot be found", Mend: onLinux("sudo ss -ulpn 'sport = :5353'   # which")}}
	}
	return nil
}

// discoveryGroup is where multicast DNS is spoken.
var discoveryGroup = netip.MustParseAddr("224.0.0.251")

const discoveryPort = 5353

// checkFirewall looks for rules that drop what discovery and subscribers need.
func checkFirewall(n network) (all []finding) {
	for _, i := range n.outside() {
		to := func(out bool, port uint16, addr netip.Addr) firewall.Packet {
			return firewall.Packet{Out: out, Interface: i.name, To: addr, Port: port}
		}
		for _, kind := range []struct {
			packet firewall.Packet
			state  state
			what   string
		}{
			{to(false, discoveryPort, discoveryGroup), bad, "what cameras announce is dropped (UDP 5353)"},
			{to(true, discoveryPort, discoveryGroup), bad, "the question for cameras is dropped (UDP 5353)"},
			{to(false, protocol.DefaultPort, netip.Addr{}), note, "if this machine has the camera: viewers are dropped (UDP 12345)"},
		} {
			for _, d := range n.rules.Drops(kind.packet) {
				f := finding{State: kind.state, Found: fmt.Sprintf("%s by %s", kind.what, d.By), Mend: d.Mend}
				if !slices.ContainsFunc(all, func(old finding) bool { return old.Found == f.Found }) {
					all = append(all, f)
				}
			}
		}
	}
	if n.rules.Unreadable && len(all) == 0 {
		all = append(all, finding{State: note, Found: "only root may read the rules of the firewall", Mend: onLinux("sudo udpcam find")})
	}
	return all
}

// checkMulticastFlag looks for interfaces that multicast is switched off on.
func checkMulticastFlag(n network) (all []finding) {
	for _, i := range n.outside() {
		if !i.multicast && !i.tunnel {
			all = append(all, finding{State: bad, Found: "multicast is off on " + i.name + ", so nothing is asked there",
				Mend: onLinux("sudo ip link set " + i.name + " multicast on")})
		}
	}
	return all
}

// checkWay looks whether the questions got out, and come back to this machine as they should.
func checkWay(n network) (all []finding) {
	for _, l := range n.heard.Links {
		switch {
		case l.Loopback:
		case len(l.Problems) > 0 && !l.Echo:
			f := finding{State: bad, Found: "nothing can be sent on " + l.Name + ": " + l.Problems[0]}
			if strings.Contains(l.Problems[0], "unreachable") {
				f.Mend = onLinux("sudo ip route add 224.0.0.0/4 dev " + l.Name)
			}
			all = append(all, f)
		case !l.Echo && !n.heard.NoPort:
			all = append(all, finding{State: note, Found: "what is sent to the group on " + l.Name + " does not come back: a firewall or " +
				"another program on this machine drops it"})
		}
	}
	return all
}

func checkAnswers(n network) []finding {
	switch others := n.heard.Others; {
	case n.failed != nil:
		return nil
	case n.found > 0 && others > 0:
		return []finding{{State: good, Found: plural(others, "other machine") + " answered"}}
	case others > 0:
		f := finding{State: note, Found: plural(others, "other machine") + " answered, so multicast works. No udpcam is among them: is it " +
			"running there, and without --hidden?", Mend: []string{"udpcam send --listen   # on the machine with the camera"}}
		if kinds := otherKinds(n.heard.Types); kinds != "" {
			f.Found += " What there is: " + kinds
		}
		return []finding{f}
	case len(n.outside()) > 0:
		return []finding{{State: note, Found: "no other machine answered at all. Is the camera in the same network? Multicast does not cross " +
			"routers: there, type its address, or run udpcam relay between the two networks",
			Mend: []string{"udpcam recv --from ADDRESS", "udpcam find ADDRESS   # whether something listens there"}}}
	}
	return nil
}

// otherKinds lists some kinds of services, without our own.
func otherKinds(types []string) string {
	types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return strings.HasPrefix(t, "_udpcam.") })
	if len(types) > 8 {
		return strings.Join(types[:8], ", ") + " and more"
	}
	return strings.Join(types, ", ")
}

// alone reports whether nobody but this machine was heard: then what is only a suspicion is worth telling.
func (n network) alone() bool { return n.heard.Others == 0 }

func checkContainer(n network) []finding {
	if n.container == "" || !n.alone() {
		return nil
	}
	f := finding{State: note, Found: "this is a container (" + n.container + "). One with a network of its own hears no multicast"}
	if program := cmp.Or(n.container, "docker"); program == "docker" || program == "podman" {
		f.Mend = []string{program + " run --network host …"}
	}
	return []finding{f}
}

func checkWSL(n network) []finding {
	if !n.wsl || !n.alone() {
		return nil
	}
	return []finding{{State: note, Found: "Windows gives WSL a network of its own, which multicast does not reach. In .wslconfig in your Windows " +
		"home, under [wsl2], write networkingMode=mirrored", Mend: []string{"wsl.exe --shutdown   # then open WSL again"}}}
}

func checkVPN(n network) []finding {
	var names []string
	for _, i := range n.outside() {
		if i.tunnel {
			names = append(names, i.name)
		}
	}
	if len(names) == 0 || !n.alone() {
		return nil
	}
	return []finding{{State: note, Found: "a VPN is up (" + strings.Join(names, ", ") + "). Most carry no multicast, and some keep this machine " +
		"from its own network: try without it, or type the camera's address"}}
}

func checkWiFi(n network) []finding {
	var names []string
	for _, i := range n.outside() {
		if i.wireless {
			names = append(names, i.name)
		}
	}
	if len(names) == 0 || !n.alone() {
		return nil
	}
	return []finding{{State: note, Found: "this machine is on Wi-Fi (" + strings.Join(names, ", ") + "). Many access points keep their clients " +
		"apart, guest networks nearly always: look for client isolation, AP isolation or multicast filtering in the router's settings"}}
}

// checkOtherSystems says what cannot be looked up on systems other than Linux.
func checkOtherSystems(n network) []finding {
	if !n.alone() {
		return nil
	}
	switch n.system {
	case "darwin":
		return []finding{{State: note, Found: "macOS asks before it lets a program onto the network: System Settings, Privacy & Security, " +
			"Local Network must have the terminal that udpcam runs in"}}
	case "windows":
		return []finding{{State: note, Found: "Windows' firewall drops answers until there is a rule. In PowerShell, as administrator:",
			Mend: []string{"New-NetFirewallRule -DisplayName udpcam -Direction Inbound -Protocol UDP -LocalPort 5353,12345 -Action Allow"}}}
	}
	return nil
}
