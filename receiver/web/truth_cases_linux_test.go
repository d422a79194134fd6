package web

import (
	"encoding/json"
)

// truths are what judge says. Times are in ms.
var truths = []struct{ facts, state, notice string }{
	{`shown: 0`, "live", ""},
	{`shown: 1000`, "live", ""},
	{`shown: 1001`, "quiet", "no picture for 1 s"},
	{`shown: 1000 + 2 * 400, interval: 400`, "live", ""},
	{`shown: 1001 + 2 * 400, interval: 400`, "quiet", "no picture for 1 s"},
	{`shown: 25000, interval: 12000`, "live", ""},
	{`shown: 57000, newest: 57000`, "quiet", "no picture for 57 s"},
	{`shown: 200000, newest: 200000, trouble: 'the camera says no'`, "quiet", "no picture for 3 min\nthe camera says no"},
	{`shown: 57000, newest: 40`, "behind", "this page is 57 s behind"},
	{`shown: 0, silent: 2001`, "lost", "no connection to the server\nthe picture is 1 s old"},
	{`shown: 9000, silent: 2001, answers: true`, "lost", "connecting again\nthe picture is 9 s old"},
	{`shown: 0, silent: Infinity, begun: 100`, "connecting", ""},
	{`shown: 0, silent: Infinity, begun: 2000, timed: false`, "lost", "no connection to the server"},
	{`shown: 0, timed: false`, "connecting", ""},
	{`shown: null, silent: Infinity, begun: 100`, "waiting", ""},
	{`shown: null, silent: Infinity, begun: 5000`, "waiting", "no connection to the server"},
	{`shown: null, silent: Infinity, begun: 5000, answers: true, full: true`, "waiting",
		"the server has as many viewers as it takes"},
	{`shown: null, newest: null`, "waiting", "waiting for the first picture"},
	{`shown: null, newest: 5`, "waiting", "waiting for a picture"},
	{`shown: null, trouble: '401 Unauthorized'`, "waiting", "401 Unauthorized"},
	{`shown: 10, paused: true`, "paused", ""},
	{`shown: null, known: false`, "waiting", "there is no such camera"},
}

// clocks are expressions that hold.
var clocks = []string{
	// The best answer is that of the shortest round trip.
	`(c.sample(1000, 1200, 5000), c.sample(2000, 2010, 5905), c.offset) === 3900`,
	`c.age(5900, 2010) === 10`,
	// The server's clock is set, or this machine sleeps: only the new answer counts.
	`(c.sample(3000, 3010, 1e6), c.offset) === 1e6 - 3005`,
	`(c.sample(4000, 4500, 1e6 + 1100), c.offset) === 1e6 - 3005`,
	`new status.Clock().offset === null && new status.Clock().age(1, 2) === null`,
	// A machine has slept if its clocks differ, or nothing ran for long.
	`!nap.was(1000, 5e6) && !nap.was(1100, 5e6 + 100) && !nap.was(2900, 5e6 + 2100) && nap.was(3000, 6e6) && !nap.was(3100, 6e6 + 100)`,
	`nap.was(13100, 6e6 + 10100) && nap.was(13200, 5e6)`,
	`status.time(0) === '1 s' && status.time(99999) === '99 s' && status.time(7.2e6) === '2 h' && status.time(1e9) === '11 days'`,
	// Nine tiles on a phone are two columns and need no scrolling. Many scroll, two a row at least.
	`(({ columns, fits }) => columns === 2 && fits)(layout.columns(9, 390, 700, 4 / 3))`,
	`(({ columns, fits }) => columns === 3 && !fits)(layout.columns(64, 390, 700, 4 / 3))`,
	`(({ columns, fits }) => columns === 2 && !fits)(layout.columns(64, 200, 700, 4 / 3))`,
	`layout.columns(9, 1200, 700, 4 / 3).columns === 3 && layout.columns(1, 90, 90, 1).columns === 1`,
	`(({ left, top, width, height }) => left === 100 && top === 0 && width === 400 && height === 300)(layout.inside(600, 300, 4 / 3))`,
}

// judge tests what decides: the pure modules of the page.
func (v *viewing) judge() {
	v.Helper()
	script := "const status = await import('/static/status.js'), layout = await import('/static/layout.js');" +
		"const c = new status.Clock(), nap = new status.Sleep();" +
		"const facts = { timed: true, newest: 0, interval: 0, silent: 0, begun: Infinity, " +
		"answers: false, known: true, trouble: '' }; return [["
	for _, truth := range truths {
		script += "status.judge({ ...facts, newest: ({" + truth.facts + "}).shown, " + truth.facts + " }),"
	}
	script += "], ["
	for _, clock := range clocks {
		script += clock + ","
	}
	answer, err := v.run(script + "]]")
	var judged []struct{ State, Notice string }
	var holds []bool
	if err == nil {
		err = json.Unmarshal(answer, &[]any{&judged, &holds})
	}
	if err != nil || len(judged) != len(truths) || len(holds) != len(clocks) {
		v.Fatalf("%s: %v", answer, err)
	}
	for i, truth := range truths {
		if judged[i].State != truth.state || judged[i].Notice != truth.notice {
			v.Errorf("%s: %+v", truth.facts, judged[i])
		}
	}
	for i, clock := range clocks {
		if !holds[i] {
			v.Errorf("not %s", clock)
		}
	}
}
