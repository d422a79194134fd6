package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"udpcam/receiver"
)

// firstPictures subscribes to an address until a picture of each of n streams has come. It returns how long that took.
func firstPictures(t *testing.T, addr string, n int) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, end := context.WithTimeout(t.Context(), hang)
	defer end()
	from, err := receiver.Subscribe(ctx, receiver.Config{}, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	seen := map[string]bool{}
	for f, err := range from.Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[f.Stream] = true; len(seen) == n {
			return time.Since(began)
		}
	}
	t.Fatalf("only these streams come: %v", seen)
	return 0
}

// With --listen alone, cameras are opened for whoever comes, closed when the last has left, and opened for the next. All are
// at one port.
func TestSendListen(t *testing.T) {
	noLeaks(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, log buffer
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"udpcam", "send", "--listen", "127.0.0.1:0", "--linger", "100ms", "--json", "--source",
			"test:?size=320x240", "--source", "test:?size=640x480"}, &out, &log)
	}()
	addr := await(t, &log, `"listening","addr":"([^"]*)"`)
	await(t, &out, `"capturing":false(?s:.*)"capturing":false`)
	if strings.Contains(log.String(), "sending") {
		t.Errorf("it sends before anybody comes:\n%s", log.String())
	}
	const closed = "nobody watches: the source is closed"
	t.Logf("the first pictures come after %v", firstPictures(t, addr, 2))
	await(t, &log, closed+`(?s:.*)`+closed)
	t.Logf("once it was closed, they come after %v", firstPictures(t, addr, 2))
	interrupt()
	if code := <-ended; code != 0 || strings.Count(log.String(), `"sending"`) != 4 {
		t.Errorf("exit code %d: %s", code, log.String())
	}
}

// With --addr too, and if the source cannot wait, the source is open from the start.
func TestSendListenAlways(t *testing.T) {
	for name, args := range map[string][]string{
		"with an address": {"--addr", "127.0.0.1:9", "--source", "test:?size=320x240"},
		"an upload":       {"--source", "post://127.0.0.1:0/"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out, log buffer
			ended := make(chan int)
			go func() {
				ended <- run(ctx, append([]string{"udpcam", "send", "--json", "--listen=127.0.0.1:0"}, args...), &out, &log)
			}()
			await(t, &out, `"capturing":true`)
			interrupt()
			if code := <-ended; code != 0 {
				t.Errorf("exit code %d: %s", code, log.String())
			}
		})
	}
}
