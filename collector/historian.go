package collector

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

const (
	hourSeconds = int64(3600)
	daySeconds  = 24 * hourSeconds
	weekSeconds = 7 * daySeconds

	sampledFor    = 14 * daySeconds            // whose silences and quarters are looked at
	historyKept   = sampledFor + 4*weekSeconds // beyond what a judge reaches back
	activityEvery = activity.BinSeconds * time.Second
	earlySlice    = 15 * time.Second // of a fill that is at its beginning: somebody waits for it
	earlyShare    = 0.15             // of what is to be known: the same days of the past weeks
	settledAfter  = 62 * time.Second // a grid point is settled, and the clock's second over
)

// historian knows how many messages were created in the past of one
// application, asks for what it does not know, and judges the present by it.
// Only the refreshes of its part use it, except for saved.
type historian struct {
	app      *app
	weeks    int
	calendar *activity.Calendar
	history  *activity.History
	judge    *activity.Judge

	at      int64 // the settled time up to which all is counted; 0: none yet
	newest  int64 // created_at of the newest message before at; 0: none, or not known
	armed   bool  // all was known once
	pending bool  // there is more to ask for now
	judged  bool  // the latest refresh gave a verdict
	recount recount

	left    []survey.Part // of the past, in the middle of being counted
	most    int64         // hours that the API can count at once; 0: any
	unpaged bool          // pages cannot be read in order

	saved atomic.Pointer[savedHistory]
}

func newHistorian(a *app, set Settings, calendar *activity.Calendar) *historian {
	weeks := set.ActivityWeeks
	if weeks == 0 {
		weeks = activity.DefaultWeeks
	}
	h := &historian{app: a, weeks: weeks, calendar: calendar}
	h.begin(activity.NewHistory())
	return h
}

func (h *historian) begin(history *activity.History) {
	h.history = history
	h.judge = activity.NewJudge(history, h.calendar, h.weeks)
}

// adopt goes on where another historian was, whose part has ended.
func (h *historian) adopt(old *historian) {
	h.begin(old.history)
	h.at, h.newest, h.armed, h.recount = old.at, old.newest, old.armed, old.recount
	h.left, h.most, h.unpaged = old.left, old.most, old.unpaged
	h.keep()
}

// refresh counts what has settled, asks for a slice of what is missing of the
// past, and judges. Values of a time that could not be counted are not
// returned; those of a time whose past could not be asked for are.
func (h *historian) refresh(ctx context.Context, c *activityCollector) (result, error) {
	h.pending, h.judged = false, false
	armed := h.armed
	defer func() {
		h.keep()
		if h.armed && !armed {
			h.app.changed() // it took long to get
		}
	}()
	proven, err := h.app.proofs.ensure(ctx, chatapi.Messages)
	if err != nil {
		return nil, err
	}
	usable, err := proven.usable(filterCreated)
	if err != nil {
		return nil, err
	}
	if _, err := h.app.now(ctx); err != nil {
		return nil, err
	}
	now, known := h.app.client.Settled()
	if !known || !usable {
		// Counted by another clock, minutes that have not ended would be few.
		return &activityValues{c: c}, nil
	}
	t := activity.Settled(now.Unix())
	if t < h.at {
		h.history.Cut(t) // counted by a clock that was wrong
	}
	if err := h.app.identity.ensure(ctx, h.app.proofs); err != nil {
		return nil, err
	}
	if err := h.use(h.survey(chatapi.LaneCount, proven), func(s *survey.Survey) error { return h.settle(ctx, s, t) }); err != nil {
		return nil, err
	}
	filled := false
	err = h.use(h.survey(chatapi.LaneHistory, proven), func(s *survey.Survey) (err error) {
		filled, err = h.fill(ctx, s)
		return err
	})
	h.armed, h.pending, h.judged = h.armed || filled, err == nil && !filled, true
	h.history.Forget(h.at - activity.Reach(h.weeks) - historyKept)
	v := h.judge.At(h.at, h.newest)
	if !h.armed {
		v.Disarm()
	}
	out := &activityValues{c: c, verdict: &v, ready: h.ready()}
	if h.at-h.recount.At <= recountKept {
		out.recount = h.recount.Ratio
	}
	return out, err
}

// use keeps what a survey learns of the API.
func (h *historian) use(s *survey.Survey, work func(*survey.Survey) error) error {
	err := work(s)
	h.left, h.most, h.unpaged = s.Left, s.Most, s.Unpaged
	return err
}

func (h *historian) survey(lane chatapi.Lane, proven *proofs) *survey.Survey {
	slice := sliceTime
	if h.ready() < earlyShare {
		slice = earlySlice
	}
	return &survey.Survey{
		Client: h.app.client.Lane(lane), History: h.history,
		Sorted: proven.empty || proven.supported(sortCreated), Until: time.Now().Add(slice),
		Unproven: proven.empty, Left: h.left, Most: h.most, Unpaged: h.unpaged,
		Doubt: func(err error) { h.app.proofs.doubt(chatapi.Messages, err) },
	}
}

