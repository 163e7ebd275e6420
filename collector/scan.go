package collector

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const (
	sliceTime     = time.Minute // a full scan pauses at least this often, to be saved, and for changes
	logEvery      = time.Minute // of a full scan's progress
	changeOverlap = 60          // seconds before the watermark that are read again
	unknownSkew   = 15 * 60     // the same, while the API does not tell the time
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
	exact     bool // the clock was the API's
	forward   bool // dialogs were deleted, so that a full scan is to come soon
}

// baseline is a number of dialogs created before a time, unix seconds, from
// which deletions are told; at 0: none.
type baseline struct {
	Rows int64 `json:"rows"`
	At   int64 `json:"at"`
}

// fullCounts are what a full scan alone can tell.
type fullCounts struct {
	Ended   time.Time     `json:"ended"`
	Took    time.Duration `json:"took"` // of work; waiting after failures left out
	Rows    int64         `json:"rows"`
	Missing int64         `json:"missing"`
	Drift   int64         `json:"drift"` // -1: could not be measured
	Sums    scanSums      `json:"sums"`
}

// scanSums are sums over all rows, by index of the dialog type.
type scanSums struct {
	Members   [dialogTypeCount]int64 `json:"members"`
	Encrypted [dialogTypeCount]int64 `json:"encrypted"`
	Unused    [dialogTypeCount]int64 `json:"unused"`
}

// fullScan is one that is under way. Its exported fields survive a restart.
type fullScan struct {
	Base   baseline       `json:"base"` // when it began
	Left   []chatapi.Span `json:"left"`
	Rows   int64          `json:"rows"`
	Old    int64          `json:"old"` // rows that Base counts
	Drift  int64          `json:"drift"`
	Sums   scanSums       `json:"sums"`
	Worked time.Duration  `json:"worked"`
	Latest time.Time      `json:"latest"` // when it was last at work

	log    *ledger
	sweep  *chatapi.Sweep[chatapi.Dialog]
	before liveScan // what the rate is not measured from
	logged time.Time
}

// changePass is a look for changed dialogs that is under way.
type changePass struct {
	mark  int64 // the watermark when it is finished
	exact bool
	sweep *chatapi.Sweep[chatapi.Dialog]
	log   *ledger
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
	s.scanState, s.passed, s.checked = old.scanState, old.passed, old.checked
	if s.running = old.running; s.running != nil {
		s.resume()
	}
	s.keep()
}

// resume lets the running scan go on through this application's client.
func (s *scanner) resume() {
	r := s.running
	r.sweep = s.sweep(r.Left)
	r.before = liveScan{rows: r.Rows, worked: r.Worked}
	s.live.Store(r.watch(time.Time{}))
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
	until := time.Now().Add(min(sliceTime, s.every))
	fresh, passErr := s.readChanges(ctx, proven, until)
	if passErr != nil && (hopeless(passErr) || ctx.Err() != nil) {
		return false, passErr
	}
	if err := s.lookForDeletions(ctx, proven); err != nil {
		return fresh, errors.Join(passErr, err)
	}
	ended, err := s.scan(ctx, proven, until)
	return fresh || ended, errors.Join(passErr, err)
}

// again tells whether the work is only paused.
func (s *scanner) again() bool { return s.running != nil || s.pass != nil }

// clock is the time before which changes can be seen by now, in unix seconds.
func (s *scanner) clock() (unix int64, exact bool) {
	if t, known := s.app.client.Settled(); known {
		return t.Unix(), true
	}
	return time.Now().Unix() - unknownSkew, false
}

func (s *scanner) sweep(left []chatapi.Span, where ...chatapi.Cond) *chatapi.Sweep[chatapi.Dialog] {
	return s.app.client.Lane(chatapi.LaneScan).SweepDialogs(chatapi.Query{Where: where}, left)
}

