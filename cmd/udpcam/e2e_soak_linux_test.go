package main_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	started time.Time
	samples []sample
	quiet   figures // before the attacks
	threads int     // goroutines before the attacks, 0 if it does not tell
}

type sample struct {
	at      time.Time
	process int // its ID
	figures
}

// A pairing is a camera at a receiver, and everybody who looks at that.
type pairing struct {
	camera   *filmed
	at       *soaked
	watchers []*watcher
}

// An outage is a time in which pictures need not come.
type outage struct {
	what     string
	from, to time.Time
	hits     func(p *pairing) bool
}

type soak struct {
	*testing.T
	lan         *lan
	air         *air
	dir         string // of recordings
	rand        *rand.Rand
	cameras     map[string]*filmed
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
	s := &soak{T: t, lan: newLAN(t, 5), dir: t.TempDir(), cameras: map[string]*filmed{}, stopAttack: func() {}, stopViewers: func() {}}
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
	c := newFilmed(s.T, s.lan.machines[host-1], name, readFile(s.T, street(s.T, picture)[0]), filmedRate, to...)
	s.cameras[name] = c
	p := &soaked{name: name, host: host, p: c.p, started: time.Now()}
	p.start = func() *process { c.start(s.T); return c.p }
	s.processes = append(s.processes, p)
}

func (p *soaked) begin() { p.p, p.started = p.start(), time.Now() }

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

// goroutines is how many a receiver with HTTP has, a million if it does not tell, 0 if it has no HTTP.
func (s *soak) goroutines(p *soaked) int {
	if p.name != "one" && p.name != "two" {
		return 0
	}
	page, err := site{s.lan.machines[4], s.lan.addr(p.host) + ":8080"}.get(context.Background(), "/metrics")
	if err != nil {
		return 1e6 // it refuses, or does not answer
	}
	n, _ := metric(page, "go_goroutines")
	return int(n)
}

// pulse notes when this test itself does not get to run: then the machine is too busy, and pictures may be missing.
func (s *soak) pulse(ctx context.Context) {
	const most = 250 * time.Millisecond
	for last := time.Now(); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		now := time.Now()
		if now.Sub(last) > most {
			s.note(fmt.Sprintf("the machine stalled for %v", now.Sub(last).Round(time.Millisecond)))
			s.mu.Lock()
			s.outages = append(s.outages, outage{"", last, now, func(*pairing) bool { return true }})
			s.mu.Unlock()
		}
		last = now
	}
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

// note keeps what happened, for the report of a failure.
func (s *soak) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes, s.noted = append(s.notes, what), append(s.noted, time.Now())
}

// disturb waits a while, and then kills something or pulls a plug.
func (s *soak) disturb(stop time.Time) {
	pause := func(from, to time.Duration) {
		for end := time.Now().Add(from + time.Duration(s.rand.Int64N(int64(to-from)))); time.Now().Before(end) && time.Now().Before(stop); {
			s.measure()
			time.Sleep(min(time.Second, time.Until(end)))
		}
	}
	pause(4*time.Second, 8*time.Second)
	if time.Until(stop) < 2*time.Second {
		pause(2*time.Second, 3*time.Second)
		return
	}
	s.disturbances++
	o := outage{from: time.Now()}
	if s.rand.IntN(3) == 0 {
		host := 1 + s.rand.IntN(4)
		o.what = fmt.Sprintf("link of machine %d down", host)
		o.hits = func(p *pairing) bool { return p.at.host == host || p.camera.at == s.lan.machines[host-1] }
		s.note(o.what)
		s.lan.link(s.T, host, "down")
		pause(500*time.Millisecond, 1500*time.Millisecond)
		s.lan.link(s.T, host, "up")
	} else {
		// Receiver one and camera north are never killed: whatever grows in them has time to.
		names := []string{"two", "three", "south", "east"}
		name := names[s.rand.IntN(len(names))]
		p := s.processes[slices.IndexFunc(s.processes, func(p *soaked) bool { return p.name == name })]
		o.what = name + " killed"
		o.hits = func(pair *pairing) bool { return pair.at == p || pair.camera.name == name }
		s.note(o.what)
		p.p.kill()
		pause(300*time.Millisecond, 1500*time.Millisecond)
		p.begin()
	}
	o.to = time.Now()
	s.note("end of: " + o.what)
	s.mu.Lock()
	s.outages = append(s.outages, o)
	s.mu.Unlock()
}

// measure notes what all processes use, and removes recordings that would fill the disk. A process that has ended by itself
// fails the test.
func (s *soak) measure() {
	for _, p := range s.processes {
		select {
		case <-p.p.done:
			if p.p.cmd.ProcessState.ExitCode() >= 0 { // it was not killed
				s.Fatalf("%s has ended by itself: %s", p.name, p.p.cmd.ProcessState)
			}
		default:
			p.samples = append(p.samples, sample{time.Now(), p.p.cmd.Process.Pid, p.p.figures()})
		}
	}
	for _, camera := range s.cameras {
		if files := s.recordings(camera.name); len(files) > 3 {
			for _, old := range files[:len(files)-3] {
				os.Remove(old)
			}
		}
	}
}

