package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// An attackRow is one attack beside one live stream, and what may come of it.
type attackRow struct {
	attack string
	guest  bool          // an attack on HTTP is by somebody who knows the password
	rate   float64       // calls a second, 0 for one call
	lasts  time.Duration // how long it is mounted
	recv   []string      // further flags of the receiver, DIR is a directory of its own; the receiver is a new one
	late   bool          // another camera starts after the attack has begun

	share  float64       // of the camera's pictures that a viewer gets at least, while it is mounted and after; 0 is usual
	first  time.Duration // how long a late camera's first picture may take
	memory int           // bytes over those of before
	cpu    time.Duration // a packet
	wire   float64       // how many times the bytes of before the camera sends
	check  func(t *testing.T, s *scene, o outcome)
}

const (
	usual = 0.95
	mib   = 1 << 20
)

// costlyRows are judged by what they cost the receiver.
var costlyRows = []attackRow{
	{attack: "codes", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib, cpu: 50 * time.Microsecond},
	{attack: "parity first", rate: 1000, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib, cpu: 50 * time.Microsecond},
	{attack: "parity alone", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib, cpu: 50 * time.Microsecond},
	{attack: "huge frames", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib, cpu: 50 * time.Microsecond},
	{attack: "sessions", rate: 2000, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib},
	{attack: "sessions of many addresses", rate: 2000, lasts: 2 * time.Second, memory: 64 * mib},
	{attack: "bombs", rate: 10, lasts: 2 * time.Second, recv: []string{"--term", "--stream", "bomb"}, memory: 64 * mib},
	{attack: "idle connections", lasts: time.Second, recv: []string{}, check: newcomersWelcome},
	{attack: "wrong passwords", lasts: 2 * time.Second, check: newcomersWelcome},
	{attack: "unread snapshots", guest: true, lasts: 3 * time.Second, recv: []string{}, memory: 64 * mib, check: newcomersWelcome},
	{attack: "unread streams", guest: true, lasts: time.Second, recv: []string{}, memory: 64 * mib, check: newcomersWelcome},
	{attack: "WebSockets", guest: true, lasts: 2 * time.Second, recv: []string{}, memory: 64 * mib, check: newcomersWelcome},
}

// streamRows are attacks on one stream, judged by what its viewer sees.
var streamRows = []attackRow{
	// One datagram: at most half a second is lost, of two.
	{attack: "ahead", lasts: 2 * time.Second, share: 0.74},
	{attack: "ahead forged", lasts: 2 * time.Second, share: 0.74},
	{attack: "ahead a little", lasts: 2 * time.Second, share: 0.74},
	{attack: "ahead in a row", lasts: 2 * time.Second, share: 0.74},
	{attack: "ahead unfinished", lasts: 2 * time.Second, wire: 1.1, check: lossIsRepaired},
	{attack: "contradict", rate: 32, lasts: 2 * time.Second, share: 0.9},
	{attack: "contradict forged", rate: 32, lasts: 2 * time.Second, share: 0.9},
	{attack: "reports", rate: 50, lasts: 3 * time.Second, recv: []string{}, share: 0.9, wire: 1.15},
	{attack: "requests", rate: 500, lasts: 1500 * time.Millisecond, wire: 2},
	{attack: "fragmentation needed", rate: 5, lasts: 2 * time.Second, check: largeDatagrams},
}

// receiverRows are attacks on a receiver, also judged by that.
var receiverRows = []attackRow{
	{attack: "fill", recv: []string{"--out", "DIR/"}, lasts: 3 * time.Second, late: true, first: 2 * time.Second, check: lateIsRecorded},
	{attack: "fill", rate: 1, recv: []string{"--out", "DIR/"}, lasts: 3 * time.Second, late: true, first: 2 * time.Second, check: lateIsRecorded},
	{attack: "takeover", lasts: 1500 * time.Millisecond, recv: []string{}, check: nobodyElse},
	{attack: "takeover", rate: 1, lasts: 2500 * time.Millisecond, recv: []string{}, check: nobodyElse},
	{attack: "random", rate: 500, lasts: 1500 * time.Millisecond, check: nobodyAppears},
	{attack: "noise", rate: 2000, lasts: 1500 * time.Millisecond, check: nobodyAppears},
	{attack: "replay", rate: 1000, lasts: 1500 * time.Millisecond},
	{attack: "mutated", rate: 1000, lasts: 1500 * time.Millisecond, check: nobodyElse},
}

