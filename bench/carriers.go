package bench

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Carrier is a program or protocol that carries pictures from one process's standard input to another's standard output.
// It has its usual settings for low delay.
type Carrier struct {
	Name     string
	Settings string // in words
	// Programs (commands) and Elements (of GStreamer) must be installed.
	Programs, Elements []string
	Debian             string   // the packages that have them
	Version            []string // a command that tells its version
	program            program  // what PROGRAM stands for in the command lines
	// The command lines. ADDR, HOST and PORT stand for the receiver's address.
	send, receive string
	third         string // the content of the receiver's open file 3, "" if it needs none
}

// A program is one that is part of udpcam, so that it need not be installed.
type program int

const (
	none    program = iota
	product         // udpcam
	itself          // the bench
	inC             // bareSource, compiled before it is measured
)

// Measures reports whether any of the carriers is udpcam.
func Measures(carriers []Carrier) bool {
	return slices.ContainsFunc(carriers, func(c Carrier) bool { return c.program == product })
}

const gst = "gst-launch-1.0"

// rtpJPEG is the format that a receiver of RTP/JPEG needs to know.
const rtpJPEG = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26"

// SRTLatency is how long SRT holds everything back, in milliseconds: its default is 120.
const SRTLatency = 50

const (
	gstSend    = gst + " -q fdsrc fd=0 ! jpegparse ! rtpjpegpay mtu=1400 ! "
	gstReceive = gst + " -q udpsrc address=HOST port=PORT buffer-size=4194304 caps=" + rtpJPEG + " ! "
	gstDebian  = "gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
)

var gstElements = []string{"jpegparse", "rtpjpegpay", "udpsink", "udpsrc", "rtpjpegdepay"}

var srt = fmt.Sprintf("latency=%d&transtype=live", SRTLatency)

// Carriers are all that are compared, udpcam first.
var Carriers = []Carrier{
	{
		Name:     "udpcam",
		Settings: "as it comes",
		program:  product,
		send:     "PROGRAM send --source - --addr ADDR",
		receive:  "PROGRAM recv --out - --addr ADDR",
	},
	{
		Name:     "classic",
		Settings: "the countdown wire of old scripts, 65,472 bytes a datagram, by udpcam; a frame of two segments that lacks one cannot always be told from a whole one",
		program:  product,
		send:     "PROGRAM send --wire classic --source - --addr ADDR",
		receive:  "PROGRAM recv --wire classic --out - --addr ADDR",
	},
	{
		Name:     "GStreamer",
		Settings: "rtpjpegpay mtu=1400 and rtpjpegdepay (RFC 2435), no jitter buffer, 4 MiB of receive buffer",
		Programs: []string{gst},
		Elements: gstElements,
		Debian:   gstDebian,
		Version:  []string{gst, "--version"},
		send:     gstSend + "udpsink host=HOST port=PORT sync=false",
		receive:  gstReceive + "rtpjpegdepay ! fdsink fd=1 sync=false",
	},
	{
		Name:     "GStreamer FEC",
		Settings: "the same with rtpulpfecenc percentage=20 (RFC 5109) and rtpjitterbuffer latency=50",
		Programs: []string{gst},
		Elements: append([]string{"rtpulpfecenc", "rtpulpfecdec", "rtpstorage", "rtpjitterbuffer"}, gstElements...),
		Debian:   gstDebian,
		Version:  []string{gst, "--version"},
		send:     gstSend + "rtpulpfecenc percentage=20 pt=122 ! udpsink host=HOST port=PORT sync=false",
		receive: gstReceive + "rtpstorage size-time=220000000 ! rtpssrcdemux ! rtpjitterbuffer latency=50 do-lost=1 ! " +
			"rtpulpfecdec pt=122 ! rtpjpegdepay ! fdsink fd=1 sync=false",
	},
	{
		Name:     "SRT",
		Settings: fmt.Sprintf("srt-live-transmit, live mode, latency %d ms", SRTLatency),
		Programs: []string{"srt-live-transmit"},
		Debian:   "srt-tools",
		Version:  []string{"srt-live-transmit", "-version"},
		send:     "srt-live-transmit -q -chunk:1316 file://con srt://ADDR?mode=caller&" + srt,
		receive:  "srt-live-transmit -q srt://ADDR?mode=listener&" + srt + " file://con",
	},
	{
		Name:     "TCP",
		Settings: "one connection with TCP_NODELAY, copied by a plain Go program (udpcam-bench tcp)",
		program:  itself,
		send:     "PROGRAM tcp send ADDR",
		receive:  "PROGRAM tcp receive ADDR",
	},
	{
		Name: "bare relay",
		Settings: "a C program that only reads, sends, receives and writes, with UDP_SEGMENT and UDP_GRO: the least that it can cost; " +
			"it repairs and checks nothing",
		Programs: []string{"cc"},
		Debian:   "gcc libc6-dev",
		program:  inC,
		send:     "PROGRAM send ADDR",
		receive:  "PROGRAM receive ADDR",
	},
	{
		Name:     "ffmpeg",
		Settings: "-c copy to RTP/JPEG and back, nobuffer, no reordering, 4 MiB of receive buffer; it hands on a picture when the next one begins",
		Programs: []string{"ffmpeg"},
		Debian:   "ffmpeg",
		Version:  []string{"ffmpeg", "-version"},
		send: "ffmpeg -hide_banner -loglevel error -fflags nobuffer -probesize 32 -f mjpeg -i pipe:0 -c copy -flush_packets 1 -f rtp " +
			"rtp://ADDR?pkt_size=1400",
		receive: "ffmpeg -hide_banner -loglevel error -protocol_whitelist fd,pipe,udp,rtp -fflags nobuffer -flags low_delay -probesize 32 " +
			"-analyzeduration 0 -reorder_queue_size 0 -buffer_size 4194304 -f sdp -i pipe:3 -c copy -flush_packets 1 -f mjpeg pipe:1",
		third: "v=0\no=- 0 0 IN IP4 HOST\ns=bench\nc=IN IP4 HOST\nt=0 0\nm=video PORT RTP/AVP 26\n",
	},
}

