package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// A hostList is the names by which this server may be addressed, see [Config.AllowHosts].
type hostList struct {
	names map[string]bool
	any   bool
}

func newHostList(allowed []string) hostList {
	l := hostList{names: map[string]bool{"localhost": true}}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		for _, own := range []string{name, short, short + ".local"} {
			l.names[normalHost(own)] = true
		}
	}
	for _, name := range allowed {
		l.any = l.any || name == "*"
		l.names[normalHost(name)] = true
	}
	return l
}

// allows reports whether a request with this Host may be answered. An IP address needs no DNS, and a program that sends no
// Host is not a browser.
func (l hostList) allows(host string) bool {
	name := normalHost(host)
	if l.any || name == "" || l.names[name] {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// normalHost removes the port, brackets and final dot of a host, and makes it lower case.
func normalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (l hostList) refuse(w http.ResponseWriter, host string) {
	name := normalHost(host)
	http.Error(w, fmt.Sprintf("This server does not know itself by the name %q. "+
		"If that is a name of it, start it with --allow-host %s", name, name), http.StatusForbidden)
}