// Each attack is mounted alone, beside a live stream that a viewer watches. It must not damage the picture, nor turn it back
// in time, and take hardly any of it, nor memory, nor processor time. A second stream, between machines that nobody attacks,
// tells whether the machine was too busy: then the row runs again.
func TestE2ENetnsAttacks(t *testing.T) {
	t.Run("costly", func(t *testing.T) {
		t.Parallel()
		newScene(t).play(costlyRows)
	})
	t.Run("stream", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.play(streamRows)
		t.Run("uploads", s.uploads)
	})
	t.Run("receiver", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.play(receiverRows)
		t.Run("first", s.first)
	})
}

// play mounts the attacks of all rows.
func (s *scene) play(rows []attackRow) {
	if testing.Short() {
		rows = rows[:2]
	}
	for _, row := range rows {
		name := row.attack
		if row.rate > 0 {
			name += fmt.Sprintf(" %g a second", row.rate)
		}
		s.t.Run(name, func(t *testing.T) {
			for again := range 2 {
				o := s.run(t, row)
				t.Log(o)
				faults := row.faults(o)
				if testing.Short() { // the machine is busy with other tests
					faults = o.wrong()
				}
				if len(faults) > 0 && again < 1 && o.busy() {
					t.Log("the machine was busy, so once more: ", faults)
					s.stale = true
					continue
				}
				for _, fault := range faults {
					t.Error(fault)
				}
				if row.check != nil && !testing.Short() {
					row.check(t, s, o)
				}
				break
			}
			s.stale = t.Failed()
		})
	}
}

// A scene is a camera, a receiver that is attacked, and one viewer of the receiver's page on another machine; and another
// camera with another receiver that nobody attacks.
type scene struct {
	t   *testing.T
	lan *lan
	*air
	target   netip.AddrPort
	site     site
	receiver *process
	dir      string // DIR in the receiver's flags
	camera   *filmed
	viewer   *watcher
	leave    context.CancelFunc
	witness  *watcher // of the camera that nobody attacks
	late     *watcher // of the row's late camera
	stale    bool     // start everything again
}

func newScene(t *testing.T) *scene {
	l := newLAN(t, 3)
	s := &scene{t: t, lan: l, air: newAir(t, l.router), stale: true, leave: func() {},
		target: netip.MustParseAddrPort(l.addr(2) + ":12345"), site: site{l.machines[2], l.addr(2) + ":8080"}}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { s.leave(); cancel() })
	l.machines[2].udpcam(t, "recv", "--http", "0.0.0.0:8080", "--auth", login).says(t, "listening")
	control := newFilmed(t, l.machines[0], "control", readFile(t, street(t, 5)[0]), filmedRate, l.addr(3))
	s.witness = newWatcher(control, "a viewer of the stream that nobody attacks")
	go s.witness.mjpeg(ctx, site{l.machines[2], l.addr(3) + ":8080"})
	return s
}

// ready sees to it that camera and receiver run, and that the viewer sees pictures.
func (s *scene) ready(row attackRow) {
	t := s.t
	if s.stale || row.recv != nil {
		s.leave()
		if s.receiver != nil {
			s.receiver.kill()
		}
		s.dir = t.TempDir()
		args := []string{udpcamCommand(t).Path, "recv", "--http", "0.0.0.0:8080", "--auth", login}
		for _, arg := range row.recv {
			args = append(args, strings.Replace(arg, "DIR", s.dir, 1))
		}
		cmd := s.lan.machines[1].command(args...)
		if strings.Contains(strings.Join(row.recv, " "), "--term") {
			terminal(t, cmd)
		}
		s.receiver = start(t, cmd)
		s.receiver.says(t, "listening")
	}
	if s.stale {
		if s.camera != nil {
			s.camera.stop()
		}
		s.camera = newFilmed(t, s.lan.machines[0], "cam", readFile(t, street(t, 5)[0]), filmedRate, s.target.Addr().String())
	}
	if s.stale || row.recv != nil {
		s.viewer = newWatcher(s.camera, "the viewer")
		var ctx context.Context
		ctx, s.leave = context.WithCancel(context.Background())
		go s.viewer.mjpeg(ctx, s.site)
	}
	s.stale = false
	shown, control := s.viewer.newest(), s.witness.newest()
	until(t, "pictures are shown", func() bool { return s.viewer.newest() > shown+5 && s.witness.newest() > control+5 })
}

