// Package firewall reads the rules of this machine's firewall as far as that can be done, and says whether they drop a
// datagram. It knows what nft and iptables-save print, which is also what ufw and firewalld make.
//
// It judges what it understands. A rule with a condition that it does not know leaves the matter open: then it says nothing,
// rather than blame a rule that drops nothing.
package firewall

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// A Packet is a UDP datagram over IPv4 that begins a conversation.
type Packet struct {
	Out       bool // it leaves this machine
	Interface string
	To        netip.Addr // the receiver; an address that is not valid is one of this machine's own
	Port      uint16     // the receiver's
}

// A Drop is what keeps a packet from passing.
type Drop struct {
	By   string   // the rule, as its program shows it
	Mend []string // what lets the packet pass: commands
}

// Rules are the rules of a firewall.
type Rules struct {
	Programs   []string // what was asked: nft, iptables-save
	Unreadable bool     // there may be rules, but only root may read them
	UFW        bool     // ufw is in use
	Firewalld  bool     // firewalld is in use

	chains []*chain
}

// A chain is a list of rules. The kernel begins with chains that have a hook.
type chain struct {
	program             string // nft or iptables
	family, table, name string
	hook                string // "" if only other chains lead here
	priority            int
	drops               bool // if no rule decides
	rules               []rule
}

// A rule acts on the packets that match all of its conditions.
type rule struct {
	text  string
	match []condition
	act   verdict
	to    string // the chain, of jump and goTo
}

type condition func(Packet) answer

// An answer is yes, no, or that it is not known.
type answer int

const (
	no answer = iota
	unknown
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

func (a answer) not() answer { return yes - a }

type verdict int

const (
	next verdict = iota // no decision
	accept
	drop
	jump
	goTo
	back
)

// Drops returns what certainly drops a packet: nothing, or one thing of each chain that does.
func (r Rules) Drops(p Packet) (drops []Drop) {
	hooks := []string{"prerouting", "input"}
	if p.Out {
		hooks = []string{"output", "postrouting"}
	}
	for _, c := range r.chains {
		if !slices.Contains(hooks, c.hook) {
			continue
		}
		if v, by, sure := r.walk(c, p, 0); v == drop && sure {
			drops = append(drops, Drop{by, r.mend(c, p)})
		}
	}
	return drops
}

// maxDepth is how deep chains may lead to others. The kernel has the same bound.
const maxDepth = 16

// walk follows a packet through a chain. Once a rule may have accepted the packet, what drops it later is not sure.
func (r Rules) walk(c *chain, p Packet, depth int) (v verdict, by string, sure bool) {
	sure = true
	for _, rule := range c.rules {
		matches := yes
		for _, m := range rule.match {
			matches = min(matches, m(p))
		}
		if matches == no || rule.act == next {
			continue
		}
		v, by, certain := rule.act, c.describe(rule.text), true
		if v == jump || v == goTo {
			to := r.chain(c, rule.to)
			if to == nil || depth == maxDepth {
				sure = false
				continue
			}
			v, by, certain = r.walk(to, p, depth+1)
			if v == next && rule.act == goTo && matches == yes {
				v = back
			}
		}
		if matches == unknown {
			if v != drop { // it may have been let through here
				sure = sure && v == next && certain
			}
			continue
		}
		sure = sure && certain
		switch v {
		case accept, drop:
			return v, by, sure
		case back:
			return r.end(c, sure)
		}
	}
	return r.end(c, sure)
}

// end is what happens if no rule of a chain has decided.
func (r Rules) end(c *chain, sure bool) (verdict, string, bool) {
	if c.hook != "" && c.drops {
		return drop, c.describe("policy drop"), sure
	}
	return next, "", sure
}

func (r Rules) chain(from *chain, name string) *chain {
	for _, c := range r.chains {
		if c.program == from.program && c.family == from.family && c.table == from.table && c.name == name {
			return c
		}
	}
	return nil
}

func (c *chain) describe(rule string) string {
	if c.program == "iptables" {
		return "iptables, chain " + c.name + ": " + rule
	}
	return strings.Join([]string{"nft, table", c.family, c.table + ", chain", c.name + ":", rule}, " ")
}

// interfaceMatches compares with a pattern, which may end in * or +.
func interfaceMatches(pattern, name string) answer {
	ok, err := path.Match(strings.TrimSuffix(pattern, "+")+map[bool]string{true: "*"}[strings.HasSuffix(pattern, "+")], name)
	return answerOf(ok && err == nil)
}

// to compares the packet's receiver with a network.
func (p Packet) to(network netip.Prefix) answer {
	switch {
	case !p.To.IsValid() && network.Addr().IsMulticast():
		return no
	case !p.To.IsValid():
		return unknown
	}
	return answerOf(network.Contains(p.To))
}

// kind is the kind of the receiver's address.
func (p Packet) kind() string {
	switch {
	case p.To.IsValid() && p.To.IsMulticast():
		return "multicast"
	case p.Out:
		return "unicast"
	}
	return "local"
}
