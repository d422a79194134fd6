package main

import (
	"fmt"
	"log/slog"
	"time"
)

// quietAfter is how long a stream is silent before it is said to be.
const quietAfter = 3 * time.Second

// A roster logs which streams appear, fall quiet and come back, and when the size of their pictures changes. It is told
// once a second which streams there are.
type roster map[string]*attendance

type attendance struct {
	size  string // "" while unknown
	quiet bool
}

func (r roster) update(log *slog.Logger, streams []streamStatus) {
	present := map[string]bool{}
	for _, s := range streams {
		present[s.Name] = true
		size := ""
		if s.Width > 0 {
			size = fmt.Sprintf("%dx%d", s.Width, s.Height)
		}
		quiet := time.Duration(s.Silent)*time.Millisecond >= quietAfter
		a := r[s.Name]
		switch {
		case a == nil:
			a = &attendance{size: size}
			r[s.Name] = a
			log.Info("stream appears", "stream", s.Name, "from", s.From, "size", size)
		case quiet && !a.quiet:
			log.Info("stream is quiet", "stream", s.Name, "from", s.From)
		case !quiet && a.quiet:
			log.Info("stream is back", "stream", s.Name, "from", s.From)
		case size != "" && size != a.size:
			log.Info("picture size changes", "stream", s.Name, "size", size, "before", a.size)
		}
		a.quiet = quiet
		if size != "" {
			a.size = size
		}
	}
	for name := range r {
		if !present[name] {
			delete(r, name) // it has long been quiet
		}
	}
}
