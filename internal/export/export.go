package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

// checkpointEvery is how much work a kill may cost at most.
const checkpointEvery = 500 * time.Millisecond

// UsageError is what the user must put right before the work can begin.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Config says what to export, and where to.
type Config struct {
	Client  *chatapi.Client
	Spec    Spec
	Spans   []chatapi.Span // bounds of _id
	Workers int            // pages in flight

	// Where gives the filters but for bounds of _id, and Prove tells whether the
	// API honours them. A run that is resumed has those that it was begun with, and
	// asks for neither. Both may be nil.
	Where func() ([]chatapi.Cond, error)
	Prove func(context.Context, []chatapi.Cond) error

	Name   string    // of the output; empty: Stream
	Stream io.Writer // standard output
	Resume bool
	Force  bool

	// Checkpoint is how much work a kill may cost at most; default 500ms.
	Checkpoint time.Duration
}

// Result tells what an export did.
type Result struct {
	Rows int64 // in the output
	Size int64 // of the output in bytes
	// Before and After are the rows that matched when it was begun, and when it
	// ended.
	Before, After int64
}

// Exact tells whether each of the rows that the API counts is in the output.
func (r Result) Exact() bool { return r.Rows == r.Before && r.Rows == r.After }

// Export is a run, begun or resumed.
type Export struct {
	cfg     Config
	journal journal
	state   *statefile.File // nil: none is kept
	part    *os.File
	output  *output
	encoder encoder
	resumed bool

	due    time.Time  // when the next checkpoint is
	saving chan error // of the checkpoint that is at work; nil: none

	rows    atomic.Int64 // written
	kept    atomic.Int64 // of them, in the journal
	pages   int
	trouble atomic.Pointer[string]
}

// ErrComplete tells that there is nothing to resume: the output is there, and no
// export of it that did not finish.
var ErrComplete = errors.New("there is nothing to resume")

// Prepare looks at the files, and counts what is to be exported. Until that has
// succeeded nothing is changed.
func Prepare(ctx context.Context, cfg Config) (*Export, error) {
	if cfg.Checkpoint == 0 {
		cfg.Checkpoint = checkpointEvery
	}
	e := &Export{cfg: cfg, encoder: newEncoder(cfg.Spec.Format, cfg.Spec.Fields, cfg.Spec.List)}
	e.journal = journal{Format: journalFormat, Version: journalVersion, Spec: cfg.Spec}
	e.journal.setSpans(cfg.Spans)
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Export) prepare(ctx context.Context) error {
	if e.cfg.Name != "" {
		if err := e.open(); err != nil {
			return err
		}
	}
	if e.resumed {
		e.rows.Store(e.journal.Rows)
		e.kept.Store(e.journal.Rows)
		return e.recognize(ctx)
	}
	if e.cfg.Where != nil {
		where, err := e.cfg.Where()
		if err != nil {
			return err
		}
		e.journal.Where = where
	}
	if e.cfg.Prove != nil {
		if err := e.cfg.Prove(ctx, e.journal.Where); err != nil {
			return err
		}
	}
	var err error
	if e.journal.Counted, err = e.count(ctx); err != nil {
		return fmt.Errorf("counting the %s to export: %w", e.cfg.Spec.List, err)
	}
	return e.begin()
}

// recognize makes sure that the API is the one that the export was begun at: two
// applications may differ in nothing but their keys.
func (e *Export) recognize(ctx context.Context) error {
	for _, id := range e.journal.Known {
		count := e.cfg.Client.CountMessages
		if e.cfg.Spec.List == chatapi.Dialogs {
			count = e.cfg.Client.CountDialogs
		}
		n, err := count(ctx, chatapi.ID.Only(id)...)
		if err != nil {
			return fmt.Errorf("looking for a row that was exported before: %w", err)
		}
		if n > 0 {
			return nil
		}
	}
	if len(e.journal.Known) == 0 {
		return nil
	}
	return usagef("none of %d rows that were exported before is at %s any more: is the key that of another application? Begin anew with --force",
		len(e.journal.Known), e.cfg.Spec.URL)
}

