package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// warm is how long pictures are sent before they count.
const warm = 3 * time.Second

// slow measures two sites with a link of 20 Mbit/s between them: camera, recv, hub, route, hub, leaf hub, edge.
func (t *HubTest) slow(ctx context.Context, results *Results) error {
	const scenario = "20 Mbit/s"
	cable, err := netns.NewCable(slowLink)
	if err != nil {
		return err
	}
	defer cable.Close()
	pictures := t.Pictures
	for n := int((warm + t.Slow).Seconds() * t.FPS); len(pictures) < n; {
		// An eye knows each picture by its pixels, so that none may come twice. Bytes behind the last picture's data differ.
		pictures = append(pictures, numbered(t.Pictures[len(pictures)%len(t.Pictures)], len(pictures)))
	}
	const a, b = "10.77.1.2", "10.77.2.2"
	row, err := t.beside(ctx, scenario, cable.A.Start, cable.B, "0.0.0.0:8080", a+":8080", t.Pictures)
	if err != nil {
		return err
	}
	results.Rows = append(results.Rows, row)
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hubA, err0 := r.start(cable.A.Start, "hub", "--name", "A", "--listen", a+":4222", "--cluster-listen", a+":6222")
	hubB, err1 := r.start(cable.B.Start, "hub", "--name", "B", "--listen", b+":4222", "--leaf-listen", b+":7422",
		"--cluster-listen", b+":6222", "--cluster", "nats://"+a+":6222")
	leaf, err2 := r.start(cable.B.Start, "hub", "--name", "C", "--listen", b+":4223", "--leaf-listen", b+":7423",
		"--leaf", "nats://"+b+":7422")
	recv, err3 := r.start(cable.A.Start, "recv", "--addr", a+":12345", "--hub", a+":4222")
	edge, err4 := r.start(cable.B.Start, "serve", "--http", "0.0.0.0:8080", "--hub", b+":4223")
	camera, err5 := r.start(cable.A.Start, "send", "--addr", a+":12345", "--source", "-")
	if err := errors.Join(err0, err1, err2, err3, err4, err5); err != nil {
		return err
	}
	if err := t.await(ctx, cable.B.Start, b+":4223"); err != nil {
		return err
	}
	feed := relay.NewFeed(pictures, int(warm.Seconds()*t.FPS), cool, t.FPS)
	eye, err := look(ctx, feed, cable.B, b+":8080", nil)
	if err != nil {
		return edge.Failure(err)
	}
	_, costs, err := feed.Into(ctx, camera, hubA, hubB, leaf, recv)
	if err != nil {
		return err
	}
	row = t.row(scenario, byHub, feed, eye)
	row.Memory = rounded(float64(max(costs[1].Memory, costs[2].Memory, costs[3].Memory))/1e6, 1)
	fits := 20e6 / 8 / 1.06 / float64(meanSize(t.Pictures)) / t.FPS
	results.Rows = append(results.Rows, row)
	results.note(
		"20 Mbit/s: %.0f %% of the pictures fit, if a twentieth is headers; memory is of the largest hub",
		100*min(1, fits),
	)
	return nil
}

// await waits until a hub knows a publisher: the hubs between the two have found each other then.
func (t *HubTest) await(ctx context.Context, on relay.Starter, hub string) error {
	for end := time.Now().Add(3 * starting); ; {
		var said bytes.Buffer
		ls := exec.CommandContext(ctx, t.Udpcam, "hub", "ls", "--hub", hub, "--json")
		ls.Stdout, ls.Stderr = &said, &said
		err := on(ls)
		if err == nil {
			err = ls.Wait()
		}
		if bytes.Contains(said.Bytes(), []byte(`"kind":"publisher"`)) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the hub at %s knows no publisher: %w: %s", hub, err, said.Bytes())
		}
		if !relay.Pause(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// numbered returns a picture with a number behind its pixels.
func numbered(picture []byte, n int) []byte {
	end := len(picture) - 2
	return slices.Concat(picture[:end], fmt.Appendf(nil, "%08d", n), picture[end:])
}
