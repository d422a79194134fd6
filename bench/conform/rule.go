package conform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Role says which end of the wire is tested.
type Role string

// The roles.
const (
	Receiver Role = "recv"
	Sender   Role = "send"
)

// A Rule is something that the specification says, and how it is tested.
type Rule struct {
	Name    string
	Role    Role
	Section string // of protocol/README.md
	Says    string // in a few words
	// Sealed and Open say whether the rule is tested with a key and without. Subscribing says that receivers come to the
	// sender.
	Sealed, Open, Subscribing bool

	test func(*trial)
}

// A Result is what came of a rule.
type Result struct {
	Rule     string  `json:"rule"`
	Section  string  `json:"section"`
	Says     string  `json:"says"`
	Passed   bool    `json:"passed"`
	Expected string  `json:"expected,omitempty"`
	Saw      string  `json:"saw,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// A Config says what is tested.
type Config struct {
	// Command starts the program. {addr} in it stands for the address at which a receiver listens, or to which a sender sends.
	// If receivers come to the sender, {from} stands for the sender that a receiver goes to, and {listen} for the address at
	// which a sender listens. {key} stands for the key in base64.
	Command string
	Role    Role
	Key     Key    // zero: datagrams are open
	KeyText string // what {key} stands for
	Rule    string // only the rule of that name; "" means all
	// At is how many rules are tested at the same time. 0 means 4.
	At int
	// Tries is how often a rule is tested at most. It must be kept once: a busy machine may delay a datagram so long that a
	// rule seems to be broken. 0 means 3.
	Tries int
}

// Rules returns all rules.
func Rules() []Rule { return slices.Concat(recvRules, recvFromRules, sendRules, listenRules) }

// Chosen returns the rules that fit the Config: its role, command, key and rule. If there are none, the error says why.
func (c Config) Chosen() (rules []Rule, err error) {
	subscribing := strings.Contains(c.Command, map[Role]string{Receiver: "{from}", Sender: "{listen}"}[c.Role])
	if !subscribing && !strings.Contains(c.Command, "{addr}") {
		return nil, fmt.Errorf("the command %q has no {addr}, and for a sender no {listen}, for a receiver no {from}", c.Command)
	}
	named := false
	for _, r := range Rules() {
		named = named || r.Name == c.Rule
		if r.Role != c.Role || r.Subscribing != subscribing || c.Rule != "" && r.Name != c.Rule || !r.Open && c.Key == (Key{}) ||
			!r.Sealed && c.Key != (Key{}) {
			continue
		}
		rules = append(rules, r)
	}
	switch {
	case len(rules) > 0:
		return rules, nil
	case !named && c.Rule != "":
		return nil, fmt.Errorf("there is no rule %q: --list shows all", c.Rule)
	}
	return nil, fmt.Errorf("rule %q is not for this role, for this key or for this placeholder: --list says for which it is",
		c.Rule)
}

// Run tests the rules, some at a time, and returns the results in the order of the rules. Besides, it calls tell with each
// result as soon as it is there.
func Run(ctx context.Context, c Config, tell func(Result)) ([]Result, error) {
	rules, err := c.Chosen()
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(rules))
	at := make(chan struct{}, cmp.Or(c.At, 4))
	var told sync.Mutex
	var all sync.WaitGroup
	shared := &capture{}
	for i, r := range rules {
		at <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-at }()
			began := time.Now()
			for try := range cmp.Or(c.Tries, 3) {
				t := &trial{config: c, capture: shared}
				if try > 0 {
					t.capture = &capture{}
				}
				if results[i] = t.result(r); results[i].Passed || ctx.Err() != nil {
					break
				}
			}
			results[i].Seconds = time.Since(began).Seconds()
			told.Lock()
			defer told.Unlock()
			tell(results[i])
		})
	}
	all.Wait()
	return results, ctx.Err()
}

// A trial is the test of one rule.
type trial struct {
	config  Config
	capture *capture // what all passive tests of a sender share
	program *program
	close   []func()
}

// A broken is what a test panics with if its rule is broken: what was expected, and what happened instead.
type broken struct{ expected, saw string }

// broken ends the test: its rule is broken.
func (t *trial) broken(expected, saw string, args ...any) {
	panic(broken{expected, fmt.Sprintf(saw, args...)})
}

// result tests a rule.
func (t *trial) result(r Rule) (res Result) {
	res = Result{Rule: r.Name, Section: r.Section, Says: r.Says}
	defer func() {
		switch why := recover().(type) {
		case nil:
			res.Passed = true
		case broken:
			res.Expected, res.Saw = why.expected, why.saw
			if t.program != nil {
				if said := t.program.Said(); said != "" {
					res.Saw += "; it said: " + said
				}
			}
		default:
			panic(why)
		}
	}()
	defer func() {
		for _, f := range slices.Backward(t.close) {
			f()
		}
	}()
	r.test(t)
	return res
}

func (t *trial) sealed() bool { return t.config.Key != (Key{}) }

// start starts the program.
func (t *trial) start(values map[string]string) {
	values["key"] = t.config.KeyText
	p, err := start(t.config.Command, values)
	if err != nil {
		t.broken("the program starts", "%v", err)
	}
	t.program = p
	t.close = append(t.close, p.End)
}

// until waits until happened returns true, and reports whether it did so in time.
func until(within time.Duration, happened func() bool) bool {
	for end := time.Now().Add(within); ; time.Sleep(2 * time.Millisecond) {
		if happened() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
