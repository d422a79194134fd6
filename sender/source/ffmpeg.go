package source

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
)

// throughFFmpegTakes are the options that mean something to what ffmpeg reads.
const throughFFmpegTakes = fps | loop | size | quality | live

// newFFmpeg returns the function that opens what ffmpeg reads: a URL of that scheme, or, without a scheme, anything.
//
// JPEGs are passed on as they are. To find out whether there are any, ffmpeg is first told to copy. If something else comes,
// it is started again and makes JPEGs. Options for the pictures make it do so at once. A file is played at its own speed,
// and ends the source when it ends.
func newFFmpeg(scheme string) func(rest string, o Options) (Source, error) {
	return func(rest string, o Options) (Source, error) {
		input := rest
		if scheme != "" {
			input = scheme + ":" + rest
		}
		if input == "" || scheme != "" && !strings.HasPrefix(rest, "//") {
			return nil, fmt.Errorf("%w: %s; the form is ffmpeg:URL, ffmpeg:FILE or rtsp://HOST/PATH", ErrName,
				Redact(scheme+":"+rest))
		}
		info, err := os.Stat(input)
		file := err == nil && info.Mode().IsRegular()
		if o.Loop && !file {
			return nil, fmt.Errorf("%w: a live source cannot be looped", ErrOption)
		}
		path, err := exec.LookPath("ffmpeg")
		if err != nil {
			return nil, fmt.Errorf("%w: %s is read through ffmpeg, which is not installed here. "+
				"Install it (apt-get install ffmpeg), or run this where it is: ffmpeg %s | udpcam send --addr HOST --source -",
				ErrName, Redact(input), strings.Join(ffmpegArgs(Redact(input), file, true, Options{}), " "))
		}
		var transcode atomic.Bool
		transcode.Store(o.FPS != 0 || o.Size.X != 0 || o.qualityAsked)
		c := &child{
			name: Redact("ffmpeg:" + input),
			command: func() []string {
				return append([]string{path}, ffmpegArgs(input, file, transcode.Load(), o)...)
			},
			once: file,
			another: func(begin [2]byte, said string) bool {
				// H.264 of which the key frame has not come yet cannot be copied. JPEGs always can.
				return (begin != jpegBegins || strings.Contains(said, "codec parameters")) && !transcode.Swap(true)
			},
			lasting: func(_ int, said string) bool { return hopeless.MatchString(said) },
			hide:    secretsOf(input),
			o:       o,
		}
		c.o.FPS = 0 // ffmpeg sees to it
		if !file {
			c.silence = silence
		}
		return c, nil
	}
}

// hopeless matches what ffmpeg says if it is of no use to try again.
var hopeless = regexp.MustCompile(`40[0134] [A-Z]|No such file|Protocol not found|Name or service not known|` +
	`[Oo]ption .*not found|matches no streams|does not contain any stream|Failed to resolve|Server returned 4|` +
	`Permission denied`)

// ffmpegArgs are the arguments with which ffmpeg reads an input.
func ffmpegArgs(input string, file, transcode bool, o Options) []string {
	args := []string{"-nostdin", "-hide_banner", "-v", "error"}
	switch {
	case file && o.Loop:
		args = append(args, "-re", "-stream_loop", "-1")
	case file:
		args = append(args, "-re")
	default:
		// Nothing is held back: no packets to decode later ones better, and a second of them to find out what they are.
		args = append(args, "-fflags", "nobuffer", "-flags", "low_delay", "-fpsprobesize", "0", "-analyzeduration", "1000000")
	}
	if strings.HasPrefix(input, "rtsp:") {
		args = append(args, "-rtsp_transport", "tcp") // over UDP, a lost packet spoils the pictures up to the next key frame
	}
	args = append(args, "-i", input, "-map", "0:v:0")
	if !transcode {
		return append(args, "-c", "copy", "-flush_packets", "1", "-f", "mjpeg", "-")
	}
	if o.FPS != 0 {
		args = append(args, "-r", strconv.FormatFloat(o.FPS, 'f', -1, 64))
	}
	if o.Size.X != 0 {
		args = append(args, "-s", fmt.Sprintf("%dx%d", o.Size.X, o.Size.Y))
	}
	args = append(args, "-q:v", strconv.Itoa(ffmpegQuality(o.Quality)), "-pix_fmt", "yuvj420p")
	return append(args, "-flush_packets", "1", "-f", "mjpeg", "-")
}

// ffmpegQuality turns a JPEG quality into ffmpeg's scale of quantizers, 2 to 31. A quantizer of 6 is about as coarse as a
// quality of 50, which uses the tables of T.81, annex K, as they are.
func ffmpegQuality(quality int) int {
	if quality == 0 {
		quality = defaultQuality
	}
	scale := 200 - 2*float64(quality) // in percent, as libjpeg has it
	if quality < 50 {
		scale = 5000 / float64(quality)
	}
	return min(max(int(6*scale/100+0.5), 2), 31)
}

// secretsOf returns what takes the secrets of a URL out of a line of text.
func secretsOf(input string) func(string) string {
	pairs := []string{input, Redact(input)}
	if u, err := url.Parse(input); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && password != "" {
			pairs = append(pairs, password, "xxxxx", url.QueryEscape(password), "xxxxx")
		}
	}
	secrets := strings.NewReplacer(pairs...)
	return func(line string) string { return hideUserinfo(secrets.Replace(line)) }
}
