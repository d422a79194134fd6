package firewall

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// An object is one of what nft -j list ruleset prints (libnftables-json(5)).
type object struct {
	Chain *struct {
		Family, Table, Name, Type, Hook, Policy string
		Prio                                    int
	}
	Rule *struct {
		Family, Table, Chain string
		Expr                 []map[string]any
	}
}

// addNFT takes in what nft -j list ruleset prints.
func (r *Rules) addNFT(text []byte) error {
	var all struct{ Nftables []object }
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, o := range all.Nftables {
		if c := o.Chain; c != nil && (c.Family == "ip" || c.Family == "inet") {
			hook := c.Hook
			if c.Type != "filter" {
				hook = ""
			}
			r.chains = append(r.chains, &chain{program: "nft", family: c.Family, table: c.Table, name: c.Name, hook: hook,
				priority: c.Prio, drops: c.Policy == "drop"})
		}
	}
	for _, o := range all.Nftables {
		if o.Rule == nil {
			continue
		}
		c := r.chain(&chain{program: "nft", family: o.Rule.Family, table: o.Rule.Table}, o.Rule.Chain)
		if c != nil {
			c.rules = append(c.rules, nftRules(o.Rule.Expr)...)
		}
	}
	return nil
}

// nftRules makes a rule of its expressions. One with a verdict map is several, one for each verdict.
func nftRules(expressions []map[string]any) []rule {
	r := rule{}
	var words []string
	for _, e := range expressions {
		for kind, value := range e {
			switch kind {
			case "match":
				m, _ := value.(map[string]any)
				r.match = append(r.match, nftMatch(m))
				words = append(words, nftText(m))
			case "vmap":
				return verdictMap(r, value)
			case "counter", "log", "comment", "mangle", "notrack", "ct helper":
			default:
				act, to, ok := nftVerdict(kind, value)
				if !ok { // such as a limit
					r.match = append(r.match, func(Packet) answer { return unknown })
					continue
				}
				r.act, r.to = act, to
				words = append(words, strings.TrimSpace(kind+" "+to))
			}
		}
	}
	r.text = strings.Join(words, " ")
	return []rule{r}
}

func nftVerdict(kind string, value any) (v verdict, to string, ok bool) {
	if m, isMap := value.(map[string]any); isMap {
		to, _ = m["target"].(string)
	}
	switch kind {
	case "accept":
		return accept, "", true
	case "drop", "reject":
		return drop, "", true
	case "jump":
		return jump, to, true
	case "goto":
		return goTo, to, true
	case "return":
		return back, "", true
	case "continue":
		return next, "", true
	}
	return next, "", false
}

// verdictMap takes a map of values to verdicts apart.
func verdictMap(r rule, value any) (rules []rule) {
	m, _ := value.(map[string]any)
	data, _ := m["data"].(map[string]any)
	set, _ := data["set"].([]any)
	if set == nil { // a named map
		r.match = append(r.match[:len(r.match):len(r.match)], func(Packet) answer { return unknown })
		r.act = accept
		return []rule{r}
	}
	for _, element := range set {
		pair, _ := element.([]any)
		if len(pair) != 2 {
			continue
		}
		verdicts, _ := pair[1].(map[string]any)
		for kind, v := range verdicts {
			match := map[string]any{"op": "==", "left": m["key"], "right": pair[0]}
			one := rule{match: append(r.match[:len(r.match):len(r.match)], nftMatch(match)), text: nftText(match) + " " + kind}
			one.act, one.to, _ = nftVerdict(kind, v)
			rules = append(rules, one)
		}
	}
	return rules
}

func nftMatch(m map[string]any) condition {
	op, _ := m["op"].(string)
	left, _ := m["left"].(map[string]any)
	test := nftLeft(left)
	return func(p Packet) answer {
		a := anyOf(m["right"], func(value any) answer { return test(p, value) })
		switch op {
		case "==", "in":
			return a
		case "!=":
			return a.not()
		}
		return unknown
	}
}

