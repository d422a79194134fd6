package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/web"
)

// inviteAfter is how long recv waits for a stream before the log says what to type at the camera.
const inviteAfter = 5 * time.Second

// An invitation is what recv tells while there is no stream yet: on the page again and again, and once in the log.
type invitation struct {
	at      netip.AddrPort // where cameras send to: this machine, or a multicast group; zero if it only subscribes
	classic bool           // it speaks the classic wire
	keyed   bool           // it takes only what is sealed
	from    []string       // the networks of --from-net, none if cameras may be anywhere
	http    string         // the address of --http, "" if there is no page

	own   func(bound netip.Addr) []netip.Addr // this machine's addresses
	pages func() []string                     // where others can open the page; nil without one
	asked func() []string                     // whom it asks for streams, and how that stands; nil if nobody
	found func() []watchable                  // the streams on this network; nil if nobody looks for them

	done, alone bool // the log has said what to type, or that there is no network
}

// A watchable is a stream on this network that could be watched.
type watchable struct {
	name  string
	at    netip.AddrPort // where to subscribe
	about string         // what else is known, for people
}

// newInvitation returns the invitation of what the flags say. The receiver's address and the functions are set later.
func newInvitation(c *cli.Context) *invitation {
	return &invitation{
		classic: c.String("wire") == string(protocol.WireClassic),
		keyed:   len(cmdline.List(c, "key"))+len(cmdline.List(c, "key-file")) > 0,
		from:    cmdline.List(c, "from-net"),
		http:    c.String("http"),
		own:     ownAddresses,
	}
}

// listens sets where cameras send to: what was asked for if it is a multicast group, or else where the receiver listens.
func (i *invitation) listens(asked string, at netip.AddrPort) {
	i.at = at
	full, _ := addressOf("addr", asked) // listening on it has worked
	if group, err := netip.ParseAddrPort(full); err == nil && group.Addr().IsMulticast() {
		i.at = netip.AddrPortFrom(group.Addr().WithZone(""), at.Port())
	}
}

// hints returns what to tell now. It reads this machine's addresses anew. It may be called from any goroutine.
func (i *invitation) hints() (h web.Hints) {
	if i.pages != nil {
		h.Pages = i.pages()
	}
	if i.asked != nil {
		h.Asked = i.asked()
	}
	for _, f := range i.others() {
		h.Found = append(h.Found, web.Found{Name: f.name, About: strings.Trim(target(f.at)+", "+f.about, ", "), Watch: i.watch(f)})
	}
	if !i.at.IsValid() {
		return h
	}
	targets, alone := i.targets()
	for _, to := range targets {
		h.Send = append(h.Send, i.send(to))
	}
	if alone != "" {
		h.Notes = append(h.Notes, alone)
	}
	if i.keyed {
		h.Notes = append(h.Notes, "FILE has to hold the key that this receiver has.")
	}
	if len(i.from) > 0 {
		h.Notes = append(h.Notes, "Only cameras in "+strings.Join(i.from, ", ")+" are let in.")
	}
	return h
}

// onNoNetwork is told if no other machine can send to this one.
const onNoNetwork = "This machine is on no network now."

// targets returns where cameras can send to, the best first. If only cameras of this machine can, alone says why.
func (i *invitation) targets() (to []string, alone string) {
	bound := i.at.Addr()
	own := i.own(bound)
	for _, a := range own {
		to = append(to, target(netip.AddrPortFrom(a, i.at.Port())))
	}
	switch {
	case bound.IsUnspecified() && (len(own) == 0 || own[0].IsLoopback()):
		alone = onNoNetwork
	case own[0].IsLoopback():
		alone = "This receiver takes streams of this machine alone. Without --addr, other machines can send too."
	}
	return to, alone
}

// target writes an address as a command takes it, without the port if that is the default.
func target(at netip.AddrPort) string {
	if at.Port() == protocol.DefaultPort {
		return at.Addr().String()
	}
	return at.String()
}

// send returns what to type at a camera that sends to an address.
func (i *invitation) send(to string) string {
	line := "udpcam send --addr " + shellQuoted(to)
	if i.classic {
		line += " --wire classic"
	}
	return line + i.keyFlag()
}

// watch returns what to type here to watch a stream that was found. It has the stream's address, and not its name: what
// strangers have chosen is not for a shell.
func (i *invitation) watch(f watchable) string {
	line := "udpcam recv --from " + shellQuoted(target(f.at))
	if i.http != "" {
		line += " --http " + shellQuoted(i.http)
	}
	return line + i.keyFlag()
}

func (i *invitation) keyFlag() string {
	if i.keyed {
		return " --key-file FILE"
	}
	return ""
}

// shellQuoted quotes an address with brackets, which mean something to some shells. All shells know these quotes.
func shellQuoted(address string) string {
	if strings.Contains(address, "[") {
		return `"` + address + `"`
	}
	return address
}

// others returns the streams that were found on this network.
func (i *invitation) others() []watchable {
	if i.found == nil {
		return nil
	}
	return i.found()
}

// remind logs what to type at the camera, once, if no stream has come for long. If this machine is on no network, it logs
// that, and the rest when there is one. It is called once a second.
func (i *invitation) remind(log *slog.Logger, waited time.Duration, came bool) {
	i.done = i.done || came
	if !i.done && waited >= inviteAfter/2 {
		i.others() // from now on they are looked for
	}
	if i.done || waited < inviteAfter {
		return
	}
	message, attrs := "no stream yet", []any{}
	add := func(key, text string) {
		if text != "" {
			attrs = append(attrs, key, text)
		}
	}
	i.done = true
	if i.at.IsValid() {
		targets, alone := i.targets()
		if i.done = alone != onNoNetwork; !i.done && i.alone {
			return
		}
		i.alone = !i.done
		if len(targets) > 0 {
			message = "no stream yet: type this at the camera"
			add("command", i.send(targets[0]))
			add("or_addr", strings.Join(targets[1:], ", "))
		}
	}
	h := i.hints()
	add("note", strings.Join(h.Notes, " "))
	add("asked", strings.Join(h.Asked, "; "))
	if found := i.others(); len(found) > 0 {
		const most = 3
		var names []string
		for _, f := range found[:min(len(found), most)] {
			names = append(names, f.name+" at "+target(f.at))
		}
		if n := len(found) - most; n > 0 {
			names = append(names, fmt.Sprintf("%d others", n))
		}
		add("found", strings.Join(names, ", "))
		add("watch", i.watch(found[0]))
	}
	log.Info(message, attrs...)
}