// readChanges reads the dialogs with updated_at since the watermark. A full
// scan under way gets those that it has passed, and will come to the others.
func (s *scanner) readChanges(ctx context.Context, proven *proofs, until time.Time) (fresh bool, err error) {
	if usable, err := proven.usable(filterUpdated); err != nil || !usable {
		return err == nil && s.marks != nil, err
	}
	if s.watermark == 0 || s.running != nil && s.pass == nil && time.Since(s.passed) < s.every {
		return false, nil
	}
	if s.pass == nil {
		s.pass = &changePass{log: &ledger{}, sweep: s.sweep(chatapi.AllIDs(), chatapi.UpdatedAt.Cond(chatapi.Gte, s.watermark-changeOverlap))}
		s.pass.mark, s.pass.exact = s.clock()
	}
	p := s.pass
	err = p.sweep.Run(ctx, 1, until, func(rows []chatapi.Dialog) {
		for i := range rows {
			p.log.note(&rows[i], true)
			if s.running != nil && s.running.sweep.Passed(rows[i].ID) {
				s.running.log.note(&rows[i], true)
			}
		}
	})
	if err != nil {
		s.app.proofs.doubt(chatapi.Dialogs, err)
		return false, err
	}
	if len(p.sweep.Left()) > 0 {
		return false, nil
	}
	s.pass, s.passed = nil, time.Now()
	s.watermark, s.exact = p.mark, p.exact
	if s.marks == nil {
		return false, nil
	}
	if p.log.len() > 0 {
		err = s.setMarks(s.marks.with(p.log))
	}
	return err == nil, err
}

func (s *scanner) setMarks(l *ledger) error {
	counts, err := l.count()
	if err != nil {
		return err
	}
	s.marks, s.counts = l, counts
	return nil
}

// createdBefore counts the dialogs created before a settled time, the latest
// there is. Such a number can only fall, and only by deletions.
func (s *scanner) createdBefore(ctx context.Context, proven *proofs, unix int64) (int64, error) {
	if proven.empty {
		return 0, nil
	}
	n, err := s.app.client.Lane(chatapi.LaneScan).CountDialogs(ctx, chatapi.CreatedAt.Cond(chatapi.Lt, unix))
	if err != nil {
		s.app.proofs.doubt(chatapi.Dialogs, err)
	}
	return n, err
}

// settled is the time up to which dialogs can be counted by created_at.
func (s *scanner) settled(proven *proofs) (unix int64, ok bool) {
	usable, err := proven.usable(filterCreated)
	t, known := s.app.client.Settled()
	return t.Unix() - closeAfter, usable && err == nil && known
}

// lookForDeletions compares the number of dialogs with what it must be if none
// was deleted. No row tells that.
func (s *scanner) lookForDeletions(ctx context.Context, proven *proofs) error {
	at, ok := s.settled(proven)
	if !ok || s.running != nil || s.base.At == 0 || at <= s.base.At || time.Since(s.checked) < checkScans*s.every {
		return nil
	}
	now, err := s.createdBefore(ctx, proven, at)
	if err != nil {
		return err
	}
	created, _, err := s.app.countIn(ctx, chatapi.Dialogs, proven, chatapi.CreatedAt, s.base.At, at)
	if err != nil {
		return err
	}
	s.noticeDeletions(s.base.Rows + created - now)
	s.base, s.checked = baseline{now, at}, time.Now()
	return nil
}

func (s *scanner) noticeDeletions(n int64) {
	if n <= 0 {
		return
	}
	if !s.forward {
		level.Info(s.app.logger).Log("msg", "dialogs were deleted; the next full scan is brought forward", "collector", "mutes", "deleted", n)
	}
	s.forward = true
}

// due tells whether a full scan is to begin.
func (s *scanner) due(now time.Time) bool {
	if s.done == nil {
		return true
	}
	wait := s.full
	if s.forward {
		wait = min(wait, forwardAfter)
	}
	return now.Sub(s.done.Ended) >= wait
}

