package collector

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// savedScan is a scanner's state at the end of a refresh, to be written to the
// state file by whoever asks for it.
type savedScan struct {
	scanState
	passed  time.Time
	newest  int64
	running *fullScan // a copy; its log is in order, and never changes
}

// scanFile is how a savedScan is written.
type scanFile struct {
	Marks     []byte      `json:"marks"` // null: before the first full scan
	Full      *fullCounts `json:"full,omitempty"`
	Base      baseline    `json:"base,omitzero"`
	Watermark int64       `json:"watermark"`
	Newest    int64       `json:"newest"`
	Forward   bool        `json:"forward,omitempty"`
	Passed    time.Time   `json:"passed,omitzero"`
	Running   *fullScan   `json:"running,omitempty"`
	Log       []byte      `json:"log,omitempty"` // of the running scan
}

// keep notes the state for save, in copies: what is appended to the running
// scan's log from now on does not show in them.
func (s *scanner) keep() {
	out := &savedScan{scanState: s.scanState, passed: s.passed, newest: s.newest}
	if s.running != nil {
		s.running.log = new(ledger).with(s.running.log)
		r, log := *s.running, *s.running.log
		r.sweep, r.log, r.Sample = nil, &log, slices.Clone(r.Sample)
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
		Full: in.done, Base: in.base, Watermark: in.watermark, Newest: in.newest, Forward: in.forward,
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
func (s *scanner) restore(raw json.RawMessage, now time.Time) error {
	var in scanFile
	if err := json.Unmarshal(raw, &in); err != nil {
		return errors.New("its layout is not known")
	}
	state := scanState{done: in.Full, base: in.Base, watermark: in.Watermark, forward: in.Forward}
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
	if state.marks == nil && running == nil || state.watermark < 0 {
		return errIncomplete
	}
	// Times that a wrong clock wrote must not hold anything up.
	if state.done != nil {
		state.done.Ended = notAfter(state.done.Ended, now)
	}
	if running != nil {
		running.Latest = notAfter(running.Latest, now)
	}
	s.scanState, s.passed, s.newest, s.running = state, notAfter(in.Passed, now), in.Newest, running
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
	s.newest, s.young = 0, nil
	s.live.Store(nil)
	s.keep()
}
