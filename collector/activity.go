package collector

import (
	"context"
	"encoding/json"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// activityCollector shows whether the chat is quieter than it should be.
type activityCollector struct {
	messages, expected, bound, score, samples, dispersion, end *prometheus.Desc
	silence, silenceBound                                      *prometheus.Desc
	ready, holiday, recount                                    *prometheus.Desc
}

func activities(set Settings) definition {
	const grid = " Evaluated every five minutes."
	c := &activityCollector{
		messages: desc("activity_messages",
			"Messages created in the window that ends at connectycube_activity_window_end_timestamp_seconds."+grid, "window"),
		expected: desc("activity_expected_messages",
			"Messages that are normal for the window: the median of the same local time in past weeks, corrected for the trend. Absent without a past week."+grid, "window"),
		bound: desc("activity_lower_bound_messages",
			"At or below it, messages are fewer than half of what is normal, and further below than hours like this one stray. -1: cannot be judged."+grid, "window"),
		score: desc("activity_drop_score",
			"How many spreads of hours like this one the messages lie below the expected, on the square-root scale; below 0: more than expected. Absent where it cannot be judged."+grid, "window"),
		samples: desc("activity_baseline_samples",
			"Past weeks that the expected messages come from."+grid, "window"),
		dispersion: desc("activity_dispersion_ratio",
			"Variance of hours like this one over that of a Poisson count; 1 at least. Absent where it cannot be judged."+grid, "window"),
		end: desc("activity_window_end_timestamp_seconds",
			"End of the window that the values of this label window are for, on the API's clock, in unix seconds.", "window"),
		silence: desc("activity_silence_expected_messages",
			"Messages that are normal in the time since the newest message. Absent while that time is not known, or longer than two days."+grid),
		silenceBound: desc("activity_silence_bound_messages",
			"At or above it, the silence is heavier than silences of the last two weeks explain. -1: cannot be judged."+grid),
		ready: desc("activity_history_ready_ratio",
			"Share of the past that is known of what the judgement needs. Nothing is judged before it was 1."),
		holiday: desc("activity_holiday",
			"1 on a listed holiday, local time, when nothing is judged; else 0."+grid),
		recount: desc("activity_recount_ratio",
			"Messages of the seven days that ended a day ago, counted again four times a day, over what was counted first. Below 1: so many were deleted for good."),
	}
	return definition{
		name: "activity",
		descs: []*prometheus.Desc{
			c.messages, c.expected, c.bound, c.score, c.samples, c.dispersion, c.end,
			c.silence, c.silenceBound, c.ready, c.holiday, c.recount,
		},
		parts: func(a *app) []part {
			h := newHistorian(a, set, a.calendar)
			a.historian = h
			return []part{{
				collector: "activity", name: "messages", interval: activityEvery, long: true,
				refresh: func(ctx context.Context, _ result) (result, error) { return h.refresh(ctx, c) },
				wait:    h.wait,
				save:    func(result) any { return h.save() },
				forget:  h.forget,
				restore: func(raw json.RawMessage) (result, error) { return nil, h.restore(raw) },
			}}
		},
	}
}

// activityValues are what the collector shows of one settled time.
type activityValues struct {
	c       *activityCollector
	verdict *activity.Verdict // nil: the API cannot be asked for it
	ready   float64
	recount float64 // 0: not known
}

func (r *activityValues) emit(e *emitter) {
	c, v := r.c, r.verdict
	if v == nil {
		return
	}
	for i, w := range activity.Windows {
		in := &v.Windows[i]
		e.gauge(c.end, float64(v.At), w.Label)
		e.gauge(c.bound, float64(in.Bound), w.Label)
		e.gauge(c.samples, float64(in.Samples), w.Label)
		if in.Counted {
			e.gauge(c.messages, float64(in.Messages), w.Label)
		}
		if in.Samples > 0 {
			e.gauge(c.expected, in.Expected, w.Label)
		}
		if in.Judged {
			e.gauge(c.score, in.Score, w.Label)
			e.gauge(c.dispersion, in.Dispersion, w.Label)
		}
	}
	if v.Silence.Known {
		e.gauge(c.silence, v.Silence.Expected)
	}
	e.gauge(c.silenceBound, v.Silence.Bound)
	e.gauge(c.ready, r.ready)
	e.gauge(c.holiday, truth(v.Holiday))
	if r.recount > 0 {
		e.gauge(c.recount, r.recount)
	}
}

func (r *activityValues) describe(s *Status) {
	if r.verdict == nil {
		return
	}
	v := r.verdict
	out := &ActivityStatus{At: activity.Time(v.At), Silence: v.Silence, Holiday: v.Holiday, Ready: r.ready}
	for i, w := range activity.Windows {
		out.Windows = append(out.Windows, ActivityWindow{w.Label, v.Windows[i]})
	}
	s.Activity = out
}

// savedHistory is how a historian survives a restart.
type savedHistory struct {
	Counts  []byte  `json:"counts"` // as activity.History packs them
	At      int64   `json:"at"`
	Newest  int64   `json:"newest"`
	Armed   bool    `json:"armed,omitempty"`
	Weeks   int     `json:"weeks,omitempty"` // that it is armed for
	Recount recount `json:"recount,omitzero"`
}

// keep notes the state for save.
func (h *historian) keep() {
	counts, err := h.history.MarshalBinary()
	if err != nil || h.at == 0 {
		h.saved.Store(nil)
		return
	}
	h.saved.Store(&savedHistory{Counts: counts, At: h.at, Newest: h.newest, Armed: h.armed, Weeks: h.weeks, Recount: h.recount})
}

// save gives what survives a restart; it may be called at any time.
func (h *historian) save() any {
	if s := h.saved.Load(); s != nil {
		return s
	}
	return nil
}

// restore takes in what save gave. Nothing is shown of it before the first
// refresh has brought it up to date.
func (h *historian) restore(raw json.RawMessage) error {
	var in savedHistory
	history := activity.NewHistory()
	if err := json.Unmarshal(raw, &in); err != nil || in.At <= 0 {
		return errIncomplete
	}
	if err := history.UnmarshalBinary(in.Counts); err != nil {
		return err
	}
	if history.End() > in.At+daySeconds {
		return errIncomplete
	}
	h.begin(history)
	h.at, h.newest, h.armed, h.recount = in.At, in.Newest, in.Armed && in.Weeks >= h.weeks, in.Recount
	h.keep()
	return nil
}

// forget drops all that is known.
func (h *historian) forget() {
	h.begin(activity.NewHistory())
	h.at, h.newest, h.armed, h.recount = 0, 0, false, recount{}
	h.left, h.most, h.pending = nil, 0, false
	h.keep()
}
