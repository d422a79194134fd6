package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/protocol/discovery"
)

// A fakeReceiver notes what is subscribed to.
type fakeReceiver struct {
	mu    sync.Mutex
	now   []string // name and address
	all   []string // everything that was done
	comes map[string]time.Time
}

func (r *fakeReceiver) subscribe(name string, addr netip.AddrPort) { r.do("+", name, addr) }

func (r *fakeReceiver) unsubscribe(name string, addr netip.AddrPort) { r.do("-", name, addr) }

func (r *fakeReceiver) do(what, name string, addr netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := fmt.Sprint(name, " ", addr)
	r.all = append(r.all, what+is)
	if what == "+" {
		r.now = append(r.now, is)
	} else {
		r.now = slices.DeleteFunc(r.now, func(old string) bool { return old == is })
	}
}

func (r *fakeReceiver) heard(name string, addr netip.AddrPort) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.comes[fmt.Sprint(name, " ", addr)]
}

func (r *fakeReceiver) subscribed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.now, ", ")
}

// A following is a follower in simulated time.
type following struct {
	*follower
	*fakeReceiver
	log buffer
	at  time.Time
}

func newFollowing(wanted ...string) *following {
	f := &following{fakeReceiver: &fakeReceiver{comes: map[string]time.Time{}}, at: time.Unix(1e9, 0)}
	f.follower = newFollower(slog.New(slog.NewTextHandler(&f.log, nil)), f.fakeReceiver, wanted...)
	return f
}

func (f *following) found(instance, name string, gone bool, addrs ...string) {
	is := discovery.Found{Instance: instance, Name: name, Gone: gone}
	for _, a := range addrs {
		is.Addrs = append(is.Addrs, netip.MustParseAddrPort(a))
	}
	f.hear(is, f.at)
}

// wait lets time pass. What is named delivers meanwhile.
func (f *following) wait(d time.Duration, delivers ...string) {
	for end := f.at.Add(d); f.at.Before(end); f.at = f.at.Add(100 * time.Millisecond) {
		for _, is := range delivers {
			f.comes[is] = f.at
		}
		f.look(f.at)
	}
}

func (f *following) want(t *testing.T, what, want string) {
	t.Helper()
	if got := f.subscribed(); got != want {
		t.Errorf("%s: subscribed to %q, want %q", what, got, want)
	}
}

func TestFollowAll(t *testing.T) {
	f := newFollowing("all")
	f.found("a", "a", false, "10.0.0.1:5", "[fd00::1]:5")
	f.found("b", "b", false, "10.0.0.2:5")
	f.want(t, "two", "a 10.0.0.1:5, b 10.0.0.2:5")
	f.found("b (2)", "b", false, "10.0.0.3:5")
	f.want(t, "two of one name", "a 10.0.0.1:5, b 10.0.0.2:5, b 10.0.0.3:5")
	f.found("b", "b", true, "10.0.0.2:5")
	f.wait(time.Minute, "a 10.0.0.1:5", "b 10.0.0.2:5", "b 10.0.0.3:5")
	f.want(t, "gone, but it delivers", "a 10.0.0.1:5, b 10.0.0.2:5, b 10.0.0.3:5")
	f.wait(4*time.Second, "a 10.0.0.1:5", "b 10.0.0.3:5")
	f.want(t, "gone, and silent", "a 10.0.0.1:5, b 10.0.0.3:5")
	if len(f.streams) != 2 {
		t.Errorf("%d streams are known", len(f.streams))
	}
}

