package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Where nobody looks, progress is a line once in a while, and none for what is
// soon over.
func TestProgressInLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := 0
		p := showProgress(&out, func() string { n++; return strings.Repeat("x", n) })
		time.Sleep(progressLines - time.Second)
		p.stop()
		if out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
		p = showProgress(&out, func() string { n++; return strings.Repeat("x", n) })
		time.Sleep(2*progressLines + time.Second)
		p.stop()
		if out.String() != "x\nxx\n" {
			t.Errorf("%q", out.String())
		}
	})
}

// On a terminal one line changes, and is empty in the end.
func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{w: &out, text: func() string { return "half" }, terminal: true, done: make(chan struct{})}
		p.shown.Go(p.run)
		time.Sleep(2*progressEvery + progressEvery/2)
		p.stop()
		if want := clearLine + "half" + clearLine + "half" + clearLine; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}
