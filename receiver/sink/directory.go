package sink

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"udpcam/protocol"
)

// maxRecordings is how many streams a directory records at once. It stops a sender that invents stream names from using up
// file descriptors.
const maxRecordings = 64

// endedAfter is how long a stream is silent before its file is closed.
const endedAfter = time.Minute

// maxNewcomers bounds the streams without a place that are remembered, so that invented streams do not fill the memory.
const maxNewcomers = 256

// maxWritten bounds the names that a directory remembers, so that invented streams do not fill the memory.
const maxWritten = 10_000

// A directory records every stream to files of its own, named for the stream.
type directory struct {
	path      string
	o         Options
	streams   map[string]*recorded
	newcomers map[string]*pulse // streams for which there is no place
	taken     map[string]bool   // file names in use, in lower case, because some file systems take Cam and cam for the same
	written   map[string]bool   // file names that have been used, which are never overwritten
}

// recorded is a stream that is being recorded.
type recorded struct {
	Sink
	pulse
	series *series
	base   string // its name in taken
}

// A pulse is how many frames of a stream came of late: twice the frames a second, if they are steady.
type pulse struct {
	beats float64   // when the last came
	last  time.Time // when that was
}

func (p *pulse) at(now time.Time) float64 { return p.beats * math.Exp(-now.Sub(p.last).Seconds()/2) }

func (p *pulse) beat(now time.Time) { p.beats, p.last = p.at(now)+1, now }

// weakest returns the stream of the weakest pulse.
func weakest[P interface{ at(time.Time) float64 }](streams map[string]P, now time.Time) (stream string, pulse float64) {
	pulse = math.Inf(1)
	for name, s := range streams {
		if p := s.at(now); p < pulse {
			stream, pulse = name, p
		}
	}
	return stream, pulse
}

func openDirectory(path string, o Options) (*directory, error) {
	if err := o.home.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, directoryMode); err != nil {
		if info, statErr := os.Stat(filepath.Clean(path)); statErr == nil && !info.IsDir() {
			err = errors.New("that is a file, no directory") // overwriting would not help
		}
		return nil, fmt.Errorf("cannot record there: %w", err)
	}
	if err := writable(filepath.Join(path, "probe")); err != nil {
		return nil, fmt.Errorf("cannot record there: %w", err)
	}
	return &directory{path: path, o: o, streams: map[string]*recorded{}, newcomers: map[string]*pulse{},
		taken: map[string]bool{}, written: map[string]bool{}}, nil
}

// again returns a directory that goes on where this one has failed.
func (d *directory) again() (Sink, error) {
	o := d.o
	o.Overwrite = false
	o.films = newMender(o)
	return openDirectory(d.path, o)
}

func (d *directory) Put(f protocol.Frame) error {
	now := time.Now()
	s, ok := d.streams[f.Stream]
	if !ok {
		if room, err := d.makeRoom(f.Stream, now); err != nil {
			return err
		} else if !room {
			d.o.skip(SkipStreams)
			return nil
		}
		s = d.create(f.Stream)
		d.streams[f.Stream] = s
	}
	s.beat(now)
	return s.Put(f)
}

// create makes the sink of one stream: the file NAME.mjpg, or files called after NAME and their times. If that file is
// another stream's or was recorded before, it is NAME-2.mjpg and so on. That is no error: a stream that appears hours after
// the start must not end the recordings of the others.
func (d *directory) create(stream string) *recorded {
	ext := ".mjpg"
	if d.o.Matroska {
		ext = ".mkv"
	}
	base := fileName(stream)
	for n := 2; d.taken[strings.ToLower(base)]; n++ {
		base = fmt.Sprintf("%s-%d", fileName(stream), n)
	}
	name := strings.ToLower(base)
	o := d.o
	o.Overwrite = o.Overwrite && !d.written[name] && len(d.written) < maxWritten
	d.taken[name] = true
	if o.Overwrite {
		d.written[name] = true
	}
	path := filepath.Join(d.path, base)
	if o.SnapshotEvery > 0 {
		o.Rotate = Rotation{Size: 1} // a file for each
		s := &series{name: path + ".jpg", o: o}
		return &recorded{Sink: &sparse{Sink: s, o: o}, series: s, base: name}
	}
	s := &series{name: path + ext, o: o}
	return &recorded{Sink: s, series: s, base: name}
}

// end closes the files of a stream, and frees its place and its name.
func (d *directory) end(stream string) error {
	s := d.streams[stream]
	delete(d.streams, stream)
	delete(d.taken, s.base)
	return s.series.end()
}

// A stream of three frames a second has a strong pulse. That of a slow one is gone after some seconds of silence.
const (
	strongPulse = 5
	gonePulse   = 0.05
)

// makeRoom reports whether a new stream gets a place. While all places are taken, it gets that of the stream with the
// weakest pulse, once its own is strong and twice as strong, or the other's is gone. So invented streams keep no camera out,
// whether they are silent or send a picture now and then. Nor do they take each other's places, which would leave ever more
// files.
func (d *directory) makeRoom(stream string, now time.Time) (room bool, err error) {
	if len(d.streams) < maxRecordings {
		return true, nil
	}
	p := d.newcomers[stream]
	if p == nil {
		if len(d.newcomers) == maxNewcomers {
			least, _ := weakest(d.newcomers, now)
			delete(d.newcomers, least)
		}
		p = &pulse{}
		d.newcomers[stream] = p
	}
	p.beat(now)
	least, its := weakest(d.streams, now)
	if p.beats <= 2*its || p.beats < strongPulse && its > gonePulse {
		return false, nil
	}
	delete(d.newcomers, stream)
	return true, d.end(least)
}

// tidy closes the files of streams that have ended, and deletes what is too old.
func (d *directory) tidy(now time.Time) {
	for stream, s := range d.streams {
		if now.Sub(s.last) < endedAfter {
			s.series.tidy(now)
		} else if err := d.end(stream); err != nil {
			d.o.log("a recording of a stream that has ended cannot be closed", "stream", stream, "error", err)
		}
	}
}

// Close closes every file and returns the first error.
func (d *directory) Close() (err error) {
	var ended []*recording
	for stream, s := range d.streams {
		err = cmp.Or(err, d.end(stream))
		if s.series.ended != nil {
			ended = append(ended, s.series.ended)
		}
	}
	deadline := time.Now().Add(finalSync) // for all of them
	for _, r := range ended {
		err = cmp.Or(err, r.wait(deadline))
	}
	d.o.films.stop()
	return err
}

// fileName makes a file's base name from a stream's name, which comes from the network. Letters and digits of any script
// and -_.@+ stay. Everything else becomes an underscore. So does a leading dot, which would hide the file or climb out of
// its directory, and a leading hyphen, which programs take for a flag. Two streams may get the same name.
func fileName(stream string) string {
	if len(stream) > protocol.MaxStreamName {
		stream = stream[:protocol.MaxStreamName]
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("-_.@+", r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(stream, "_"))
	switch {
	case name == "":
		name = "udpcam"
	case name[0] == '.', name[0] == '-':
		name = "_" + name[1:]
	}
	// Names of devices, such as CON on Windows, are not local there, with any extension.
	if !filepath.IsLocal(name + ".mjpg") {
		name = "_" + name
	}
	return name
}
