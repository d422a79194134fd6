package netsim_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"udpcam/internal/netsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	a = netip.MustParseAddrPort("10.0.0.1:1000")
	b = netip.MustParseAddrPort("10.0.0.2:2000")
)

func listen(t *testing.T, n *netsim.Network, addr netip.AddrPort) *netsim.Conn {
	t.Helper()
	c, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An arrival is a datagram as it came out of a path.
type arrival struct {
	number int
	size   int
	after  time.Duration
}

// cross sends count datagrams of size bytes, each gap after the one before, and returns what arrives within a minute.
func cross(t *testing.T, seed uint64, p netsim.Path, count, size int, gap time.Duration) (got []arrival, st netsim.Stats) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(seed, p)
		from, to := listen(t, n, a), listen(t, n, b)
		start := time.Now()
		for i := range count {
			d := make([]byte, size)
			d[0], d[1] = byte(i>>8), byte(i)
			from.Send(b, [][2][]byte{{d[:2], d[2:]}})
			time.Sleep(gap)
			synctest.Wait()
		}
		end := start.Add(time.Minute)
		to.SetReceiveDeadline(end)
		for {
			trains, err := to.Receive()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil || trains[0].From != a {
				t.Fatalf("from %v: %v", trains[0].From, err)
			}
			b := trains[0].Bytes
			got = append(got, arrival{int(b[0])<<8 | int(b[1]), len(b), time.Since(start)})
		}
		st = n.Stats()
	})
	return got, st
}

func numbers(got []arrival) (n []int) {
	for _, g := range got {
		n = append(n, g.number)
	}
	return n
}

func TestPerfectPath(t *testing.T) {
	got, st := cross(t, 1, netsim.Path{}, 1000, 500, 0)
	if !slices.IsSorted(numbers(got)) || len(got) != 1000 || st.Bytes != 500_000 {
		t.Errorf("%d datagrams came, %+v", len(got), st)
	}
}

func TestLossIsAsOftenAsAsked(t *testing.T) {
	for _, p := range []netsim.Path{{Loss: 0.05}, {Burst: netsim.Burst{Enter: 0.01, Leave: 0.19}}} {
		_, st := cross(t, 3, p, 20_000, 2, 0)
		if share := float64(st.Lost) / float64(st.Sent); share < 0.04 || share > 0.06 {
			t.Errorf("%+v: lost %.3f, want 0.05", p, share)
		}
	}
}

func TestBurstsAreAsLongAsAsked(t *testing.T) {
	got, st := cross(t, 3, netsim.Path{Burst: netsim.Burst{Enter: 0.01, Leave: 0.2}}, 20_000, 2, 0)
	bursts := 0
	for i := 1; i < len(got); i++ {
		if got[i].number != got[i-1].number+1 {
			bursts++
		}
	}
	if mean := float64(st.Lost) / float64(bursts); mean < 4 || mean > 6 {
		t.Errorf("bursts of %.1f datagrams, want 5", mean)
	}
}

func TestJitterReorders(t *testing.T) {
	got, _ := cross(t, 1, netsim.Path{Delay: time.Millisecond, Jitter: 10 * time.Millisecond}, 1000, 2, time.Millisecond)
	order := numbers(got)
	if slices.IsSorted(order) || len(got) != 1000 {
		t.Error("nothing overtook anything")
	}
}

func TestDuplicationAndDamage(t *testing.T) {
	got, st := cross(t, 1, netsim.Path{Duplicate: 0.1, Damage: 0.1}, 10_000, 20, 0)
	if st.Duplicated < 900 || st.Duplicated > 1100 || st.Damaged < 990 || st.Damaged > 1210 || uint64(len(got)) != st.Sent+st.Duplicated {
		t.Errorf("%+v", st)
	}
}

// TestBottleneck sends 100 datagrams of 1000 bytes at once through 8 Mbit/s with room for 50.
func TestBottleneck(t *testing.T) {
	got, st := cross(t, 1, netsim.Path{Rate: 8_000_000, Queue: 50 * 1000}, 100, 958, 0)
	if st.Queue != 50 || len(got) != 50 || !slices.IsSorted(numbers(got)) {
		t.Errorf("%d came, %+v", len(got), st)
	}
}

func TestSameSeedSameFate(t *testing.T) {
	p := netsim.Path{Loss: 0.1, Burst: netsim.Burst{Enter: 0.01, Leave: 0.5}, Delay: time.Millisecond, Jitter: time.Millisecond,
		Duplicate: 0.05, Damage: 0.05, Rate: 10_000_000, Queue: 20_000}
	one, st1 := cross(t, 42, p, 2000, 100, 50*time.Microsecond)
	two, st2 := cross(t, 42, p, 2000, 100, 50*time.Microsecond)
	if !slices.Equal(one, two) || st1 != st2 {
		t.Error("the same seed had another outcome")
	}
	if three, _ := cross(t, 43, p, 2000, 100, 50*time.Microsecond); slices.Equal(one, three) {
		t.Error("another seed had the same outcome")
	}
}

func TestConn(t *testing.T) {
	n := netsim.New(1, netsim.Path{})
	c := listen(t, n, a)
	if _, err := n.Listen(a); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address twice: %v", err)
	}
	c.Send(b, [][2][]byte{{[]byte("to nobody"), nil}})
	c.Close()
	if _, err := c.Receive(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := c.Send(b, [][2][]byte{{nil, nil}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	listen(t, n, a).Close()
	if c.LocalAddr() != a {
		t.Error(c.LocalAddr())
	}
}

// TestSetPath gives each direction its own path.
func TestSetPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		ca, cb := listen(t, n, a), listen(t, n, b)
		n.SetPath(a, b, netsim.Path{Delay: 5 * time.Millisecond})
		start := time.Now()
		for _, c := range []struct {
			from, to *netsim.Conn
			want     time.Duration
		}{{ca, cb, 5 * time.Millisecond}, {cb, ca, 0}} {
			sent := time.Since(start)
			c.from.Send(c.to.LocalAddr(), [][2][]byte{{[]byte("x"), nil}})
			if _, err := c.to.Receive(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start) - sent; took != c.want {
				t.Error(fmt.Sprint(c.from.LocalAddr()), "took", took, "want", c.want)
			}
		}
	})
}
