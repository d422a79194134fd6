package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

func TestDoctor(t *testing.T) {
	code, stdout, stderr := runToEnd(t, "doctor", "--json", "--addr", "127.0.0.1")
	var findings []finding
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil {
		t.Fatal(err, stdout)
	}
	worst := 0
	for _, f := range findings {
		if f.What == "" || f.Found == "" || f.State != good && f.State != note && f.State != bad {
			t.Errorf("%+v", f)
		}
		if f.State == bad {
			worst = cmdline.ExitFailure
		}
	}
	if code != worst || len(findings) < 3 {
		t.Errorf("exit code %d, %d findings: %s", code, len(findings), stderr)
	}
	_, text, _ := runToEnd(t, "doctor")
	for _, f := range findings {
		if f.What != "way to 127.0.0.1:12345" && !strings.Contains(text, f.What) {
			t.Errorf("nothing on %s in\n%s", f.What, text)
		}
	}
	if code, _, _ := runToEnd(t, "doctor", "--addr", "host:port"); code != cmdline.ExitUsage {
		t.Errorf("exit code %d for a bad address", code)
	}
}

func TestCheckKeys(t *testing.T) {
	one, two := protocol.NewKey(), protocol.NewKey()
	if f := checkKeys(nil, nil); f.State != note || len(f.Mend) != 1 {
		t.Errorf("without a key: %+v", f)
	}
	if f := checkKeys([]protocol.Key{one, two}, nil); f.State != good || !strings.Contains(f.Found, one.ID().String()) ||
		!strings.Contains(f.Found, two.ID().String()) || strings.Contains(f.Found, one.Text()) {
		t.Errorf("with two keys: %+v", f)
	}
	if f := checkKeys([]protocol.Key{one}, []string{"door.key"}); f.State != note || !strings.Contains(f.Mend[0], "chmod 600 door.key") {
		t.Errorf("with a file that others can read: %+v", f)
	}
}

func TestSegmentThatFits(t *testing.T) {
	for mtu, want := range map[int]int{
		1500: protocol.DefaultSegmentSize, 9000: protocol.DefaultSegmentSize, 1492: 1344, 1400: 1280, 1280: 1152, 100: 0, 0: 0,
	} {
		if got := fits(mtu); got != want {
			t.Errorf("%d: %d, want %d", mtu, got, want)
		}
	}
}

func TestCheckCameras(t *testing.T) {
	jpeg, raw := source.CameraFormat{JPEG: true, Usable: true}, source.CameraFormat{Usable: true}
	named := func(c source.CameraInfo) source.CameraInfo { c.Path, c.Name = "/dev/video99", "Cam"; return c }
	closed := source.CameraInfo{Problem: "it does not open"}
	closed.Path = "/dev/video99"
	for name, test := range map[string]struct {
		camera source.CameraInfo
		state  state
		says   string
	}{
		"JPEG":   {named(source.CameraInfo{Usable: true, Formats: []source.CameraFormat{raw, jpeg}}), good, "sent as they are"},
		"raw":    {named(source.CameraInfo{Usable: true, Formats: []source.CameraFormat{raw}}), good, "encoded here"},
		"H.264":  {named(source.CameraInfo{}), note, "no format"},
		"busy":   {named(source.CameraInfo{Usable: true, Problem: "open in x"}), note, "open in x"},
		"closed": {closed, bad, "it does not open"},
	} {
		got := checkCameras([]source.CameraInfo{test.camera})
		if len(got) != 1 || got[0].State != test.state || !strings.Contains(got[0].Found, test.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := checkCameras(nil); len(got) != 1 || got[0].State != note {
		t.Errorf("%+v", got)
	}
}

// The manual has every command and flag, and no text that roff would take for a macro.
func TestManual(t *testing.T) {
	code, page, stderr := runToEnd(t, "man")
	if code != 0 {
		t.Fatal(stderr)
	}
	app := newApp()
	for _, c := range app.VisibleCommands() {
		if !strings.Contains(page, `.SS udpcam `+c.Name+"\n") {
			t.Errorf("nothing on %s", c.Name)
		}
		for _, f := range c.VisibleFlags() {
			if name := f.Names()[0]; name != "help" && !strings.Contains(page, `.B \-\-`+strings.ReplaceAll(name, "-", `\-`)) {
				t.Errorf("%s: nothing on --%s", c.Name, name)
			}
		}
	}
	known := strings.Fields(".TH .SH .SS .TP .PP .B .br .nf .fi .nh .ad")
	for line := range strings.Lines(page) {
		macro, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, ".") && !slices.Contains(known, macro) || strings.HasPrefix(line, "'") {
			t.Errorf("roff would take this for a macro: %s", line)
		}
	}
}

// With --json, cameras writes an array, also if there are no cameras.
func TestCameras(t *testing.T) {
	code, stdout, stderr := runToEnd(t, "cameras", "--json")
	var cameras []source.CameraInfo
	if err := json.Unmarshal([]byte(stdout), &cameras); err != nil || code != 0 || cameras == nil {
		t.Errorf("exit code %d: %v\n%s%s", code, err, stdout, stderr)
	}
	if code, stdout, stderr := runToEnd(t, "cameras"); code != 0 || stdout == "" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}
