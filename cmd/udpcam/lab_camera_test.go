package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/protocol/mjpeg"
)

// A labCamera is an MJPEG camera made by v4l2loopback. ffmpeg writes its pictures.
type labCamera struct {
	path   string
	feeder *process
	stop   func()
}

// newLabCamera starts such a camera. It gives these frames at this rate until the test ends.
func newLabCamera(t *testing.T, film [][]byte, fps int) *labCamera {
	t.Helper()
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("not in bench/lab")
	}
	need(t, "ffmpeg", "modprobe")
	modprobe := exec.Command("modprobe", "v4l2loopback", "max_buffers=8", "card_label=Lab", "video_nr=9")
	if out, err := modprobe.CombinedOutput(); err != nil {
		t.Fatalf("v4l2loopback: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("modprobe", "-r", "v4l2loopback").Run() })
	stopped := make(chan struct{})
	c := &labCamera{path: "/dev/video9", stop: sync.OnceFunc(func() { close(stopped) })}
	ffmpeg := exec.Command("ffmpeg", "-v", "error",
		"-probesize", "32", "-fflags", "nobuffer", "-f", "mjpeg", "-framerate", fmt.Sprint(fps),
		"-i", "-", "-c", "copy", "-f", "v4l2", c.path)
	in, err := ffmpeg.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.feeder = start(t, ffmpeg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer in.Close()
		tick := time.NewTicker(time.Second / time.Duration(fps))
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stopped:
				return
			case <-tick.C:
			}
			if _, err := in.Write(film[i%len(film)]); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { c.stop(); <-ended; c.feeder.kill() })
	until(t, "the camera shows something", func() bool {
		out, _ := exec.Command(udpcamCommand(t).Path, "cameras").Output()
		return strings.Contains(string(out), "mjpg")
	})
	return c
}

// A thousand frames of an MJPEG camera reach the receiver unchanged, none twice and none out of order.
func TestLabMJPEG(t *testing.T) {
	const pictures = 1000
	_, content := numberedFilm(t, pictures+500, street(t, 5)[0])
	film := frames(t, content)
	camera := newLabCamera(t, film, 40)
	arrived := &arrivals{}
	recv := udpcamCommand(t, "recv", "--addr", "127.0.0.1:0", "--out", "-")
	in := arrived.of(t, recv)
	addr := in.says(t, listening)[1]
	out := udpcam(t, "send", "--addr", addr, "--source", camera.path, "--frames", fmt.Sprint(pictures), "--json")
	out.ends(t, 0)
	until(t, "the last frames come", func() bool {
		arrived.mu.Lock()
		defer arrived.mu.Unlock()
		return len(arrived.list) >= pictures*99/100
	})
	in.stop(t)
	<-arrived.ended
	last := -1
	for _, a := range arrived.list {
		n := numberOf(a.picture)
		if n <= last || n >= len(film) || !bytes.Equal(a.picture, film[n]) {
			t.Fatalf("frame %d after frame %d is damaged, repeated or out of order", n, last)
		}
		last = n
	}
	var status struct {
		Delay   float64           `json:"delay_ms"`
		Skipped map[string]uint64 `json:"skipped_by"`
	}
	for line := range strings.Lines(out.stdout.String()) {
		if err := json.Unmarshal([]byte(line), &status); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d frames of %d sent arrived, left out at the camera: %v; %.2f ms from the driver's time to the kernel's network",
		len(arrived.list), pictures, status.Skipped, status.Delay)
	if len(arrived.list) < pictures*99/100 {
		t.Errorf("%d of %d frames have come", len(arrived.list), pictures)
	}
}

// Pictures of a camera that leaves out its Huffman tables can be decoded by everybody.
func TestLabMJPEGWithoutTables(t *testing.T) {
	img, err := jpeg.Decode(bytes.NewReader(readFile(t, street(t, 6)[0])))
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := jpeg.Encode(&whole, img, nil); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole.Bytes(), []byte{0xFF, 0xC4})
	bare := append(bytes.Clone(whole.Bytes()[:at]), whole.Bytes()[at+420:]...)
	if err := mjpeg.Check(bare); err != nil {
		t.Fatal(err)
	}
	camera := newLabCamera(t, [][]byte{bare}, 10)
	page := udpcam(t, "serve", "--source", "v4l2:"+camera.path, "--http", "127.0.0.1:0")
	url := page.url(t)
	var picture []byte
	until(t, "there is a picture", func() bool {
		picture, err = get(url + "snapshot.jpg")
		return err == nil
	})
	if !bytes.Equal(picture, whole.Bytes()) {
		t.Errorf("%d bytes, want %d", len(picture), whole.Len())
	}
	page.stop(t)

	// With --drop-same, repeats of a picture are not sent.
	repeats := udpcam(t, "send", "--addr", "127.0.0.1:9", "--source", camera.path, "--drop-same", "9", "--frames", "3")
	repeats.ends(t, 0)
	if !strings.Contains(repeats.stderr.String(), "skipped.repeated=18") {
		t.Error(repeats.stderr.String())
	}
	// Modes and controls that the camera does not have.
	near := udpcam(t, "send", "--addr", "127.0.0.1:9", "--source", camera.path, "--size", "1920x1080", "--frames", "1")
	near.ends(t, 0)
	near.says(t, `nearest that it can do" asked=1920x1080 using="320x240 MJPG`)
	turned := udpcam(t, "send", "--addr", "127.0.0.1:9", "--source", camera.path, "--rotate", "90", "--frames", "1")
	turned.ends(t, 0)
	text := udpcam(t, "send", "--addr", "127.0.0.1:9", "--source", camera.path, "--text", "%T")
	text.ends(t, 1)
	text.says(t, "text can be written into pictures that are encoded here")
}

