package export

import (
	"slices"
	"time"
)

// known is how many rows are remembered, to recognize the API by.
const known = 12

// checkpoint makes what is written by now survive whatever comes. The disk takes
// its time, meanwhile rows go on being read and written: what the journal tells
// is of the beginning. One that is due while another is at work is left out,
// unless it is the last.
func (e *Export) checkpoint(s sweep, last bool) error {
	if e.saving != nil {
		if !last {
			select {
			case err := <-e.saving:
				e.saving = nil
				if err != nil {
					return err
				}
			default:
				return nil
			}
		} else if err := e.saved(); err != nil {
			return err
		}
	}
	if err := e.output.step(false); err != nil {
		return err
	}
	e.due = time.Now().Add(e.cfg.Checkpoint)
	if e.state == nil {
		return nil
	}
	e.journal.setSpans(s.Left())
	e.journal.Rows, e.journal.Size = e.rows.Load(), e.output.size
	journal, part, state := e.journal, e.part, e.state
	journal.Left, journal.Known = slices.Clone(journal.Left), slices.Clone(journal.Known)
	saving := make(chan error, 1)
	go func() {
		err := part.Sync()
		if err == nil {
			err = journal.write(state)
		}
		if err != nil {
			saving <- WriteError{err}
			return
		}
		e.kept.Store(journal.Rows)
		saving <- nil
	}()
	e.saving = saving
	if last {
		return e.saved()
	}
	return nil
}

// saved waits for a checkpoint.
func (e *Export) saved() error {
	if e.saving == nil {
		return nil
	}
	err := <-e.saving
	e.saving = nil
	return err
}
