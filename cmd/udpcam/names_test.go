package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"udpcam/protocol"
	"udpcam/sender/source"
)

func namesOf(streams []stream) (names []string) {
	for _, s := range streams {
		names = append(names, s.name)
	}
	return names
}

// Streams without a name get different ones, also if their sources are the same, and not those of other commands. A name
// that was given is used even if it is taken, and that is said. When a command ends, its names are free.
func TestClaimNames(t *testing.T) {
	usual := streamName("test:claims")
	streams := func() []stream {
		return []stream{{source: "test:claims"}, {source: "test:claims"}, {source: "test:claims", name: usual + "-2"}}
	}
	none := func(name string) { t.Errorf("%s is taken", name) }
	first := streams()
	held := claimNames(first, none)
	if got, want := namesOf(first), []string{usual, usual + "-3", usual + "-2"}; !slices.Equal(got, want) {
		t.Errorf("the first command's names are %q, want %q", got, want)
	}
	var taken []string
	second := streams()
	other := claimNames(second, func(name string) { taken = append(taken, name) })
	if got, want := namesOf(second), []string{usual + "-4", usual + "-5", usual + "-2"}; !slices.Equal(got, want) {
		t.Errorf("the second command's names are %q, want %q", got, want)
	}
	if !slices.Equal(taken, []string{usual + "-2"}) {
		t.Errorf("these are taken: %q", taken)
	}
	held.release()
	other.release()
	again := streams()
	claimNames(again, none).release()
	if !slices.Equal(namesOf(again), namesOf(first)) {
		t.Errorf("afterwards the names are %q", namesOf(again))
	}
}

func TestNumbered(t *testing.T) {
	if got := numbered("pi-video0", 2); got != "pi-video0-2" {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("ü", protocol.MaxStreamName/2)
	got := numbered(long, 12)
	if len(got) > protocol.MaxStreamName || !strings.HasSuffix(got, "ü-12") || !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}

// Whatever the source, its word is short, fit for a name, and without a password.
func FuzzSourceWord(f *testing.F) {
	for _, name := range []string{"", "-", "v4l2:", "/dev/video0", "http://me:secret@cam/video?x=1&pwd=secret", "photos/*.jpg",
		"opencv:rtsp://cam:554/1", "exec:curl -u me:secret x", "ffmpeg:rtsp://me:secret@cam/1", "post://:8081/", "ftp://:%zz@/",
		"/a/long/way/to/a/film with spaces.mjpg"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := sourceWord(name)
		if len(got) > maxWord+len("-fffff") || utf8.ValidString(name) && got != protocol.CleanName(got) {
			t.Errorf("%q: %q", name, got)
		}
		if got == "" && name != "" && name != source.Default() {
			t.Errorf("%q has no word", name)
		}
		if strings.HasPrefix(name, "exec:curl -u me:secret") && strings.Contains(got, "secret") {
			t.Errorf("%q: %q holds the password", name, got)
		}
		rest, hasPassword := strings.CutPrefix(name, "http://me:secret@")
		if hasPassword && strings.Contains(got, "secret") && !strings.Contains(rest, "secret") {
			t.Errorf("%q: %q holds the password", name, got)
		}
	})
}
