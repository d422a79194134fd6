package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

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
	s := fmt.Sprintf("%d packets: %d of %d pictures shown, control %d of %d", o.sent, o.fed-o.missing, o.fed,
		o.control-o.controlMissing, o.control)
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

// busy reports whether the stream that nobody attacks has suffered too, or too much processor time may be due to a machine
// that does much else.
func (o outcome) busy() bool {
	return o.row.cpu > 0 && o.cpu > o.row.cpu && o.cpu < 3*o.row.cpu || o.controlMissing*100 > o.control*3 || float64(o.control) < 0.85*cameraRate*o.row.lasts.Seconds()
}

// wrong says what must never happen.
func (o outcome) wrong() (faults []string) {
	if o.damaged+o.backwards > 0 {
		faults = append(faults, fmt.Sprintf("%d pictures are damaged, %d came backwards: %s", o.damaged, o.backwards, o.example))
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
	shown := o.fed - o.missing
	fault(float64(shown) < share*float64(o.fed)-1, "the viewer was shown %d of %d pictures, less than %.0f %%", shown,
		o.fed, 100*share)
	fault(row.first > 0 && o.first > row.first, "a camera that starts then is shown after %v, not %v", o.first, row.first)
	fault(row.memory > 0 && o.memory > row.memory, "memory grew by %d MiB, more than %d", o.memory/mib, row.memory/mib)
	fault(row.cpu > 0 && o.cpu > row.cpu, "%v of processor time a packet, more than %v", o.cpu, row.cpu)
	fault(row.wire > 0 && o.wire > row.wire, "the camera sends %.2f times the bytes of before, not %.2f", o.wire, row.wire)
	most := int(o.row.lasts.Seconds()) + 3
	for kind, n := range o.lines {
		fault(n > most, "%d log lines %q, more than one a second", n, kind)
	}
	return faults
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
		t.Error("the sender does not listen to the receiver")
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