// terminal gives a command a terminal of its own, whose contents nobody looks at.
func terminal(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	pty.Setsize(ours, &pty.Winsize{Rows: 50, Cols: 160})
	cmd.Stdin, cmd.Stdout = theirs, theirs
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	go func() {
		for b := make([]byte, 1<<16); ; {
			if _, err := ours.Read(b); err != nil {
				return
			}
		}
	}()
}

// An outcome is what came of an attack.
type outcome struct {
	row                         attackRow
	sent                        int64
	fed, missing                int // pictures of the camera
	control, controlMissing     int
	damaged, backwards, foreign int
	example                     string
	memory                      int           // over that of before
	cpu                         time.Duration // a packet, over that of before
	wire                        float64       // how many times the bytes of before
	largest                     int           // bytes in the largest datagram at the end
	first                       time.Duration // a late camera's first picture took so long
	lines                       map[string]int
	newcomer                    time.Duration // how long a new client waited for a picture
	newcomerErr                 error
	ended                       bool // the receiver
}

func (o outcome) String() string {
	s := fmt.Sprintf("%d packets: %d of %d pictures shown, control %d of %d", o.sent, o.fed-o.missing, o.fed, o.control-o.controlMissing,
		o.control)
	s += fmt.Sprintf("; memory %+.1f MiB, cpu %v a packet, wire x %.2f, datagrams to %d bytes", float64(o.memory)/mib,
		o.cpu.Round(100*time.Nanosecond), o.wire, o.largest)
	s += fmt.Sprintf("; %d damaged, %d backwards, %d foreign", o.damaged, o.backwards, o.foreign)
	if o.row.late {
		s += fmt.Sprintf("; the late camera was shown after %v", o.first.Round(time.Millisecond))
	}
	if o.newcomer > 0 {
		s += fmt.Sprintf("; a newcomer waited %v (%v)", o.newcomer.Round(time.Millisecond), o.newcomerErr)
	}
	return s + fmt.Sprintf("; log %v", o.lines)
}

// busy reports whether the stream that nobody attacks has suffered too.
func (o outcome) busy() bool {
	return o.controlMissing*100 > o.control*3 || float64(o.control) < 0.85*filmedRate*o.row.lasts.Seconds()
}

// wrong says what must never happen.
func (o outcome) wrong() (faults []string) {
	if o.damaged+o.backwards > 0 {
		faults = append(faults, fmt.Sprintf("%d pictures were damaged and %d came backwards: %s", o.damaged, o.backwards, o.example))
	}
	if o.ended {
		faults = append(faults, "the receiver has ended")
	}
	return faults
}

// faults says what is worse than the row allows.
func (row attackRow) faults(o outcome) (faults []string) {
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	faults = o.wrong()
	share := row.share
	if share == 0 {
		share = usual
	}
	fault(float64(o.fed-o.missing) < share*float64(o.fed)-1, "the viewer was shown %d of %d pictures, less than %.0f %%", o.fed-o.missing,
		o.fed, 100*share)
	fault(row.first > 0 && o.first > row.first, "a camera that starts then is shown after %v, later than %v", o.first, row.first)
	fault(row.memory > 0 && o.memory > row.memory, "memory grew by %d MiB, more than %d", o.memory/mib, row.memory/mib)
	fault(row.cpu > 0 && o.cpu > row.cpu, "%v of processor time a packet, more than %v", o.cpu, row.cpu)
	fault(row.wire > 0 && o.wire > row.wire, "the camera sends %.2f times the bytes of before, more than %.2f", o.wire, row.wire)
	most := int(o.row.lasts.Seconds()) + 3
	for kind, n := range o.lines {
		fault(n > most, "%d log lines %q, more than one a second", n, kind)
	}
	return faults
}

