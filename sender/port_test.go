package sender_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// guest returns the address of a viewer who comes to the camera.
func guest(n int) netip.AddrPort { return netip.MustParseAddrPort(fmt.Sprintf("10.1.0.%d:50000", n)) }

// A stage is a camera at whose port receivers subscribe.
type stage struct {
	*show
	port *sender.Port
}

func newStage(t *testing.T, p netsim.Path, pc sender.PortConfig, c sender.Config) *stage {
	n := netsim.New(1, p)
	pc.Log, c.Log = quiet, quiet
	c.Port = sender.NewPort(pc, listen(t, n, camera))
	s, err := sender.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		c.Port.Close()
	})
	return &stage{&show{network: n, sender: s}, c.Port}
}

// join has a viewer subscribe to all streams of the port.
func (s *stage) join(t *testing.T, addr netip.AddrPort, keys ...protocol.Key) *watcher {
	conn := listen(t, s.network, addr)
	return subscribe(conn, protocol.AssemblerConfig{Keys: keys}, protocol.NewSubscriber(camera, "", keys, time.Now()))
}

// TestEachPathDecides has three viewers: one on a clean path, one on a path that loses a twentieth, and one whose path carries
// a half. Each must get what it would get alone, and as fast. The slow path must not hold up the sender.
func TestEachPathDecides(t *testing.T) {
	const frames = 600
	paths := []struct {
		name     string
		out      netsim.Path
		back     netsim.Path
		delivers int // frames, at least
	}{
		{"clean", netsim.Path{}, netsim.Path{}, frames},
		{"lossy", netsim.Path{Loss: 0.05}, netsim.Path{Loss: 0.05}, frames * 999 / 1000},
		{"slow", netsim.Path{Rate: 10e6, Queue: 100_000}, netsim.Path{}, frames * 45 / 100},
	}
	type sight struct {
		stats  protocol.Stats
		median time.Duration
		parity uint64
	}
	watch := func(t *testing.T, these ...int) map[int]sight {
		saw := map[int]sight{}
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, netsim.Path{}, sender.PortConfig{}, sender.Config{})
			viewers := map[int]*watcher{}
			for _, i := range these {
				out, back := paths[i].out, paths[i].back
				out.Delay, back.Delay = 2*time.Millisecond, 2*time.Millisecond
				s.network.SetPath(camera, guest(i), out)
				s.network.SetPath(guest(i), camera, back)
				viewers[i] = s.join(t, guest(i))
			}
			time.Sleep(time.Second)
			s.send(t, 60, 78_200, 30) // the paths become known
			time.Sleep(time.Second / 30)
			s.longest = 0
			s.send(t, frames-60, 78_200, 30)
			time.Sleep(time.Second)
			for _, info := range s.sender.Destinations() {
				for i, v := range viewers {
					if info.Addr == guest(i) && (!info.Subscribed || info.Skipped < v.skipped.Load()) {
						t.Errorf("%s: %+v", paths[i].name, info)
					}
				}
			}
			if len(these) > 1 && s.longest > time.Millisecond {
				t.Errorf("a slow path holds up the sender for %v", s.longest)
			}
			for i, v := range viewers {
				v.stop()
				saw[i] = sight{v.assembler.Stats(), median(v.delays), v.parity.Load()}
			}
		})
		return saw
	}
	together := watch(t, 0, 1, 2)
	for i, p := range paths {
		alone, got := watch(t, i)[i], together[i]
		st := got.stats
		t.Logf("%s: %d frames and %v, alone %d and %v", p.name, st.Frames, got.median, alone.stats.Frames, alone.median)
		if n := int(st.Frames); n < p.delivers || n < int(alone.stats.Frames)*95/100 {
			t.Errorf("%s: %d of %d frames, and %d alone; dropped %v", p.name, n, frames, alone.stats.Frames, st.Dropped.Map())
		}
		if got.median > alone.median*105/100 {
			t.Errorf("%s: median delay %v, and %v alone", p.name, got.median, alone.median)
		}
		if got.parity > alone.parity*11/10+20 {
			t.Errorf("%s: %d segments of parity, and %d alone", p.name, got.parity, alone.parity)
		}
		if known := st.Skipped + st.Frames + st.Dropped.Total(); i == 2 && (known < frames*99/100 || st.Requests > frames/10) {
			t.Errorf("%s: %d frames are accounted for, %d requests", p.name, known, st.Requests)
		}
	}
}

