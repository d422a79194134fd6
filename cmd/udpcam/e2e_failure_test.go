package main_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"udpcam/protocol"
)

// A command that cannot work says so in one line on standard error. The line says what to do. The command leaves nothing
// behind.
func TestE2EFailure(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() }) // after the tests below, which are parallel
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	picture := street(t, 5)[0]
	files := map[string][]byte{
		"recorded.mjpg": readFile(t, picture),
		"text.jpg":      []byte("this is no picture"),
		"text.mjpg":     []byte("this is no film"),
		"two.key":       []byte(protocol.NewKey().Text() + "\n" + protocol.NewKey().Text() + "\n"),
	}
	huge := filepath.Join(t.TempDir(), "huge.jpg")
	if err := os.WriteFile(huge, withComment(readFile(t, picture), make([]byte, 17<<20)), 0o666); err != nil {
		t.Fatal(err)
	}

	send := func(args ...string) []string { return append([]string{"send", "--addr", "127.0.0.1:9"}, args...) }
	serve := func(args ...string) []string { return append([]string{"serve", "--source", "test:"}, args...) }
	recv := func(args ...string) []string { return append([]string{"recv", "--addr", "127.0.0.1:0"}, args...) }
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown host":       {[]string{"send", "--addr", "nowhere.invalid", "--source", "test:"}, 1, "nowhere.invalid"},
		"no address":         {[]string{"send", "--source", "test:"}, 2, "--addr"},
		"bad address":        {[]string{"send", "--addr", "127.0.0.1:port", "--source", "test:"}, 2, "port"},
		"UDP port in use":    {[]string{"recv", "--addr", udp.LocalAddr().String()}, 1, udp.LocalAddr().String()},
		"HTTP port in use":   {recv("--http", tcp.Addr().String()), 1, tcp.Addr().String()},
		"serve's in use":     {serve("--http", tcp.Addr().String()), 1, tcp.Addr().String()},
		"demo's in use":      {[]string{"demo", "--http", tcp.Addr().String()}, 1, tcp.Addr().String()},
		"post's in use":      {send("--source", "post://"+tcp.Addr().String()+"/"), 1, tcp.Addr().String()},
		"bad HTTP address":   {recv("--http", "nonsense"), 2, "nonsense"},
		"missing file":       {send("--source", "missing.mjpg"), 2, "missing.mjpg"},
		"no picture":         {send("--source", "text.jpg"), 1, "text.jpg"},
		"no film":            {send("--source", "text.mjpg"), 1, "text.mjpg"},
		"too large":          {send("--source", huge), 1, "huge.jpg"},
		"no camera device":   {recv("--out", "v4l2:/dev/video4242"), 1, "modprobe v4l2loopback"},
		"a format of none":   {recv("--out", "-", "--camera-as", "mjpg"), 2, "v4l2:/dev/video9"},
		"unknown format":     {recv("--out", "v4l2:9", "--camera-as", "h264"), 2, "yuyv or mjpg"},
		"unknown scheme":     {send("--source", "gopher://camera"), 2, "gopher"},
		"bad option":         {send("--source", "test:?size=big"), 2, "big"},
		"bad size":           {send("--source", "test:", "--size", "big"), 2, "--size"},
		"option of another":  {send("--source", picture, "--size", "640x480"), 2, "size"},
		"bad segment":        {send("--source", "test:", "--segment", "100000"), 2, "--segment"},
		"bad wire":           {send("--source", "test:", "--wire", "rtp"), 2, "rtp"},
		"classic with name":  {send("--source", "test:", "--wire", "classic", "--name", "x"), 2, "--name"},
		"bad key":            {send("--source", "test:", "--key", "secret"), 2, "udpcam key makes one"},
		"no key file":        {recv("--key-file", "missing.key"), 2, "missing.key"},
		"no key in the file": {recv("--key-file", "text.jpg"), 2, "udpcam key makes one"},
		"keys without end":   {recv("--key-file", "/dev/zero"), 2, "too large"},
		"two keys to send":   {send("--source", "test:", "--key-file", "two.key"), 2, "one key"},
		"classic with a key": {recv("--wire", "classic", "--key-file", "two.key"), 2, "cannot be sealed"},
		"no such camera":     {send("--source", "v4l2:/dev/video99"), 2, "camera"},
		"no such control":    {send("--source", "v4l2:/dev/video99", "--control", "zoom"), 2, "NAME=VALUE"},
		"no such angle":      {send("--source", "test:", "--rotate", "45"), 2, "90, 180 or 270"},
		"text that is sent":  {send("--source", picture, "--text", "%T"), 2, "text"},
		"no OpenCV camera":   {send("--source", "opencv:0"), 2, "OpenCV"},
		"no window":          {recv("--show"), 2, "OpenCV"},
		"no overwriting":     {recv("--out", "recorded.mjpg"), 1, "--force"},
		"no directory":       {recv("--out", "missing/a.mjpg"), 1, "missing/a.mjpg"},
		"second output bad":  {recv("--out", "a.mjpg", "--out", "missing/b.mjpg"), 1, "missing/b.mjpg"},
		"unwritable format":  {recv("--out", "film.mp4"), 2, "film.mp4"},
		"file as directory":  {recv("--out", "recorded.mjpg/"), 1, "that is a file"},
		"output twice":       {recv("--out", "a.mjpg", "--out", "./a.mjpg"), 2, "twice"},
		"stream without out": {recv("--stream", "x"), 2, "--out"},
		"missing page":       {serve("--http", "127.0.0.1:0", "--html", "missing.html"), 1, "missing.html"},
		"unknown flag":       {send("--sourec", "test:"), 2, "--source"},
		"unknown command":    {[]string{"sned"}, 2, "send"},
		"unwanted argument":  {send("--source", "test:", "more"), 2, "more"},
		"bad level":          {send("--source", "test:", "--log-level", "loud"), 2, "loud"},
		"unknown shell":      {[]string{"completion", "ksh"}, 2, "shell"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := udpcamCommand(t, test.args...)
			cmd.Dir = t.TempDir()
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(cmd.Dir, file), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			p := start(t, cmd)
			p.ends(t, test.code)
			last := p.stderr.String()
			if lines := strings.Count(last, "\n"); lines != 1 || !strings.HasPrefix(last, "udpcam: ") {
				t.Errorf("says, in %d lines instead of one: %s", lines, last)
			}
			if !strings.Contains(last, test.says) {
				t.Errorf("does not mention %q: %s", test.says, last)
			}
			if p.stdout.Len() > 0 {
				t.Errorf("writes to standard output: %s", p.stdout.String())
			}
			unchanged(t, cmd.Dir, files)
		})
	}
}

// unchanged fails the test if a directory does not hold these files and nothing else.
func unchanged(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if content, ok := files[e.Name()]; !ok || !bytes.Equal(readFile(t, filepath.Join(dir, e.Name())), content) {
			t.Errorf("%s has been made or changed", e.Name())
		}
	}
	if len(entries) < len(files) {
		t.Error("files have been removed")
	}
}