// run mounts the row's attack.
func (s *scene) run(t *testing.T, row attackRow) (o outcome) {
	s.ready(row)
	lasts := row.lasts
	o.row = row
	// What it uses without the attack.
	s.traffic(s.target)
	idleFrom, idle := time.Now(), s.receiver.figures()
	if row.memory+int(row.cpu) > 0 || row.wire > 0 {
		time.Sleep(500 * time.Millisecond)
	}
	quiet, _ := s.traffic(s.target)
	idleTook := time.Since(idleFrom)
	before, tcp := s.receiver.figures(), s.lan.machines[1].tcpMemory(t)
	idleCPU := float64(before.cpu-idle.cpu) / float64(idleTook)
	s.receiver.forgetPeak()
	said := s.receiver.stderr.Len()
	foreign := s.viewer.foreign

	attacker := newAttacker(s.air, s.target.String(), 2)
	ctx, stop := context.WithCancel(context.Background())
	mounted := make(chan struct{})
	began := time.Now()
	overHTTP := false
	for _, h := range httpAttacks {
		if overHTTP = h.name == row.attack; overHTTP {
			a := newWebAttacker(s.lan, 2, s.site.host, row.guest)
			a.only = row.attack != "wrong passwords"
			switch row.attack {
			case "unread snapshots":
				a.stream = s.bigPictures(t)
			case "wrong passwords":
				a.beside = s.site.from
			}
			began = time.Now()
			go func() { defer close(mounted); h.mount(ctx, a) }()
			break
		}
	}
	if !overHTTP {
		go func() { defer close(mounted); attacker.mount(ctx, attackNamed(row.attack), row.rate) }()
	}
	if row.late {
		time.Sleep(500 * time.Millisecond)
		s.lateCamera(t, &o)
	}
	if overHTTP {
		time.Sleep(time.Until(began.Add(lasts / 2)))
		s.newcomer(ctx, &o)
	}
	time.Sleep(time.Until(began.Add(lasts * 6 / 10)))
	loud, _ := s.traffic(s.target)
	time.Sleep(time.Until(began.Add(lasts)))
	ended := time.Now()
	after := s.receiver.figures()
	tcpAfter := s.lan.machines[1].tcpMemory(t)
	more, largest := s.traffic(s.target)
	loud += more
	stop()
	<-mounted

	took := ended.Sub(began)
	o.sent, o.largest = attacker.sent.Load(), largest
	if o.memory = max(after.peak, after.memory) - before.memory; overHTTP {
		o.memory += max(0, tcpAfter-tcp)
	}
	if o.sent > 0 {
		o.cpu = time.Duration((float64(after.cpu-before.cpu) - idleCPU*float64(took)) / float64(o.sent))
	}
	if quiet > 0 {
		o.wire = float64(loud) / took.Seconds() / (float64(quiet) / idleTook.Seconds())
	}
	time.Sleep(200 * time.Millisecond)                        // for the last pictures
	s.lan.machines[0].run(t, "ip", "route", "flush", "cache") // of packet sizes
	o.fed, o.missing = lost(s.camera, began, ended, nil, s.viewer)
	o.control, o.controlMissing = lost(s.witness.of, began, ended, nil, s.witness)
	s.viewer.mu.Lock()
	o.damaged, o.backwards, o.foreign, o.example = s.viewer.damaged, s.viewer.backwards, s.viewer.foreign-foreign, s.viewer.example
	s.viewer.mu.Unlock()
	o.lines = linesOf(s.receiver.stderr.String()[said:])
	select {
	case <-s.receiver.done:
		o.ended = true
	default:
	}
	return o
}

