package main_test

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

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
	camera   *numberedCamera
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
	control := newNumberedCamera(t, l.machines[0], "control", readFile(t, street(t, 5)[0]), cameraRate, l.addr(3))
	s.witness = newWatcher(control, "a viewer of the stream that nobody attacks")
	go s.witness.mjpeg(ctx, site{l.machines[2], l.addr(3) + ":8080"})
	return s
}

// ready sees to it that camera and receiver run, and that the viewer sees pictures.
func (s *scene) ready(row attackRow) {
	t := s.t
	if s.stale && s.camera != nil {
		s.camera.stop() // first: a new receiver must not see its pictures, whose numbers are higher than those of the next
	}
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
		picture := readFile(t, street(t, 5)[0])
		s.camera = newNumberedCamera(t, s.lan.machines[0], "cam", picture, cameraRate, s.target.Addr().String())
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
	before, tcp := s.receiver.figures(), s.lan.machines[1].unsent(t)
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
	tcpAfter := s.lan.machines[1].unsent(t)
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
	o.damaged, o.backwards, o.example = s.viewer.damaged, s.viewer.backwards, s.viewer.example
	o.foreign = s.viewer.foreign - foreign
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
	newNumberedCamera(t, s.lan.machines[0], "big", picture, 2, s.target.Addr().String())
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

// lateCamera starts another camera and measures how long it takes until its first picture is shown.
func (s *scene) lateCamera(t *testing.T, o *outcome) {
	picture := readFile(t, street(t, 6)[0])
	camera := newNumberedCamera(t, s.lan.machines[0], "late", picture, cameraRate, s.target.Addr().String())
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
