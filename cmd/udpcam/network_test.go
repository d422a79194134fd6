package main

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"udpcam/internal/firewall"
	"udpcam/protocol/discovery"
)

// Each check says what it should of networks that are made up, and nothing of one where all is well.
func TestNetworkChecks(t *testing.T) {
	addrs := []netip.Prefix{netip.MustParsePrefix("192.168.1.20/24")}
	eth := networkInterface{name: "eth0", up: true, running: true, multicast: true, addrs: addrs}
	lo := networkInterface{name: "lo", up: true, running: true, loopback: true, addrs: addrs}
	with := func(change func(*networkInterface)) []networkInterface {
		i := eth
		change(&i)
		return []networkInterface{lo, i}
	}
	link := discovery.Link{Name: "eth0", Addrs: addrs, IPv4: true, Echo: true}
	well := network{system: "linux", interfaces: []networkInterface{lo, eth}, found: 1,
		heard: discovery.Heard{Links: []discovery.Link{link}, Others: 1}}
	for _, f := range checkNetwork(well) {
		if f.State != good {
			t.Errorf("where all is well: %+v", f)
		}
	}
	for name, tt := range map[string]struct {
		network     network
		what, found string
		state       state
		mend        string // "" is none
	}{
		"only loopback": {network{interfaces: []networkInterface{lo}}, "network", "no network interface but loopback", bad, ""},
		"off": {network{interfaces: with(func(i *networkInterface) { i.up = false })}, "network", "eth0 is off", bad,
			"sudo ip link set eth0 up"},
		"unplugged":  {network{interfaces: with(func(i *networkInterface) { i.running = false })}, "network", "has no link", bad, ""},
		"no address": {network{interfaces: with(func(i *networkInterface) { i.addrs = nil })}, "network", "has no address", bad, ""},
		"multicast off": {network{interfaces: with(func(i *networkInterface) { i.multicast = false })}, "multicast",
			"multicast is off on eth0", bad, "sudo ip link set eth0 multicast on"},
		"no socket": {network{failed: errors.New("it fails")}, "port 5353", "it fails", bad, ""},
		"port held": {network{heard: discovery.Heard{NoPort: true}}, "port 5353", "has UDP port 5353 to itself", note,
			"sudo ss -ulpn 'sport = :5353'   # which"},
		"no route": {network{heard: discovery.Heard{Links: []discovery.Link{{Name: "eth0", Problems: []string{"network is unreachable"}}}}},
			"multicast", "nothing can be sent on eth0: network is unreachable", bad, "sudo ip route add 224.0.0.0/4 dev eth0"},
		"no echo":         {network{heard: discovery.Heard{Links: []discovery.Link{{Name: "eth0"}}}}, "multicast", "does not come back", note, ""},
		"firewall unread": {network{rules: firewall.Rules{Unreadable: true}}, "firewall", "only root may read", note, "sudo udpcam find"},
		"others": {network{heard: discovery.Heard{Others: 3, Types: []string{"_ipp._tcp", "_udpcam._udp"}}}, "answers",
			"3 other machines answered, so multicast works. No udpcam is among them: is it running there, and without --hidden? " +
				"What there is: _ipp._tcp", note, "udpcam send --listen   # on the machine with the camera"},
		"nobody":     {network{interfaces: []networkInterface{eth}}, "answers", "no other machine answered at all", note, "udpcam recv --from ADDRESS"},
		"container":  {network{container: "docker"}, "container", "this is a container (docker)", note, "docker run --network host …"},
		"Kubernetes": {network{container: "Kubernetes"}, "container", "this is a container (Kubernetes)", note, ""},
		"WSL":        {network{wsl: true}, "WSL", "networkingMode=mirrored", note, "wsl.exe --shutdown   # then open WSL again"},
		"VPN":        {network{interfaces: with(func(i *networkInterface) { i.tunnel = true })}, "VPN", "a VPN is up (eth0)", note, ""},
		"Wi-Fi":      {network{interfaces: with(func(i *networkInterface) { i.wireless = true })}, "Wi-Fi", "on Wi-Fi (eth0)", note, ""},
		"macOS":      {network{system: "darwin"}, "firewall", "Local Network", note, ""},
		"Windows": {network{system: "windows"}, "firewall", "PowerShell", note, "New-NetFirewallRule -DisplayName udpcam " +
			"-Direction Inbound -Protocol UDP -LocalPort 5353,12345 -Action Allow"},
	} {
		i := slices.IndexFunc(checkNetwork(tt.network), func(f finding) bool {
			return f.What == tt.what && strings.Contains(f.Found, tt.found) && f.State == tt.state
		})
		if i < 0 {
			t.Errorf("%s: not said, but %+v", name, checkNetwork(tt.network))
		} else if f := checkNetwork(tt.network)[i]; tt.mend == "" && len(f.Mend) > 0 || tt.mend != "" && (len(f.Mend) == 0 || f.Mend[0] != tt.mend) {
			t.Errorf("%s: the remedy is %q, want %q", name, f.Mend, tt.mend)
		}
	}
	loud := network{wsl: true, container: "docker", heard: discovery.Heard{Others: 2}} // suspicions are not for those who hear others
	for _, f := range checkNetwork(loud) {
		if f.What == "WSL" || f.What == "container" {
			t.Errorf("although others are heard: %+v", f)
		}
	}
}

// The line to type names the stream so that a shell takes it, and so that it is the only one.
func TestWatchLine(t *testing.T) {
	a := foundStream{Name: "front-door", Instance: "front-door", Addrs: []string{"10.0.0.1:12345"}}
	b := foundStream{Name: "back door", Instance: "back door", Addrs: []string{"10.0.0.2:12345"}, Sealed: true, KeyID: "1f3a"}
	again := foundStream{Name: "front-door", Instance: "front-door (2)", Addrs: []string{"10.0.0.3:12345"}}
	for want, list := range map[string][]foundStream{
		"--from front-door --":             {a},
		"--from 'back door' --":            {b},
		"--from front-door --http :8080\n": {b, a},
		"--from 10.0.0.1:12345 --":         {a, again},
		"--from 10.0.0.7:1 --":             {{Name: "evil.example", Addrs: []string{"10.0.0.7:1"}}},
		"--key-file FILE\n":                {b},
	} {
		if got := watchLine(list); !strings.Contains(got, want) && !strings.Contains(got, strings.Replace(want, "http :8080", "show", 1)) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
