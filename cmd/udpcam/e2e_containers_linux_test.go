package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"udpcam/protocol/mjpeg"
)

// A containerImage is what a Dockerfile makes: a file system, and the command line that every command is appended to.
type containerImage struct {
	root       string
	user       string
	entrypoint []string
}

// buildImage does by itself what docker does with the instructions of the Dockerfile. Each stage has a folder. Only its own
// files come from there: programs such as go are those of this machine.
func buildImage(t *testing.T) (built containerImage) {
	t.Helper()
	stages, workdir := map[string]string{}, "/"
	for line := range strings.Lines(string(readFile(t, "dist/Dockerfile"))) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch instruction {
		case "", "#", "ARG":
		case "FROM":
			built, workdir = containerImage{root: t.TempDir()}, "/"
			if len(words) == 3 {
				stages[words[2]] = built.root
			}
		case "WORKDIR":
			workdir = rest
			run(t, "mkdir", "-p", filepath.Join(built.root, workdir))
		case "COPY":
			if from, ok := strings.CutPrefix(words[0], "--from="); ok {
				source := filepath.Join(stages[from], words[1])
				if _, err := os.Stat(source); err != nil {
					source = words[1] // the stage's image has it, as this machine does
				}
				run(t, "install", "-D", source, filepath.Join(built.root, words[2]))
				continue
			}
			const checkout = `cd ../.. && git -c safe.directory='*' ls-files -z | tar --null -T - -c | tar -x -C "$0"`
			run(t, "sh", "-c", checkout, filepath.Join(built.root, workdir))
		case "RUN":
			cmd := exec.Command("sh", "-c", rest)
			cmd.Dir = filepath.Join(built.root, workdir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", rest, err, out)
			}
		case "USER":
			built.user = rest
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &built.entrypoint); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("this test does not know the instruction %s", instruction)
		}
	}
	return built
}

// container returns a command in a container of the image, on a machine.
func (i containerImage) container(m machine, environment map[string]string, words ...string) *exec.Cmd {
	cmd := m.command(slices.Concat([]string{"chroot", "--userspec=" + i.user, i.root}, i.entrypoint, words)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// The containers of compose.yaml, each on a machine of its own, take a camera's pictures through the hub to the viewer. The
// steps of the Dockerfile make a program that needs nothing else, as any user.
func TestE2ENetnsContainers(t *testing.T) {
	need(t, "chroot", "git")
	built := buildImage(t)
	secret := strings.TrimSpace(string(run(t, udpcamCommand(t).Path, "key")))
	text := os.Expand(string(readFile(t, "dist/compose.yaml")), func(variable string) string {
		switch name, fallback, _ := strings.Cut(variable, ":"); {
		case name == "UDPCAM_HUB_SECRET":
			return secret
		case strings.HasPrefix(fallback, "-"):
			return fallback[1:]
		}
		return ""
	})
	var compose struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Ports       []string
		}
	}
	if err := yaml.Unmarshal([]byte(text), &compose); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(compose.Services))
	l := newLAN(t, len(names))
	var hosts strings.Builder
	for i, name := range names {
		fmt.Fprintf(&hosts, "%s %s\n", l.addr(i+1), name)
	}
	if err := os.WriteFile(filepath.Join(built.root, "etc/hosts"), []byte(hosts.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	published := ""
	for i, name := range names {
		service := compose.Services[name]
		start(t, built.container(l.machines[i], service.Environment, service.Command...))
		if len(service.Ports) > 0 {
			_, port, _ := strings.Cut(service.Ports[0], ":")
			published = l.addr(i+1) + ":" + port
		}
	}
	viewer := site{l.router, published}.client()
	until(t, "the viewer shows the camera", func() bool {
		r, err := viewer.Get("http://" + published + "/streams/camera/snapshot.jpg")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		picture, err := io.ReadAll(r.Body)
		return err == nil && r.StatusCode == http.StatusOK && mjpeg.Check(picture) == nil
	})
}
