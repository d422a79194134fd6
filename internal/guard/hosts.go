package guard

import (
	"net"
	"net/netip"
	"os"
	"strings"
)

// A hostList has the names by which this server may be addressed, see [Rules]. "*" stands for every name.
type hostList map[string]bool

func newHostList(allowed []string) hostList {
	l := hostList{"localhost": true}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		allowed = append(allowed[:len(allowed):len(allowed)], name, short, short+".local")
	}
	for _, name := range allowed {
		l[normalHost(name)] = true
	}
	return l
}

// allows reports whether a request with this Host may be answered. An IP address needs no DNS, and a program that sends no
// Host is not a browser.
func (l hostList) allows(host string) bool {
	name := normalHost(host)
	_, notIP := netip.ParseAddr(name)
	return l["*"] || l[name] || name == "" || notIP == nil
}

// normalHost removes the port, brackets and final dot of a host, and makes it lower case.
func normalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
