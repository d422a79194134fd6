package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type sample struct {
	at      time.Time
	process int // its ID
	figures
}

// goroutines is how many a receiver with HTTP has, a million if it does not tell, 0 if it has no HTTP.
func (s *soak) goroutines(p *soaked) int {
	if p.name != "one" && p.name != "two" {
		return 0
	}
	page, err := site{s.lan.machines[4], s.lan.addr(p.host) + ":8080"}.get(context.Background(), "/metrics")
	if err != nil {
		return 1e6 // it refuses, or does not answer
	}
	n, _ := metric(page, "go_goroutines")
	return int(n)
}

// measure notes what all processes use, and removes recordings that would fill the disk. A process that has ended by itself
// fails the test.
func (s *soak) measure() {
	for _, p := range s.processes {
		select {
		case <-p.p.done:
			if p.p.cmd.ProcessState.ExitCode() >= 0 { // it was not killed
				s.Fatalf("%s has ended by itself: %s", p.name, p.p.cmd.ProcessState)
			}
		default:
			p.samples = append(p.samples, sample{time.Now(), p.p.cmd.Process.Pid, p.p.figures()})
		}
	}
	for _, camera := range s.cameras {
		if files := s.recordings(camera.name); len(files) > 3 {
			for _, old := range files[:len(files)-3] {
				os.Remove(old)
			}
		}
	}
}

// recordings are the files of a camera's stream, oldest first.
func (s *soak) recordings(camera string) []string {
	files, _ := filepath.Glob(filepath.Join(s.dir, camera+"*"))
	slices.SortFunc(files, func(a, b string) int { return modified(a).Compare(modified(b)) })
	return files
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// judgePictures checks what the viewers and the pipe have seen.
func (s *soak) judgePictures(end time.Time) {
	for _, p := range s.pairings {
		counts := func(at time.Time) bool {
			for _, o := range s.outages {
				if o.hits(p) && at.After(o.from.Add(-300*time.Millisecond)) && at.Before(o.to.Add(soakGrace)) {
					return false
				}
			}
			return true
		}
		fed, missing := lost(p.camera, s.began, end.Add(-300*time.Millisecond), counts, p.watchers...)
		s.Logf("%s at receiver %s: %d of %d pictures", p.camera.name, p.at.name, fed-missing, fed)
		if float64(fed-missing) < soakShare*float64(fed) && !testing.Short() {
			s.Errorf("%s at receiver %s: %d of %d pictures are missing%s", p.camera.name, p.at.name, missing, fed,
				s.gaps(p, end, counts))
		}
		for _, w := range p.watchers {
			if w.damaged+w.backwards > 0 {
				s.Errorf("%s: %d damaged, %d backwards: %s", w.where, w.damaged, w.backwards, w.example)
			}
			if w.foreign > 0 {
				s.Logf("%s was shown %d pictures of the attacker", w.where, w.foreign)
			}
		}
	}
}

// gaps says when many pictures were missing, and what happened just before.
func (s *soak) gaps(p *pairing, end time.Time, counts func(time.Time) bool) (text string) {
	const step = 500 * time.Millisecond
	for at, n := s.began, 0; at.Before(end) && n < 20; at = at.Add(step) {
		fed, missing := lost(p.camera, at, at.Add(step), counts, p.watchers...)
		if missing*4 <= fed {
			continue
		}
		n++
		line := fmt.Sprintf("%v: %d of %d", at.Sub(s.began).Round(step), missing, fed)
		s.mu.Lock()
		for i, when := range s.noted {
			if when.After(at.Add(-step/2)) && when.Before(at.Add(step)) && !strings.Contains(line, s.notes[i]) {
				line += ", " + s.notes[i]
			}
		}
		s.mu.Unlock()
		text += "\n\t" + line
	}
	return text
}

// judgeRecordings looks at the newest recordings of receiver one.
func (s *soak) judgeRecordings() {
	for _, camera := range s.cameras {
		files, pictures := s.recordings(camera.name), 0
		for _, path := range files {
			w := newWatcher(camera, "the recording "+filepath.Base(path))
			if f, err := os.Open(path); err == nil {
				w.read(f)
				f.Close()
			}
			if w.damaged+w.backwards > 0 {
				s.Errorf("%s: %d damaged, %d backwards: %s", w.where, w.damaged, w.backwards, w.example)
			}
			pictures += len(w.seen)
		}
		s.Logf("the recordings of %s hold %d pictures in %d files", camera.name, pictures, len(files))
		if pictures == 0 && !testing.Short() {
			s.Errorf("the recordings of %s hold nothing", camera.name)
		}
	}
}

// judgeMemory checks that no process grows, once it is warm.
func (s *soak) judgeMemory(warm time.Time) {
	for _, p := range s.processes {
		least, most := map[int]int{}, map[int]int{} // by process
		for _, sample := range p.samples {
			if sample.at.Before(warm) || sample.at.Before(p.startOf(sample.process).Add(warm.Sub(s.began))) {
				continue
			}
			if m, ok := least[sample.process]; !ok || sample.memory < m {
				least[sample.process] = sample.memory
			}
			most[sample.process] = max(most[sample.process], sample.memory)
		}
		for id := range most {
			s.Logf("%s: %d to %d MiB", p.name, least[id]/mib, most[id]/mib)
			if grown := most[id] - least[id]; grown > soakMemory {
				s.Errorf("%s: its memory varies by %d MiB, from %d MiB", p.name, grown/mib, least[id]/mib)
			}
		}
	}
}

// startOf is when a process was first measured.
func (p *soaked) startOf(process int) time.Time {
	i := slices.IndexFunc(p.samples, func(s sample) bool { return s.process == process })
	return p.samples[i].at
}

// judgeLeaks checks that some time after the attacks all processes have as few descriptors and goroutines as before. The
// viewers have left, so they have even fewer.
func (s *soak) judgeLeaks() {
	const spare = 6                             // files of rotating recordings, answers that are on their way
	patient := time.Now().Add(40 * time.Second) // a receiver forgets a stream after 30 s
	long := *soakFor > 2*time.Minute
	switch {
	case testing.Short():
		patient = time.Now()
	case long:
		patient = time.Now().Add(90 * time.Second) // the recording of a stream is closed a minute after its end
	}
	for _, p := range s.processes {
		for {
			now, goroutines := p.p.figures(), s.goroutines(p)
			if files := p.p.open()[s.dir]; !long && files > len(s.cameras) && files <= 64 {
				now.descriptors -= files - len(s.cameras)
			}
			few := now.descriptors <= p.quiet.descriptors+spare && goroutines <= p.threads+spare
			if few || time.Now().After(patient) {
				found := fmt.Sprintf("%s: descriptors %d, then %d; goroutines %d, then %d", p.name, p.quiet.descriptors,
					now.descriptors, p.threads, goroutines)
				if s.Log(found); !few && !testing.Short() {
					s.Error(found, "; open are ", p.p.open())
				}
				break
			}
			time.Sleep(time.Second)
		}
	}
}
