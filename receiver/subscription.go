package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"udpcam/internal/hosts"
	"udpcam/protocol"
)

const (
	// lookupSilence is how long a sender may be silent until its name is looked up again, and lookupInterval the least time
	// between two lookups.
	lookupSilence  = 500 * time.Millisecond
	lookupInterval = time.Second

	// nextAddress is how long one of several addresses of a name may be silent until the next one is tried.
	nextAddress = 1500 * time.Millisecond
)

// A Resolver looks up the addresses of names. [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Subscription is what a receiver wants of a sender that can be subscribed to.
type Subscription struct {
	// Addr is the sender's address: host:port, or host for [protocol.DefaultPort]. The host is a name, or an IPv4 or IPv6
	// address (in brackets if a port follows). A name is looked up again when nothing comes from there. If it has several
	// addresses, they are tried in turn.
	Addr string
	// Name is the name of the stream. If it is empty, all streams of that address are wanted.
	Name string
}

// A SubscriptionInfo is what is known of a subscription.
type SubscriptionInfo struct {
	Subscription
	// From is the address that is asked now.
	From  netip.AddrPort
	State protocol.SubscriptionState
	// Since is when the subscription got into this state.
	Since time.Time
	// Heard is when the last answer or datagram of a stream came from there, the zero time if none has.
	Heard time.Time
	// Err is why the sender cannot be asked: its name cannot be found, or nothing can be sent there. It is nil if all is
	// well.
	Err error

	sealed bool // whether the receiver has keys
}

// Trouble is a sentence for the user if the streams do not come: what is wrong, and what to check. It is "" if they do, or
// if it is too early to tell.
func (i SubscriptionInfo) Trouble() string {
	where := i.From.String()
	if hosts.Name(i.Addr) != "" {
		where = fmt.Sprintf("%s (%v)", i.Addr, i.From)
	}
	switch i.State {
	case protocol.Full:
		return where + " takes no more receivers: all its places are taken"
	case protocol.NoStream:
		return fmt.Sprintf("%s has no stream called %q at present: is the name right?", where, i.Name)
	case protocol.Unanswered:
	default:
		return ""
	}
	key := "If it is sealed, give its --key"
	if i.sealed {
		key = "Is it sealed with the same key?"
	}
	switch {
	case i.Err != nil:
		return fmt.Sprintf("nothing answers from %s: %v", where, i.Err)
	case i.Heard.IsZero():
		return fmt.Sprintf("nothing has answered from %s: is udpcam send --listen running there? %s", where, key)
	}
	return fmt.Sprintf("nothing answers from %s any more: has the sender ended?", where)
}

// A subscription is a Subscription with all that is known of it. Receiver.mu guards it.
type subscription struct {
	Subscription
	asking  *protocol.Subscriber
	known   []netip.AddrPort // the addresses that Addr stands for
	from    time.Time        // since when the present one is asked
	heard   time.Time        // when anything last came from one of them
	looked  time.Time        // when the name was last looked up
	looking bool             // whether it is being looked up
	unsent  error            // why the last datagram could not be sent
	unfound error            // why the name could not be found
	state   protocol.SubscriptionState
	since   time.Time
}

// info also notes the state.
func (s *subscription) info(sealed bool, now time.Time) SubscriptionInfo {
	if state := s.asking.State(now); state != s.state {
		s.state, s.since = state, now
	}
	if heard := s.asking.Heard(); heard.After(s.heard) {
		s.heard = heard
	}
	i := SubscriptionInfo{Subscription: s.Subscription, From: s.asking.To(), State: s.state, Since: s.since, Heard: s.heard,
		Err: s.unsent, sealed: sealed}
	if i.Err == nil {
		i.Err = s.unfound
	}
	return i
}

// silent reports whether nothing has come from the present address for that long.
func (s *subscription) silent(d time.Duration, now time.Time) bool {
	return now.Sub(s.from) >= d && now.Sub(s.asking.Heard()) >= d
}

// found has the right one of a host's addresses be asked: the present one as long as it answers and is among them, else the
// next.
func (s *subscription) found(known []netip.AddrPort, now time.Time) (moved bool) {
	s.known = known
	at := slices.Index(known, s.asking.To())
	if at >= 0 && (len(known) == 1 || !s.silent(nextAddress, now)) {
		return false
	}
	s.asking.Move(known[(at+1)%len(known)], now)
	s.from, s.unsent = now, nil
	return true
}

// Subscribe asks a sender for its streams, from now on until Unsubscribe or Close. It may be called while Frames runs, in
// any goroutine. It looks up the name in the address and waits for that. Subscribing to the same again changes nothing.
func (r *Receiver) Subscribe(ctx context.Context, s Subscription) error {
	if r.media == nil {
		return errors.New("the classic wire cannot be subscribed to: choose the wire udpcam/1")
	}
	if r.oneWay {
		return errors.New("a one-way receiver cannot subscribe, because it sends nothing: leave feedback on")
	}
	known, err := hosts.Resolve(ctx, r.resolver, s.Addr)
	if err != nil {
		return err
	}
	if to := known[0].Addr(); to.IsMulticast() || to == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fmt.Errorf("%s is no address of one sender, so it cannot be subscribed to: listen on it instead", s.Addr)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find(s) < 0 {
		now := r.clock.Now()
		r.subscriptions = append(r.subscriptions, &subscription{Subscription: s, known: known, from: now, looked: now,
			since: now, state: protocol.Asking, asking: protocol.NewSubscriber(known[0], s.Name, r.keys, now)})
		r.stir()
	}
	return nil
}

