package collector

import (
	"encoding/json"
	"errors"
	"time"
)

// savedScan is a scanner's state at the end of a refresh, to be written to the
// state file by whoever asks for it.
type savedScan struct {
	scanState
	passed  time.Time
	running *fullScan // a copy; its log is in order, and never changes
}

// scanFile is how a savedScan is written.
type scanFile struct {
	Marks     []byte      `json:"marks"` // null: before the first full scan
	Full      *fullCounts `json:"full,omitempty"`
	Base      baseline    `json:"base,omitzero"`
	Watermark int64       `json:"watermark"`
	Exact     bool        `json:"exact"`
	Forward   bool        `json:"forward,omitempty"`
	Passed    time.Time   `json:"passed,omitzero"`
	Running   *fullScan   `json:"running,omitempty"`
	Log       []byte      `json:"log,omitempty"` // of the running scan
}

// keep notes the state for save, in copies: what is appended to the running
// scan's log from now on does not show in them.
func (s *scanner) keep() {
	out := &savedScan{scanState: s.scanState, passed: s.passed}
	if s.running != nil {
		s.running.log = new(ledger).with(s.running.log)
		r, log := *s.running, *s.running.log
		r.sweep, r.log = nil, &log
		out.running = &r
	}
	s.saved.Store(out)
}

// save gives what survives a restart; it may be called at any time.
func (s *scanner) save() any {
	in := s.saved.Load()
	if in == nil || in.marks == nil && in.running == nil {
		return nil
	}
	out := scanFile{
		Full: in.done, Base: in.base, Watermark: in.watermark, Exact: in.exact, Forward: in.forward,
		Passed: in.passed.UTC().Round(0), Running: in.running,
	}
	if in.marks != nil {
		out.Marks = in.marks.pack()
	}
	if in.running != nil {
		out.Log = in.running.log.pack()
	}
	return out
}

// restore takes in what save gave.
func (s *scanner) restore(raw json.RawMessage) error {
	var in scanFile
	if err := json.Unmarshal(raw, &in); err != nil {
		return errors.New("its layout is not known")
	}
	state := scanState{done: in.Full, base: in.Base, watermark: in.Watermark, exact: in.Exact, forward: in.Forward}
	if (in.Full == nil) != (in.Marks == nil) {
		return errIncomplete
	}
	if in.Full != nil {
		var err error
		if state.marks, err = unpackLedger(in.Marks); err != nil {
			return err
		}
		if state.counts, err = state.marks.count(); err != nil {
			return err
		}
	}
	running := in.Running
	if running != nil {
		log, err := unpackLedger(in.Log)
		if err != nil {
			return err
		}
		running.log = log
	}
	if state.marks == nil && running == nil || state.watermark <= 0 {
		return errIncomplete
	}
	s.scanState, s.passed, s.running = state, in.Passed, running
	if running != nil {
		s.resume()
	}
	s.keep()
	return nil
}

var errIncomplete = errors.New("it is not complete")

// forget drops all that is known.
func (s *scanner) forget() {
	s.scanState, s.passed, s.checked, s.running, s.pass = scanState{}, time.Time{}, time.Time{}, nil, nil
	s.live.Store(nil)
	s.keep()
}
