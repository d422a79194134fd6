package conform

import (
	"bytes"
	"time"
)

// sender starts the program as a sender, with a viewer that reports.
func (t *trial) sender() *viewer {
	v := t.quiet()
	v.goOn()
	return v
}

// quiet starts the program as a sender, with a viewer that sends nothing by itself.
func (t *trial) quiet() *viewer {
	at, err := freeAddress()
	if err != nil {
		t.broken("a free address", "%v", err)
	}
	v := t.newViewer(at)
	t.start(map[string]string{"addr": at.String()})
	return v
}

// feed gives the sender pictures, 30 a second.
func (t *trial) feed(pictures ...[]byte) {
	for _, jpeg := range pictures {
		if _, err := t.program.Stdin.Write(jpeg); err != nil {
			t.broken("the sender reads pictures from standard input", "%v", err)
		}
		time.Sleep(33 * time.Millisecond)
	}
}

// frames returns the frames that came so far, without answers: their segments, in order of arrival.
func (v *viewer) frames() (frames [][]arrival) {
	for _, a := range v.all(isFirst) {
		if n := len(frames); n > 0 && frames[n-1][0].seg.frame == a.seg.frame {
			frames[n-1] = append(frames[n-1], a)
			continue
		}
		frames = append(frames, []arrival{a})
	}
	return frames
}

// joined puts the data of a frame together. It is nil if some of it is missing.
func joined(frame []arrival) []byte {
	s := frame[0].seg
	stride := ceil(ceil(s.length, s.blocks*s.k), 64) * 64
	jpeg, have := make([]byte, s.length), 0
	for _, a := range frame {
		if a.seg.typ&^answering != data {
			continue
		}
		if at := a.seg.index() * stride; at >= 0 && at+len(a.seg.payload) <= len(jpeg) {
			have += copy(jpeg[at:], a.seg.payload)
		}
	}
	if have != len(jpeg) {
		return nil
	}
	return jpeg
}

// wantsFrame feeds one picture, and waits until all of its frame has come.
func (v *viewer) wantsFrame(jpeg []byte) (frame []arrival) {
	v.t.feed(jpeg)
	if !until(startWait, func() bool {
		for _, f := range v.frames() {
			if bytes.Equal(joined(f), jpeg) {
				frame = f
				s := f[0].seg
				return len(f) >= ceil(s.length, ceil(ceil(s.length, s.blocks*s.k), 64)*64)+s.p*s.blocks
			}
		}
		return false
	}) {
		v.t.broken("a picture on standard input becomes a frame with its bytes",
			"%d datagrams came, none of them of a frame with the %d bytes", len(v.all(anything)), len(jpeg))
	}
	return frame
}

// live waits until the sender has heard this receiver: then it answers.
func (v *viewer) live() {
	if !until(showWait, func() bool {
		return len(v.all(func(a arrival) bool { return a.ann != nil && a.ann.echo.held > 0 })) > 0
	}) {
		v.t.broken("an announcement echoes a report", "none in %v", showWait)
	}
}

// asks sends a request for a frame.
func (v *viewer) asks(f *segment, block, need int, missing ...int) {
	v.write(v.control(request, byte(block), requested{frame: f.frame, need: need, k: f.k, missing: missing}.bytes()))
}

// checkWrong breaks the rule if something came that is not of the wire.
func (t *trial) checkWrong(v *viewer) {
	for _, a := range v.all(func(a arrival) bool { return a.wrong != "" }) {
		t.broken("segments, announcements and answers as the specification says", "%s", a.wrong)
	}
}