// bigPictures starts a camera whose pictures have 1.5 MB, and returns its name once they are shown.
func (s *scene) bigPictures(t *testing.T) string {
	picture := withComment(readFile(t, street(t, 7)[0]), make([]byte, 1_500_000))
	newFilmed(t, s.lan.machines[0], "big", picture, 2, s.target.Addr().String())
	until(t, "the big pictures are shown", func() bool {
		_, err := s.site.get(context.Background(), "/streams/big/snapshot.jpg")
		return err == nil
	})
	return "big"
}

// newcomer measures how long somebody waits who comes now, for a first picture of the stream and for a snapshot.
func (s *scene) newcomer(ctx context.Context, o *outcome) {
	ctx, leave := context.WithTimeout(ctx, 4*time.Second)
	defer leave()
	asked, w := time.Now(), newWatcher(s.camera, "a newcomer")
	go w.mjpeg(ctx, s.site)
	for ctx.Err() == nil && w.newest() < 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if o.newcomerErr = ctx.Err(); o.newcomerErr == nil {
		_, o.newcomerErr = s.site.get(ctx, "/streams/cam/snapshot.jpg")
	}
	o.newcomer = time.Since(asked)
}

// first lets an attacker announce a stream before there is a camera. The recording of one stream must get the camera's
// pictures all the same.
func (s *scene) first(t *testing.T) {
	film, l := filepath.Join(t.TempDir(), "film.mjpg"), s.lan
	r := l.machines[1].udpcam(t, "recv", "--addr", ":12346", "--out", film)
	r.says(t, "listening")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	attacker := newAttacker(s.air, l.addr(2)+":12346", 2)
	go attacker.mount(ctx, attackNamed("first"), 0.4)
	time.Sleep(500 * time.Millisecond)
	camera := newFilmed(t, l.machines[0], "late", readFile(t, street(t, 6)[0]), filmedRate, l.addr(2)+":12346")
	w := newWatcher(camera, "the recording")
	time.Sleep(5 * time.Second)
	r.stop(t)
	if pictures, err := os.Open(film); err == nil {
		w.read(pictures)
		pictures.Close()
	}
	t.Logf("the recording has %d of the camera's pictures of 5 s, and %d others", len(w.seen), w.foreign)
	if len(w.seen) < 2*filmedRate && !testing.Short() {
		t.Error("it should have most of the camera's:\n" + r.stderr.String())
	}
}

