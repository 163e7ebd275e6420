// Package nested runs the tests of the modules inside this one: those whose
// libraries the product should not depend on. go test ./... does not see them.
package nested

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

const reserve = 10 * time.Second // of the test's time, to end in good order

// Test runs all tests of the module in dir, and fails with what they say.
func Test(t *testing.T, dir string) {
	t.Helper()
	if err := see("."); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	if err := run(ctx, dir); err != nil {
		t.Fatal(err)
	}
}

// see looks at every file of the enclosing module. go test keeps the result of
// a test until a file changes that the test itself has looked at; it does not
// know what the other go command reads.
func see(dir string) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for ; !exists(filepath.Join(root, "go.mod")); root = filepath.Dir(root) {
		if root == filepath.Dir(root) {
			return fmt.Errorf("no go.mod above %s", dir)
		}
	}
	return filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
}

func run(ctx context.Context, dir string) error {
	// Without a go.mod of its own, the packages of another module would be tested.
	if !exists(filepath.Join(dir, "go.mod")) {
		return fmt.Errorf("%s is no module: it has no go.mod", dir)
	}
	// -count=1: go test does not notice changes of files outside of the module.
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = reserve / 2
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.New("out of time; run the test again, it goes on with what is compiled by now")
	}
	switch {
	case err != nil:
		return fmt.Errorf("go test ./... in %s: %w\n%s", dir, err, out)
	case !regexp.MustCompile(`(?m)^ok\s.*s$`).Match(out):
		return fmt.Errorf("go test ./... in %s found no tests\n%s", dir, out)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