func median(delays map[uint32]time.Duration) time.Duration {
	var all []time.Duration
	for _, d := range delays {
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// TestSubscriptions checks how subscriptions begin and end: with and without a key.
func TestSubscriptions(t *testing.T) {
	for _, keys := range [][]protocol.Key{nil, {{1}}} {
		synctest.Test(t, func(t *testing.T) {
			c := sender.Config{Name: "door"}
			if len(keys) > 0 {
				c.Key = keys[0]
			}
			s := newStage(t, netsim.Path{Delay: 5 * time.Millisecond}, sender.PortConfig{}, c)
			if s.sender.Watched() || s.port.Wanted() {
				t.Error("somebody watches before anybody has come")
			}
			first, second := s.join(t, guest(1), keys...), s.join(t, guest(2), keys...)
			time.Sleep(100 * time.Millisecond)
			if !s.sender.Watched() || !s.port.Wanted() || len(s.sender.Destinations()) != 2 {
				t.Fatalf("the subscribers are %+v", s.sender.Destinations())
			}
			time.Sleep(20 * time.Second) // the camera is slow to open
			s.send(t, 30, 20_000, 30)
			time.Sleep(100 * time.Millisecond)
			if first.count() != 30 || second.count() != 30 {
				t.Errorf("%d and %d frames of 30 came", first.count(), second.count())
			}

			first.conn.(*netsim.Conn).Close() // without a farewell
			<-first.done
			s.send(t, 30*4, 20_000, 30)
			if ds := s.sender.Destinations(); len(ds) != 1 || ds[0].Addr != guest(2) {
				t.Errorf("after the first has gone: %+v", ds)
			}
			second.leave()
			time.Sleep(6 * time.Millisecond)
			if s.sender.Watched() {
				t.Error("the second is sent the stream after its farewell")
			}
			second.stop()
		})
	}
}

// TestSubscribersNeedTheKey has viewers ask a sealed camera: without a key and with another one.
func TestSubscribersNeedTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, netsim.Path{Delay: time.Millisecond}, sender.PortConfig{}, sender.Config{Key: protocol.Key{1}})
		open, other := s.join(t, guest(1)), s.join(t, guest(2), protocol.Key{2})
		s.send(t, 60, 20_000, 30)
		if s.sender.Watched() || s.network.Stats().Bytes > 60*200 {
			t.Errorf("%d bytes on the wire; subscribers: %+v", s.network.Stats().Bytes, s.sender.Destinations())
		}
		if refused := s.port.Refused(); refused[sender.FeedbackUnsealed] == 0 || refused[sender.FeedbackWrongKey] == 0 {
			t.Errorf("refused: %v", refused)
		}
		open.stop()
		other.stop()
	})
}

// TestPlaces fills a port from one address. Viewers of other addresses must still find a place.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, netsim.Path{Delay: time.Millisecond}, sender.PortConfig{MaxSubscribers: 4}, sender.Config{})
		var crowd []*watcher
		for i := range 6 {
			crowd = append(crowd, s.join(t, netip.AddrPortFrom(guest(9).Addr(), uint16(1000+i))))
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(s.sender.Destinations()); n != 4 {
			t.Errorf("%d subscribers at 4 places", n)
		}
		one, two := s.join(t, guest(1)), s.join(t, guest(2))
		time.Sleep(100 * time.Millisecond)
		s.send(t, 90, 5_000, 30)
		time.Sleep(10 * time.Millisecond)
		if one.count() != 90 || two.count() != 90 || len(s.sender.Destinations()) != 4 {
			t.Errorf("%d and %d of 90 frames came at %d places", one.count(), two.count(), len(s.sender.Destinations()))
		}
		for _, w := range append(crowd, one, two) {
			w.stop()
		}
		if state := crowd[5].subscriber.State(time.Now()); state != protocol.Full {
			t.Errorf("one who found no place is %v", state)
		}
	})
}

// TestOnePortSeveralCameras has two cameras at one port. A viewer gets both, or the one that he names.
func TestOnePortSeveralCameras(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, netsim.Path{Delay: time.Millisecond}, sender.PortConfig{}, sender.Config{Name: "door"})
		garden, err := sender.New(sender.Config{Name: "garden", Port: s.port, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer garden.Close()
		both := s.join(t, guest(1))
		one := subscribe(listen(t, s.network, guest(2)), protocol.AssemblerConfig{}, protocol.NewSubscriber(camera, "garden", nil, time.Now()))
		none := subscribe(listen(t, s.network, guest(3)), protocol.AssemblerConfig{}, protocol.NewSubscriber(camera, "cellar", nil, time.Now()))
		time.Sleep(100 * time.Millisecond)
		for range 30 {
			for _, to := range []*sender.Sender{s.sender, garden} {
				if _, err := to.Send(protocol.Frame{JPEG: picture(20_000, 1)}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(30 * time.Millisecond)
		}
		for _, w := range []*watcher{both, one, none} {
			w.stop()
		}
		if both.names["door"] != 30 || both.names["garden"] != 30 || one.names["garden"] != 30 || len(one.names) != 1 || len(none.names) != 0 {
			t.Errorf("frames: %v, %v, %v", both.names, one.names, none.names)
		}
		if state := none.subscriber.State(time.Now()); state != protocol.NoStream {
			t.Errorf("who asks for a stream that is not there is %v", state)
		}
		if len(s.sender.Stats().RefusedFeedback)+len(garden.Stats().RefusedFeedback) > 0 {
			t.Errorf("refused: %v and %v", s.sender.Stats().RefusedFeedback, garden.Stats().RefusedFeedback)
		}
	})
}

// TestPortAnswersNoMore floods a port with what a stranger may send from invented addresses. No address may get more bytes
// than came from it, and a live viewer must not notice.
func TestPortAnswersNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, netsim.Path{Delay: time.Millisecond}, sender.PortConfig{}, sender.Config{})
		viewer := s.join(t, guest(1))
		time.Sleep(100 * time.Millisecond)
		stop := make(chan struct{})
		go func() {
			ask, _ := protocol.NewSubscriber(camera, "", nil, time.Now()).Next(time.Now())
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				from := listen(t, s.network, netip.AddrPortFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 999))
				b := bytes.Clone(ask)
				if i%2 == 1 {
					b[20]++ // a cookie that nobody has made
				}
				from.Send(camera, []protocol.Datagram{{b, nil}})
				time.Sleep(2 * time.Millisecond)
				from.SetReceiveDeadline(time.Now().Add(time.Millisecond))
				got := 0
				for batches, err := from.Receive(); err == nil; batches, err = from.Receive() {
					for _, batch := range batches {
						got += len(batch.Bytes)
					}
				}
				if got == 0 || got > len(b) {
					t.Errorf("%d bytes went to an address that sent %d", got, len(b))
				}
				from.Close()
			}
		}()
		s.send(t, 90, 20_000, 30)
		close(stop)
		time.Sleep(10 * time.Millisecond)
		viewer.stop()
		if viewer.count() != 90 || len(s.sender.Destinations()) != 1 {
			t.Errorf("%d of 90 frames came; subscribers: %+v", viewer.count(), s.sender.Destinations())
		}
	})
}

