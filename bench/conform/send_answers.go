package conform

import (
	"bytes"
	"fmt"
	"time"
)

var sendAnswerRules = []Rule{
	{"answer-parity", Sender, "Request", "a request is answered with rows that were not sent yet, as type 10, each once",
		true, true, false, sendRows},
	{"answer-data", Sender, "Request", "when no row is left, the data segments that are named are sent as type 9",
		true, true, false, sendNamed},
	{"answer-whole", Sender, "Request", "k = 0 is answered with all of the frame", true, true, false, sendWhole},
	{"answer-nothing", Sender, "Request", "requests about unknown frames, other sessions or with wrong fields are not answered",
		true, true, false, sendNothing},
	{"answer-limit", Sender, "Request", "answers are at most half of the bytes of frames", true, true, false, sendLimit},
	{"strangers", Sender, "udpcam/1", "addresses that the sender does not send to get nothing, and change nothing",
		true, true, false, sendStrangers},
	{"hostile", Sender, "udpcam/1", "datagrams that are no feedback are ignored, and frames go on",
		true, true, false, sendHostile},
	{"forged-echo", Sender, "Report", "a report that echoes no announcement is not believed",
		false, true, false, sendForgedEcho},
}

// fed returns a frame of n segments of one block, once all of it has come.
func (v *viewer) fed(n int) (jpeg []byte, f *segment) {
	v.wantsFrame(picture(1, 200_000)) // earns an allowance for answers
	v.live()
	jpeg = picture(2, n*1408)
	return jpeg, v.wantsFrame(jpeg)[0].seg
}

// answers waits until that many answers have come, and a little longer.
func (v *viewer) answers(n int) []arrival {
	until(showWait, func() bool { return len(v.all(isAnswer)) >= n })
	time.Sleep(100 * time.Millisecond)
	return v.all(isAnswer)
}

func sendRows(t *trial) {
	v := t.sender()
	jpeg, f := v.fed(28)
	seen := map[int]bool{}
	for i, need := range []int{2, 3, 1} {
		before := len(v.all(isAnswer))
		v.asks(f, 0, need, 1, 2, 3)
		all := v.answers(before + need)[before:]
		if len(all) != need {
			t.broken(fmt.Sprintf("%d segments for need %d", need, need), "%d", len(all))
		}
		for _, a := range all {
			s := a.seg
			switch {
			case s.typ != parity|answering:
				t.broken("parity as type 10 while rows are left", "type %d", s.typ)
			case s.row() < f.p || s.row() > 255-f.k || seen[s.row()]:
				t.broken(fmt.Sprintf("a row from %d on that was not sent yet", f.p), "row %d, in the answer to request %d", s.row(), i+1)
			case s.frame != f.frame || s.p != f.p || s.captured != f.captured || s.crc != f.crc:
				t.broken("the header is that of the frame", "%x and %x", s.header(), f.header())
			}
			t.checkParity(jpeg, s)
			seen[s.row()] = true
		}
	}
	t.checkWrong(v)
}

func sendNamed(t *trial) {
	v := t.sender()
	v.wantsFrame(picture(1, 250_000))
	v.live()
	jpeg := picture(2, 190*1408)
	f := v.wantsFrame(jpeg)[0].seg
	left := 256 - f.k - f.p
	missing := make([]int, f.k)
	for i := range missing {
		missing[i] = i
	}
	for range 40 { // until no row is left, within the limit on answers
		rows := 0
		for _, a := range v.all(isAnswer) {
			if a.seg.isParity() && a.seg.frame == f.frame {
				rows++
			}
		}
		if rows >= left {
			break
		}
		before := len(v.all(isAnswer))
		v.asks(f, 0, min(8, left-rows), missing...)
		until(200*time.Millisecond, func() bool { return len(v.all(isAnswer)) > before })
	}
	before := len(v.all(isAnswer))
	v.asks(f, 0, 2, 5, 9)
	all := v.answers(before + 2)[before:]
	var named []int
	for _, a := range all {
		if s := a.seg; s.typ == data|answering {
			named = append(named, s.index())
			if at := s.index() * len(s.payload); !bytes.Equal(s.payload, jpeg[at:at+len(s.payload)]) {
				t.broken("the bytes of the data segment", "other bytes")
			}
		}
	}
	if fmt.Sprint(named) != "[5 9]" {
		t.broken(fmt.Sprintf("after all %d rows, data segments 5 and 9 as type 9", left),
			"data %v in %d answers; %d answers before", named, len(all), before)
	}
}

func sendWhole(t *trial) {
	v := t.sender()
	jpeg, f := v.fed(10)
	before := len(v.all(isAnswer))
	v.asks(&segment{frame: f.frame}, 0, 0)
	all := v.answers(before + 10)[before:]
	if !bytes.Equal(joined(append([]arrival{{seg: f}}, all...)), jpeg) && !bytes.Equal(joined(all), jpeg) {
		t.broken("all data segments, as type 9", "%d answers that do not make the frame", len(all))
	}
	for _, a := range all {
		if a.seg.typ < answering {
			t.broken("types 9 and 10", "type %d", a.seg.typ)
		}
	}
}