// settle counts all that the windows ending at t need, which comes first.
func (h *historian) settle(ctx context.Context, s *survey.Survey, t int64) (err error) {
	s.Newest = min(h.newest, t)
	defer func() {
		if err != nil {
			h.newest = s.Newest // five minutes that are known by now are not looked at again
		}
	}()
	for _, run := range h.history.MissingBins(t-hourSeconds, t) {
		if err := s.Bins(ctx, run); err != nil {
			return err
		}
	}
	if missed := h.at > 0 && t-h.at > activity.BinSeconds; (missed || s.Newest == 0) && !s.Unproven {
		switch {
		case !s.Sorted && s.Newest < t-hourSeconds:
			s.Newest = 0 // what came since then, if anything did, was not seen
		case s.Sorted:
			latest, err := s.Latest(ctx)
			if err != nil {
				return err
			}
			s.Newest = max(s.Newest, latest) // one that is deleted was a message all the same
		}
	}
	if t-h.at > sampledFor {
		h.armed = false
	}
	h.at, h.newest = t, s.Newest
	if !h.armed {
		return nil // what is normal comes first, see fill
	}
	return h.today(ctx, s)
}

// today counts what the longer windows that end now need besides the last
// hour: whole hours, and five minutes where they begin.
func (h *historian) today(ctx context.Context, s *survey.Survey) error {
	for _, w := range activity.Windows {
		from := h.at - w.Seconds
		for _, run := range h.history.MissingHours(from, activity.Floor(h.at, hourSeconds)) {
			if err := s.Hours(ctx, run); err != nil {
				return err
			}
		}
		for _, run := range h.history.MissingBins(from, min(activity.Ceil(from, hourSeconds), h.at)) {
			if err := s.Bins(ctx, run); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill asks for the past in the order in which it becomes useful, and tells
// whether all is known. When its time is over it leaves the rest for the next
// refresh.
func (h *historian) fill(ctx context.Context, s *survey.Survey) (done bool, err error) {
	if err := s.Rest(ctx); err != nil || len(s.Left) > 0 {
		return false, err
	}
	from, to := h.horizon()
	for k := int64(1); k <= int64(h.weeks); k++ {
		same := h.at - k*weekSeconds
		if done, err := h.fillHours(ctx, s, same-25*hourSeconds, same+2*hourSeconds); !done {
			return false, err
		}
	}
	if err := h.today(ctx, s); err != nil {
		return false, err
	}
	for end := to; end > from; end -= weekSeconds {
		if done, err := h.fillHours(ctx, s, max(from, end-weekSeconds), end); !done {
			return false, err
		}
	}
	if done, err := s.Sample(ctx, h.sampleFrom(), to); !done {
		return false, err
	}
	same := h.recountPast(ctx, s)
	return same && ctx.Err() == nil, context.Cause(ctx)
}

func (h *historian) fillHours(ctx context.Context, s *survey.Survey, from, to int64) (done bool, err error) {
	for _, run := range h.history.MissingHours(from, to) {
		if s.Over() {
			return false, nil
		}
		if err := s.Past(ctx, run); err != nil || len(s.Left) > 0 {
			return false, err
		}
	}
	return true, nil
}

// wait is the time until the next refresh has something to do.
func (h *historian) wait() time.Duration {
	if h.pending {
		return 0
	}
	now, known := h.app.client.Settled()
	if !known || h.at == 0 || !h.judged {
		return activityEvery
	}
	next := time.Unix(h.at, 0).Add(activityEvery + settledAfter)
	return min(max(next.Sub(now), time.Second), activityEvery+settledAfter)
}

// horizon is the time whose hours a judge wants to know. The day that only the
// trend since the earliest week would need is not worth its price: it is there
// a day later.
func (h *historian) horizon() (from, to int64) {
	return activity.Ceil(h.at-activity.Reach(h.weeks)+daySeconds, hourSeconds), activity.Floor(h.at, hourSeconds)
}

// sampleFrom is where the time begins whose silences and quarters are looked at.
func (h *historian) sampleFrom() int64 { return activity.Ceil(h.at-sampledFor, hourSeconds) }

// ready is the share of what a judge wants to know that is known.
func (h *historian) ready() float64 {
	from, to := h.horizon()
	all := (to - from) / hourSeconds
	lacking := int64(0)
	for _, run := range h.history.MissingHours(from, to) {
		lacking += (run.To - run.From) / hourSeconds
	}
	for t := h.sampleFrom(); t < to; t += hourSeconds {
		all++
		if _, known := h.history.Hour(t); !known || survey.LacksSample(h.history, t) {
			lacking++
		}
	}
	return 1 - float64(lacking)/float64(all)
}
