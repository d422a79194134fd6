package main

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"udpcam/receiver/web"
)

// The lines for the camera are those that work: with the port, the wire and the key that this receiver has.
func TestInvitation(t *testing.T) {
	for name, tt := range map[string]struct {
		invitation
		asked, at string
		own       string
		want      []string
		notes     string
	}{
		"usual": {asked: ":12345", at: "[::]:12345", own: "192.168.1.20 2001:db8::20",
			want: []string{"udpcam send --addr 192.168.1.20", "udpcam send --addr 2001:db8::20"}},
		"another port": {asked: ":5000", at: "[::]:5000", own: "192.168.1.20 2001:db8::20",
			want: []string{"udpcam send --addr 192.168.1.20:5000", `udpcam send --addr "[2001:db8::20]:5000"`}},
		"any port": {asked: ":0", at: "[::]:40000", own: "192.168.1.20", want: []string{"udpcam send --addr 192.168.1.20:40000"}},
		"classic": {asked: ":12345", at: "[::]:12345", own: "10.0.0.1", invitation: invitation{classic: true},
			want: []string{"udpcam send --addr 10.0.0.1 --wire classic"}},
		"with a key": {asked: ":12345", at: "[::]:12345", own: "10.0.0.1", invitation: invitation{keyed: true},
			want: []string{"udpcam send --addr 10.0.0.1 --key-file FILE"}, notes: "FILE has to hold the key that this receiver has."},
		"from some networks": {asked: ":12345", at: "[::]:12345", own: "10.0.0.1",
			invitation: invitation{from: []string{"10.0.0.0/24", "10.1.0.7"}},
			want:       []string{"udpcam send --addr 10.0.0.1"}, notes: "Only cameras in 10.0.0.0/24, 10.1.0.7 are let in."},
		"multicast": {asked: "239.1.2.3", at: "[::]:12345", want: []string{"udpcam send --addr 239.1.2.3"}},
		"this machine alone": {asked: "127.0.0.1:12345", at: "127.0.0.1:12345", want: []string{"udpcam send --addr 127.0.0.1"},
			notes: "This receiver takes streams of this machine alone. Without --addr, other machines can send too."},
		"no network": {asked: ":12345", at: "[::]:12345", own: "127.0.0.1", want: []string{"udpcam send --addr 127.0.0.1"},
			notes: "This machine is on no network now."},
		"no address at all": {asked: ":12345", at: "[::]:12345", notes: "This machine is on no network now."},
	} {
		i := tt.invitation
		i.own = func(bound netip.Addr) []netip.Addr {
			if bound.IsUnspecified() {
				return addrsOf(tt.own)
			}
			return reachable(bound, nil, nil)
		}
		i.listens(tt.asked, netip.MustParseAddrPort(tt.at))
		h := i.hints()
		if got, want := strings.Join(h.Send, "\n"), strings.Join(tt.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
		if got := strings.Join(h.Notes, " "); got != tt.notes {
			t.Errorf("%s: %q, want %q", name, got, tt.notes)
		}
		for _, line := range h.Send { // send takes it, and sends to where the receiver is
			to, err := addressOf("addr", strings.Trim(strings.Fields(line)[3], `"`))
			if got, bad := netip.ParseAddrPort(to); err != nil || bad != nil || got.Port() != i.at.Port() {
				t.Errorf("%s: send understands %q: %v", line, to, err)
			}
		}
	}
}

// A receiver that only subscribes tells whom it asks, and what there is on the network. No camera can send to it.
func TestInvitationOfSubscriber(t *testing.T) {
	found := []watchable{
		{"door", netip.MustParseAddrPort("192.168.1.9:12345"), "1280x720, sealed"},
		{"x; rm -rf ~\n", netip.MustParseAddrPort("[2001:db8::9]:5000"), ""},
		{}, {}, {},
	}
	i := invitation{
		http: "0.0.0.0:8080", keyed: true,
		asked: func() []string { return []string{"192.168.1.7: no answer yet"} },
		found: func() []watchable { return found },
		pages: func() []string { return []string{"http://192.168.1.20:8080/"} },
	}
	h := i.hints()
	if len(h.Send)+len(h.Notes) > 0 || len(h.Asked) != 1 || len(h.Found) != 5 || len(h.Pages) != 1 {
		t.Errorf("%+v", h)
	}
	for n, want := range []web.Found{
		{Name: "door", About: "192.168.1.9, 1280x720, sealed",
			Watch: "udpcam recv --from 192.168.1.9 --http 0.0.0.0:8080 --key-file FILE"},
		{Name: "x; rm -rf ~\n", About: "[2001:db8::9]:5000",
			Watch: `udpcam recv --from "[2001:db8::9]:5000" --http 0.0.0.0:8080 --key-file FILE`},
	} {
		if h.Found[n] != want {
			t.Errorf("%+v, want %+v", h.Found[n], want)
		}
	}
	found = found[:1]
	const line = `level=INFO msg="no stream yet" asked="192.168.1.7: no answer yet" found="door at 192.168.1.9" ` +
		`watch="udpcam recv --from 192.168.1.9 --http 0.0.0.0:8080 --key-file FILE"` + "\n"
	if log := reminded(&i, 5*time.Second, false); log != line {
		t.Error(log)
	}
}

// reminded returns what an invitation logs.
func reminded(i *invitation, waited time.Duration, came bool) string {
	var log bytes.Buffer
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	i.remind(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime})), waited, came)
	return log.String()
}

// The log says once what to type: after five seconds without a stream, and when there is a network.
func TestRemind(t *testing.T) {
	own := "192.168.1.20 10.0.0.1"
	fresh := func() *invitation {
		return &invitation{at: netip.MustParseAddrPort("[::]:12345"), own: func(netip.Addr) []netip.Addr { return addrsOf(own) }}
	}
	const line = `level=INFO msg="no stream yet: type this at the camera" command="udpcam send --addr 192.168.1.20"` +
		" or_addr=10.0.0.1\n"
	lines := func(i *invitation, from, to int, came bool) (log string) {
		for second := from; second <= to; second++ {
			log += reminded(i, time.Duration(second)*time.Second, came)
		}
		return log
	}
	i := fresh()
	if log := lines(i, 0, 4, false); log != "" {
		t.Errorf("too early: %s", log)
	}
	if log := lines(i, 5, 100, false); log != line {
		t.Errorf("got %s want %s", log, line)
	}
	i = fresh()
	if log := lines(i, 0, 1, true) + lines(i, 2, 100, false); log != "" {
		t.Errorf("after a stream: %s", log)
	}
	i, own = fresh(), ""
	if log := lines(i, 0, 50, false); log != `level=INFO msg="no stream yet" note="This machine is on no network now."`+"\n" {
		t.Errorf("without a network: %s", log)
	}
	own = "192.168.1.20 10.0.0.1"
	if log := lines(i, 51, 100, false); log != line {
		t.Errorf("when there is a network: %s", log)
	}
}
