// Package promtool gives tests the real promtool, built once into the user's
// cache.
package promtool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// Version is v3.16 of Prometheus, under the version of its Go module.
const Version = "v0.316.0"

const (
	module    = "github.com/prometheus/prometheus/cmd/promtool@" + Version
	lockRetry = 500 * time.Millisecond
	reserve   = 30 * time.Second // of the test's time, to end in good order
)

// Path is promtool's. The first test on a machine builds it, which takes some
// minutes.
func Path(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	name := "promtool"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(cache, "connectycube_exporter", "promtool-"+Version, name)
	if exists(path) {
		return path
	}
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	announce("connectycube_exporter: building promtool " + Version + " for the tests of the alerts; the first time takes about five minutes")
	if err := install(ctx, path, goInstall); err != nil {
		if ctx.Err() != nil {
			err = errors.New("out of time; run the test again, it goes on with what is compiled by now")
		}
		t.Fatalf("promtool %s: %v", Version, err)
	}
	return path
}

// install puts what build makes at a path, as a whole or not at all. Of several
// processes one builds, and the others wait for it.
func install(ctx context.Context, path string, build func(ctx context.Context, dir string) error) error {
	dir, name := filepath.Split(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return fmt.Errorf("waiting for another build: %w", err)
	}
	defer lock.Close()
	if exists(path) {
		return nil
	}
	// Beside the target, so that it can be renamed.
	temp, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := build(ctx, temp); err != nil {
		return err
	}
	return os.Rename(filepath.Join(temp, name), path)
}

func goInstall(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "install", module)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = reserve / 3
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go install %s: %w\n%s", module, err, out)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// announce speaks to the terminal: go test keeps what a package prints until
// its tests have ended, and throws it away if they pass.
func announce(line string) {
	terminal := "/dev/tty"
	if runtime.GOOS == "windows" {
		terminal = "CONOUT$"
	}
	out, err := os.OpenFile(terminal, os.O_WRONLY, 0)
	if err != nil {
		out = os.Stderr
	} else {
		defer out.Close()
	}
	fmt.Fprintln(out, line)
}
