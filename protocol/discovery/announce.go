package discovery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"udpcam/protocol"
)

// An Announcer tells the network of services, until its context ends. Its methods may be called at the same time.
type Announcer struct {
	node *node
	r    *responder
	end  context.CancelFunc
}

// Announce tells the network of services: at once, when it is asked, and when something changes. It first asks whether
// somebody else has the name of a service, which takes about a second. If so, the instance name gets a number.
//
// The error is of the sockets: mostly another program has the port of multicast DNS, 5353, to itself. Close says goodbye, and
// so does the end of ctx.
func Announce(ctx context.Context, c Config, services ...Service) (*Announcer, error) {
	machine, _ := os.Hostname()
	machine, _, _ = strings.Cut(protocol.CleanName(machine), ".")
	r := newResponder(uniqueHost(machine), machine)
	log, lines := c.logger(), rate.Sometimes{First: 1, Interval: time.Second}
	r.renamed = func(c *claim) {
		lines.Do(func() {
			log.Warn("another stream on this network has this name", "stream", c.Name, "found_as", c.instance())
		})
	}
	n, err := newNode(ctx, c, false, r)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	a := &Announcer{n, r, end}
	r.links = n.links
	r.set(time.Now(), services)
	go n.run(ctx, func() []outgoing {
		r.out = nil
		r.bye(r.claims, true)
		return r.out
	})
	return a, nil
}

// uniqueHost returns a host name for addresses. The machine's own name may be that of another machine too, and is left to the
// machine's own responder, such as avahi.
func uniqueHost(machine string) string {
	machine = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return -1
	}, machine)
	var random [4]byte
	rand.Read(random[:])
	return strings.Trim(machine[:min(len(machine), 40)]+"-"+hex.EncodeToString(random[:]), "-") + "." + domain
}

// Set replaces the list of services. Those that are no longer in it say goodbye, and what has changed is announced.
func (a *Announcer) Set(services ...Service) {
	a.node.do(func(now time.Time) { a.r.set(now, services) })
}

// Close says goodbye and closes the sockets.
func (a *Announcer) Close() error {
	a.end()
	<-a.node.ended
	return nil
}
