package web

import (
	"os"
	"strings"
	"testing"
)

// By which way pictures come: testdata/way.js plays the page's decisions in simulated time.
func TestWay(t *testing.T) {
	play, err := os.ReadFile("testdata/way.js")
	if err != nil {
		t.Fatal(err)
	}
	p := browse(t, "http://"+serve(t, New(quiet(Config{})))+"/", 600, 400)
	for _, fault := range evaluate[[]string](p, "import('/static/way.js').then("+strings.TrimSuffix(strings.TrimSpace(string(play)), ";")+")") {
		t.Error(fault)
	}
}
