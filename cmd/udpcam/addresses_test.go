package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

const up = net.FlagUp | net.FlagRunning | net.FlagBroadcast | net.FlagMulticast

func addrsOf(text string) (addrs []netip.Addr) {
	for _, field := range strings.Fields(text) {
		addrs = append(addrs, netip.MustParseAddr(field))
	}
	return addrs
}

// The best address comes first, and what others cannot use is not told.
func TestReachable(t *testing.T) {
	on := func(name string, flags net.Flags, addrs string) nic { return nic{name, flags, addrsOf(addrs)} }
	lo := on("lo", net.FlagUp|net.FlagRunning|net.FlagLoopback, "127.0.0.1 ::1")
	lan := on("eth0", up, "192.168.1.20 2001:db8:1::20 fe80::20")
	wifi := on("wlan0", up, "192.168.7.5 fe80::5")
	docker := on("docker0", up, "172.17.0.1 fd00:d0c::1")
	vpn := on("tun0", net.FlagUp|net.FlagRunning|net.FlagPointToPoint, "10.8.0.2")
	const all, all4 = "::", "0.0.0.0"
	for name, tt := range map[string]struct {
		bound  string
		nics   []nic
		routed string
		want   string
	}{
		"one interface":           {all, []nic{lo, lan}, "192.168.1.20", "192.168.1.20 2001:db8:1::20"},
		"IPv4 alone":              {all4, []nic{lo, lan}, "192.168.1.20", "192.168.1.20"},
		"the default route first": {all, []nic{lo, lan, wifi}, "192.168.7.5", "192.168.7.5 192.168.1.20 2001:db8:1::20"},
		"no default route":        {all, []nic{lo, lan, wifi}, "", "192.168.1.20 192.168.7.5 2001:db8:1::20"},
		"one of several addresses": {all, []nic{on("eth0", up, "10.0.0.1 10.0.0.2"), wifi}, "10.0.0.2",
			"10.0.0.2 10.0.0.1 192.168.7.5"},
		"containers": {all, []nic{lo, docker, on("br-0a1b2c3d4e5f", up, "172.18.0.1"), lan}, "",
			"192.168.1.20 2001:db8:1::20"},
		"containers alone":       {all, []nic{lo, docker}, "", "172.17.0.1 fd00:d0c::1"},
		"a VPN has all packets":  {all, []nic{lo, vpn, wifi}, "10.8.0.2", "192.168.7.5 10.8.0.2"},
		"a VPN alone":            {all, []nic{lo, vpn, docker}, "10.8.0.2", "10.8.0.2"},
		"down":                   {all, []nic{lo, on("eth0", net.FlagBroadcast, "10.0.0.1"), wifi}, "", "192.168.7.5"},
		"no cable":               {all, []nic{lo, on("eth0", net.FlagUp|net.FlagBroadcast, "10.0.0.1"), wifi}, "", "192.168.7.5"},
		"a cable between two":    {all, []nic{lo, on("eth0", up, "169.254.9.9 fe80::9")}, "", "169.254.9.9"},
		"no DHCP on one":         {all, []nic{on("eth0", up, "169.254.9.9"), wifi}, "", "192.168.7.5 169.254.9.9"},
		"IPv6 alone":             {all, []nic{lo, on("eth0", up, "fe80::1 fd77::1")}, "", "fd77::1"},
		"nothing but loopback":   {all, []nic{lo, on("eth0", up, "fe80::1")}, "", "127.0.0.1 ::1"},
		"nothing at all":         {all, []nic{on("lo", net.FlagLoopback, ""), on("eth0", 0, "")}, "", ""},
		"one address was chosen": {"10.0.0.7", []nic{lo, lan}, "192.168.1.20", "10.0.0.7"},
		"in IPv6's clothes":      {"::ffff:127.0.0.1", []nic{lo, lan}, "192.168.1.20", "127.0.0.1"},
	} {
		got := reachable(netip.MustParseAddr(tt.bound), tt.nics, addrsOf(tt.routed))
		var texts []string
		for _, a := range got {
			texts = append(texts, a.String())
		}
		if got := strings.Join(texts, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// This machine's own addresses are read without an error, and are its own.
func TestOwnAddresses(t *testing.T) {
	for _, a := range ownAddresses(netip.IPv6Unspecified()) {
		conn, err := net.ListenPacket("udp", net.JoinHostPort(a.String(), "0"))
		if err != nil {
			t.Errorf("%v is not an address of this machine: %v", a, err)
			continue
		}
		conn.Close()
	}
}