// This measures the processor time of a frame, with udpcam and with ustreamer by turns. Each passes every frame of the
// camera to one other process: udpcam send to udpcam recv, and ustreamer to curl.
func TestLabUstreamer(t *testing.T) {
	need(t, "ustreamer", "curl")
	_, content := numberedFilm(t, 100, street(t, 1)[0])
	camera := newLabCamera(t, frames(t, content), 20)
	size := len(frames(t, content)[0])
	// measure returns how much the sending process used for each frame that came to the file meanwhile.
	measure := func(name string, sends *process, file string) {
		const warm, pictures = 20, 100
		until(t, "frames come by "+name, func() bool { return fileSize(file) >= warm*size })
		first, before := fileSize(file), usageOf(t, sends)
		until(t, "more frames come by "+name, func() bool { return fileSize(file) >= first+pictures*size })
		used, n := usageOf(t, sends).since(before), (fileSize(file)-first)/size
		t.Logf("%-22s %d frames of %d bytes, each %s", name, n, size, used.each(n))
	}
	ours := func(name string, flags ...string) {
		file := filepath.Join(t.TempDir(), "out.mjpg")
		in, addr := recv(t, "--out", file)
		out := udpcam(t, append([]string{"send", "--addr", addr, "--source", camera.path}, flags...)...)
		measure(name, out, file)
		out.stop(t)
		in.stop(t)
	}
	theirs := func() {
		file := filepath.Join(t.TempDir(), "out.multipart")
		socket := filepath.Join(t.TempDir(), "ustreamer")
		out := start(t, exec.Command("ustreamer", "--device", camera.path, "--format", "MJPEG", "--encoder", "HW",
			"--resolution", "768x576", "--unix", socket, "--desired-fps", "0"))
		until(t, "ustreamer is online", func() bool {
			state, err := exec.Command("curl", "-s", "--unix-socket", socket, "http://ustreamer/state").Output()
			return err == nil && strings.Contains(string(state), `"online": true`)
		})
		in := start(t, exec.Command("curl", "-sN", "--unix-socket", socket, "-o", file, "http://ustreamer/stream"))
		measure("ustreamer", out, file)
		in.kill()
		out.cmd.Process.Signal(os.Interrupt)
		<-out.done
	}
	for range 2 {
		ours("udpcam")
		theirs()
		ours("udpcam, without parity", "--fec", "off")
	}
}

// A usage is what a process has used of the machine so far, its threads together.
type usage struct {
	cpu, kernel time.Duration // on a processor, and about so much of it in the kernel
	waits       int           // how often it went to sleep
}

func usageOf(t *testing.T, p *process) (u usage) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal("a process without threads", err)
	}
	for _, task := range tasks {
		var cpu, ticks, waits int
		if _, err := fmt.Sscan(string(readFile(t, task+"/schedstat")), &cpu); err != nil {
			t.Fatal(err)
		}
		stat := string(readFile(t, task+"/stat"))
		fmt.Sscan(strings.Fields(stat[strings.LastIndex(stat, ")")+1:])[12], &ticks)
		_, after, _ := strings.Cut(string(readFile(t, task+"/status")), "\nvoluntary_ctxt_switches:")
		fmt.Sscan(after, &waits)
		u.cpu += time.Duration(cpu)
		u.kernel += time.Duration(ticks) * 10 * time.Millisecond
		u.waits += waits
	}
	return u
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.kernel - before.kernel, u.waits - before.waits}
}

func (u usage) each(n int) string {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(n) }
	return fmt.Sprintf("%.2f ms of a processor, %.1f of it in the kernel, and %.1f waits",
		ms(u.cpu), ms(u.kernel), float64(u.waits)/float64(n))
}

// When a camera is unplugged and plugged in again, the receiver shows it again. Nothing has to be restarted.
func TestLabUnplugged(t *testing.T) {
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("not in bench/lab")
	}
	need(t, "modprobe")
	modprobe := exec.Command("modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0")
	if out, err := modprobe.CombinedOutput(); err != nil {
		t.Fatalf("vivid: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("modprobe", "-r", "vivid").Run() })
	arrived := &arrivals{}
	in := arrived.of(t, udpcamCommand(t, "recv", "--addr", "127.0.0.1:0", "--out", "-"))
	addr := in.says(t, listening)[1]
	out := udpcam(t, "send", "--addr", addr, "--size", "320x180") // the default camera
	count := func() int {
		arrived.mu.Lock()
		defer arrived.mu.Unlock()
		return len(arrived.list)
	}
	until(t, "pictures come", func() bool { return count() > 10 })
	plug := func(how string) {
		if err := os.WriteFile("/sys/bus/platform/drivers/vivid/"+how, []byte("vivid.0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	plug("unbind")
	out.says(t, `camera is away, waiting for it.*unplugged`)
	here := count()
	back := time.Now()
	plug("bind")
	until(t, "pictures come again", func() bool { return count() > here+3 })
	t.Logf("pictures at the receiver %v after the camera's return", time.Since(back).Round(10*time.Millisecond))
	out.stop(t)
	in.stop(t)
}
