package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const longestAnswer = 1 << 10

// isConsole tells whether somebody reads and writes there. The null device,
// which services and cron jobs have for standard input, is a character device,
// too.
func isConsole(v any) bool {
	f, ok := v.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// forget discards what was typed before, which answers no question yet to be
// asked. What can be discarded depends on the system; without a terminal,
// nothing is.
func forget(stdin io.Reader) {
	f, ok := stdin.(*os.File)
	if !ok || !isConsole(f) {
		return
	}
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(flushInput)
	}
}

// ask returns nil if the user says yes.
func (u *dialogUpdater) ask(ctx context.Context, w io.Writer) error {
	forget(u.stdin)
	fmt.Fprint(w, "Change this dialog? [y/N] ")
	answer, err := await(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(u.stdin, longestAnswer)).ReadString('\n')
	})
	if ctx.Err() != nil || err != nil && answer == "" {
		fmt.Fprintln(w) // the prompt still stands in its line
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; nothing was changed", interrupted(ctx, ctx.Err()))
	}
	if !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}

// await waits for what may block for good, such as a terminal, until ctx ends.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