func (e *Export) count(ctx context.Context) (int64, error) {
	where := e.journal.Where
	for _, s := range e.cfg.Spans {
		where = append(where[:len(where):len(where)], chatapi.ID.Cond(chatapi.Gt, s.After), chatapi.ID.Cond(chatapi.Lte, s.To))
	}
	if len(e.cfg.Spans) == 0 {
		return 0, nil
	}
	if e.cfg.Spec.List == chatapi.Dialogs {
		return e.cfg.Client.CountDialogs(ctx, where...)
	}
	return e.cfg.Client.CountMessages(ctx, where...)
}

// Resumed tells whether the run goes on with another.
func (e *Export) Resumed() bool { return e.resumed }

// Kept is how many rows another run would find and go on after.
func (e *Export) Kept() int64 { return e.kept.Load() }

// Progress tells how many rows are in the output, and how many there were to
// export in the beginning.
func (e *Export) Progress() (rows, counted int64) { return e.rows.Load(), e.journal.Counted }

// Run exports. After an error, what is done is kept for another run.
func (e *Export) Run(ctx context.Context) (Result, error) {
	if err := e.read(ctx); err != nil {
		return Result{}, err
	}
	result := Result{Rows: e.rows.Load(), Before: e.journal.Counted}
	err := e.patiently(ctx, func() (err error) {
		result.After, err = e.count(ctx)
		return err
	})
	if err != nil {
		return result, fmt.Errorf("counting the %s once more: %w", e.cfg.Spec.List, err)
	}
	if err := e.finish(ctx); err != nil {
		return result, err
	}
	result.Size = e.output.size
	return result, nil
}

// WriteError is a failure to write, not to read.
type WriteError struct{ error }

func (e WriteError) Unwrap() error { return e.error }

// read reads all that is left.
func (e *Export) read(ctx context.Context) error {
	s := newSweep(e.cfg.Client, e.cfg.Spec.List, e.journal.Where, e.journal.spans())
	return e.patiently(ctx, func() error { return e.sweep(ctx, s) })
}

const (
	// patience is how often in a row something may fail without a new row, and
	// longest how long that may last where the API asks for pauses.
	patience = 10
	longest  = 30 * time.Minute
)

// patiently does something until it is done. It waits where the API asks for a
// pause, and for some minutes where it fails.
func (e *Export) patiently(ctx context.Context, do func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = time.Second, 30*time.Second
	defer e.trouble.Store(nil)
	since := time.Now() // of the latest row
	for failures := 0; ; {
		before := e.rows.Load()
		err := do()
		api, ok := errors.AsType[*chatapi.Error](err)
		if !ok || !api.Retryable {
			return err
		}
		if e.rows.Load() > before {
			failures, since = 0, time.Now()
			wait.Reset()
		}
		pause := e.cfg.Client.PauseLeft()
		if pause == 0 {
			failures++
			pause = wait.NextBackOff()
		}
		if failures > patience || time.Since(since)+pause > longest {
			return err
		}
		text := err.Error()
		e.trouble.Store(&text)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		e.trouble.Store(nil)
	}
}

// Trouble is what the export waits out now; empty: nothing.
func (e *Export) Trouble() string {
	if text := e.trouble.Load(); text != nil {
		return *text
	}
	return ""
}

func (e *Export) sweep(ctx context.Context, s sweep) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var failed error // of writing
	e.due = time.Now().Add(e.cfg.Checkpoint)
	err := s.run(ctx, e.cfg.Workers, func(rows []row) {
		if failed != nil {
			return
		}
		if failed = e.take(rows); failed == nil && !time.Now().Before(e.due) {
			failed = e.checkpoint(s, false)
		}
		if failed != nil {
			stop(failed)
		}
	})
	if failed == nil {
		failed = e.checkpoint(s, true)
	}
	if failed != nil {
		return failed
	}
	return err
}

func (e *Export) take(rows []row) error {
	for _, r := range rows {
		err := e.output.put(func(b []byte) ([]byte, error) {
			if e.spooled() {
				return e.cfg.Spec.Order.spool(b, r), nil
			}
			return e.encoder.add(b, r.json)
		})
		if err != nil {
			return err
		}
	}
	e.rows.Add(int64(len(rows)))
	if e.pages++; e.pages&(e.pages-1) == 0 && len(e.journal.Known) < known {
		e.journal.Known = append(e.journal.Known, rows[0].id)
	}
	return nil
}
