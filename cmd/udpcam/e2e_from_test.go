package main_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"udpcam/protocol"
)

// A receiver goes to a camera that listens, by an address or a name, open or sealed, and leaves when it ends.
func TestE2EFrom(t *testing.T) {
	for name, key := range map[string][]string{"open": nil, "sealed": {"--key", protocol.Key{1, 2, 3}.Text()}} {
		t.Run(name, func(t *testing.T) {
			camera := udpcam(t, append([]string{"send", "--source", "test:", "--listen", "127.0.0.1:0", "--name", "door"}, key...)...)
			addr := camera.says(t, listening)[1]
			viewer := udpcam(t, append([]string{"recv", "--from", addr, "--json"}, key...)...)
			viewer.says(t, `stream appears"?[\s,]+"?stream"?[=:]"?door`)
			var status struct {
				Frames        int
				Subscriptions []struct{ Addr, From, State, Trouble string }
			}
			until(t, "a status with frames", func() bool {
				for line := range bytes.Lines(viewer.stdout.Bytes()) {
					json.Unmarshal(line, &status) // the last one may not be whole yet
				}
				return status.Frames > 0
			})
			if subs := status.Subscriptions; len(subs) != 1 || subs[0].Addr != addr || subs[0].From != addr || subs[0].State != "receiving" {
				t.Errorf("%+v", subs)
			}
			viewer.stop(t)
			camera.says(t, "a receiver has left")
			camera.stop(t)
		})
	}
}

// Where nothing answers, the user is told, and what to look for. When the camera starts, its stream comes.
func TestE2EFromNobody(t *testing.T) {
	camera := udpcam(t, "send", "--source", "test:", "--listen", "127.0.0.1:0", "--name", "door")
	addr := camera.says(t, listening)[1]
	camera.stop(t)
	viewer := udpcam(t, "recv", "--from", addr)
	viewer.says(t, `nothing has answered from `+addr+`: is udpcam send --listen running there\?`)
	camera = udpcam(t, "send", "--source", "test:", "--listen", addr, "--name", "door")
	viewer.says(t, "stream appears")
	viewer.says(t, "the sender answers")
	camera.stop(t)
	viewer.says(t, `nothing answers from `+addr+` any more`)
	viewer.stop(t)
}
