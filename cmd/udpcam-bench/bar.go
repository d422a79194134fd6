package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"udpcam/cmd/internal/cmdline"
)

// A bar shows how far a measurement is, on a terminal.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func newBar(w io.Writer) *bar { return &bar{w: w} }

// step is a [bench.Progress].
func (b *bar) step(done, all int, next string) {
	if _, ok := cmdline.TerminalWidth(b.w); !ok {
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(b.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetTheme(progressbar.ThemeUnicode))
	}
	b.bar.ChangeMax(all)
	b.bar.Describe(fmt.Sprintf("%-32.32s", next))
	b.bar.Set(done)
}

func (b *bar) end() {
	if b.bar != nil {
		b.bar.Clear()
	}
}
