package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	progressEvery = 500 * time.Millisecond // on a terminal
	progressLines = 30 * time.Second       // elsewhere
)

// progress shows how far some work has come: on a terminal one line that
// changes, elsewhere a line once in a while.
type progress struct {
	w        io.Writer
	text     func() string
	terminal bool
	done     chan struct{}
	shown    sync.WaitGroup
}

// showProgress shows text until stop is called.
func showProgress(w io.Writer, text func() string) *progress {
	p := &progress{w: w, text: text, terminal: isTerminal(w), done: make(chan struct{})}
	p.shown.Go(p.run)
	return p
}

// isTerminal tells whether somebody looks.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) run() {
	every := progressLines
	if p.terminal {
		every = progressEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			if p.terminal {
				fmt.Fprint(p.w, clearLine)
			}
			return
		case <-tick.C:
			if p.terminal {
				fmt.Fprint(p.w, clearLine+fitting(p.text()))
			} else {
				fmt.Fprintln(p.w, p.text())
			}
		}
	}
}

// fitting cuts a text to the narrowest of usual terminals: only the last row of a
// longer one could be cleared.
func fitting(text string) string {
	if runes := []rune(text); len(runes) > lineWidth {
		return string(runes[:lineWidth-1]) + "…"
	}
	return text
}

const lineWidth = 79

const clearLine = "\r\x1b[K"

// stop ends the showing, and leaves a terminal's line empty.
func (p *progress) stop() {
	close(p.done)
	p.shown.Wait()
}
