package netsim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
	"udpcam/internal/netsim"
)

func TestParseNetem(t *testing.T) {
	const ms = time.Millisecond
	for args, want := range map[string]netsim.Path{
		"":                                      {Limit: 1000},
		"limit 84 rate 15mbit":                  {Limit: 84, Rate: 15e6},
		"rate 500kbit":                          {Limit: 1000, Rate: 500e3},
		"rate 1Mbps":                            {Limit: 1000, Rate: 8e6},
		"delay 2ms":                             {Limit: 1000, Delay: 2 * ms},
		"delay 1500":                            {Limit: 1000, Delay: 1500 * time.Microsecond},
		"delay 2ms 1ms":                         {Limit: 1000, Delay: ms, Jitter: 2 * ms},
		"delay 2ms 3ms":                         {Limit: 1000, Jitter: 4 * ms},
		"loss 1%":                               {Limit: 1000, Loss: 0.01},
		"loss random 0.5% delay 0.1s":           {Limit: 1000, Loss: 0.005, Delay: 100 * ms},
		"loss gemodel 1% 20%":                   {Limit: 1000, Burst: netsim.Burst{Enter: 0.01, Leave: 0.2}},
		"loss gemodel 10%":                      {Limit: 1000, Burst: netsim.Burst{Enter: 0.1, Leave: 0.9}},
		"tbf rate 1gbit limit 128kb":            {Rate: 1e9, Queue: 131072},
		"delay 2ms tbf limit 93750 rate 15mbit": {Limit: 1000, Delay: 2 * ms, Rate: 15e6, Queue: 93750},
		"duplicate 1% corrupt 2% delay 100usec": {Limit: 1000, Duplicate: 0.01, Damage: 0.02, Delay: 100 * time.Microsecond},
	} {
		if got, err := netsim.ParseNetem(args); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", args, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"delay 10ms 2ms 25%":                 "correlations",
		"delay 10ms 2ms distribution normal": `"distribution"`,
		"loss gemodel 1% 20% 50%":            "correlations",
		"reorder 25%":                        `"reorder"`,
		"loss":                               "no number",
		"loss nan":                           "no number",
		"loss 101%":                          "more than 100%",
		"delay tomorrow":                     `"tomorrow"`,
		"rate fast":                          `"fast"`,
		"limit -1":                           `"-1"`,
		"tbf rate 1mbit":                     "a rate and a limit",
		"tbf rate 1mbit limit 64kbit":        `"64kbit"`,
		"tbf rate 1mbit limit 9kb burst 5kb": `"burst"`,
		"rate 1mbit tbf rate 1mbit limit 9k": "two rates",
	} {
		if got, err := netsim.ParseNetem(args); !errors.Is(err, netsim.ErrNetem) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want an error with %s", args, got, err, want)
		}
	}
}

// FuzzParseNetem looks for words that make the parser panic, or paths that nothing could cross.
func FuzzParseNetem(f *testing.F) {
	f.Add("delay 2ms 1ms loss gemodel 1% 20% rate 15mbit limit 84 duplicate 1% corrupt 1%")
	f.Add("delay 2ms tbf rate 40mbit limit 64kb")
	f.Fuzz(func(t *testing.T, args string) {
		var p netsim.Path
		var err error
		bound := fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}.Plus(len(args), 100, time.Microsecond)
		fuzzcost.Check(t, bound, func() { p, err = netsim.ParseNetem(args) })
		if err != nil {
			return
		}
		c := netsim.NewCrossing(p, 1, 0)
		now := time.Unix(1, 0)
		for range 10 {
			if at, _ := c.Cross(now, 1000); len(at) > 0 && at[0].Before(now) {
				t.Fatalf("%q: a packet arrives before it is sent", args)
			}
		}
	})
}

// TestFragments: a datagram of 46 fragments is lost as often as any of them is.
func TestFragments(t *testing.T) {
	c := netsim.NewCrossing(netsim.Path{Loss: 0.01, MTU: 1500, Delay: time.Millisecond}, 1, 0)
	lost := 0
	for range 2000 {
		if _, fate := c.Cross(time.Unix(1, 0), 65_000); fate == netsim.Lost {
			lost++
		}
	}
	if lost < 640 || lost > 800 { // 1 - 0.99⁴⁴ = 0.357
		t.Errorf("%d of 2000 large datagrams were lost, want about 714", lost)
	}
}

func TestLimit(t *testing.T) {
	c := netsim.NewCrossing(netsim.Path{Limit: 3, Delay: time.Millisecond}, 1, 0)
	now := time.Unix(1, 0)
	arrive := func() (n int) {
		for range 5 {
			if _, fate := c.Cross(now, 100); fate == netsim.Arrives {
				n++
			}
		}
		return n
	}
	first := arrive()
	now = now.Add(time.Millisecond)
	if second := arrive(); first != 3 || second != 3 {
		t.Errorf("%d and %d packets came through, want 3 each time", first, second)
	}
}
