package statefile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

// A file is read while its owner holds the lock.
func TestReadAFileInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	if got, err := Read(path); got != nil || err != nil {
		t.Errorf("no file: %q, %v", got, err)
	}
	put(t, open(t, path), "payload")
	if got, err := Read(path); string(got) != "payload" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	overwrite(t, path, []byte("something else"))
	if _, err := Read(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := Read(filepath.Join(path+".d", "state")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}
