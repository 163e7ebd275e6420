package collector

import (
	"context"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

// recount compares a time with what was counted in it before.
type recount struct {
	At    int64   `json:"at"` // its end, in unix seconds; 0: never
	Ratio float64 `json:"ratio"`

	tried int64 // hour of the latest try
}

const (
	recountEvery = 6 * hourSeconds
	recountKept  = daySeconds + 2*recountEvery // since its end, which lies a day back
	lateHours    = 2                           // then an hour is counted again: some messages come late
)

// recountPast counts again, once an hour, an hour that ended some time ago, as
// messages may come late; and four times a day the week that ended a day ago:
// what is fewer in it than before was deleted. It may fail: nothing is judged
// by it. Where far more is found than before, the past begins anew.
func (h *historian) recountPast(ctx context.Context, s *survey.Survey) (same bool) {
	now := activity.Floor(h.at, hourSeconds)
	if now <= h.recount.tried {
		return true
	}
	h.recount.tried = now
	late := activity.Span{From: now - lateHours*hourSeconds, To: now - (lateHours-1)*hourSeconds}
	if n, err := s.Count(ctx, late); err == nil {
		h.history.SetHour(late.From, n)
	}
	to := activity.Floor(h.at-daySeconds, hourSeconds)
	before, known := h.history.Between(to-weekSeconds, to)
	if to < h.recount.At+recountEvery || !known || s.Most > 0 {
		return true
	}
	n, err := s.Count(ctx, activity.Span{From: to - weekSeconds, To: to})
	switch {
	case err != nil:
	case float64(n) > 2*before+chatapi.MaxLimit:
		// What was imported, or not shown to us before, is the past as well.
		level.Warn(h.app.logger).Log("msg", "the API counts more than twice the messages of last week that it counted before; the past is counted anew", "before", before, "now", n)
		h.begin(activity.NewHistory())
		h.armed, h.recount = false, recount{}
		return false
	case before > 0:
		h.recount.At, h.recount.Ratio = to, float64(n)/before
	}
	return true
}
