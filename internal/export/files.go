package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

// Of an output that is not finished.
const (
	partSuffix    = ".part"
	journalSuffix = ".part.journal"
	sortedSuffix  = ".part.sorted"
	sortingSuffix = ".part.sorting" // a directory
)

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// remove removes a file, if it is there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// open looks at the files of an output, and goes on with an unfinished export of
// it if that is wanted. It changes nothing else.
func (e *Export) open() error {
	// A link is followed once: at the end a file takes the name.
	if path, err := filepath.EvalSymlinks(e.cfg.Name); err == nil {
		e.cfg.Name = path
	} else if !missing(e.cfg.Name) {
		return usagef("--output: %s is a symbolic link to nothing; name the file itself", e.cfg.Name)
	}
	if info, err := os.Stat(filepath.Dir(e.cfg.Name)); err != nil || !info.IsDir() {
		return usagef("--output: there is no directory %s", filepath.Dir(e.cfg.Name))
	}
	info, err := os.Stat(e.cfg.Name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return usagef("--output: %s is not a regular file", e.cfg.Name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usagef("--output: %w", err)
	}
	part := e.cfg.Name + partSuffix
	e.state, err = statefile.Open(e.cfg.Name + journalSuffix)
	if errors.Is(err, statefile.ErrLocked) {
		return usagef("--output: another export is writing %s", part)
	}
	if err != nil {
		return usagef("--output: %w", err)
	}
	if err := e.tidy(); err != nil {
		return err
	}
	switch {
	case info != nil && e.cfg.Resume && missing(part) && !e.cfg.Force:
		return ErrComplete
	case info != nil && !e.cfg.Force:
		return usagef("--output: %s exists; name another file, or replace it with --force", e.cfg.Name)
	case !missing(part) && !e.cfg.Resume && !e.cfg.Force:
		return usagef("--output: %s is there from an export that did not finish: go on with --resume, or begin anew with --force", part)
	case e.cfg.Resume:
		return e.resume(part)
	}
	return nil
}

// tidy ends what a crash has left undone after the output had got its name.
func (e *Export) tidy() error {
	output, err := os.Stat(e.cfg.Name)
	if err != nil {
		return nil // there is none
	}
	part, sorted := e.cfg.Name+partSuffix, e.cfg.Name+sortedSuffix
	whole := part
	if e.spooled() {
		whole = sorted
	}
	same := false
	if info, err := os.Lstat(whole); err == nil {
		same = os.SameFile(output, info)
	}
	j, err := readJournal(e.state)
	named := err == nil && j != nil && j.Whole && missing(whole)
	if !same && !named {
		return nil
	}
	return errors.Join(remove(part), remove(sorted), os.RemoveAll(e.cfg.Name+sortingSuffix), e.state.Discard())
}

// begin makes a new part, and then its journal, so that none is ever that of
// another part. People's messages are for its owner only.
func (e *Export) begin() (err error) {
	if e.state == nil {
		return e.beginStream()
	}
	part := e.cfg.Name + partSuffix
	if err := errors.Join(e.state.Discard(), remove(part), remove(e.cfg.Name+sortedSuffix), os.RemoveAll(e.cfg.Name+sortingSuffix)); err != nil {
		return WriteError{err}
	}
	if e.part, err = os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return WriteError{err}
	}
	if e.output, err = newOutput(e.part, 0, e.compression()); err != nil {
		return err
	}
	if err := e.head(); err != nil {
		return err
	}
	if err := e.output.step(false); err != nil {
		return err
	}
	e.journal.Size = e.output.size
	if err := errors.Join(e.part.Sync(), e.journal.write(e.state)); err != nil {
		return WriteError{err}
	}
	return nil
}

