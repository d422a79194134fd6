package guard

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// A hostList has the names by which this server may be addressed, see [Rules].
type hostList struct {
	given map[string]bool // by --allow-host; "*" stands for every name
	own   string          // of this machine
}

func newHostList(allowed []string) hostList {
	l := hostList{given: map[string]bool{}}
	if name, err := os.Hostname(); err == nil {
		l.own = normalHost(name)
	}
	for _, name := range allowed {
		l.given[normalHost(name)] = true
	}
	return l
}

// localDomains are the ends of names that only a local network gives. No stranger can have one in the public DNS:
//
//   - local is that of multicast DNS (RFC 6762), localhost is in RFC 6761, home.arpa in RFC 8375
//   - intranet, internal, private, corp, home and lan are what networks use (RFC 6762, appendix G), localdomain is what
//     Linux uses. None is a top-level domain
//   - fritz.box is what the routers of AVM use, which owns the domain
var localDomains = []string{".local", ".localhost", ".home.arpa", ".internal", ".lan", ".home", ".localdomain", ".intranet",
	".private", ".corp", ".fritz.box"}

// allows reports whether a request with this Host may be answered. An IP address needs no DNS, and a program that sends no
// Host is not a browser. A name without dots is that of a container or of a machine on the local network: to make a browser
// find another machine by it, a stranger would need a top-level domain.
func (l hostList) allows(host string) bool {
	name := normalHost(host)
	_, notIP := netip.ParseAddr(name)
	return l.given["*"] || l.given[name] || name == l.own || name == "" || notIP == nil || isLocal(name)
}

func isLocal(name string) bool {
	return !strings.ContainsAny(name, ".*:") ||
		slices.ContainsFunc(localDomains, func(domain string) bool { return strings.HasSuffix(name, domain) })
}

// normalHost removes the port, brackets and final dot of a host, and makes it lower case.
func normalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
