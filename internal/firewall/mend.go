package firewall

import (
	"fmt"
)

// mdns is the port of multicast DNS, which firewalld has a name for.
const mdns = 5353

// mend returns the commands that let a packet pass a chain that drops it, for the program that the user works with.
func (r Rules) mend(c *chain, p Packet) []string {
	switch {
	case r.UFW && c.program == "iptables" && !p.Out:
		return []string{fmt.Sprintf("sudo ufw allow %d/udp", p.Port)}
	case r.UFW && c.program == "iptables":
		return []string{fmt.Sprintf("sudo ufw allow out %d/udp", p.Port)}
	case r.Firewalld && c.table == "firewalld" && p.Port == mdns:
		return []string{"sudo firewall-cmd --add-service=mdns", "sudo firewall-cmd --permanent --add-service=mdns   # for good"}
	case r.Firewalld && c.table == "firewalld":
		open := fmt.Sprintf("--add-port=%d/udp", p.Port)
		return []string{"sudo firewall-cmd " + open, "sudo firewall-cmd --permanent " + open + "   # for good"}
	case c.program == "iptables":
		table := ""
		if c.table != "filter" {
			table = " -t " + c.table
		}
		return []string{fmt.Sprintf("sudo iptables%s -I %s -p udp --dport %d -j ACCEPT", table, c.name, p.Port)}
	}
	return []string{fmt.Sprintf("sudo nft insert rule %s %s %s udp dport %d accept", c.family, c.table, c.name, p.Port)}
}