// anyOf calls test with a value, or each value of a set or list.
func anyOf(value any, test func(any) answer) (best answer) {
	if m, ok := value.(map[string]any); ok && m["set"] != nil {
		value = m["set"]
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, v := range list {
		best = max(best, test(v))
	}
	return best
}

// nftLeft says how a value is compared with what stands on the left of a match.
func nftLeft(left map[string]any) func(p Packet, value any) answer {
	if meta, ok := left["meta"].(map[string]any); ok {
		switch meta["key"] {
		case "iifname", "iif":
			return func(p Packet, v any) answer {
				return min(answerOf(!p.Out), interfaceMatches(fmt.Sprint(v), p.Interface))
			}
		case "oifname", "oif":
			return func(p Packet, v any) answer {
				return min(answerOf(p.Out), interfaceMatches(fmt.Sprint(v), p.Interface))
			}
		case "l4proto":
			return func(_ Packet, v any) answer { return answerOf(v == "udp" || v == 17.0) }
		case "nfproto":
			return func(_ Packet, v any) answer { return answerOf(v == "ipv4") }
		case "protocol":
			return func(_ Packet, v any) answer { return answerOf(v == "ip") }
		case "pkttype":
			return func(p Packet, v any) answer {
				return answerOf(v == packetType(p) || v == "host" && packetType(p) == "unicast")
			}
		}
	}
	if ct, ok := left["ct"].(map[string]any); ok {
		switch ct["key"] {
		case "state":
			return func(_ Packet, v any) answer { return answerOf(v == "new") }
		case "status":
			return func(Packet, any) answer { return no }
		}
	}
	if fib, ok := left["fib"].(map[string]any); ok && fib["result"] == "type" && fmt.Sprint(fib["flags"]) == "[daddr]" {
		return func(p Packet, v any) answer { return answerOf(v == p.kind()) }
	}
	if payload, ok := left["payload"].(map[string]any); ok {
		return nftPayload(fmt.Sprint(payload["protocol"]), fmt.Sprint(payload["field"]))
	}
	return func(Packet, any) answer { return unknown }
}

func nftPayload(protocol, field string) func(p Packet, value any) answer {
	switch protocol + " " + field {
	case "udp dport", "th dport":
		return func(p Packet, v any) answer {
			switch v := v.(type) {
			case float64:
				return answerOf(float64(p.Port) == v)
			case map[string]any:
				if r, ok := v["range"].([]any); ok && len(r) == 2 {
					return answerOf(ports(fmt.Sprint(r[0], "-", r[1]), "-", p.Port))
				}
			}
			return unknown
		}
	case "ip daddr":
		return func(p Packet, v any) answer {
			if network, ok := nftNetwork(v); ok {
				return p.to(network)
			}
			return unknown
		}
	case "ip protocol":
		return func(_ Packet, v any) answer { return answerOf(v == "udp") }
	}
	if protocol != "udp" && protocol != "th" && protocol != "ip" { // tcp, icmp, ip6: none of our packets has that
		return func(Packet, any) answer { return no }
	}
	return func(Packet, any) answer { return unknown }
}

func nftNetwork(v any) (netip.Prefix, bool) {
	if m, ok := v.(map[string]any); ok {
		if p, ok := m["prefix"].(map[string]any); ok {
			v = fmt.Sprintf("%v/%v", p["addr"], p["len"])
		}
	}
	text := fmt.Sprint(v)
	if !strings.Contains(text, "/") {
		text += "/32"
	}
	network, err := netip.ParsePrefix(text)
	return network, err == nil
}

// nftText writes a match nearly as nft does.
func nftText(m map[string]any) string {
	op, _ := m["op"].(string)
	words := []string{nftValue(m["left"])}
	if op == "!=" {
		words = append(words, op)
	}
	return strings.Join(append(words, nftValue(m["right"])), " ")
}

func nftValue(v any) string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, nftValue(e))
		}
		return strings.Join(all, ", ")
	case map[string]any:
		for kind, inner := range v {
			m, _ := inner.(map[string]any)
			switch kind {
			case "payload":
				return fmt.Sprintf("%v %v", m["protocol"], m["field"])
			case "meta":
				return fmt.Sprint(m["key"])
			case "ct":
				return fmt.Sprint("ct ", m["key"])
			case "prefix":
				return fmt.Sprintf("%v/%v", m["addr"], m["len"])
			case "set":
				return "{ " + nftValue(inner) + " }"
			case "range":
				if r, ok := inner.([]any); ok && len(r) == 2 {
					return fmt.Sprintf("%v-%v", r[0], r[1])
				}
			}
			return kind
		}
	}
	return fmt.Sprint(v)
}
