package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// The house has floors. Of this module, the packages in a folder may import only the folders in its row. If two rows fit a
// package, the one with the longer path counts. The rules are also for tests, with two exceptions: any test may use the
// networks in internal/netsim and internal/netns and the bounds in internal/fuzzcost, and the tests of netsim, trace and
// bench may use both sender and receiver.
var floors = []struct {
	folder string
	below  []string
}{
	{"cmd/udpcam", []string{"cmd/internal", "sender", "receiver", "protocol", "internal"}},
	{"cmd/udpcam-bench", []string{"cmd/internal", "bench", "sender", "receiver", "protocol", "internal"}},
	{"cmd/internal", []string{"sender"}},
	{"bench", []string{"bench", "sender", "receiver", "protocol", "internal"}},
	{"bench/internal/relay", []string{"protocol"}},
	{"bench/internal/plot", []string{"internal/trace"}},
	{"bench/internal/browser", nil},
	{"sender", []string{"sender", "protocol", "internal/datagram", "internal/hosts"}},
	{"sender/internal/path", []string{"protocol"}},
	{"sender/source", []string{
		"sender/source", "protocol", "internal/film", "internal/hubconn", "internal/guard", "internal/pattern", "internal/raw",
		"internal/v4l2", "internal/rawfd",
	}},
	{"receiver", []string{"receiver", "protocol", "internal/datagram", "internal/hosts"}},
	{"receiver/sink", []string{
		"receiver/sink", "protocol", "internal/film", "internal/hubconn", "internal/rawfd", "internal/v4l2",
	}},
	{"receiver/web", []string{"receiver/web", "protocol", "internal/guard"}},
	{"internal/datagram", []string{"protocol", "internal/rawfd"}},
	{"internal/datachannel", []string{"protocol", "internal/datagram"}},
	{"internal/hubconn", []string{"protocol"}},
	{"internal/netsim", []string{"protocol", "internal/datagram"}},
	{"internal/trace", []string{"protocol"}},
	{"internal/netns", []string{"internal/netsim"}},
	{"internal/pattern", []string{"protocol"}},
	{"internal/firewall", nil},
	{"internal/hosts", []string{"protocol"}},
	{"internal/guard", []string{"protocol"}},
	{"internal/film", nil},
	{"internal/raw", nil},
	{"internal/v4l2", nil},
	{"internal/rawfd", nil},
	{"internal/fuzzcost", nil},
	{"protocol", []string{"protocol"}},
	{"protocol/discovery", []string{"protocol"}},
	{"protocol/mjpeg", []string{"protocol/mjpeg"}},
	{"protocol/js", nil},
}

// Each package from outside this module has its place. A package, or some of its names, may be used only in files that
// match these patterns of path.Match, or only in files that do not. Tests may use any package.
var places = []struct {
	imported string
	names    string // separated by spaces; "" means all
	only     []string
	never    []string
}{
	// Only a few files use OpenCV, so that the pure build has everything else.
	{"gocv.io/x/gocv", "", []string{"sender/source/*opencv*.go", "receiver/sink/*opencv*.go"}, nil},
	{"C", "", []string{"sender/source/*opencv*.go", "receiver/sink/*opencv*.go"}, nil},
	// HTTP is served by web, and by the source that pictures are posted to, both behind guard. Other sources, and bench, are
	// HTTP's clients.
	{"net/http", "",
		[]string{"sender/source/*.go", "receiver/web/*.go", "internal/guard/*.go", "cmd/udpcam/*.go", "bench/*.go"}, nil},
	{"net/http", "Server ServeMux NewServeMux Handler HandlerFunc Handle HandleFunc ListenAndServe Serve ResponseWriter",
		[]string{"sender/source/post*.go", "receiver/web/*.go", "internal/guard/*.go"}, nil},
	// Only data channels are WebRTC.
	{"github.com/pion/dtls/v3", "", []string{"internal/datachannel/*.go"}, nil},
	{"github.com/pion/sctp", "", []string{"internal/datachannel/*.go"}, nil},
	{"github.com/pion/stun/v3", "", []string{"internal/datachannel/*.go"}, nil},
	// Only discovery speaks DNS.
	{"github.com/miekg/dns", "", []string{"protocol/discovery/*.go"}, nil},
	// Only package browser starts browsers, and only package plot draws.
	{"github.com/chromedp/chromedp", "", []string{"bench/internal/browser/*.go"}, nil},
	{"gonum.org/v1/plot", "", []string{"bench/internal/plot/*.go"}, nil},
	// Only the command starts NATS servers. Only the publisher, the edge, and the connection that both use speak with them.
	{"github.com/nats-io/nats-server/v2/server", "", []string{"cmd/udpcam/*.go"}, nil},
	{"github.com/nats-io/nats.go", "", []string{"cmd/udpcam/hub*.go", "receiver/sink/hub*.go", "sender/source/hub*.go",
		"internal/hubconn/*.go"}, nil},
	// Only the commands read flags.
	{"github.com/urfave/cli/v2", "", []string{"cmd/*/*.go", "cmd/internal/*/*.go"}, nil},
	{"github.com/BurntSushi/toml", "", []string{"cmd/udpcam/config.go"}, nil},
	// The protocol and the model of the path are pure: they have no socket, and the time is an argument.
	{"net", "Conn PacketConn UDPConn Listener Dial DialUDP Dialer Listen ListenPacket ListenUDP ListenConfig", nil,
		[]string{"protocol/*.go", "protocol/mjpeg/*.go", "protocol/hub/*.go", "sender/internal/path/*.go"}},
	{"os", "", nil, []string{"protocol/*.go", "protocol/mjpeg/*.go", "protocol/hub/*.go", "sender/internal/path/*.go"}},
	{"syscall", "", nil, []string{"protocol/*.go", "protocol/mjpeg/*.go", "protocol/hub/*.go", "sender/internal/path/*.go"}},
	{"time", "Now Since Until Sleep After AfterFunc Tick NewTicker NewTimer", nil,
		[]string{"protocol/*.go", "protocol/mjpeg/*.go", "protocol/hub/*.go", "sender/internal/path/*.go"}},
}