// scan begins a full scan, works on one, or does nothing.
func (s *scanner) scan(ctx context.Context, proven *proofs, until time.Time) (ended bool, err error) {
	if r := s.running; r != nil && time.Since(r.Latest) > max(s.full, 24*time.Hour) {
		level.Warn(s.app.logger).Log("msg", "a full scan of the dialogs rested for too long and begins anew", "collector", "mutes", "since", r.Latest)
		s.running = nil
	}
	if s.running == nil {
		if !s.due(time.Now()) {
			return false, nil
		}
		if err := s.begin(ctx, proven); err != nil {
			return false, err
		}
	}
	r := s.running
	started := time.Now()
	s.live.Store(r.watch(started))
	err = r.sweep.Run(ctx, max(1, s.app.target.Concurrency), until, func(rows []chatapi.Dialog) {
		for i := range rows {
			s.read(r, &rows[i])
		}
	})
	now := time.Now()
	r.Left, r.Latest, r.Worked = r.sweep.Left(), now, r.Worked+now.Sub(started)
	s.live.Store(r.watch(time.Time{}))
	if err != nil {
		s.app.proofs.doubt(chatapi.Dialogs, err)
		return false, err
	}
	if len(r.Left) > 0 {
		s.report(r, now)
		return false, nil
	}
	if err := s.finish(ctx, proven); err != nil {
		return false, err
	}
	return true, nil
}

// report logs how far a full scan is.
func (s *scanner) report(r *fullScan, now time.Time) {
	if now.Sub(r.logged) < logEvery {
		return
	}
	r.logged = now
	p := r.watch(time.Time{}).progress()
	level.Info(s.app.logger).Log("msg", "full scan of the dialogs", "collector", "mutes", "rows", p.Rows, "percent", math.Floor(100*p.Ratio),
		"rows_per_second", math.Round(10*p.PerSecond)/10, "estimated_end", now.Add(p.Remaining).UTC().Truncate(time.Second))
}

func (s *scanner) begin(ctx context.Context, proven *proofs) error {
	r := &fullScan{log: &ledger{}, Left: chatapi.AllIDs(), Latest: time.Now()}
	if at, ok := s.settled(proven); ok {
		n, err := s.createdBefore(ctx, proven, at)
		if err != nil {
			return err
		}
		r.Base = baseline{n, at}
	}
	if s.marks == nil {
		s.watermark, s.exact = s.clock()
		s.passed = time.Now()
	}
	s.running = r
	s.resume()
	return nil
}

// read takes in a row that a full scan came to.
func (s *scanner) read(r *fullScan, d *chatapi.Dialog) {
	t := typeIndex(d.Type)
	r.Rows++
	if d.CreatedAt < r.Base.At {
		r.Old++
	}
	r.Sums.Members[t] += int64(len(d.OccupantsIDs))
	if d.IsE2EE {
		r.Sums.Encrypted[t]++
	}
	if d.LastMessageDateSent == 0 {
		r.Sums.Unused[t]++
	}
	if s.marks != nil && d.UpdatedAt < s.watermark-changeOverlap && !s.marks.sameMutes(d) {
		r.Drift++
	}
	r.log.note(d, false)
}

// finish puts the full scan in the place of what was known.
func (s *scanner) finish(ctx context.Context, proven *proofs) error {
	r := s.running
	done := &fullCounts{Took: r.Worked, Rows: r.Rows, Drift: -1, Sums: r.Sums}
	deleted := int64(0)
	if r.Base.At > 0 {
		n, err := s.createdBefore(ctx, proven, r.Base.At)
		if err != nil {
			return err
		}
		done.Missing, deleted = max(0, n-r.Old), r.Old-n
		r.Base.Rows = n
	}
	if usable, _ := proven.usable(filterUpdated); usable && s.marks != nil && s.exact {
		done.Drift = r.Drift
	}
	if err := s.setMarks(new(ledger).with(r.log)); err != nil {
		return err
	}
	done.Ended = time.Now()
	s.done, s.base, s.running, s.forward, s.checked = done, r.Base, nil, false, done.Ended
	s.live.Store(nil)
	logger := level.Info(s.app.logger)
	if done.Missing > 0 {
		logger = level.Warn(s.app.logger)
	}
	logger.Log("msg", "full scan of the dialogs ended", "collector", "mutes", "rows", done.Rows, "took", done.Took.Round(time.Millisecond),
		"missing", done.Missing, "drift", done.Drift)
	s.noticeDeletions(deleted)
	s.app.changed()
	return nil
}
