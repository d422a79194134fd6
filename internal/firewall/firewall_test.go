package firewall

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

var (
	group   = netip.MustParseAddr("224.0.0.251")
	askedBy = Packet{Interface: "eth0", To: group, Port: 5353}
	asking  = Packet{Out: true, Interface: "eth0", To: group, Port: 5353}
	comes   = Packet{Interface: "eth0", Port: 12345}
)

// iptablesOf returns the rules of a filter table that accepts unless its rules say otherwise.
func iptablesOf(lines ...string) (r Rules) {
	r.addIPTables("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:more - [0:0]\n" + strings.Join(lines, "\n") + "\nCOMMIT\n")
	return r
}

func TestIPTables(t *testing.T) {
	for _, tt := range []struct {
		rules       string
		drops, what string // which of the three packets
	}{
		{"", "", "nothing"},
		{"-A INPUT -p udp -m udp --dport 5353 -j DROP", "asked", "a port"},
		{"-A INPUT -p udp -m multiport --dports 22,5000:6000 -j REJECT --reject-with icmp-port-unreachable", "asked", "a range"},
		{"-A INPUT -p tcp -j DROP", "", "another protocol"},
		{"-A INPUT -i eth+ -m comment --comment \"no -j ACCEPT here\" -j DROP", "asked comes", "interfaces"},
		{"-A INPUT ! -i lo -j DROP", "asked comes", "all but one interface"},
		{"-A INPUT -d 224.0.0.0/4 -j DROP", "asked", "a network"},
		{"-A INPUT ! -d 224.0.0.0/4 -j DROP", "comes", "all but a network"},
		{"-A INPUT -d 192.168.1.20/32 -j DROP", "", "an address that is not known"},
		{"-A INPUT -m pkttype --pkt-type multicast -j DROP", "asked", "multicast"},
		{"-A INPUT -m addrtype --dst-type LOCAL -j DROP", "comes", "this machine's addresses"},
		{"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j DROP", "asked comes", "states"},
		{"-A INPUT -m recent --update -j ACCEPT\n-A INPUT -j DROP", "", "a condition that is not known"},
		{"-A INPUT -m recent --rcheck -j DROP", "", "a drop that is not sure"},
		{"-A INPUT -j more\n-A more -p udp -j DROP", "asked comes", "another chain"},
		{"-A INPUT -j more\n-A more -j RETURN\n-A more -j DROP", "", "a return"},
		{"-A INPUT -g more\n-A INPUT -j DROP\n-A more -p tcp -j DROP", "", "a goto does not come back"},
		{"-A INPUT -j more\n-A more -j more", "", "a circle"},
		{"-A OUTPUT -o eth0 -p udp --dport 5353 -j DROP", "asking", "the way out"},
	} {
		if got := dropped(iptablesOf(strings.Split(tt.rules, "\n")...)); got != tt.drops {
			t.Errorf("%s: drops %q, want %q\n%s", tt.what, got, tt.drops, tt.rules)
		}
	}
}

// dropped names the packets that rules drop.
func dropped(r Rules) string {
	var names []string
	for i, p := range []Packet{askedBy, comes, asking} {
		if len(r.Drops(p)) > 0 {
			names = append(names, []string{"asked", "comes", "asking"}[i])
		}
	}
	return strings.Join(names, " ")
}

// A rule of nft, as it writes them in JSON.
const (
	udpPort = `{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": %s}}`
	mdnsTo  = `{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "224.0.0.251"}}`
)