// beginStream writes to a stream, by way of a spool if in order. Nobody else sees
// that, and where the system allows it goes with the process.
func (e *Export) beginStream() (err error) {
	if !e.spooled() {
		if e.output, err = newOutput(e.cfg.Stream, 0, e.cfg.Spec.Compression); err != nil {
			return err
		}
		return e.head()
	}
	if e.part, err = os.CreateTemp("", "connectycube-export-*"); err != nil {
		return WriteError{err}
	}
	_ = os.Remove(e.part.Name())
	e.output, err = newOutput(e.part, 0, Plain)
	return err
}

// head is written once. A spool has none.
func (e *Export) head() error {
	if e.spooled() {
		return nil
	}
	return e.output.put(func(b []byte) ([]byte, error) { return append(b, e.encoder.head()...), nil })
}

func (e *Export) spooled() bool { return e.cfg.Spec.Order != Order{} }

func (e *Export) compression() Compression {
	if e.spooled() {
		return Plain
	}
	return e.cfg.Spec.Compression
}

// resume takes up what the journal says. Without a journal, there is nothing to
// take up: then the export begins anew.
func (e *Export) resume(part string) error {
	j, err := readJournal(e.state)
	if err != nil {
		return usagef("%s%s cannot be resumed: %w; begin anew with --force", e.cfg.Name, journalSuffix, err)
	}
	if j == nil {
		return nil
	}
	if err := e.cfg.Spec.differs(j.Spec); err != nil {
		return usagef("%s was begun %w; give the same, or begin anew with --force", part, err)
	}
	info, err := os.Lstat(part)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("%s is gone, though its journal is there; begin anew with --force", part)
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() < j.Size:
		return usagef("%s is not what its journal says; begin anew with --force", part)
	}
	if e.part, err = os.OpenFile(part, os.O_RDWR, 0); err != nil {
		return err
	}
	// What came after the journal was written will come again.
	if err := e.part.Truncate(j.Size); err != nil {
		return WriteError{err}
	}
	if _, err := e.part.Seek(j.Size, io.SeekStart); err != nil {
		return err
	}
	if e.output, err = newOutput(e.part, j.Size, e.compression()); err != nil {
		return err
	}
	e.journal, e.resumed = *j, true
	return nil
}

// finish gives the output its name.
func (e *Export) finish(ctx context.Context) error {
	if e.spooled() {
		if err := e.sort(ctx); err != nil {
			return fmt.Errorf("sorting: %w", err)
		}
	} else if err := e.output.step(true); err != nil {
		return err
	}
	if e.state == nil {
		return nil
	}
	part, whole := e.cfg.Name+partSuffix, e.cfg.Name+partSuffix
	if e.spooled() {
		whole = e.cfg.Name + sortedSuffix
	} else if err := e.part.Sync(); err != nil {
		return WriteError{err}
	}
	e.journal.Whole, e.journal.Size, e.journal.Left = true, e.partSize(), nil
	if err := e.journal.write(e.state); err != nil {
		return WriteError{err}
	}
	if err := publish(whole, e.cfg.Name, e.cfg.Force); err != nil {
		return WriteError{err}
	}
	// From here on the export is whole, whatever remains of its other files.
	errs := []error{e.part.Close()}
	if e.spooled() {
		errs = append(errs, remove(part))
	}
	errs = append(errs, e.state.Remove())
	e.part, e.state = nil, nil
	return errors.Join(errs...)
}

// partSize is that of the part as the journal has it.
func (e *Export) partSize() int64 {
	if e.spooled() {
		return e.journal.Size
	}
	return e.output.size
}

// Close lets go of the files. What is not finished stays, to be resumed.
func (e *Export) Close() error {
	errs := []error{e.saved()}
	if e.part != nil {
		errs = append(errs, e.part.Close())
		if e.state == nil {
			errs = append(errs, remove(e.part.Name()))
		}
		e.part = nil
	}
	if e.state != nil {
		end := e.state.Close
		if missing(e.state.Path()) && missing(e.cfg.Name+partSuffix) {
			end = e.state.Remove // nothing was begun, so nothing is left
		}
		errs = append(errs, end())
		e.state = nil
	}
	return errors.Join(errs...)
}