func TestArchitecture(t *testing.T) {
	files, faults := inspect(t, os.DirFS("../.."))
	for _, fault := range faults {
		t.Error(fault)
	}
	if files < 50 {
		t.Errorf("looked at %d files, which cannot be the whole module", files)
	}
}

// inspect judges all Go files of a module, for all systems and build tags.
func inspect(t *testing.T, module fs.FS) (files int, faults []string) {
	t.Helper()
	mod, err := fs.ReadFile(module, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	modulePath := strings.Fields(string(mod))[1]
	err = fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".go" {
			return err
		}
		text, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, fault := range judge(modulePath, name, file) {
			faults = append(faults, name+" "+fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, faults
}

// judge says what one file does that it must not.
func judge(modulePath, name string, file *ast.File) (faults []string) {
	below, ok := floorOf(path.Dir(name))
	if !ok {
		faults = append(faults, "is on no floor of the house")
	}
	test := strings.HasSuffix(name, "_test.go")
	if test {
		below = append(slices.Clip(below), "internal/netsim", "internal/netns", "internal/fuzzcost", path.Dir(name))
		if within(name, "bench") || within(name, "internal/netsim") || within(name, "internal/trace") {
			below = append(below, "bench", "sender", "receiver")
		}
	}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		inside, ok := strings.CutPrefix(imported, modulePath+"/")
		if ok && !slices.ContainsFunc(below, func(folder string) bool { return within(inside, folder) }) {
			faults = append(faults, fmt.Sprintf("imports %s, which is not below it", inside))
		}
		for _, p := range places {
			allowed := !fits(name, p.never) && (p.only == nil || fits(name, p.only))
			if imported != p.imported || allowed || test {
				continue
			}
			if used, ok := uses(file, spec, strings.Fields(p.names)); ok {
				faults = append(faults, fmt.Sprintf("uses %s, which has no place there", used))
			}
		}
	}
	return faults
}

func floorOf(folder string) (below []string, ok bool) {
	longest := 0
	for _, f := range floors {
		if within(folder, f.folder) && len(f.folder) > longest {
			longest, below = len(f.folder), f.below
		}
	}
	return below, longest > 0
}

func within(folder, parent string) bool { return strings.HasPrefix(folder+"/", parent+"/") }

func fits(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// uses returns the first of an imported package's names that a file uses. No names stand for the import itself.
func uses(file *ast.File, spec *ast.ImportSpec, names []string) (used string, ok bool) {
	imported, _ := strconv.Unquote(spec.Path.Value)
	if len(names) == 0 {
		return imported, true
	}
	local := path.Base(imported)
	if spec.Name != nil {
		local = spec.Name.Name
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, isSelector := n.(*ast.SelectorExpr); isSelector && !ok {
			x, isIdent := s.X.(*ast.Ident)
			ok = isIdent && x.Name == local && slices.Contains(names, s.Sel.Name)
			used = imported + "." + s.Sel.Name
		}
		return !ok
	})
	return used, ok
}

// Each of these examples breaks one rule, and must be reported.
func TestArchitectureFaults(t *testing.T) {
	tests := []struct{ file, text, want string }{
		{"sender/x.go", `import "udpcam/receiver"`, "imports receiver, which is not below it"},
		{"receiver/web/x.go", `import "udpcam/sender/source"`, "imports sender/source, which is not below it"},
		{"receiver/x.go", `import "udpcam/internal/netns"`, "imports internal/netns, which is not below it"},
		{"receiver/x_test.go", `import "udpcam/sender"`, "imports sender, which is not below it"},
		{"sender/source/x.go", `import "udpcam/sender"`, "imports sender, which is not below it"},
		{"internal/datagram/x.go", `import "udpcam/sender"`, "imports sender, which is not below it"},
		{"protocol/mjpeg/x.go", `import "udpcam/protocol"`, "imports protocol, which is not below it"},
		{"cmd/udpcam/x.go", `import "udpcam/bench"`, "imports bench, which is not below it"},
		{"bench/x.go", `import "udpcam/cmd/udpcam"`, "imports cmd/udpcam, which is not below it"},
		{"shared/x.go", ``, "is on no floor of the house"},
		{"sender/source/x.go", `import "gocv.io/x/gocv"`, "uses gocv.io/x/gocv, which has no place there"},
		{"bench/opencv.go", `import "C"`, "uses C, which has no place there"},
		{"receiver/x.go", `import "net/http"`, "uses net/http, which has no place there"},
		{"cmd/udpcam/x.go", `import h "net/http"; var s h.Server`, "uses net/http.Server, which has no place there"},
		{"receiver/x.go", `import "github.com/urfave/cli/v2"`, "uses github.com/urfave/cli/v2, which has no place there"},
		{"protocol/x.go", `import "net"; var c net.Conn`, "uses net.Conn, which has no place there"},
		{"protocol/x.go", `import "time"; var now = time.Now()`, "uses time.Now, which has no place there"},
	}
	for _, tt := range tests {
		module := fstest.MapFS{
			"go.mod": {Data: []byte("module udpcam\n")},
			tt.file:  {Data: []byte("package x\n" + tt.text)},
		}
		_, faults := inspect(t, module)
		if want := tt.file + " " + tt.want; len(faults) != 1 || faults[0] != want {
			t.Errorf("%s: %s\n got %q\nwant %q", tt.file, tt.text, faults, want)
		}
	}
}