// recordings are the files of a camera's stream, oldest first.
func (s *soak) recordings(camera string) []string {
	files, _ := filepath.Glob(filepath.Join(s.dir, camera+"*"))
	slices.SortFunc(files, func(a, b string) int { return modified(a).Compare(modified(b)) })
	return files
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// judgePictures checks what the viewers and the pipe have seen.
func (s *soak) judgePictures(end time.Time) {
	for _, p := range s.pairings {
		counts := func(at time.Time) bool {
			for _, o := range s.outages {
				if o.hits(p) && at.After(o.from.Add(-300*time.Millisecond)) && at.Before(o.to.Add(soakGrace)) {
					return false
				}
			}
			return true
		}
		fed, missing := lost(p.camera, s.began, end.Add(-300*time.Millisecond), counts, p.watchers...)
		s.Logf("%s at receiver %s: %d of %d pictures", p.camera.name, p.at.name, fed-missing, fed)
		if float64(fed-missing) < soakShare*float64(fed) && !testing.Short() {
			s.Errorf("%s at receiver %s: %d of %d pictures are missing%s", p.camera.name, p.at.name, missing, fed, s.gaps(p, end, counts))
		}
		for _, w := range p.watchers {
			if w.damaged+w.backwards > 0 {
				s.Errorf("%s: %d damaged, %d backwards: %s", w.where, w.damaged, w.backwards, w.example)
			}
			if w.foreign > 0 {
				s.Logf("%s was shown %d pictures of the attacker", w.where, w.foreign)
			}
		}
	}
}

// gaps says when many pictures were missing, and what happened just before.
func (s *soak) gaps(p *pairing, end time.Time, counts func(time.Time) bool) (text string) {
	const step = 500 * time.Millisecond
	for at, n := s.began, 0; at.Before(end) && n < 20; at = at.Add(step) {
		fed, missing := lost(p.camera, at, at.Add(step), counts, p.watchers...)
		if missing*4 <= fed {
			continue
		}
		n++
		text += fmt.Sprintf("\n\t%v: %d of %d", at.Sub(s.began).Round(step), missing, fed)
		s.mu.Lock()
		for i, when := range s.noted {
			if when.After(at.Add(-2*step)) && when.Before(at.Add(step)) && !strings.Contains(text[strings.LastIndex(text, "\n"):], s.notes[i]) {
				text += ", " + s.notes[i]
			}
		}
		s.mu.Unlock()
	}
	return text
}

// judgeRecordings looks at the newest recordings of receiver one.
func (s *soak) judgeRecordings() {
	for _, camera := range s.cameras {
		w := newWatcher(camera, "the recordings of "+camera.name)
		files := s.recordings(camera.name)
		for _, path := range files {
			if f, err := os.Open(path); err == nil {
				w.read(f)
				f.Close()
			}
		}
		s.Logf("%s hold %d pictures in %d files", w.where, len(w.seen), len(files))
		if w.damaged+w.backwards > 0 {
			s.Errorf("%s: %d damaged, %d backwards: %s", w.where, w.damaged, w.backwards, w.example)
		}
		if len(w.seen) == 0 && !testing.Short() {
			s.Errorf("%s hold nothing", w.where)
		}
	}
}

// judgeMemory checks that no process grows, once it is warm.
func (s *soak) judgeMemory(warm time.Time) {
	for _, p := range s.processes {
		least, most := map[int]int{}, map[int]int{} // by process
		for _, sample := range p.samples {
			if sample.at.Before(warm) || sample.at.Before(p.startOf(sample.process).Add(warm.Sub(s.began))) {
				continue
			}
			if m, ok := least[sample.process]; !ok || sample.memory < m {
				least[sample.process] = sample.memory
			}
			most[sample.process] = max(most[sample.process], sample.memory)
		}
		for id := range most {
			s.Logf("%s: %d to %d MiB", p.name, least[id]/mib, most[id]/mib)
			if grown := most[id] - least[id]; grown > soakMemory {
				s.Errorf("%s: its memory varies by %d MiB, from %d MiB", p.name, grown/mib, least[id]/mib)
			}
		}
	}
}

// startOf is when a process was first measured.
func (p *soaked) startOf(process int) time.Time {
	i := slices.IndexFunc(p.samples, func(s sample) bool { return s.process == process })
	return p.samples[i].at
}

// judgeLeaks checks that some time after the attacks all processes have as few descriptors and goroutines as before. The
// viewers have left, so they have even fewer.
func (s *soak) judgeLeaks() {
	const spare = 6                             // files of rotating recordings, answers that are on their way
	patient := time.Now().Add(40 * time.Second) // a receiver forgets a stream after 30 s
	if testing.Short() {
		patient = time.Now()
	}
	for _, p := range s.processes {
		for {
			now, goroutines := p.p.figures(), s.goroutines(p)
			few := now.descriptors <= p.quiet.descriptors+spare && goroutines <= p.threads+spare
			if few || time.Now().After(patient) {
				s.Logf("%s: descriptors %d, then %d; goroutines %d, then %d", p.name, p.quiet.descriptors, now.descriptors, p.threads, goroutines)
				if !few && !testing.Short() {
					s.Errorf("%s: descriptors grew from %d to %d, goroutines from %d to %d: %s", p.name, p.quiet.descriptors, now.descriptors,
						p.threads, goroutines, p.p.open())
				}
				break
			}
			time.Sleep(time.Second)
		}
	}
}
