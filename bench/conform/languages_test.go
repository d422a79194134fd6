//go:build languages

package conform

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/protocol"
)

var programs = flag.String("programs", "", "the folder with the programs that make languages has built")

// An implementation is the wire in one language, with its programs. {dir} is the folder of what was built, {root} that of
// this project, {key} how its programs get the key.
type implementation struct {
	name               string
	send, listen, recv string // "" if it has no such program
	from               string
	key                string
}

var implementations = []implementation{
	{"Go", "{dir}/udpcam send --source - --fec 20% --name {name} {key} --addr {addr}",
		"{dir}/udpcam send --source - --fec 20% --name {name} {key} --hidden --listen {listen}",
		"{dir}/udpcam recv --out - {key} --addr {addr}", "{dir}/udpcam recv --out - {key} --from {from}", "--key "},
	{"C", "{dir}/udpcam-send --parity 20 --name {name} {key} {addr}", "{dir}/udpcam-send --parity 20 --name {name} {key} --listen {listen}",
		"{dir}/udpcam-recv --out - {key} {addr}", "{dir}/udpcam-recv --out - {key} --from {from}", "--key "},
	{"C++", "{dir}/udpcam-cpp-send --parity 20 --name {name} {key} {addr}",
		"{dir}/udpcam-cpp-send --parity 20 --name {name} {key} --listen {listen}",
		"{dir}/udpcam-cpp-recv --out - {key} {addr}", "{dir}/udpcam-cpp-recv --out - {key} --from {from}", "--key "},
	{"Python", "env PYTHONPATH={root}/protocol/python/src {python} -m udpcam send --parity 20 --name {name} {key} {addr}",
		"",
		"env PYTHONPATH={root}/protocol/python/src {python} -m udpcam recv --out - {key} {addr}",
		"env PYTHONPATH={root}/protocol/python/src {python} -m udpcam recv --out - {key} --from {from}", "--key "},
	{"JS", "", "", "node {root}/protocol/js/udpcam-recv.mjs --out - {key} {addr}",
		"node {root}/protocol/js/udpcam-recv.mjs --out - {key} --from {from}",
		"--key "},
}

// command fills in what is the same for all runs.
func (i implementation) command(t *testing.T, line string, key protocol.Key) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(*programs)
	if err != nil || *programs == "" {
		t.Fatal("give the folder of the programs with -programs, as make languages does")
	}
	keyed := ""
	if key != (protocol.Key{}) {
		keyed = i.key + key.Text()
	}
	return strings.NewReplacer("{dir}", dir, "{root}", root, "{key}", keyed, "{python}", python(),
		"{name}", fmt.Sprintf("door%d", rand.IntN(1e6))).Replace(line)
}

// python is a Python 3 with numpy: that of Debian's packages may not be the first in PATH.
var python = sync.OnceValue(func() string {
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(path, "-c", "import numpy, cryptography").Run() == nil {
			return path
		}
	}
	return "python3"
})

// keys are those that each pair is tested with: none, and one.
var keys = map[string]protocol.Key{"open": {}, "sealed": protocol.NewKey()}

// atOnce bounds how many pairs run at the same time.
var atOnce = make(chan struct{}, 6)

// TestE2EPairs has every sender send to every receiver: first over a clean network, then over one that loses 5 % each way.
// All frames come, byte for byte.
func TestE2EPairs(t *testing.T) {
	for _, s := range implementations {
		for _, r := range implementations {
			for kind, key := range keys {
				if s.send == "" {
					continue
				}
				t.Run(s.name+" to "+r.name+", "+kind, func(t *testing.T) { again(t, func() error { return pair(t, s, r, key) }) })
			}
		}
	}
}

// TestE2ESubscribed has every receiver that subscribes go to every sender that can be subscribed to.
func TestE2ESubscribed(t *testing.T) {
	for _, s := range implementations {
		for _, r := range implementations {
			for kind, key := range keys {
				if s.listen == "" || r.from == "" {
					continue
				}
				t.Run(r.name+" from "+s.name+", "+kind, func(t *testing.T) {
					again(t, func() error { return subscribedPair(t, s, r, key) })
				})
			}
		}
	}
}

// again runs a test in parallel with others, three times at most: a machine that is very busy loses frames by itself.
func again(t *testing.T, run func() error) {
	t.Parallel()
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	var err error
	for range 3 {
		if err = run(); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

func pair(t *testing.T, s, r implementation, key protocol.Key) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	recv, err := start(r.command(t, r.recv, key), map[string]string{"addr": at.String()})
	if err != nil {
		return err
	}
	defer recv.End()
	if err := recv.listening(at); err != nil {
		return recv.Failure(err)
	}
	path, err := newPath(at)
	if err != nil {
		return err
	}
	defer path.Close()
	send, err := start(s.command(t, s.send, key), map[string]string{"addr": path.addr().String()})
	if err != nil {
		return err
	}
	defer send.End()
	return watchPair(send, recv, func() { path.lose(0.05) })
}

func subscribedPair(t *testing.T, s, r implementation, key protocol.Key) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	send, err := start(s.command(t, s.listen, key), map[string]string{"listen": at.String()})
	if err != nil {
		return err
	}
	defer send.End()
	if err := send.listening(at); err != nil {
		return send.Failure(err)
	}
	recv, err := start(r.command(t, r.from, key), map[string]string{"from": at.String()})
	if err != nil {
		return err
	}
	defer recv.End()
	return watchPair(send, recv, func() {})
}

// watchPair feeds the sender pictures, and compares what the receiver shows.
func watchPair(send, recv *program, worse func()) error {
	number := 0
	feed := func(size int) ([]byte, error) {
		number++
		jpeg := picture(number, size)
		_, err := send.Stdin.Write(jpeg)
		time.Sleep(33 * time.Millisecond)
		return jpeg, err
	}
	for began := time.Now(); len(recv.shown()) == 0; { // the first ones may come before the receiver knows the stream
		if _, err := feed(3000); err != nil {
			return send.Failure(err)
		}
		if time.Since(began) > startWait {
			return fmt.Errorf("nothing is shown after %v; the sender said: %s; the receiver said: %s", startWait, send.Said(),
				recv.Said())
		}
	}
	sizes := []int{20_000, 80_000, 45_000, 1500}
	for i := range 16 { // a sender that follows the path learns it
		if _, err := feed(sizes[i%4]); err != nil {
			return send.Failure(err)
		}
	}
	var want [][]byte
	for i := range 40 {
		if i == 10 {
			worse()
		}
		jpeg, err := feed(sizes[i%4])
		if err != nil {
			return send.Failure(err)
		}
		want = append(want, jpeg)
	}
	for range 3 { // they show that the last ones have ended
		if _, err := feed(3000); err != nil {
			return send.Failure(err)
		}
	}
	missing := func() (n, first int) {
		all := recv.shown()
		for i, jpeg := range want {
			at := -1
			for j, s := range all {
				if bytes.Equal(s.jpeg, jpeg) {
					at = j
					break
				}
			}
			if at < 0 {
				if n++; n == 1 {
					first = i
				}
				continue
			}
			all = all[at+1:] // in order
		}
		return n, first
	}
	if !until(5*time.Second, func() bool { n, _ := missing(); return n == 0 }) {
		n, first := missing()
		return fmt.Errorf("%d of %d frames are missing or out of order, the first of them is %d; the sender said: %s; the "+
			"receiver said: %s", n, len(want), first, send.Said(), recv.Said())
	}
	return nil
}
