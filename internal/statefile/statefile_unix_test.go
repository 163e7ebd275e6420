//go:build unix

package statefile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// User ids are in the file: nobody else may read it, whoever could before.
func TestOnlyTheOwnerMayRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	overwrite(t, path, nil)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	put(t, f, "private")
	for _, p := range []string{path, path + ".lock"} {
		info, err := os.Stat(p)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, error %v", p, info.Mode(), err)
		}
	}
}

// A state is put where the link points to, and the link stays. Two links to
// one file are one file, with one lock.
func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	for name, exists := range map[string]bool{"to a file": true, "to a file that is yet to come": false} {
		dir := t.TempDir()
		target := filepath.Join(dir, "data", "real")
		for _, d := range []string{"data", "deep/links"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if exists {
			overwrite(t, target, append(header([]byte("old")), "old"...))
		}
		// state -> links/second -> ../../data/real, with links -> deep/links:
		// the two dots count from where links points to.
		for link, to := range map[string]string{"state": "links/second", "links": "deep/links", "deep/links/second": "../../data/real", "other": target} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		f := open(t, filepath.Join(dir, "state"))
		if exists {
			expect(t, f, "old")
		}
		put(t, f, "new")
		expect(t, f, "new")
		if f.Path() != target {
			t.Errorf("%s: the path is %s, want %s", name, f.Path(), target)
		}
		if info, err := os.Lstat(target); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: the target: %v, error %v", name, info, err)
		}
		if info, err := os.Lstat(filepath.Join(dir, "state")); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s: the link: %v, error %v", name, info, err)
		}
		if _, err := Open(filepath.Join(dir, "other")); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: a second link: %v", name, err)
		}
	}
}

func TestWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"pipe", "state.lock"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"round": "round", "null": os.DevNull, "lost": "missing/state"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"pipe":  "not a regular file",
		"null":  os.DevNull,
		"state": "state.lock",
		"round": "too many symbolic links",
		"lost":  "missing",
	} {
		f, err := Open(filepath.Join(dir, name))
		if err == nil {
			_ = f.Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that came after Open is judged, too.
func TestAPipeIsNotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read(); got != nil || !errors.Is(err, ErrDamaged) {
		t.Errorf("read %q, error %v", got, err)
	}
}
