package cli

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

// borrowedState is the state file of an exporter, which may be running. Its
// lock is held only while the file is read and written, so that an exporter can
// start meanwhile.
type borrowedState struct {
	path     string // empty: none
	flag     string
	readOnly string // why it is not written; empty: it is
	saved    collector.AppHistory
}

// borrowState reads the history of an application from --state.file.
func (s *session) borrowState(target collector.Target) (*borrowedState, error) {
	b := &borrowedState{path: s.stateFile, flag: s.origin("state.file")}
	file, err := s.openState()
	var usage usageError
	var payload []byte
	switch {
	case err == nil && file == nil:
		return b, nil
	case err == nil:
		payload, err = file.Read()
		err = errors.Join(err, file.Close())
	case errors.As(err, &usage):
		return nil, err
	case errors.Is(err, statefile.ErrLocked):
		b.readOnly = "another process uses it"
		payload, err = statefile.Read(s.stateFile)
	default:
		b.readOnly = err.Error()
		payload, err = statefile.Read(s.stateFile)
	}
	if err == nil {
		b.saved, err = collector.HistoryOf(payload, target)
	}
	if err != nil {
		return nil, b.unusable(err)
	}
	return b, nil
}

func (b *borrowedState) unusable(err error) error {
	return fmt.Errorf("%s: cannot use %s: %w; without --state.file all is asked anew", b.flag, b.path, err)
}

// keeping is what became of what was learnt.
type keeping struct {
	written bool
	late    bool  // another process uses the file by now
	err     error // it could not be written
}

// keep adds to the file what a run has learnt.
func (b *borrowedState) keep(target collector.Target, run *backtest.Backtest) (k keeping) {
	known, ok := run.Known()
	if b.path == "" || b.readOnly != "" || !ok {
		return k
	}
	file, err := statefile.Open(b.path)
	if errors.Is(err, statefile.ErrLocked) {
		return keeping{late: true}
	}
	if err != nil {
		return keeping{err: fmt.Errorf("what was learnt cannot be kept in %s: %w", b.path, err)}
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			k = keeping{err: fmt.Errorf("what was learnt cannot be kept in %s: %w", b.path, err)}
		}
	}()
	before, err := file.Read() // anew: an exporter may have used it meanwhile
	if err != nil {
		return k
	}
	after, err := collector.WithHistory(before, target, known)
	if err == nil && !bytes.Equal(before, after) {
		err = file.Write(after)
	}
	return keeping{written: true}
}

// sentence follows what a run that is done says.
func (k keeping) sentence(b *borrowedState) string {
	switch {
	case k.written:
		return fmt.Sprintf(" The history is kept in %s.", b.path)
	case k.late:
		return fmt.Sprintf(" The history is not kept: another process uses %s by now.", b.path)
	}
	return ""
}

func (k keeping) failure() error { return k.err }
