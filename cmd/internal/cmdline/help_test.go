package cmdline

import "testing"

func TestReflow(t *testing.T) {
	text := "short  line\n" +
		"  one two  a second column that is too long\n" +
		"\n" +
		"one column that is too long\n"
	want := "short  line\n" +
		"  one two  a second\n" +
		"           column that\n" +
		"           is too long\n" +
		"\n" +
		"one column that is too\n" +
		"long\n"
	if got := reflow(text, 22); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
