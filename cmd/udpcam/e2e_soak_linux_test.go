package main_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	soakFor     = flag.Duration("soak", time.Minute, "how long TestE2ENetnsSoak lasts")
	soakAttacks = flag.String("attacks", "", "mount only attacks in TestE2ENetnsSoak whose names match this `pattern`")
)

// What the soak demands.
const (
	soakRate   = 2000 // packets a second of all attacks together
	soakShare  = 0.95 // of the pictures of a camera, while it, the receiver and the network are there
	soakMemory = 32 * mib
	soakGrace  = 3 * time.Second // after one of them has come back
)

// All at once, for a minute: three cameras, three receivers, eight viewers and a recording; senders and receivers that are
// killed and started again; links that go down; and an attacker who mixes all attacks.
//
//	machine 1  cameras north (large pictures) and south   machine 3  receiver one: HTTP, recordings
//	machine 2  camera east                                machine 4  receiver two: HTTP, a pipe; receiver three: a terminal
//	router     the attacker                               machine 5  viewers
//
// No picture may be damaged or come backwards, nearly all must come, and nothing may grow.
func TestE2ENetnsSoak(t *testing.T) {
	s := newSoak(t)
	lasts := *soakFor
	if testing.Short() {
		lasts = min(lasts, 8*time.Second)
	}
	s.settle()
	s.attack()
	s.note("attacks begin")
	warm := min(lasts/3, time.Minute)
	stop := time.Now().Add(lasts)
	for time.Now().Before(stop) {
		s.disturb(stop)
	}
	end := time.Now()
	s.measure() // once more
	s.stopAttack()
	s.stopViewers()
	t.Logf("%d packets of attacks in %v; %d disturbances", s.packets(), end.Sub(s.began).Round(time.Second), s.disturbances)
	s.judgePictures(end)
	s.judgeRecordings()
	s.judgeMemory(s.began.Add(warm))
	s.judgeLeaks()
}

// A soaking receiver or camera, which may be killed and started again.
type soaked struct {
	name  string
	host  int // the number of its machine
	start func() *process

	p       *process
	samples []sample
	quiet   figures // before the attacks
	threads int     // goroutines before the attacks, 0 if it does not tell
}

// A pairing is a camera at a receiver, and everybody who looks at that.
type pairing struct {
	camera   *numberedCamera
	at       *soaked
	watchers []*watcher
}

type soak struct {
	*testing.T
	lan         *lan
	air         *air
	dir         string // of recordings
	rand        *rand.Rand
	cameras     map[string]*numberedCamera
	processes   []*soaked // receivers and cameras
	pairings    []*pairing
	attackers   []*attacker
	began       time.Time
	stopAttack  func()
	stopViewers func()

	disturbances int
	outages      []outage
	mu           sync.Mutex
	notes        []string // what happened when
	noted        []time.Time
}

func newSoak(t *testing.T) *soak {
	s := &soak{T: t, lan: newLAN(t, 5), dir: t.TempDir(), cameras: map[string]*numberedCamera{}}
	s.stopAttack, s.stopViewers = func() {}, func() {}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	s.rand = rand.New(rand.NewPCG(seed, 0))
	s.air = newAir(t, s.lan.router)
	t.Cleanup(func() { s.stopAttack(); s.stopViewers() })

	one := s.receiver("one", 3, nil, "--http", "0.0.0.0:8080", "--auth", login, "--out", s.dir+"/", "--new-file", "20MB")
	var pipe *watcher
	two := s.receiver("two", 4, func() *watcher { return pipe },
		"--http", "0.0.0.0:8080", "--auth", login, "--out", "-", "--stream", "north")
	s.receiver("three", 4, nil, "--addr", ":12346", "--term", "--stream", "east")

	a, b, c := s.lan.addr(3), s.lan.addr(4), s.lan.addr(4)+":12346"
	s.camera("north", 1, 4, a, b)
	s.camera("south", 1, 5, a)
	s.camera("east", 2, 6, a, b, c)

	ctx, cancel := context.WithCancel(context.Background())
	var viewers sync.WaitGroup
	s.stopViewers = func() { cancel(); viewers.Wait() }
	pipe = newWatcher(s.cameras["north"], "the pipe of receiver two")
	for _, to := range []struct {
		at      *soaked
		camera  string
		viewers int
	}{{one, "north", 2}, {one, "south", 2}, {one, "east", 2}, {two, "north", 1}, {two, "east", 1}} {
		p := &pairing{camera: s.cameras[to.camera], at: to.at}
		for i := range to.viewers {
			how := []string{"MJPEG", "a WebSocket"}[(i+len(s.pairings))%2]
			w := newWatcher(p.camera, fmt.Sprintf("a viewer of %s at receiver %s, by %s", to.camera, to.at.name, how))
			site := site{s.lan.machines[4], s.lan.addr(to.at.host) + ":8080"}
			viewers.Go(func() {
				if how == "MJPEG" {
					w.mjpeg(ctx, site)
				} else {
					w.socket(ctx, site)
				}
			})
			p.watchers = append(p.watchers, w)
		}
		s.pairings = append(s.pairings, p)
	}
	s.pairings[3].watchers = append(s.pairings[3].watchers, pipe)
	two.p.kill() // now its pipe has a reader
	two.begin()
	return s
}

