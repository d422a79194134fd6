package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/internal/hosts"
	"udpcam/protocol"
)

// An asked address is one that the user has typed, and what came of asking it.
type askedAddress struct {
	Addr    string  `json:"addr"`
	Answers bool    `json:"answers"` // a sender that can be subscribed to is there
	At      string  `json:"at,omitempty"`
	RTT     float64 `json:"rtt_ms,omitempty"`
	Sealed  bool    `json:"sealed,omitempty"` // it answered to one of the keys
	Trouble string  `json:"trouble,omitempty"`
}

// findAt asks addresses that were typed.
func findAt(c *cli.Context, addrs []string, keys []protocol.Key, wait time.Duration) error {
	results := []askedAddress{}
	var silent []string
	for _, addr := range addrs {
		a, err := askAt(c.Context, addr, keys, wait)
		if err != nil {
			return err
		}
		results = append(results, a)
		if !a.Answers {
			silent = append(silent, addr)
		}
	}
	if c.Bool("json") {
		if err := writeJSON(c.App.Writer, results); err != nil {
			return err
		}
	} else {
		for _, a := range results {
			a.print(c.App.Writer)
		}
	}
	if len(silent) > 0 {
		return fmt.Errorf("no camera at %s", strings.Join(silent, ", "))
	}
	return nil
}

// askAt asks all that an address stands for, whether a sender is there. It asks for a cookie and does not use it: no stream
// begins to flow.
func askAt(ctx context.Context, addr string, keys []protocol.Key, wait time.Duration) (askedAddress, error) {
	a := askedAddress{Addr: addr}
	known, err := hosts.Resolve(ctx, nil, addr)
	if err != nil {
		return a, err
	}
	ctx, end := context.WithTimeout(ctx, wait)
	defer end()
	answers := make(chan askedAddress)
	for _, to := range known {
		go func() { answers <- ask(ctx, a, to, keys) }()
	}
	for range known {
		if one := <-answers; one.Answers || !a.Answers && a.Trouble == "" {
			a = one
			if one.Answers {
				end() // the others need not wait any longer
			}
		}
	}
	return a, nil
}

// ask asks one address, without a key and with each, until something answers.
func ask(ctx context.Context, a askedAddress, to netip.AddrPort, keys []protocol.Key) askedAddress {
	a.At = to.String()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		a.Trouble = err.Error()
		return a
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })()
	began := time.Now()
	askers := []*protocol.Subscriber{protocol.NewSubscriber(to, "", nil, began)}
	if len(keys) > 0 {
		askers = append(askers, protocol.NewSubscriber(to, "", keys, began))
	}
	var failed error
	buffer := make([]byte, protocol.MaxDatagram)
	for ctx.Err() == nil {
		for _, s := range askers {
			for b, ok := s.Next(time.Now()); ok; b, ok = s.Next(time.Now()) {
				if _, err := conn.Write(b); err != nil {
					failed = err
				}
			}
		}
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := conn.Read(buffer)
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
				failed = err
			}
			continue
		}
		for i, s := range askers {
			if now := time.Now(); s.Read(buffer[:n], now) == nil {
				a.Answers, a.Sealed, a.RTT = true, i > 0, round(float64(now.Sub(began))/1e6, 2)
				return a
			}
		}
	}
	a.Trouble = trouble(failed, len(keys) > 0)
	return a
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// trouble says why nothing answers.
func trouble(failed error, keys bool) string {
	key := "if it is sealed, give its --key"
	if keys {
		key = "if it is sealed, is it with this key"
	}
	switch {
	case errors.Is(failed, syscall.ECONNREFUSED):
		return "the machine is there, but nothing listens at that port: start udpcam send --listen there"
	case failed != nil:
		return failed.Error()
	}
	return "nothing answers: is udpcam send --listen running there, does its firewall let UDP in (udpcam doctor says), and " + key + "?"
}

func (a askedAddress) print(w io.Writer) {
	if !a.Answers {
		fmt.Fprintf(w, "%s  %s\n", a.Addr, a.Trouble)
		return
	}
	sealed := "open"
	if a.Sealed {
		sealed = "sealed with your key"
	}
	fmt.Fprintf(w, "%s  a camera answers after %v ms, %s\n", a.Addr, a.RTT, sealed)
}