// A name stands for one stream, wherever it is now. What delivers stays where it is, whatever is announced.
func TestFollowName(t *testing.T) {
	f := newFollowing("a", "c")
	f.found("b", "b", false, "10.0.0.2:5")
	f.want(t, "another name", "")
	f.found("a", "a", false, "10.0.0.1:5", "[fd00::1]:5")
	f.found("c", "c", false, "10.0.0.9:5")
	f.want(t, "both names", "a 10.0.0.1:5, c 10.0.0.9:5")
	f.found("a", "a", false, "10.0.0.77:5")
	f.wait(10*time.Second, "a 10.0.0.1:5", "c 10.0.0.9:5")
	f.want(t, "another address, but it delivers", "a 10.0.0.1:5, c 10.0.0.9:5")
	f.wait(700*time.Millisecond, "c 10.0.0.9:5")
	f.want(t, "it has moved", "c 10.0.0.9:5, a 10.0.0.77:5")
	f.found("a", "a", false, "10.0.0.77:5", "[fd00::1]:5")
	f.wait(1700*time.Millisecond, "c 10.0.0.9:5")
	f.want(t, "the first address is silent", "c 10.0.0.9:5, a [fd00::1]:5")
	f.wait(5*time.Second, "c 10.0.0.9:5", "a [fd00::1]:5")
	f.want(t, "the second delivers", "c 10.0.0.9:5, a [fd00::1]:5")
}

// Of two streams of one name the first is taken, and a warning names both. When it is gone, the other follows.
func TestFollowOneOfTwo(t *testing.T) {
	f := newFollowing("a")
	f.found("a", "a", false, "10.0.0.1:5")
	f.found("a (2)", "a", false, "10.0.0.2:5")
	f.wait(10*time.Second, "a 10.0.0.1:5")
	f.want(t, "two", "a 10.0.0.1:5")
	if said := f.log.String(); strings.Count(said, "WARN") != 1 || !strings.Contains(said, "10.0.0.1:5") || !strings.Contains(said, "10.0.0.2:5") {
		t.Errorf("the warning is %s", said)
	}
	f.found("a", "a", true, "10.0.0.1:5")
	f.wait(4 * time.Second)
	f.want(t, "the first is gone", "a 10.0.0.2:5")

	f = newFollowing("a (2)") // the second, by its name on the network
	f.found("a", "a", false, "10.0.0.1:5")
	f.found("a (2)", "a", false, "10.0.0.2:5")
	f.want(t, "the second", "a 10.0.0.2:5")
}

// Whoever invents streams makes this machine subscribe to 64 addresses at once, writes few lines, and keeps no camera away.
func TestFollowInvented(t *testing.T) {
	f := newFollowing("all")
	for i := range 256 {
		f.found(fmt.Sprint("x", i), fmt.Sprint("x", i), false, fmt.Sprintf("10.9.9.%d:5", i))
	}
	f.found("cam", "cam", false, "10.0.0.1:5")
	most, came := 0, false
	for range 100 {
		f.wait(time.Second)
		most = max(most, len(f.now))
		if strings.Contains(f.subscribed(), "cam 10.0.0.1:5") { // from then on it delivers
			came = true
			f.comes["cam 10.0.0.1:5"] = f.at
		}
	}
	if most > maxFollowed || !came || !strings.Contains(f.subscribed(), "cam 10.0.0.1:5") {
		t.Errorf("at most %d subscriptions; the camera has come %v, in the end %s", most, came, f.subscribed())
	}
	if n := strings.Count(f.log.String(), "\n"); n > 130 {
		t.Errorf("%d lines in 100 s", n)
	}
}

// What is advertised is followed, over real sockets: here on the loopback interface.
func TestAdvertise(t *testing.T) {
	noLeaks(t)
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 })
	log, lo := slog.New(slog.DiscardHandler), all[i].Name
	here := advertise(t.Context(), log, lo, discovery.Service{Name: "one", Port: 1}, discovery.Service{Name: "two", Port: 2})
	defer here.close()
	b, err := discovery.Browse(t.Context(), discovery.Config{Interface: lo}, false)
	if err != nil {
		t.Fatal(err)
	}
	r := &fakeReceiver{comes: map[string]time.Time{}}
	var done sync.WaitGroup
	done.Go(func() { follow(t.Context(), b, newFollower(log, r, "one", "three")) })
	wait := func(what, want string) {
		for deadline := time.Now().Add(time.Minute); r.subscribed() != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: subscribed to %q, want %q", what, r.subscribed(), want)
			}
		}
	}
	wait("at first", "one 127.0.0.1:1")
	here.set(discovery.Service{Name: "two", Port: 2}, discovery.Service{Name: "three", Port: 3})
	wait("later", "three 127.0.0.1:3")
	b.Close()
	done.Wait()
}