// Unsubscribe ends a subscription. It tells the sender, which forgets the receiver in any case after some seconds.
func (r *Receiver) Unsubscribe(s Subscription) {
	r.mu.Lock()
	var farewell []outgoing
	if i := r.find(s); i >= 0 {
		farewell = r.subscriptions[i].farewell()
		r.subscriptions = slices.Delete(r.subscriptions, i, i+1)
	}
	r.mu.Unlock()
	r.sendAll(farewell)
}

// find returns the place of a subscription, or -1.
func (r *Receiver) find(s Subscription) int {
	return slices.IndexFunc(r.subscriptions, func(o *subscription) bool { return o.Subscription == s })
}

// Subscriptions returns what is known of each subscription, in the order in which they were made.
func (r *Receiver) Subscriptions() (all []SubscriptionInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	for _, s := range r.subscriptions {
		r.hear(s)
		all = append(all, s.info(len(r.keys) > 0, now))
	}
	return all
}

// An outgoing is a datagram for a sender.
type outgoing struct {
	to netip.AddrPort
	b  []byte
	of *subscription // whose it is, nil if it is a report or a request
}

func (s *subscription) farewell() (all []outgoing) {
	for _, b := range s.asking.Farewell() {
		all = append(all, outgoing{s.asking.To(), b, nil})
	}
	return all
}

// wants reports whether somebody is subscribed to.
func (r *Receiver) wants(from netip.AddrPort) bool {
	return slices.ContainsFunc(r.subscriptions, func(s *subscription) bool {
		return protocol.SameAddress(s.asking.To(), from)
	})
}

// answered takes in the answer to a Subscribe. It returns false if the datagram is none.
func (r *Receiver) answered(b []byte, from netip.AddrPort) bool {
	if len(r.subscriptions) == 0 || !protocol.IsAnswer(b) {
		return false
	}
	return slices.ContainsFunc(r.subscriptions, func(s *subscription) bool {
		return protocol.SameAddress(s.asking.To(), from) && s.asking.Read(b, r.clock.Now()) == nil
	})
}

func (r *Receiver) hear(s *subscription) {
	s.asking.Hear(func(key protocol.Key) time.Time { return r.media.Heard(s.asking.To(), s.asking.Name(), key) })
}

// subscribe does what is due for the subscriptions, and returns what is to be sent.
func (r *Receiver) subscribe(now time.Time) (all []outgoing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.subscriptions {
		if now.Before(s.asking.Deadline(now)) {
			continue
		}
		r.hear(s)
		s.info(len(r.keys) > 0, now)
		for b, ok := s.asking.Next(now); ok; b, ok = s.asking.Next(now) {
			all = append(all, outgoing{s.asking.To(), b, s})
		}
		name := hosts.Name(s.Addr)
		if name == "" || s.looking || r.life.Err() != nil || !s.silent(lookupSilence, now) ||
			now.Sub(s.looked) < lookupInterval {
			continue
		}
		s.looked, s.looking = now, true
		r.lookups.Go(func() { r.lookAgain(s, name) })
	}
	return all
}

// lookAgain looks a sender's name up again: it may have another address by now.
func (r *Receiver) lookAgain(s *subscription, name string) {
	known, err := hosts.Resolve(r.life, r.resolver, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.looking, s.unfound = false, err
	before := s.asking.To()
	if err != nil || r.life.Err() != nil || !s.found(known, r.clock.Now()) {
		return
	}
	if !slices.Contains(known, before) {
		r.log.Info("the sender has another address", "name", s.Addr, "before", before, "now", s.asking.To())
	}
	r.stir()
}

// stir has Frames look what is due. r.mu is held.
func (r *Receiver) stir() { r.conn.SetReceiveDeadline(time.Unix(1, 0)) }

// farewells ends all subscriptions at the senders, until Frames runs again.
func (r *Receiver) farewells() {
	r.mu.Lock()
	var all []outgoing
	for _, s := range r.subscriptions {
		all = append(all, s.farewell()...)
	}
	r.mu.Unlock()
	r.sendAll(all)
}

// sendAll sends datagrams. Errors are only noted: reports, requests and Subscribes are repeated.
func (r *Receiver) sendAll(all []outgoing) {
	for _, o := range all {
		r.sending.Lock()
		err := r.conn.Send(o.to, [][2][]byte{{o.b, nil}})
		r.sending.Unlock()
		if o.of != nil {
			r.mu.Lock()
			o.of.unsent = err
			r.mu.Unlock()
		}
	}
}
