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
)

// open begins the files of an output, or goes on with those that are there.
func (e *Export) open() error {
	part := e.cfg.Name + partSuffix
	if _, err := os.Stat(filepath.Dir(e.cfg.Name)); err != nil {
		return usagef("--output: there is no directory %s", filepath.Dir(e.cfg.Name))
	}
	switch info, err := os.Stat(e.cfg.Name); {
	case err == nil && !info.Mode().IsRegular():
		return usagef("--output: %s is not a regular file", e.cfg.Name)
	case err == nil && !e.cfg.Force && e.cfg.Resume && missing(part):
		return ErrComplete
	case err == nil && !e.cfg.Force:
		return usagef("--output: %s exists; name another file, or replace it with --force", e.cfg.Name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usagef("--output: %w", err)
	}
	if !missing(part) && !e.cfg.Resume && !e.cfg.Force {
		return usagef("--output: %s is there from an export that did not finish: go on with --resume, or begin anew with --force", part)
	}
	state, err := statefile.Open(e.cfg.Name + journalSuffix)
	if errors.Is(err, statefile.ErrLocked) {
		return usagef("--output: another export is writing %s", part)
	}
	if err != nil {
		return usagef("--output: %w", err)
	}
	e.state = state
	if e.cfg.Resume {
		if err := e.resume(part); err != nil || e.resumed {
			return err
		}
	}
	return e.begin(part)
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// begin makes a new part. People's messages are for its owner only.
func (e *Export) begin(part string) (err error) {
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e.part, err = os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if e.output, err = newOutput(e.part, 0, e.compression()); err != nil {
		return err
	}
	return e.head()
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

// resume takes up what the journal says. Without a journal that was written,
// there is nothing to take up: then the export begins anew.
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
		return err
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

// spoolAside makes a spool that nobody else sees, for what goes to a stream in
// order.
func (e *Export) spoolAside() (err error) {
	if e.part, err = os.CreateTemp("", "connectycube-export-*"); err != nil {
		return err
	}
	e.output, err = newOutput(e.part, 0, Plain)
	return err
}

// finish gives the output its name.
func (e *Export) finish(ctx context.Context) error {
	whole := e.cfg.Name + partSuffix
	if e.spooled() {
		if err := e.sort(ctx); err != nil {
			return fmt.Errorf("sorting: %w", err)
		}
		whole = e.cfg.Name + sortedSuffix
	}
	if e.state == nil {
		return nil
	}
	if err := publish(whole, e.cfg.Name, e.cfg.Force); err != nil {
		return err
	}
	// From here on the export is whole, whatever remains of its other files.
	errs := []error{e.part.Close()}
	if e.spooled() {
		errs = append(errs, os.Remove(e.part.Name()))
	}
	errs = append(errs, e.state.Remove())
	e.part, e.state = nil, nil
	return errors.Join(errs...)
}

// sort puts what was spooled in order, into another part or onto the stream.
func (e *Export) sort(ctx context.Context) error {
	spool := e.part
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	into := e.cfg.Stream
	if e.state != nil {
		file, err := os.OpenFile(e.cfg.Name+sortedSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		into = file
	}
	output, err := newOutput(into, 0, e.cfg.Spec.Compression)
	if err != nil {
		return err
	}
	err = output.put(func(b []byte) ([]byte, error) { return append(b, e.encoder.head()...), nil })
	if err != nil {
		return err
	}
	err = e.cfg.Spec.Order.sorted(ctx, spool, func(row []byte) error {
		return output.put(func(b []byte) ([]byte, error) { return e.encoder.add(b, row) })
	})
	if err != nil {
		return err
	}
	if err := output.step(); err != nil {
		return err
	}
	e.output = output
	if file, ok := into.(*os.File); ok && e.state != nil {
		return file.Sync()
	}
	return nil
}

// Close lets go of the files. What is not finished stays, to be resumed.
func (e *Export) Close() error {
	errs := []error{e.saved()}
	if e.part != nil {
		errs = append(errs, e.part.Close())
		if e.state == nil {
			errs = append(errs, os.Remove(e.part.Name()))
		}
		e.part = nil
	}
	if e.state != nil {
		errs = append(errs, e.state.Close())
		e.state = nil
	}
	return errors.Join(errs...)
}
