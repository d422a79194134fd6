package firewall

import (
	"net/netip"
	"strconv"
	"strings"
)

// addIPTables takes in what iptables-save prints.
func (r *Rules) addIPTables(text string) {
	table := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case table != "filter" && table != "raw" && table != "mangle": // nat drops nothing
		case strings.HasPrefix(line, ":"):
			name, policy, _ := strings.Cut(line[1:], " ")
			hook := map[string]string{"PREROUTING": "prerouting", "INPUT": "input", "OUTPUT": "output", "POSTROUTING": "postrouting"}[name]
			r.chains = append(r.chains, &chain{program: "iptables", family: "ip", table: table, name: name, hook: hook,
				drops: strings.HasPrefix(policy, "DROP")})
		case strings.HasPrefix(line, "-A "):
			words := split(line)
			if c := r.chain(&chain{program: "iptables", family: "ip", table: table}, words[1]); c != nil {
				c.rules = append(c.rules, iptablesRule(line, words[2:]))
			}
		}
	}
}

// split splits a line into words. What is in quotes is one.
func split(line string) (words []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	for len(words) < 2 {
		words = append(words, "")
	}
	return words
}

func iptablesRule(text string, words []string) rule {
	r := rule{text: text}
	not := false
	for i := 0; i < len(words); i++ {
		word, value := words[i], ""
		if word == "!" {
			not = true
			continue
		}
		if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") && words[i+1] != "!" {
			i++
			value = words[i]
		}
		switch word {
		case "-m": // names a module, whose options follow; some need none
			continue
		case "--comment", "--reject-with", "--log-prefix", "--log-level":
			continue
		case "-j", "-g":
			r.act, r.to = target(value, word == "-g")
			continue
		}
		c := iptablesCondition(word, value)
		if not {
			inner := c
			c = func(p Packet) answer { return inner(p).not() }
			not = false
		}
		r.match = append(r.match, c)
	}
	return r
}

func target(name string, goes bool) (verdict, string) {
	switch {
	case goes:
		return goTo, name
	case name == "ACCEPT":
		return accept, ""
	case name == "DROP", name == "REJECT":
		return drop, ""
	case name == "RETURN":
		return back, ""
	case name == "LOG", name == "NFLOG", name == "MARK", name == "CONNMARK", name == "CT", name == "NOTRACK":
		return next, ""
	}
	return jump, name
}

// iptablesCondition is a condition of a packet that is UDP, over IPv4, and the first of its conversation.
func iptablesCondition(option, value string) condition {
	fixed := func(a answer) condition { return func(Packet) answer { return a } }
	switch option {
	case "-p":
		return fixed(answerOf(value == "udp" || value == "all"))
	case "-i":
		return func(p Packet) answer {
			if p.Out {
				return no
			}
			return interfaceMatches(value, p.Interface)
		}
	case "-o":
		return func(p Packet) answer {
			if !p.Out {
				return no
			}
			return interfaceMatches(value, p.Interface)
		}
	case "-d":
		network, err := netip.ParsePrefix(value)
		if err != nil {
			return fixed(unknown)
		}
		return func(p Packet) answer { return p.to(network) }
	case "--dport", "--dports", "--ports":
		return func(p Packet) answer {
			for part := range strings.SplitSeq(value, ",") {
				if ports(part, ":", p.Port) {
					return yes
				}
			}
			return no
		}
	case "--ctstate", "--state":
		return fixed(answerOf(strings.Contains(","+value+",", ",NEW,")))
	case "--pkt-type":
		return func(p Packet) answer { return answerOf(value == packetType(p)) }
	case "--dst-type":
		return func(p Packet) answer { return answerOf(strings.EqualFold(value, p.kind())) }
	}
	return fixed(unknown)
}

func packetType(p Packet) string {
	if kind := p.kind(); kind == "multicast" {
		return kind
	}
	return "unicast"
}

// ports reports whether a port is the one in a text, or in a range.
func ports(text, dash string, port uint16) bool {
	low, high, isRange := strings.Cut(text, dash)
	l, err := strconv.ParseUint(low, 10, 16)
	if err != nil {
		return false
	}
	h := l
	if isRange {
		if h, err = strconv.ParseUint(high, 10, 16); err != nil {
			return false
		}
	}
	return uint64(port) >= l && uint64(port) <= h
}
