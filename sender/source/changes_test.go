package source

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A change within a second of the last log line is logged later, when it is reported again. If the old state is back by
// then, nothing is logged.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged{}
		c := &changes{log: log.logger(), name: "yard"}
		expect := func(lines int, last string) {
			t.Helper()
			text := log.String()
			if strings.Count(text, "\n") != lines || !strings.Contains(text[strings.LastIndex(text[:len(text)-1], "\n")+1:], last) {
				t.Errorf("want %d lines, of which the last has %q:\n%s", lines, last, text)
			}
		}
		works := func() { c.note(slog.LevelInfo, "works", nil) }
		fails := func(why string) { c.note(slog.LevelWarn, "fails", errors.New(why)) }

		works()
		expect(1, "works")
		time.Sleep(100 * time.Millisecond)
		fails("ended")
		fails("refused")
		expect(1, "works")
		time.Sleep(900 * time.Millisecond)
		fails("refused")
		expect(2, "refused")
		works()
		fails("refused")
		time.Sleep(time.Minute)
		fails("refused")
		expect(2, "refused")
		works()
		expect(3, "works")
	})
}
