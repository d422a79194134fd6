package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/receiver"
	"udpcam/sender"
)

// A lookout knows which streams of this network could be watched. It begins to look when it is first asked: a receiver that
// has all it wants sends no questions.
type lookout struct {
	ctx    context.Context // until which it looks
	config discovery.Config
	begin  sync.Once

	mu   sync.Mutex // guards what follows
	seen map[string]discovery.Found
}

// maxSeen is how many streams a lookout knows. More would not be read, and may be invented.
const maxSeen = 64

func (l *lookout) streams() (all []watchable) {
	l.begin.Do(func() {
		l.seen = map[string]discovery.Found{}
		if b, err := discovery.Browse(l.ctx, l.config, false); err == nil { // udpcam find says why not
			go l.look(b)
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, found := range l.seen {
		all = append(all, watchable{found.Name, found.Addrs[0], aboutFound(found)})
	}
	slices.SortFunc(all, func(a, b watchable) int { return cmp.Or(cmp.Compare(a.name, b.name), a.at.Compare(b.at)) })
	return all
}

func (l *lookout) look(b *discovery.Browser) {
	for found := range b.Found() {
		l.mu.Lock()
		_, known := l.seen[found.Instance]
		switch {
		case found.Gone || len(found.Addrs) == 0:
			delete(l.seen, found.Instance)
		case known || len(l.seen) < maxSeen:
			l.seen[found.Instance] = found
		}
		l.mu.Unlock()
	}
}

// aboutFound says for people what is known of a stream.
func aboutFound(found discovery.Found) string {
	var parts []string
	if found.Width > 0 {
		parts = append(parts, fmt.Sprintf("%dx%d", found.Width, found.Height))
	}
	if found.FPS > 0 {
		parts = append(parts, fmt.Sprintf("%.0f fps", found.FPS))
	}
	if found.Sealed {
		parts = append(parts, fmt.Sprintf("sealed with key %v", found.Key))
	}
	return strings.Join(parts, ", ")
}

// A subscribing subscribes a receiver to streams as they are found.
type subscribing struct {
	ctx  context.Context
	from *receiver.Receiver
	log  *slog.Logger
}

func subscriptionTo(name string, addr netip.AddrPort) receiver.Subscription {
	return receiver.Subscription{Addr: addr.String(), Name: name}
}

func (s subscribing) subscribe(name string, addr netip.AddrPort) {
	if err := s.from.Subscribe(s.ctx, subscriptionTo(name, addr)); err != nil {
		s.log.Warn("cannot subscribe", "stream", name, "addr", addr, "error", err)
	}
}

func (s subscribing) unsubscribe(name string, addr netip.AddrPort) {
	s.from.Unsubscribe(subscriptionTo(name, addr))
}

func (s subscribing) heard(name string, addr netip.AddrPort) (last time.Time) {
	for _, info := range s.from.Subscriptions() {
		if info.Subscription == subscriptionTo(name, addr) {
			return info.Heard
		}
	}
	return last
}

// seek subscribes to the streams that a wish names, as they come and go on this network, until ctx ends. If direct, it leaves out
// those that a relay passes on.
func (w wish) seek(ctx context.Context, from *receiver.Receiver, c discovery.Config, keys []protocol.Key, direct bool) error {
	b, err := discovery.Browse(ctx, c, false)
	if err != nil {
		return fmt.Errorf("cannot look for streams: %w (type the address: --from 192.168.1.7)", err)
	}
	defer b.Close()
	wanted := w.names
	if w.all {
		wanted = []string{followAll}
	}
	f := newFollower(c.Log, subscribing{ctx, from, c.Log}, wanted...)
	f.direct = direct
	for _, k := range keys {
		f.keys = append(f.keys, k.ID())
	}
	follow(ctx, b, f)
	return nil
}

// offer tells the network of streams, as far as they are known by now, until ctx ends.
func offer(ctx context.Context, log *slog.Logger, only string, streams func() []discovery.Service) {
	told := advertise(ctx, log, only, streams()...)
	defer told.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			told.set(streams()...)
		}
	}
}

// offered describes the streams of cameras.
func offered(port netip.AddrPort, cameras []*camera) (all []discovery.Service) {
	for _, w := range cameras {
		all = append(all, serviceOf(w.name, w.key, w.to, port))
	}
	return all
}

func serviceOf(name string, key protocol.Key, to *sender.Sender, port netip.AddrPort) discovery.Service {
	only := port.Addr()
	if only.IsUnspecified() { // the port is open at all addresses
		only = netip.Addr{}
	}
	a := to.Announcement()
	return discovery.Service{Name: name, Port: port.Port(), Addr: only, Sealed: key != (protocol.Key{}), Key: key.ID(),
		Width: a.Size.X, Height: a.Size.Y, FPS: float64((a.MilliFPS + 500) / 1000)}
}