// uploads lets an attacker open connections to a sender that takes uploads. Somebody else must still be able to upload.
func (s *scene) uploads(t *testing.T) {
	sender := s.lan.machines[0].udpcam(t, "send", "--addr", s.lan.addr(3)+":12346", "--source", "post://0.0.0.0:8081/upload")
	host := s.lan.addr(1) + ":8081"
	until(t, "it listens", func() bool {
		conn, err := s.site.from.dial("", host)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for i, stalled := range []bool{false, true} {
		a := newWebAttacker(s.lan, 1, host, false)
		a.only, a.first = true, i
		go a.many(ctx, 64, func(conn net.Conn, n int) {
			if stalled {
				fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\nContent-Length: 50000\r\n\r\n\xff\xd8", host)
			}
			wait(ctx, conn)
		})
	}
	time.Sleep(time.Second)
	picture, began := readFile(t, street(t, 5)[0]), time.Now()
	client := site{s.site.from, host}.client()
	client.Timeout = 10 * time.Second
	resp, err := client.Post("http://"+host+"/upload", "image/jpeg", bytes.NewReader(picture))
	took := time.Since(began)
	t.Logf("an upload beside 128 connections took %v: %v", took.Round(time.Millisecond), err)
	if err == nil {
		resp.Body.Close()
	}
	if err != nil || resp.StatusCode >= 300 || took > 5*time.Second {
		t.Errorf("nobody else can upload: %v, %v, after %v\n%s", resp, err, took, sender.stderr.String())
	}
}

// lateCamera starts another camera and measures how long it takes until its first picture is shown.
func (s *scene) lateCamera(t *testing.T, o *outcome) {
	camera := newFilmed(t, s.lan.machines[0], "late", readFile(t, street(t, 6)[0]), filmedRate, s.target.Addr().String())
	s.late = newWatcher(camera, "a viewer of the late camera")
	ctx, leave := context.WithCancel(context.Background())
	t.Cleanup(leave)
	go s.late.mjpeg(ctx, s.site)
	started := time.Now()
	for time.Since(started) < 4*time.Second && s.late.newest() < 0 {
		time.Sleep(10 * time.Millisecond)
	}
	o.first = time.Since(started)
}

// realStream matches what a receiver says of honest cameras and viewers.
var realStream = regexp.MustCompile(`stream=(cam|late|big)\b|msg="viewer (came|gone)"`)

var (
	messageOf = regexp.MustCompile(`msg=("[^"]*"|\S+)`)
	reasonOf  = regexp.MustCompile(`\breason=("[^"]*"|\S+)`)
)

// linesOf counts the lines of a log by what they say. It leaves out those about honest cameras.
func linesOf(log string) map[string]int {
	lines := map[string]int{}
	for line := range strings.Lines(log) {
		m := messageOf.FindStringSubmatch(line)
		switch {
		case m == nil:
			m = []string{"", "other"}
		case realStream.MatchString(line):
			continue
		}
		kind := strings.Trim(m[1], `"`)
		if reason := reasonOf.FindStringSubmatch(line); reason != nil {
			kind += ": " + reason[1]
		}
		lines[kind]++
	}
	return lines
}

// nobodyAppears checks that the log tells of no stream but the camera's.
func nobodyAppears(t *testing.T, s *scene, o outcome) {
	if n := o.lines["stream appears"]; n > 0 {
		t.Errorf("the log says %d times that another stream appears", n)
	}
}

// nobodyElse checks that the camera's page has shown the camera's pictures alone.
func nobodyElse(t *testing.T, s *scene, o outcome) {
	if o.foreign > 0 {
		t.Errorf("the viewer was shown %d pictures of the attacker under the camera's name", o.foreign)
	}
}

// lateIsRecorded checks that the late camera has a file.
func lateIsRecorded(t *testing.T, s *scene, o outcome) {
	files, _ := filepath.Glob(filepath.Join(s.dir, "late*"))
	if len(files) != 1 || fileSize(files[0]) == 0 {
		all, _ := os.ReadDir(s.dir)
		t.Errorf("there is no recording of the late camera, but %d files in all", len(all))
	}
}

// lossIsRepaired checks that the sender still listens to the receiver: with 5 % loss, nearly all pictures come.
func lossIsRepaired(t *testing.T, s *scene, o outcome) {
	m := s.lan.machines[1]
	need(t, "nft")
	m.run(t, "nft", "add table inet loss; add chain inet loss in { type filter hook input priority 0; }; "+
		"add rule inet loss in udp dport 12345 numgen random mod 100 < 5 counter drop")
	defer m.run(t, "nft", "delete table inet loss")
	time.Sleep(500 * time.Millisecond) // to learn of the loss
	from := time.Now()
	time.Sleep(1500 * time.Millisecond)
	to := time.Now()
	time.Sleep(200 * time.Millisecond)
	fed, missing := lost(s.camera, from, to, nil, s.viewer)
	var sender struct {
		Receivers []struct{ Loss float64 }
	}
	s.camera.p.lastStatus(&sender)
	t.Logf("then at 5 %% loss: %d of %d pictures, and the sender knows %+v", fed-missing, fed, sender)
	if missing*10 > fed || len(sender.Receivers) != 1 || sender.Receivers[0].Loss < 0.01 {
		t.Errorf("at 5 %% loss %d of %d pictures are missing, and the sender knows %+v: it does not listen", missing, fed, sender)
	}
}

// largeDatagrams checks that the camera has not been made to send small datagrams.
func largeDatagrams(t *testing.T, s *scene, o outcome) {
	if o.largest < 1000 { // 1152 in a segment is the floor; some less, because a frame's segments are equally long
		t.Errorf("the camera sends datagrams of at most %d bytes", o.largest)
	}
}

// newcomersWelcome checks that somebody else is still let in.
func newcomersWelcome(t *testing.T, s *scene, o outcome) {
	if o.newcomerErr != nil || o.newcomer > 2*time.Second {
		t.Errorf("a newcomer from another address waited for %v: %v", o.newcomer, o.newcomerErr)
	}
}
