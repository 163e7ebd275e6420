package activity

import (
	"math"
	"time"
)

// Window is a span of time that ends at the settled time, and its label.
type Window struct {
	Label   string
	Seconds int64
}

// Windows are those that are judged, the shortest first.
var Windows = [...]Window{{"15m", 900}, {"1h", 3600}, {"6h", 6 * 3600}, {"1d", 24 * 3600}}

const (
	dropScore = 4.0 // spreads below the expected
	dropShare = 0.5 // of the expected
)

// Settled is the time up to which messages are complete by now: the grid point
// of five minutes that passed at least a minute ago. now is unix seconds on
// the API's clock.
func Settled(now int64) int64 { return Floor(now-60, BinSeconds) }

// Verdict is what can be said of one settled time.
type Verdict struct {
	At      int64 // the settled time
	Windows [len(Windows)]WindowVerdict
	Silence SilenceVerdict
	Holiday bool // At ends a time on one
}

// WindowVerdict is what can be said of one window that ends at the settled time.
type WindowVerdict struct {
	Messages   int64
	Counted    bool    // Messages is known
	Expected   float64 // messages, if Samples is not 0
	Samples    int     // past weeks that it comes from
	Judged     bool    // Score, Dispersion and Bound are known
	Score      float64 // how many spreads Messages lies below Expected
	Dispersion float64 // variance over that of a Poisson count
	Bound      int64   // at or below it messages are too few; -1: cannot be judged
}

// Drop tells whether the messages are too few.
func (w *WindowVerdict) Drop() bool { return w.Counted && w.Bound >= 0 && w.Messages <= w.Bound }

// SilenceVerdict is what can be said of the silence since the newest message.
type SilenceVerdict struct {
	Since    int64   // created_at of the newest message; 0: none, or not known
	Expected float64 // messages that would be normal since then, if Known
	Known    bool
	Bound    float64 // at or above it the silence is too heavy; -1: cannot be judged
}

// Silent tells whether the silence is too heavy.
func (s *SilenceVerdict) Silent() bool { return s.Known && s.Bound >= 0 && s.Expected >= s.Bound }

// Disarm takes all judgement out of a verdict that comes from too little.
func (v *Verdict) Disarm() {
	for i := range v.Windows {
		w := &v.Windows[i]
		w.Judged, w.Score, w.Dispersion, w.Bound = false, 0, 0, -1
	}
	v.Silence.Bound = -1
}

// Judge judges one application. It remembers what it found of the last 14
// days, and looks at them anew when the history's past has changed. It is not
// safe for concurrent use.
type Judge struct {
	history  *History
	calendar *Calendar
	weeks    int

	until    int64 // up to which pools and silences know the history
	version  uint64
	pools    [len(Windows)]pool
	silences silences
}

// NewJudge makes a judge that compares with so many past weeks.
func NewJudge(h *History, c *Calendar, weeks int) *Judge {
	return &Judge{history: h, calendar: c, weeks: min(max(weeks, leastWeeks), mostWeeks)}
}

// Reach is how far back a judge's history should go: the weeks, and what tells
// the trend since the earliest of them, in seconds.
func Reach(weeks int) int64 {
	return int64(weeks)*weekSeconds + trendLag*daySeconds + trendSeconds
}

// At judges the settled time t, a multiple of five minutes. newest is the
// created_at of the newest message, 0 if there is none or it is not known.
func (j *Judge) At(t, newest int64) Verdict {
	j.learn(t)
	v := Verdict{At: t, Holiday: j.calendar.Holiday(t-1, t)}
	p := pastOf(j.history, j.calendar, j.weeks, t)
	for i, w := range Windows {
		v.Windows[i] = j.window(&p, w, j.pools[i])
	}
	v.Silence = j.silence(&p, newest)
	return v
}

// learn takes in what happened up to t, as far as it is not known yet.
func (j *Judge) learn(t int64) {
	if j.version != j.history.version || t < j.until || t-j.until > poolSeconds {
		j.version, j.until = j.history.version, t-poolSeconds
		j.pools = [len(Windows)]pool{}
		j.silences = silences{scanned: t - poolSeconds - longestSilence}
	}
	next := Floor(j.until, hourSeconds) + hourSeconds
	for at := next; at <= t; at += hourSeconds {
		p := pastOf(j.history, j.calendar, j.weeks, at)
		for i, w := range Windows {
			if r, ok := j.residual(&p, w); ok {
				j.pools[i].add(r)
			}
		}
	}
	for i := range j.pools {
		if next <= t { // they are of whole hours
			j.pools[i].forget(t - poolSeconds)
		}
	}
	j.silences.learn(j, t)
	j.until = t
}

func (j *Judge) residual(p *past, w Window) (residual, bool) {
	from := p.at - w.Seconds
	n, counted := j.history.Exact(from, p.at)
	guessed := w.Seconds < hourSeconds && j.history.guessed[Floor(from, hourSeconds)]
	if !counted || guessed || !p.known || j.calendar.Holiday(from, p.at) {
		return residual{}, false
	}
	m, weeks := p.expect(j.history, j.calendar, from)
	return residual{p.at, m, math.Abs(scaled(float64(n)) - m)}, weeks >= residualWeeks
}

func (j *Judge) window(p *past, w Window, residuals pool) WindowVerdict {
	from := p.at - w.Seconds
	out := WindowVerdict{Bound: -1}
	out.Messages, out.Counted = j.history.Exact(from, p.at)
	m, n := p.expect(j.history, j.calendar, from)
	out.Expected, out.Samples = unscaled(m), n
	if n < leastWeeks || !out.Counted || !p.known || j.calendar.Holiday(from, p.at) {
		return out
	}
	s, known := residuals.spread(m, n)
	if !known {
		return out
	}
	out.Judged = true
	out.Score = (m - scaled(float64(out.Messages))) / s
	out.Dispersion = math.Pow(2*s/uncertainty(n), 2)
	if low := m - dropScore*s; low > scaled(0) {
		out.Bound = int64(math.Floor(min(dropShare*out.Expected, low*low-anscombe)))
	}
	return out
}

// Time is a unix time for people.
func Time(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
