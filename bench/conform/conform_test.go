package conform

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"udpcam/protocol"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(mutantVariable); name != "" {
		os.Exit(runMutant(name))
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // the tests mostly wait
	os.Exit(m.Run())
}

// TestMutants breaks each rule, one at a time. Each is noticed.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("the step unit runs it")
	}
	udpcam := filepath.Join(t.TempDir(), "udpcam")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", udpcam, "../../cmd/udpcam")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v: %s", err, out)
	}
	startWait, showWait = startWait/4, showWait/2
	tested := map[string]bool{}
	t.Run("all", func(t *testing.T) {
		for _, group := range []struct {
			mutations map[string]mutation
			key       Key
		}{{mutations, Key{}}, {keyedMutations, mutantKey}, {subscribedMutations, Key{}}, {listeningMutations, Key{}}} {
			for name, m := range group.mutations {
				rule := Rules()[slices.IndexFunc(Rules(), func(r Rule) bool { return r.Name == m.rule })]
				tested[m.rule] = true
				mode, addr := "listens", "{addr}"
				command := udpcam + " recv --out - --addr {inner}"
				switch {
				case rule.Role == Receiver && rule.Subscribing:
					mode, addr, command = "calls", "{from}", udpcam+" recv --out - --from {inner}"
				case rule.Role == Sender && rule.Subscribing:
					addr, command = "{listen}", udpcam+" send --hidden --source - --fec 10% --listen {inner}"
				case rule.Role == Sender:
					mode, command = "calls", udpcam+" send --source - --fec 10% --addr {inner}"
				}
				if group.key != (Key{}) {
					command += " --key " + protocol.Key(group.key).Text()
				}
				c := Config{Command: fmt.Sprintf("env %s=%q %s %s %s %s", mutantVariable, name, os.Args[0], mode, addr, command),
					Role: rule.Role, Key: group.key, Rule: m.rule, Tries: 1}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					for range 3 { // on a busy machine, what shows that a rule is broken may come too late
						results, err := Run(t.Context(), c, func(Result) {})
						if err != nil {
							t.Fatal(err)
						}
						t.Logf("%s: expected %s; saw %.200s", m.rule, results[0].Expected, results[0].Saw)
						if !results[0].Passed {
							return
						}
					}
					t.Errorf("rule %s seems to be kept", m.rule)
				})
			}
		}
	})
	for _, r := range Rules() {
		if !tested[r.Name] {
			t.Errorf("no mutant breaks the rule %s", r.Name)
		}
	}
}

// TestRules checks the table of rules.
func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		key := r.Name + string(r.Role)
		if r.Says == "" || r.Section == "" || !r.Open && !r.Sealed || seen[r.Name] {
			t.Errorf("%s: a rule has a name of its own, says something and is tested", key)
		}
		seen[r.Name] = true
	}
}
