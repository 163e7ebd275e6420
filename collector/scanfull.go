package collector

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// fullCounts are what a full scan alone can tell.
type fullCounts struct {
	Ended   time.Time     `json:"ended"`
	Took    time.Duration `json:"took"` // of work; waiting after failures left out
	Rows    int64         `json:"rows"`
	Missing int64         `json:"missing"` // -1: could not be measured
	Drift   int64         `json:"drift"`   // -1: could not be measured
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

	Sample []chatapi.ObjectID `json:"sample"` // some of the dialogs, each as likely as another

	log    *ledger
	sweep  *chatapi.Sweep[chatapi.Dialog]
	before liveScan // what the rate is not measured from
	logged time.Time

	closing int // failures to count the dialogs at the end
}

// resume lets the running scan go on through this application's client.
func (s *scanner) resume() {
	r := s.running
	r.sweep = s.sweep(r.Left)
	r.before = liveScan{rows: r.Rows, worked: r.Worked}
	s.live.Store(r.watch(time.Time{}))
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
	if err != nil {
		s.live.Store(r.watch(time.Time{}))
		s.app.proofs.doubt(chatapi.Dialogs, err)
		return false, err
	}
	s.live.Store(r.watch(now))
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
	p := r.watch(now).progress()
	level.Info(s.app.logger).Log("msg", "full scan of the dialogs", "collector", "mutes", "rows", p.Rows, "percent", math.Floor(100*p.Ratio),
		"rows_per_second", math.Round(10*p.PerSecond)/10, "estimated_end", now.Add(p.Remaining).UTC().Truncate(time.Second))
}

func (s *scanner) begin(ctx context.Context, proven *proofs) error {
	r := &fullScan{log: &ledger{}, Left: chatapi.AllIDs(), Latest: time.Now()}
	if at, ok := s.settled(proven); ok {
		n, err := s.createdBefore(ctx, proven, at)
		if err != nil && !uncountable(err) {
			return err
		}
		if err == nil {
			r.Base = baseline{n, at}
		}
	}
	if s.marks == nil {
		s.watermark, s.passed = s.clock(), time.Now()
	}
	s.running = r
	s.forgetYoung()
	s.resume()
	return nil
}

// read takes in a row that a full scan came to.
func (s *scanner) read(r *fullScan, d *chatapi.Dialog) {
	t := typeIndex(d.Type)
	s.meet(d)
	r.Rows++
	r.choose(d.ID)
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
	done := &fullCounts{Took: r.Worked, Rows: r.Rows, Missing: -1, Drift: -1, Sums: r.Sums}
	deleted := int64(0)
	if r.Base.At > 0 {
		n, err := s.createdBefore(ctx, proven, r.Base.At)
		switch {
		case err == nil:
			done.Missing, deleted = max(0, n-r.Old), r.Old-n
			r.Base.Rows = n
		case !uncountable(err) || r.closing < keptFailures-1:
			r.closing++
			return err
		default: // the rows are whole, only their number cannot be checked
			r.Base = baseline{}
		}
	}
	if usable, _ := proven.usable(filterUpdated); usable && s.marks != nil {
		done.Drift = r.Drift
	}
	if err := s.setMarks(new(ledger).with(r.log)); err != nil {
		return err
	}
	done.Ended = time.Now()
	s.done, s.base, s.running, s.forward, s.checked = done, r.Base, nil, false, done.Ended
	s.forgetYoung()
	if s.pass != nil {
		s.pass.log = &ledger{} // the scan has seen those rows later, or been told of them
	}
	s.app.identity.learn(r.Sample)
	s.live.Store(nil)
	logger := level.Info(s.app.logger)
	if done.Missing > 0 {
		logger = level.Warn(s.app.logger)
	}
	logger.Log("msg", "full scan of the dialogs ended", "collector", "mutes", "rows", done.Rows, "took", done.Took.Round(time.Millisecond),
		"missing", ifKnown(done.Missing), "drift", ifKnown(done.Drift))
	s.noticeDeletions(deleted)
	s.app.changed()
	return nil
}

// choose lets every dialog have the same chance to be in the sample.
func (r *fullScan) choose(id chatapi.ObjectID) {
	if len(r.Sample) < sampleSize {
		r.Sample = append(r.Sample, id)
	} else if i := rand.Int64N(r.Rows); i < sampleSize {
		r.Sample[i] = id
	}
}

func ifKnown(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return strconv.FormatInt(n, 10)
}
