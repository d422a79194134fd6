package receiver_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
)

// TestSubscribe subscribes over real sockets: IPv4, IPv6, and by a name that has both addresses. Strangers are not listened to.
func TestSubscribe(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			at := host
			if host == "localhost" {
				at = "127.0.0.1"
			}
			camera := startCamera(net.JoinHostPort(at, "0"))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			addr := netip.AddrPortFrom(camera.Addr(), camera.Port()).String()
			if host == "localhost" {
				addr = strings.Replace(addr, at, host, 1)
			}
			r, err := receiver.Subscribe(ctx, receiver.Config{}, addr)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			n := 0
			for f, err := range r.Frames(ctx) {
				if err != nil || f.Stream != "street" {
					t.Fatal(f.Stream, err)
				}
				if n++; n == 1 {
					stranger := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.LocalAddr().Port())
					sendPictures(stranger, 1)
				}
				if n == 3 {
					break
				}
			}
			info := r.Subscriptions()[0]
			if n != 3 || info.State != protocol.Receiving || info.From.Port() != camera.Port() || info.Trouble() != "" {
				t.Errorf("%d frames, %+v", n, info)
			}
			if st := r.Stats(); st.Streams != 1 || st.LeftOut[protocol.DatagramUnwanted] == 0 {
				t.Errorf("%d streams, left out %v", st.Streams, st.LeftOut.Map())
			}
		})
	}
}

func TestSubscribeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		config receiver.Config
		addr   string
		want   string
	}{
		"one-way":   {receiver.Config{OneWay: true}, "127.0.0.1", "one-way"},
		"classic":   {receiver.Config{Wire: protocol.WireClassic}, "127.0.0.1", "classic"},
		"multicast": {receiver.Config{}, "239.1.2.3", "listen on it instead"},
		"broadcast": {receiver.Config{}, "255.255.255.255:99", "listen on it instead"},
		"no host":   {receiver.Config{}, ":12345", "names no host"},
		"no port":   {receiver.Config{}, "127.0.0.1:0", "port 0"},
		"no name":   {receiver.Config{}, "no.such.host.invalid", "cannot find the host"},
	} {
		if _, err := receiver.Subscribe(t.Context(), c.config, c.addr); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A book knows the addresses of a name.
type book struct {
	addrs   string // separated by spaces
	lookups int
}

func (b *book) LookupNetIP(context.Context, string, string) (all []netip.Addr, err error) {
	b.lookups++
	for a := range strings.FieldsSeq(b.addrs) {
		all = append(all, netip.MustParseAddr(a))
	}
	if len(all) == 0 {
		return nil, errors.New("no such name")
	}
	return all, nil
}

// asked lets a receiver that subscribes to a name run for some time, and returns which addresses it asks at the end of it.
func asked(t *testing.T, r *receiver.Receiver, d time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for range r.Frames(ctx) {
		t.Error("a frame")
	}
	return r.Subscriptions()[0].From.Addr().String()
}

// TestSubscribeToNames subscribes to a name with two addresses, of which none answers, and then to one whose address changes.
func TestSubscribeToNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		in, err := n.Listen(viewer)
		if err != nil {
			t.Fatal(err)
		}
		names := &book{addrs: "10.0.0.8 fd00::8"}
		r := receiver.NewSubscriber(receiver.Config{Resolver: names}, in)
		defer r.Close()
		if err := r.Subscribe(t.Context(), receiver.Subscription{Addr: "pc.local"}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for range 100 {
			seen[asked(t, r, 100*time.Millisecond)]++
		}
		if seen["10.0.0.8"] < 30 || seen["fd00::8"] < 30 || names.lookups < 8 || names.lookups > 11 {
			t.Errorf("asked %v, with %d lookups in 10 s", seen, names.lookups)
		}
		names.addrs = "10.0.0.9"
		if got := asked(t, r, 2*time.Second); got != "10.0.0.9" {
			t.Errorf("the name has a new address, but %s is asked", got)
		}
		names.addrs = ""
		asked(t, r, 3*time.Second)
		trouble := r.Subscriptions()[0].Trouble()
		if want := "nothing answers from pc.local (10.0.0.9:12345): bad address"; !strings.HasPrefix(trouble, want) {
			t.Errorf("trouble: %s", trouble)
		}
		if sent := n.Stats().Sent; sent > 60 {
			t.Errorf("%d datagrams in 15 s", sent)
		}
	})
}

// TestSubscribeLater subscribes while Frames waits for something to come.
func TestSubscribeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := setup(t, receiver.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range r.Frames(ctx) {
			}
		}()
		time.Sleep(time.Second)
		s := receiver.Subscription{Addr: camera.String(), Name: "door"}
		for range 2 {
			if err := r.Subscribe(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		batches, err := out.Receive()
		ask, err2 := protocol.NewDoorkeeper().Read(batches[0].Bytes, viewer, []protocol.Key{{}}, time.Now())
		if err != nil || err2 != nil || time.Since(began) != time.Millisecond || ask.Name != "door" || len(r.Subscriptions()) != 1 {
			t.Errorf("%+v came after %v, %v, %v", ask, time.Since(began), err, err2)
		}
		time.Sleep(3 * time.Second)
		if trouble := r.Subscriptions()[0].Trouble(); !strings.Contains(trouble, "nothing has answered from 10.0.0.1:40000: is udpcam send --listen") {
			t.Errorf("trouble: %s", trouble)
		}
		r.Unsubscribe(s)
		r.Unsubscribe(s)
		if len(r.Subscriptions()) != 0 {
			t.Error("it is still there")
		}
		cancel()
		<-done
	})
}

func TestTrouble(t *testing.T) {
	from := netip.MustParseAddrPort("192.168.1.7:12345")
	at := receiver.Subscription{Addr: "192.168.1.7"}
	for _, c := range []struct {
		info receiver.SubscriptionInfo
		want string
	}{
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Receiving, Err: errors.New("x")}, ""},
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Asking}, ""},
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Full},
			"192.168.1.7:12345 takes no more receivers: all its places are taken"},
		{receiver.SubscriptionInfo{Subscription: receiver.Subscription{Addr: "pc.local", Name: "door"}, From: from, State: protocol.NoStream},
			`pc.local (192.168.1.7:12345) has no stream called "door" at present: is the name right?`},
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Unanswered},
			"nothing has answered from 192.168.1.7:12345: is udpcam send --listen running there? If it is sealed, give its --key"},
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Unanswered, Heard: time.Now()},
			"nothing answers from 192.168.1.7:12345 any more: has the sender ended?"},
		{receiver.SubscriptionInfo{Subscription: at, From: from, State: protocol.Unanswered, Err: errors.New("no route")},
			"nothing answers from 192.168.1.7:12345: no route"},
	} {
		if got := c.info.Trouble(); got != c.want {
			t.Errorf("%+v: %s", c.info, got)
		}
	}
}
