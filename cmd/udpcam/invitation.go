package main

import (
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

	own   func(bound netip.Addr) []netip.Addr // this machine's addresses
	pages func() []string                     // where others can open the page; nil without one
	asked func() []string                     // whom it asks for streams, and how that stands; nil if nobody
	found func() []web.Found                  // the streams on this network; nil if nobody looks for them

	done, alone bool // the log has said what to type, or that there is no network
}

// newInvitation returns the invitation of what the flags say. The receiver's address and the functions are set later.
func newInvitation(c *cli.Context) *invitation {
	return &invitation{
		classic: c.String("wire") == string(protocol.WireClassic),
		keyed:   len(cmdline.List(c, "key"))+len(cmdline.List(c, "key-file")) > 0,
		from:    cmdline.List(c, "from-net"),
		own:     ownAddresses,
	}
}

// listens sets where cameras send to: that is asked if it is a multicast group, or else where the receiver listens.
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
	if i.found != nil {
		h.Found = i.found()
	}
	if !i.at.IsValid() {
		return h
	}
	own, lonely := i.addresses()
	for _, a := range own {
		h.Send = append(h.Send, i.command(a))
	}
	note := func(text string) { h.Notes = append(h.Notes, text) }
	switch {
	case lonely:
		note("This machine is on no network now.")
	case own[0].IsLoopback():
		note("This receiver takes streams of this machine alone. Without --addr, other machines can send too.")
	}
	if i.keyed {
		note("FILE has to hold the key that this receiver has.")
	}
	if len(i.from) > 0 {
		note("Only cameras in " + strings.Join(i.from, ", ") + " are let in.")
	}
	return h
}

// command returns what to type at a camera that sends to this address. What is the default is left out.
func (i *invitation) command(to netip.Addr) string {
	target := to.String()
	if port := i.at.Port(); port != protocol.DefaultPort {
		target = netip.AddrPortFrom(to, port).String()
	}
	line := "udpcam send --addr " + target
	if i.classic {
		line += " --wire classic"
	}
	if i.keyed {
		line += " --key-file FILE"
	}
	return line
}

// addresses returns where cameras can send to. It is lonely if this machine is on no network: then there are none, or only
// those that the machine has for itself.
func (i *invitation) addresses() (own []netip.Addr, lonely bool) {
	bound := i.at.Addr()
	own = i.own(bound)
	return own, len(own) == 0 || bound.IsUnspecified() && own[0].IsLoopback()
}

// remind logs what to type at the camera, once, if no stream has come for long. If this machine is on no network, it logs
// that, and the rest when there is one. It is called once a second.
func (i *invitation) remind(log *slog.Logger, waited time.Duration, came bool) {
	i.done = i.done || came
	if i.done || waited < inviteAfter {
		return
	}
	if i.at.IsValid() {
		_, lonely := i.addresses()
		if lonely && i.alone {
			return
		}
		i.alone, i.done = lonely, !lonely
	} else {
		i.done = true
	}
	h := i.hints()
	var attrs []any
	add := func(key, text string) {
		if text != "" {
			attrs = append(attrs, key, text)
		}
	}
	message := "no stream yet"
	if len(h.Send) > 0 {
		message = "no stream yet: type this at the camera"
		add("command", h.Send[0])
		add("or", strings.Join(h.Send[1:], "; "))
	}
	add("note", strings.Join(h.Notes, " "))
	add("asked", strings.Join(h.Asked, "; "))
	log.Info(message, attrs...)
}