func nftOf(t *testing.T, policy string, rules ...string) (r Rules) {
	text := `{"nftables": [{"metainfo": {}}, {"chain": {"family": "inet", "table": "filter", "name": "input", "type": "filter",
		"hook": "input", "prio": 0, "policy": "` + policy + `"}},
		{"chain": {"family": "inet", "table": "filter", "name": "more"}}`
	for _, rule := range rules {
		chain, rule, _ := strings.Cut(rule, " ")
		text += `, {"rule": {"family": "inet", "table": "filter", "chain": "` + chain + `", "expr": [` + rule + `]}}`
	}
	if err := r.addNFT([]byte(text + "]}")); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNFT(t *testing.T) {
	port := func(right string) string { return fmt.Sprintf(udpPort, right) }
	for _, tt := range []struct {
		policy, drops string
		rules         []string
	}{
		{"accept", "", nil},
		{"drop", "asked comes", nil},
		{"accept", "asked", []string{"input " + port("5353") + `, {"counter": {}}, {"drop": null}`}},
		{"accept", "asked", []string{"input " + port(`{"set": [22, {"range": [5000, 6000]}]}`) + `, {"reject": {}}`}},
		{"drop", "comes", []string{"input " + mdnsTo + `, {"accept": null}`}},
		{"drop", "", []string{"input " + port(`"@open"`) + `, {"accept": null}`}},                                                // not known
		{"drop", "", []string{"input " + port("5353") + `, {"limit": {"rate": 5}}, {"accept": null}`, `input {"accept": null}`}}, // nor that
		{"accept", "", []string{"input " + port("5353") + `, {"limit": {"rate": 5}}, {"drop": null}`}},                           // nor that
		{"accept", "asked", []string{`input {"jump": {"target": "more"}}`, "more " + port("5353") + `, {"drop": null}`}},
		{"drop", "asked comes", []string{`input {"goto": {"target": "more"}}`, `input {"accept": null}`}},
		{"drop", "asked comes", []string{`input {"vmap": {"key": {"ct": {"key": "state"}},
			"data": {"set": [["established", {"accept": null}], ["invalid", {"drop": null}]]}}}`}},
		{"drop", "", []string{`input {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", {"accept": null}]]}}}`}},
		{"drop", "", []string{`input {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@zones"}}`}}, // not known
	} {
		if got := dropped(nftOf(t, tt.policy, tt.rules...)); got != tt.drops {
			t.Errorf("%s, %v: drops %q, want %q", tt.policy, tt.rules, got, tt.drops)
		}
	}
	var r Rules
	if r.addNFT([]byte("{")) == nil || r.addNFT([]byte(`{"nftables": [{"rule": {"chain": "x", "expr": [{"match": 1}, {"vmap": 1}]}}]}`)) != nil {
		t.Error("what is not JSON is taken, or other JSON is not")
	}
}

// The rules that ufw makes by default let multicast DNS in and subscribers not. Those that firewalld makes drop both. The
// remedies are commands of these programs.
func TestPrograms(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	ufw, firewalld := Rules{UFW: true}, Rules{Firewalld: true}
	ufw.addIPTables(read("ufw.iptables"))
	if err := firewalld.addNFT([]byte(read("firewalld.nft.json"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rules    Rules
		p        Packet
		by, mend string // "" is not dropped
	}{
		{ufw, askedBy, "", ""},
		{ufw, asking, "", ""},
		{ufw, comes, "iptables, chain INPUT: policy drop", "sudo ufw allow 12345/udp"},
		{firewalld, askedBy, "nft, table inet firewalld, chain filter_IN_public: reject", "sudo firewall-cmd --add-service=mdns"},
		{firewalld, comes, "nft, table inet firewalld, chain filter_IN_public: reject", "sudo firewall-cmd --add-port=12345/udp"},
		{nftOf(t, "drop"), askedBy, "nft, table inet filter, chain input: policy drop",
			"sudo nft insert rule inet filter input udp dport 5353 accept"},
		{nftOf(t, "accept", "input "+fmt.Sprintf(udpPort, "5353")+`, {"drop": null}`), askedBy,
			"nft, table inet filter, chain input: udp dport 5353 drop", "sudo nft insert rule inet filter input udp dport 5353 accept"},
		{iptablesOf("-A INPUT -j DROP"), comes, "iptables, chain INPUT: -A INPUT -j DROP",
			"sudo iptables -I INPUT -p udp --dport 12345 -j ACCEPT"},
	} {
		drops := tt.rules.Drops(tt.p)
		if tt.by == "" {
			if len(drops) != 0 {
				t.Errorf("%+v: %+v", tt.p, drops)
			}
			continue
		}
		if len(drops) != 1 || drops[0].By != tt.by || drops[0].Mend[0] != tt.mend {
			t.Errorf("%+v: %+v, want %s and %s", tt.p, drops, tt.by, tt.mend)
		}
	}
}

// Reading never fails: what cannot be read is not there.
func TestRead(t *testing.T) {
	r := Read(t.Context())
	t.Logf("%v, unreadable %v, %d chains", r.Programs, r.Unreadable, len(r.chains))
	r.Drops(askedBy)
}