// receiver starts a receiver. out returns who reads its standard output.
func (s *soak) receiver(name string, host int, out func() *watcher, args ...string) *soaked {
	p := &soaked{name: "receiver " + name, host: host}
	p.start = func() *process {
		cmd := s.lan.machines[host-1].command(append([]string{udpcamCommand(s.T).Path, "recv"}, args...)...)
		if slices.Contains(args, "--term") {
			terminal(s.T, cmd)
		}
		if out != nil {
			if w := out(); w != nil {
				w.stdout(s.T, cmd)
			}
		}
		process := start(s.T, cmd)
		process.says(s.T, "listening")
		return process
	}
	p.begin()
	p.name = name
	s.processes = append(s.processes, p)
	return p
}

func (s *soak) camera(name string, host, picture int, to ...string) {
	c := newNumberedCamera(s.T, s.lan.machines[host-1], name, readFile(s.T, street(s.T, picture)[0]), cameraRate, to...)
	s.cameras[name] = c
	p := &soaked{name: name, host: host, p: c.p}
	p.start = func() *process { c.start(s.T); return c.p }
	s.processes = append(s.processes, p)
}

func (p *soaked) begin() { p.p = p.start() }

// settle waits until all viewers see pictures, and notes what the processes use with these viewers alone.
func (s *soak) settle() {
	for _, p := range s.pairings {
		for _, w := range p.watchers {
			until(s.T, w.where+" sees pictures", func() bool { return w.newest() > 0 })
		}
	}
	time.Sleep(2 * time.Second)
	for _, p := range s.processes {
		p.quiet = p.p.figures()
		p.threads = s.goroutines(p)
	}
	s.began = time.Now()
}

// attack mounts all attacks on all receivers until stopAttack is called.
func (s *soak) attack() {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	s.stopAttack = func() { cancel(); all.Wait() }
	all.Go(func() { s.pulse(ctx) })
	chosen := regexp.MustCompile(*soakAttacks)
	var mixed []attack
	for _, at := range attacks {
		if chosen.MatchString(at.name) {
			mixed = append(mixed, at)
		}
	}
	for _, to := range []struct {
		host, port int
		share      float64
	}{{3, 12345, 0.5}, {4, 12345, 0.35}, {4, 12346, 0.15}} {
		if len(mixed) == 0 {
			break
		}
		a := newAttacker(s.air, fmt.Sprintf("%s:%d", s.lan.addr(to.host), to.port), to.host)
		s.attackers = append(s.attackers, a)
		all.Go(func() { a.mountAll(ctx, mixed, soakRate*to.share, s.note) })
	}
	for i, h := range httpAttacks {
		if !chosen.MatchString(h.name) {
			continue
		}
		a := newWebAttacker(s.lan, 3, s.lan.addr(3)+":8080", strings.HasPrefix(h.name, "unread") || h.name == "WebSockets")
		a.stream, a.only, a.first = "south", h.name != "wrong passwords", i
		if h.name == "wrong passwords" {
			a.beside = s.lan.machines[4]
		}
		all.Go(func() { h.mount(ctx, a) })
	}
}

func (s *soak) packets() (n int64) {
	for _, a := range s.attackers {
		n += a.sent.Load()
	}
	return n
}
