package collector

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const (
	sliceTime     = time.Minute // a full scan pauses at least this often, to be saved, and for changes
	logEvery      = time.Minute // of a full scan's progress
	changeOverlap = 60          // seconds before the watermark that are read again
	checkScans    = 3           // scan intervals between two looks for deleted dialogs
	forwardAfter  = time.Hour   // a full scan that is brought forward keeps this distance
)

// scanner knows what users made of the dialogs of one application. It reads all
// of them in a full scan, of which it keeps those with marks, and between two
// full scans those that changed. Only the refreshes of its part use it, except
// for live and saved.
type scanner struct {
	app         *app
	every, full time.Duration

	scanState
	pass    *changePass // not finished yet
	running *fullScan   // nil: none
	passed  time.Time   // end of the latest finished pass over the changes
	checked time.Time   // the latest look for deletions
	newest  int64       // greatest updated_at that was ever seen

	// young are the dialogs created since base that were met, with their
	// created_at; nil: not all of them are known.
	young map[chatapi.ObjectID]int64

	live  atomic.Pointer[liveScan]
	saved atomic.Pointer[savedScan]
}

// scanState is what is known between two refreshes. It is handed out, so that
// what it points to never changes.
type scanState struct {
	marks  *ledger // nil: before the first full scan
	counts markCounts
	done   *fullCounts // of the latest full scan
	base   baseline

	// watermark is the time on the API's clock, in unix seconds, before which
	// all changes of updated_at are in marks and in the running scan.
	watermark int64
	forward   bool // dialogs were deleted, so that a full scan is to come soon
}

// baseline is a number of dialogs created before a time, unix seconds, from
// which deletions are told; at 0: none.
type baseline struct {
	Rows int64 `json:"rows"`
	At   int64 `json:"at"`
}

func newScanner(a *app, set Settings) *scanner {
	s := &scanner{app: a, every: set.ScanInterval, full: set.FullScanInterval}
	if s.every == 0 {
		s.every = DefaultScanInterval
	}
	if s.full == 0 {
		s.full = DefaultFullScanInterval
	}
	return s
}

// adopt goes on where another scanner was, whose part has ended.
func (s *scanner) adopt(old *scanner) {
	s.scanState, s.passed, s.checked, s.newest, s.young = old.scanState, old.passed, old.checked, old.newest, old.young
	if s.running = old.running; s.running != nil {
		s.resume()
	}
	s.keep()
}

// refresh reads what changed, and works on a full scan if one is due, for a
// slice of time at most. It returns nothing unless the marks are up to date.
func (s *scanner) refresh(ctx context.Context) (fresh bool, err error) {
	defer s.keep()
	proven, err := s.app.proofs.ensure(ctx, chatapi.Dialogs)
	if err != nil {
		return false, err
	}
	if _, err := s.app.now(ctx); err != nil {
		return false, err
	}
	for _, row := range proven.rows {
		s.newest = max(s.newest, row.updated)
	}
	until := time.Now().Add(min(sliceTime, s.every))
	fresh, passErr := s.readChanges(ctx, proven, until)
	if passErr != nil && (hopeless(passErr) || ctx.Err() != nil) {
		return false, passErr
	}
	lookErr := s.lookForDeletions(ctx, proven)
	if lookErr != nil && !uncountable(lookErr) {
		return fresh, errors.Join(passErr, lookErr)
	}
	ended, err := s.scan(ctx, proven, until)
	return fresh || ended, errors.Join(passErr, lookErr, err)
}

// wait is nothing while the work is only paused.
func (s *scanner) wait() time.Duration {
	if s.running != nil || s.pass != nil {
		return 0
	}
	return s.every
}

// clock is a time before which changes can be seen by now, in unix seconds: the
// API's, or while it does not tell the time, that of the latest change seen.
func (s *scanner) clock() int64 {
	if t, known := s.app.client.Settled(); known {
		return t.Unix()
	}
	return s.newest
}

// meet notes what a row tells besides its marks.
func (s *scanner) meet(d *chatapi.Dialog) {
	s.newest = max(s.newest, d.UpdatedAt)
	since := s.base.At
	if s.running != nil {
		since = s.running.Base.At
	}
	if s.young != nil && since > 0 && d.CreatedAt >= since {
		s.young[d.ID] = d.CreatedAt
	}
}

// uncountable tells whether a count failed for a reason of its own: other
// requests may well be answered. Counting takes the API longest.
func uncountable(err error) bool {
	api, ok := errors.AsType[*chatapi.Error](err)
	return !hopeless(err) || ok && api.Kind == chatapi.KindTimeout
}

func (s *scanner) sweep(left []chatapi.Span, where ...chatapi.Cond) *chatapi.Sweep[chatapi.Dialog] {
	return s.app.client.Lane(chatapi.LaneScan).SweepDialogs(chatapi.Query{Where: where}, left)
}

func (s *scanner) setMarks(l *ledger) error {
	counts, err := l.count()
	if err != nil {
		return err
	}
	s.marks, s.counts = l, counts
	return nil
}