// commands returns the carrier's command lines. program is the path of our own program.
func (c Carrier) commands(program, host string) (send, receive []string) {
	number := strconv.Itoa(port)
	words := strings.NewReplacer("PROGRAM", program, "ADDR", host+":"+number, "HOST", host, "PORT", number)
	fields := func(line string) (fields []string) {
		for _, f := range strings.Fields(line) {
			fields = append(fields, words.Replace(f))
		}
		return fields
	}
	send, receive = fields(c.send), fields(c.receive)
	if c.third != "" {
		receive = append([]string{"sh", "-c", "exec \"$@\" 3<<END\n" + words.Replace(c.third) + "END\n", "sh"}, receive...)
	}
	return send, receive
}

// FindCarrier returns the carrier of that name. The error wraps ErrName.
func FindCarrier(name string) (Carrier, error) {
	return find("carrier", Carriers, func(c Carrier) string { return c.Name }, name)
}

// missing says what a carrier lacks on this machine, "" if nothing.
func (c Carrier) missing() string {
	for _, program := range c.Programs {
		if _, err := exec.LookPath(program); err != nil {
			return "there is no " + program
		}
	}
	for _, element := range c.Elements {
		if exec.Command("gst-inspect-1.0", "--exists", element).Run() != nil {
			return "GStreamer has no " + element
		}
	}
	return ""
}

// bareSource is a minimal relay in C. The extra cost of other carriers comes from what they do in addition.
//
//go:embed bare/relay.c
var bareSource string

// compile builds a program in C, and returns where it is. The error is what the compiler says.
func compile(source, dir string) (program string, err error) {
	program = filepath.Join(dir, "relay")
	cc := exec.Command("cc", "-O2", "-o", program, "-x", "c", "-")
	cc.Stdin = strings.NewReader(source)
	cc.Env = append(os.Environ(), "TMPDIR="+dir)
	if said, err := cc.CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
		return "", fmt.Errorf("cc: %w: %s", err, line)
	}
	return program, nil
}
