package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A house is what udpcam run runs: the tables of a file, each in a goroutine. Its methods are for one goroutine.
type house struct {
	*session
	json    io.Writer  // nil without --json
	level   slog.Level // of tables that do not say
	tenants []*tenant
	over    chan struct{} // gets a value when a tenant's command has ended
}

// read reads and checks the file. It starts nothing.
func (h *house) read(ctx context.Context, path string) ([]table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	tables, err := parseConfig(text)
	for i := 0; i < len(tables) && err == nil; i++ {
		t := &tenant{house: h, checking: true}
		t.table.Store(&tables[i])
		err = t.command(ctx)
	}
	return tables, err
}

// change makes the tables of a file run, and no others. Tables that run already go on undisturbed. It returns the errors of
// tables that could not be started. They are tried again, unless strict is true: then change returns with the first.
func (h *house) change(ctx context.Context, tables []table, strict bool) (failed []error) {
	before := h.tenants
	h.tenants = nil
	var fresh []*tenant
	for i := range tables {
		identity := identityOf(tables[i])
		t := &tenant{house: h, identity: identity}
		if i := slices.IndexFunc(before, func(old *tenant) bool { return old.identity == identity }); i >= 0 {
			t = before[i]
			before = slices.Delete(before, i, i+1)
			h.tenants = append(h.tenants, t)
		} else {
			fresh = append(fresh, t)
		}
		t.table.Store(&tables[i]) // its lines may be others
	}
	endAll(before) // first, so that ports and names are free
	for _, t := range fresh {
		h.tenants = append(h.tenants, t)
		if err := h.start(ctx, t); err != nil {
			if failed = append(failed, err); strict {
				return failed
			}
		}
	}
	h.log.Info("running", "tables", len(tables), "started", len(fresh), "ended", len(before))
	return failed
}

// start starts a tenant, and returns when it has begun or failed. Then it goes on by itself.
func (h *house) start(ctx context.Context, t *tenant) error {
	ctx, t.end = context.WithCancel(ctx)
	t.ended = make(chan struct{})
	outcome := make(chan error, 1)
	var first sync.Once
	tell := func(err error) (told bool) {
		first.Do(func() {
			outcome <- err
			told = true
		})
		return told
	}
	t.begun = func() { tell(nil) }
	go func() {
		t.keep(ctx, tell)
		close(t.ended)
		select {
		case h.over <- struct{}{}:
		default: // there is a value already
		}
	}()
	return <-outcome
}

// keep runs a tenant's command until ctx is done, or the command ends by itself. If it fails it is run again. The first
// error is told; others are logged.
func (t *tenant) keep(ctx context.Context, tell func(error) bool) {
	for rest := firstRest; ; rest = min(2*rest, lastRest) {
		start := time.Now()
		err := t.command(ctx)
		told := tell(err)
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(start) > lastRest {
			rest = firstRest
		}
		if m := (mistake{}); !told && errors.As(err, &m) {
			t.house.log.Error("this table failed, and is started again", "table", t.table.Load().label(), "line", m.line,
				"error", err, "after", rest)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// idle reports whether all commands have ended by themselves.
func (h *house) idle() bool {
	return !slices.ContainsFunc(h.tenants, func(t *tenant) bool {
		select {
		case <-t.ended:
			return false
		default:
			return true
		}
	})
}

// stop ends all tenants.
func (h *house) stop() { endAll(h.tenants) }

// endAll ends tenants, and waits for them.
func endAll(tenants []*tenant) {
	for _, t := range tenants {
		t.end()
	}
	for _, t := range tenants {
		<-t.ended
	}
}

// identityOf is the same for two tables if they say the same, and the keys and the page that they name are the same too.
func identityOf(t table) string {
	sum := fnv.New64a()
	for _, key := range []string{"key-file", "html"} {
		for _, name := range t.values(key) {
			content, _ := os.ReadFile(name) // the command has seen that it is there
			fmt.Fprintf(sum, "%q", content)
		}
	}
	t.entries = slices.SortedFunc(slices.Values(t.entries), func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return fmt.Sprintf("%q %x", t.args(), sum.Sum64())
}
