package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A folder that grows gives its newest picture, and then each new one as soon as it is whole, in the order of their times.
func TestFollowFolder(t *testing.T) {
	pics := street(t)
	dir := photos(t, map[string][]byte{"a.jpg": pics[0], "z.jpg": pics[1]})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for i, name := range []string{"z.jpg", "a.jpg"} { // a is the newer one
			if err := os.Chtimes(filepath.Join(dir, name), began, began.Add(time.Duration(i-10)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		aside := filepath.Join(t.TempDir(), "aside") // a file must not be seen with the time of the machine's clock
		put := func(name string, content []byte) {
			err := os.WriteFile(aside, content, 0o644)
			if err = errors.Join(err, os.Chtimes(aside, time.Now(), time.Now()), os.Rename(aside, filepath.Join(dir, name))); err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		at := func(d time.Duration, name string, content []byte) { time.AfterFunc(d, func() { put(name, content) }) }
		at(2500*time.Millisecond, "b.jpg", pics[2])
		at(4500*time.Millisecond, "c.jpg", pics[3][:5000])
		at(6500*time.Millisecond, "c.jpg", pics[3])
		at(7500*time.Millisecond, "d.jpg", nil)
		at(8500*time.Millisecond, "e.jpg", []byte("no picture at all"))
		at(9500*time.Millisecond, "a.jpg", pics[4]) // replaced; it waits for e
		start := time.Now()
		skipped := skips{}
		seen := map[int]time.Duration{}
		var order []int
		for f, err := range open(t, dir, Options{Follow: true, Skip: skipped.add}).Frames(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			for i, pic := range pics {
				if _, ok := seen[i]; bytes.Equal(f.JPEG, pic) && !ok {
					seen[i] = time.Since(start)
					order = append(order, i)
				}
			}
			if age := time.Since(f.Captured); len(order) == 1 && age < 8*time.Minute {
				t.Errorf("the first picture counts as %v old", age)
			} else if d := f.Captured.Sub(start) - seen[order[len(order)-1]]; len(order) > 1 && d.Abs() > pollInterval {
				t.Errorf("picture %d counts as captured %v after it was shown", order[len(order)-1], d)
			}
		}
		if got := fmt.Sprint(order); got != "[0 2 3 4]" {
			t.Errorf("pictures %s", got)
		}
		for i, want := range map[int]time.Duration{2: 2500, 3: 6500} {
			if late := seen[i] - want*time.Millisecond; late < 0 || late > 2*pollInterval {
				t.Errorf("picture %d came %v late", i, late)
			}
		}
		if got := fmt.Sprint(skipped.n); got != "map[garbage:1]" {
			t.Errorf("left out %s", got)
		}
	})
}

// A pattern may match nothing yet, and a single file may be replaced many times.
func TestFollowPatternAndFile(t *testing.T) {
	pics := street(t)
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "*", "*.jpg"), filepath.Join(dir, "cam", "latest.jpg")} {
		if name == filepath.Join(dir, "cam", "latest.jpg") {
			os.MkdirAll(filepath.Dir(name), 0o755)
			os.WriteFile(name, pics[0], 0o644)
		}
		synctest.Test(t, func(t *testing.T) {
			os.Chtimes(name, time.Now(), time.Now())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			path := filepath.Join(dir, "cam", "latest.jpg")
			for i := range 3 {
				time.AfterFunc(time.Duration(i+1)*time.Second, func() {
					os.MkdirAll(filepath.Dir(path), 0o755)
					os.WriteFile(path+".new", pics[i+1], 0o644)
					os.Chtimes(path+".new", time.Now(), time.Now())
					os.Rename(path+".new", path)
				})
			}
			last := -1
			for f, err := range open(t, name, Options{Follow: true}).Frames(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				for i, pic := range pics[:4] {
					if bytes.Equal(f.JPEG, pic) {
						last = max(last, i)
					}
				}
			}
			if last != 3 {
				t.Errorf("the last picture was number %d", last)
			}
		})
		os.RemoveAll(filepath.Join(dir, "cam"))
	}
}