func sendNothing(t *trial) {
	v := t.sender()
	_, f := v.fed(10)
	v.asks(&segment{frame: f.frame + 1000, k: 10}, 0, 1, 1)
	v.asks(&segment{frame: f.frame - 1000, k: 10}, 0, 1, 1)
	v.asks(&segment{frame: f.frame, k: 11}, 0, 1, 1)
	v.asks(&segment{frame: f.frame, k: 10}, 1, 1, 1)
	good := requested{frame: f.frame, need: 1, k: 10, missing: []int{1}}.bytes()
	for _, body := range [][]byte{good[:7], good[:9], set(good, 4, 11), set(good, 4, 0), set(good, 5, 0), {}} {
		v.write(v.control(request, 0, body))
	}
	b := v.control(request, 0, good)
	v.write(set(b, 6, b[6]^1)) // another session
	v.write(set(b, 3, 1))      // another stream
	time.Sleep(300 * time.Millisecond)
	if all := v.all(isAnswer); len(all) > 0 {
		t.broken("no answer", "%d answers: type %d, row %d, frame %d of frames up to %d", len(all), all[0].seg.typ,
			all[0].seg.row(), all[0].seg.frame, f.frame)
	}
	v.asks(f, 0, 1, 1)
	if len(v.answers(1)) != 1 {
		t.broken("a good request is answered after them", "%d answers", len(v.answers(1)))
	}
}

func sendLimit(t *trial) {
	v := t.sender()
	_, f := v.fed(28)
	for i := range 300 { // as somebody who forges requests
		v.asks(f, 0, 28, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
		if i%10 == 0 {
			v.asks(&segment{frame: f.frame}, 0, 0)
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(500 * time.Millisecond)
	frames, answers := 0, 0
	for _, a := range v.all(func(a arrival) bool { return a.seg != nil }) {
		if isAnswer(a) {
			answers += len(a.raw)
		} else {
			frames += len(a.raw)
		}
	}
	if answers > frames/2+2*65_507 {
		t.broken(fmt.Sprintf("half of the %d bytes of frames at most", frames), "%d bytes of answers to 300 requests", answers)
	}
	if answers == 0 {
		t.broken("requests are answered within the limit", "no answer")
	}
}

func sendStrangers(t *trial) {
	v := t.sender()
	_, f := v.fed(10)
	at := must(freeAddress())
	s := t.newViewer(at)
	v.mu.Lock()
	s.sender, s.salt, s.seg, s.heard, s.heardAt, s.arrivals = v.sender, v.salt, v.seg, v.heard, v.heardAt, v.arrivals[:1:1]
	v.mu.Unlock()
	for range 10 {
		s.write(s.report())
		s.asks(f, 0, 2, 1, 2)
		s.asks(&segment{frame: f.frame}, 0, 0)
		s.write(append(prefix{typ: subscribe}.bytes(), make([]byte, 26)...))
		time.Sleep(20 * time.Millisecond)
	}
	t.feed(picture(3, 20_000))
	time.Sleep(300 * time.Millisecond)
	if n := len(s.all(anything)) - 1; n > 0 {
		t.broken("addresses that the sender does not send to get nothing", "%d datagrams", n)
	}
	if n := len(v.all(isAnswer)); n > 0 {
		t.broken("a stranger's requests are not answered", "%d answers at the receiver's address", n)
	}
}

func sendHostile(t *trial) {
	v := t.sender()
	v.fed(10)
	good := v.report()
	for i := range 5 {
		for _, b := range [][]byte{{}, good[:4], good[:8], good[:len(good)-1], set(good, 1, 0), set(good, 2, 0x31),
			set(good, 2, good[2]&0xf0|13), classic(), v.control(report, 0, reported{}.bytes()[:20]),
			v.control(report, 0, set(reported{}.bytes(), 20, 9)), v.control(report, 0, set(reported{}.bytes(), 20, 8)),
			v.control(data, 0, make([]byte, 100)), v.control(announcement, 0, announced{}.bytes()), make([]byte, 9000)} {
			v.write(b)
		}
		v.wantsFrame(picture(10+i, 20_000))
	}
	t.checkWrong(v)
}

func sendForgedEcho(t *trial) {
	v := t.sender()
	v.fed(10)
	time.Sleep(300 * time.Millisecond)
	v.mu.Lock()
	forged := reported{echo: clockEcho{stamp(time.Now()) - 700_000, v.heard + 1, 1000}, largest: 1436, age: time.Second}
	v.mu.Unlock()
	for range 20 {
		v.write(v.control(report, 0, forged.bytes()))
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	for _, a := range v.all(isAnnouncement) {
		if a.ann.echo.held > 0 && a.ann.echo.echo == forged.echo.sent {
			t.broken("a report whose Echo is no announcement's Sent changes nothing", "an announcement echoes it")
		}
	}
}
