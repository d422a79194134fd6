package hub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"udpcam/protocol"
)

// The kinds of who is there.
const (
	KindPublisher = "publisher"
	KindEdge      = "edge"
	KindServer    = "hub"
)

// An Info is what somebody tells of itself, as JSON. Everything in it is as trustworthy as who sent it.
type Info struct {
	Kind     string `json:"kind"`
	Instance string `json:"instance"` // random, one a start
	Site     string `json:"site"`     // as the user named it
	Hub      string `json:"hub"`      // the NATS server that it is connected to, or is
	Version  string `json:"version"`
	Gone     bool   `json:"gone,omitempty"` // it ends now

	Streams []StreamInfo `json:"streams,omitempty"` // of a publisher: all; of an edge: those that are watched there
	Viewers int          `json:"viewers,omitempty"` // of an edge

	// Of a hub.
	URL         string `json:"url,omitempty"`
	Clients     int    `json:"clients,omitempty"`
	Routes      int    `json:"routes,omitempty"` // other hubs of its cluster
	Leaves      int    `json:"leaves,omitempty"` // connections to and from other sites
	Memory      int64  `json:"memory,omitempty"` // bytes
	In          int64  `json:"in_bytes,omitempty"`
	Out         int64  `json:"out_bytes,omitempty"`
	Slow        int64  `json:"slow_consumers,omitempty"` // connections that were closed because they did not read
	MaxPayload  int64  `json:"max_payload,omitempty"`
	Unreachable string `json:"unreachable,omitempty"` // why its leaf or its cluster lacks a connection
}

// A StreamInfo is one stream of an Info.
type StreamInfo struct {
	Name   []byte  `json:"name"` // any bytes
	Width  int     `json:"width,omitempty"`
	Height int     `json:"height,omitempty"`
	FPS    float64 `json:"fps,omitempty"`   // 0 if frames have stopped
	Edges  int     `json:"edges,omitempty"` // how many edges watch it
	Age    float64 `json:"age"`             // of the newest frame since it came, in seconds; 0 if none did
}

// Encode returns the message of an Info.
func (i Info) Encode() []byte {
	b, _ := json.Marshal(i) // all its types can be encoded
	return b
}

// ParseInfo reads a message. It corrects what no honest sender would say.
func ParseInfo(b []byte) (i Info, err error) {
	if len(b) > MaxInfo {
		return i, fmt.Errorf("%d bytes are too many", len(b))
	}
	if err := json.Unmarshal(b, &i); err != nil {
		return i, err
	}
	if i.Instance == "" || strings.ContainsFunc(i.Instance, func(r rune) bool { return !alphanumeric(r) }) {
		return i, fmt.Errorf("%q is no instance", clean(i.Instance))
	}
	for _, text := range []*string{&i.Kind, &i.Instance, &i.Site, &i.Hub, &i.Version, &i.URL, &i.Unreachable} {
		*text = clean(*text)
	}
	i.Streams = i.Streams[:min(len(i.Streams), MaxStreams)]
	i.Streams = slices.DeleteFunc(i.Streams, func(s StreamInfo) bool { return len(s.Name) > protocol.MaxStreamName })
	return i, nil
}

func alphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// clean makes a text fit for logs and pages.
func clean(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// A Directory is what an edge knows of the publishers. The zero value knows none. It is for one goroutine.
type Directory struct {
	publishers map[string]*publisher
}

type publisher struct {
	Info
	heard  time.Time
	missed int // how many lists in a row it has not answered
}

// missedLists is how many lists a publisher may leave unanswered. Then it is gone.
const missedLists = 2

// Hear takes in what a publisher tells. It reports whether other streams are offered than before.
func (d *Directory) Hear(i Info, now time.Time) (changed bool) {
	before := d.publishers[i.Instance]
	switch {
	case i.Kind != KindPublisher:
		return false
	case i.Gone:
		delete(d.publishers, i.Instance)
		return before != nil
	case before == nil && len(d.publishers) >= maxPublishers:
		return false
	case d.publishers == nil:
		d.publishers = map[string]*publisher{}
	}
	d.publishers[i.Instance] = &publisher{Info: i, heard: now}
	return before == nil || !slices.EqualFunc(before.Streams, i.Streams, func(a, b StreamInfo) bool {
		return string(a.Name) == string(b.Name) && (a.FPS > 0) == (b.FPS > 0)
	})
}

// Asked says that a list was asked for, and that all answers which come would have come: of who is there since that moment.
// Who answered no list lately is forgotten. It reports whether there is such a one.
func (d *Directory) Asked(since time.Time) (changed bool) {
	for instance, p := range d.publishers {
		if !p.heard.Before(since) {
			p.missed = 0
		} else if p.missed++; p.missed >= missedLists {
			delete(d.publishers, instance)
			changed = true
		}
	}
	return changed
}

// An Available is a stream that can be watched.
type Available struct {
	Stream    StreamInfo
	Publisher Info
	Missing   bool // the publisher did not answer when it was last asked
}

// Streams returns who offers each stream. The publishers that get frames come first, the others after them.
func (d *Directory) Streams() map[string][]Available {
	all := map[string][]Available{}
	for _, instance := range slices.Sorted(maps.Keys(d.publishers)) {
		p := d.publishers[instance]
		for _, s := range p.Streams {
			all[string(s.Name)] = append(all[string(s.Name)], Available{s, p.Info, p.missed > 0})
		}
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b Available) int {
			return cmp.Or(order(b.Stream.FPS > 0)-order(a.Stream.FPS > 0), order(a.Missing)-order(b.Missing))
		})
	}
	return all
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Round makes a rate fit for an Info.
func Round(x float64) float64 { return math.Round(10*x) / 10 }

// Sort sorts the streams by name.
func (i *Info) Sort() {
	slices.SortFunc(i.Streams, func(a, b StreamInfo) int { return strings.Compare(string(a.Name), string(b.Name)) })
}
