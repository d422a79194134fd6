package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
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
	most  = 64 * mib
	dear  = 50 * time.Microsecond
)

// costlyRows are judged by what they cost the receiver.
var costlyRows = []attackRow{
	{attack: "codes", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: most, cpu: dear},
	{attack: "parity first", rate: 1000, lasts: 2 * time.Second, recv: []string{}, memory: most, cpu: dear},
	{attack: "parity alone", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: most, cpu: dear},
	// Senders lay frames out like this, so each datagram begins a frame.
	{attack: "huge frames", rate: 5000, lasts: 2 * time.Second, recv: []string{}, memory: most, cpu: 2 * dear},
	{attack: "sessions", rate: 2000, lasts: 2 * time.Second, recv: []string{}, memory: most},
	{attack: "sessions of many addresses", rate: 2000, lasts: 2 * time.Second, memory: most},
	{attack: "bombs", rate: 10, lasts: 2 * time.Second, recv: []string{"--term", "--stream", "bomb"}, memory: most},
	{attack: "idle connections", lasts: time.Second, recv: []string{}, check: newcomersWelcome},
	{attack: "wrong passwords", lasts: 2 * time.Second, check: newcomersWelcome},
	{attack: "unread snapshots", guest: true, lasts: 3 * time.Second, recv: []string{}, memory: most,
		check: newcomersWelcome},
	{attack: "unread streams", guest: true, lasts: time.Second, recv: []string{}, memory: most, check: newcomersWelcome},
	{attack: "WebSockets", guest: true, lasts: 2 * time.Second, recv: []string{}, memory: most, check: newcomersWelcome},
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
	{attack: "contradict ahead", rate: 4, lasts: 2 * time.Second, share: 0.9},
	{attack: "contradict ahead forged", rate: 4, lasts: 2 * time.Second, share: 0.9},
	{attack: "reports", rate: 50, lasts: 3 * time.Second, recv: []string{}, share: 0.9, wire: 1.15},
	{attack: "requests", rate: 500, lasts: 1500 * time.Millisecond, wire: 2},
	{attack: "fragmentation needed", rate: 5, lasts: 2 * time.Second, check: largeDatagrams},
}

var toFolder = []string{"--out", "DIR/"}

// receiverRows are attacks on a receiver, also judged by that.
var receiverRows = []attackRow{
	{attack: "fill", recv: toFolder, lasts: 3 * time.Second, late: true, first: 2 * time.Second, check: lateIsRecorded},
	{attack: "fill", rate: 1, recv: toFolder, lasts: 3 * time.Second, late: true, first: 2 * time.Second,
		check: lateIsRecorded},
	{attack: "takeover", lasts: 1500 * time.Millisecond, recv: []string{}, check: nobodyElse},
	{attack: "takeover", rate: 1, lasts: 2500 * time.Millisecond, recv: []string{}, check: nobodyElse},
	{attack: "rename", rate: 5, lasts: 1500 * time.Millisecond, check: nobodyAppears},
	{attack: "rename forged", rate: 5, lasts: 1500 * time.Millisecond, check: nobodyAppears},
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
			for again := range 3 {
				o := s.run(t, row)
				t.Log(o)
				faults := row.faults(o)
				if testing.Short() { // the machine is busy with other tests
					faults = o.wrong()
				}
				if len(faults) > 0 && again < 2 && o.busy() {
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
	camera := newNumberedCamera(t, l.machines[0], "late", readFile(t, street(t, 6)[0]), cameraRate, l.addr(2)+":12346")
	w := newWatcher(camera, "the recording")
	time.Sleep(5 * time.Second)
	r.stop(t)
	if pictures, err := os.Open(film); err == nil {
		w.read(pictures)
		pictures.Close()
	}
	t.Logf("the recording has %d of the camera's pictures of 5 s, and %d others", len(w.seen), w.foreign)
	if len(w.seen) < 2*cameraRate && !testing.Short() {
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
				fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\n"+
					"Content-Length: 50000\r\n\r\n\xff\xd8", host)
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