// A port without streams answers the holders of its keys, and nobody else. So a relay learns that somebody waits.
func TestPortWithoutStreams(t *testing.T) {
	key := protocol.Key{7}
	for name, keys := range map[string][]protocol.Key{"open": {{}}, "sealed": {key}, "no keys": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
				p := sender.NewPort(sender.PortConfig{Keys: keys, Log: quiet}, listen(t, n, camera))
				defer p.Close()
				s := &stage{&show{network: n}, p}
				open, sealed := s.join(t, guest(1)), s.join(t, guest(2), key)
				time.Sleep(100 * time.Millisecond)
				open.stop()
				sealed.stop()
				if p.Wanted() != (keys != nil) {
					t.Errorf("wanted is %v", p.Wanted())
				}
				unsealed, wrong := p.Refused()[sender.FeedbackUnsealed], p.Refused()[sender.FeedbackWrongKey]
				if (unsealed == 0) != (name == "open") || (wrong == 0) != (name == "sealed") {
					t.Errorf("refused %v", p.Refused())
				}
			})
		})
	}
}

// A stream that begins goes at once to those who have asked for all streams, or for it, and to nobody else.
func TestStreamBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		p := sender.NewPort(sender.PortConfig{Keys: []protocol.Key{{}}, Log: quiet}, listen(t, n, camera))
		defer p.Close()
		s := &stage{&show{network: n}, p}
		ask := func(guest netip.AddrPort, name string) *watcher {
			return subscribe(listen(t, n, guest), protocol.AssemblerConfig{}, protocol.NewSubscriber(camera, name, nil, time.Now()))
		}
		all, door, yard := s.join(t, guest(1)), ask(guest(2), "door"), ask(guest(3), "yard")
		time.Sleep(300 * time.Millisecond)
		for _, name := range []string{"door", "yard"} {
			var err error
			if s.sender, err = sender.New(sender.Config{Name: name, Port: p, Log: quiet}); err != nil {
				t.Fatal(err)
			}
			defer s.sender.Close()
			s.send(t, 3, 5000, 30)
			time.Sleep(10 * time.Millisecond)
		}
		for name, w := range map[string]*watcher{"all": all, "door": door, "yard": yard} {
			w.stop()
			want := 3
			if name == "all" {
				want = 6
			}
			if int(w.count()) != want {
				t.Errorf("who asked for %s got %d frames, want %d", name, w.count(), want)
			}
		}
	})
}

// TestFirstPicture has a viewer come while the camera runs. It must see a picture within 100 ms.
func TestFirstPicture(t *testing.T) {
	for _, keys := range [][]protocol.Key{nil, {{1}}} {
		synctest.Test(t, func(t *testing.T) {
			c := sender.Config{Name: "door"}
			if len(keys) > 0 {
				c.Key = keys[0]
			}
			s := newStage(t, netsim.Path{Delay: time.Millisecond}, sender.PortConfig{}, c)
			first := s.join(t, guest(1), keys...)
			s.send(t, 60, 78_200, 30)
			for i := range 10 {
				came := time.Now()
				v := s.join(t, guest(10+i), keys...)
				for v.count() == 0 && time.Since(came) < time.Second {
					s.send(t, 1, 78_200, 30)
					time.Sleep(time.Second/30 - time.Duration(i)*time.Millisecond)
				}
				if took := time.Since(came); took > 100*time.Millisecond {
					t.Errorf("viewer %d: the first picture comes after %v", i, took)
				}
				v.stop()
			}
			first.stop()
		})
	}
}
