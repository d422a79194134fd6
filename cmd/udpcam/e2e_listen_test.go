package main_test

import "testing"

// The port of --listen can be left out, and may stand anywhere. A port that is in use is an error that names another one.
func TestE2EListenFlag(t *testing.T) {
	first := udpcam(t, "send", "--source", "test:", "--linger", "1s", "--listen", "127.0.0.1:0", "--name", "door")
	addr := first.says(t, listening)[1]
	second := udpcam(t, "send", "--source", "test:", "--listen="+addr)
	second.ends(t, 1)
	second.says(t, `^udpcam: port \S+ is in use by another program: choose another one with --listen 127\.0\.0\.1:\d+\n`)
	first.stop(t)
}
