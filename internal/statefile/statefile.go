// Package statefile keeps one payload in one file, whole at all times: whoever
// reads it finds what the latest finished Write put there, or learns that the
// file is damaged.
//
// The file begins with a line that names the format, its version, and the
// payload's checksum and size; the payload follows. Beside the file stands a
// lock, which keeps a second process away.
package statefile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/gofrs/flock"
)

const (
	magic   = "connectycube_exporter state "
	version = 1

	// maxSize is far above any state, and far below what would hurt to read.
	maxSize = 1 << 28
)

var (
	// ErrLocked tells that another process uses the file.
	ErrLocked = errors.New("another process uses the file")
	// ErrNotFile tells that the path can never be that of the file.
	ErrNotFile = errors.New("not a regular file")
	// ErrDamaged tells that the file cannot be read, or does not hold what Write
	// put there.
	ErrDamaged = errors.New("its content cannot be used")
	// ErrVersion tells that the file is of another version of the format.
	ErrVersion = errors.New("it is of another format version")
)

// File is a state file that this process alone uses, from one goroutine at a
// time.
type File struct {
	path string // with all symbolic links followed: a rename would replace them
	lock *flock.Flock
}

// Open locks the file, which need not exist, and makes sure that it can be
// written. It follows symbolic links, once. Errors are ErrLocked, ErrNotFile,
// fs.ErrNotExist for a directory that is missing, or those of the system.
func Open(path string) (*File, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, lock: flock.New(path + ".lock")}
	for _, p := range []string{path, f.lock.Path()} {
		if _, err := size(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	locked, err := f.lock.TryLock()
	var noFile *fs.PathError
	switch {
	case errors.As(err, &noFile):
		return nil, fmt.Errorf("its directory, and the lock in it, must be writable: %w", err)
	case err != nil:
		return nil, fmt.Errorf("its file system gives no lock on %s: %w", f.lock.Path(), err)
	case !locked:
		return nil, fmt.Errorf("%w (it holds the lock %s)", ErrLocked, f.lock.Path())
	}
	if err := f.probe(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("its directory must be writable: %w", err)
	}
	return f, nil
}

// resolve follows symbolic links, also to a file that does not exist yet.
func resolve(path string) (string, error) {
	const maxLinks = 40 // as Linux
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", fmt.Errorf("its directory: %w", err)
		}
		path = filepath.Join(dir, filepath.Base(path))
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link; what else is wrong comes out later
		}
		if !filepath.IsAbs(target) {
			target = dir + string(filepath.Separator) + target
		}
		path = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// size is that of a regular file. No other is ever opened: a pipe might block.
func size(path string) (int64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return 0, fmt.Errorf("%s is a directory: %w", path, ErrNotFile)
	case !mode.IsRegular():
		return 0, fmt.Errorf("%s (mode %s): %w", path, mode, ErrNotFile)
	}
	return info.Size(), nil
}

// temporary is where a new state grows. One name is enough, since the lock
// keeps other writers away, and what a killed process leaves cannot pile up.
func (f *File) temporary() string {
	dir, name := filepath.Split(f.path)
	return filepath.Join(dir, "."+name+".tmp")
}

// create makes the temporary file, in the place of one that was left over.
func (f *File) create() (*os.File, error) {
	if err := os.Remove(f.temporary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(f.temporary(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// probe creates a file in the directory, and leaves none.
func (f *File) probe() error {
	tmp, err := f.create()
	if err != nil {
		return err
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// Read gives the payload, or nil if there is no file. Any error means that
// there is nothing to go on from; it is ErrVersion or ErrDamaged.
func (f *File) Read() ([]byte, error) {
	n, err := size(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case n > maxSize:
		return nil, fmt.Errorf("%w: it has %d bytes, more than any state", ErrDamaged, n)
	case n == 0:
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return decode(data)
}

// SetAside moves a file that cannot be used out of the way of the next Write,
// in the place of one that was set aside before, and tells where it is now.
func (f *File) SetAside() (string, error) {
	aside := f.path + ".unusable"
	return aside, os.Rename(f.path, aside)
}

// Write replaces the payload. When it returns nil, the payload survives a loss
// of power; when it returns an error, or is killed on its way, either the old
// payload stands or the new one.
func (f *File) Write(payload []byte) error {
	head := header(payload)
	if len(head)+len(payload) > maxSize {
		return fmt.Errorf("a state of %d bytes is too large", len(payload))
	}
	tmp, err := f.create()
	if err != nil {
		return err
	}
	if err := fill(tmp, head, payload); err != nil {
		_ = os.Remove(tmp.Name())
		return err
	}
	if err := os.Rename(tmp.Name(), f.path); err != nil {
		_ = os.Remove(tmp.Name())
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("%w (is the file itself a mount? mount its directory instead)", err)
		}
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// fill writes and closes the file. Without the sync, a rename could reach the
// disk before the content.
func fill(tmp *os.File, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := tmp.Write(p); err != nil {
			_ = tmp.Close()
			return err
		}
	}
	if err := tmp.Sync(); err != nil {
		_ = tmp.Close()
		return err
	}
	return tmp.Close()
}

// Close gives the lock back. Its file stays: another process may be about to
// lock it.
func (f *File) Close() error { return f.lock.Close() }

// Discard removes the payload for good: it does not come back after a loss of
// power. The file stays this process's.
func (f *File) Discard() error {
	err := os.Remove(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// Remove ends the use of a file whose payload nobody needs any more: file and
// lock are gone.
func (f *File) Remove() error {
	if err := f.Discard(); err != nil {
		return err
	}
	// Before it is let go: nobody else can hold it now, and who waits for it finds
	// that there is nothing to go on with.
	if err := os.Remove(f.lock.Path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Close()
}

// Path is where the file is, with symbolic links followed.
func (f *File) Path() string { return f.path }

func header(payload []byte) []byte {
	return fmt.Appendf(nil, "%s%d sha256=%x bytes=%d\n", magic, version, sha256.Sum256(payload), len(payload))
}

// decode takes the payload out of the content of a file.
func decode(data []byte) ([]byte, error) {
	rest, ours := bytes.CutPrefix(data, []byte(magic))
	number, _, _ := bytes.Cut(rest[:min(len(rest), 20)], []byte(" "))
	v, err := strconv.ParseUint(string(number), 10, 32)
	if !ours || err != nil {
		return nil, fmt.Errorf("%w: it does not begin like a state file", ErrDamaged)
	}
	if v != version {
		return nil, fmt.Errorf("%w: %d, and this program knows version %d", ErrVersion, v, version)
	}
	head, payload, _ := bytes.Cut(data, []byte("\n"))
	if want := header(payload); !bytes.Equal(head, want[:len(want)-1]) {
		return nil, fmt.Errorf("%w: its %d bytes do not match its checksum", ErrDamaged, len(data))
	}
	return payload, nil
}
