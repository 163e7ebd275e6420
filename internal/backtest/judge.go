package backtest

import (
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// longestSilence is how far back the newest message is looked for: longer
// silences are not judged.
const longestSilence = 2 * day

// Result is what a run found out. Times are unix seconds.
type Result struct {
	From, To int64
	Weeks    int
	Times    int64 // that were looked at, five minutes apart
	Holidays int64 // times on listed holidays, when nothing is judged

	Kinds   [2]Summary // by activity.Kind
	Windows [len(activity.Windows)]Judged
	Alerts  []activity.Episode // in the order in which they began

	Hours    int64 // in the time looked at
	Coarse   int64 // of them, taken as spread evenly
	Unlooked int64 // of them, those that should have been looked at closer
}

// Judged tells when something could be judged.
type Judged struct {
	Times int64 // out of Result.Times
	First int64 // the earliest; 0: never
}

func (j *Judged) note(t int64, could bool) {
	if !could {
		return
	}
	if j.Times++; j.First == 0 {
		j.First = t
	}
}

// Summary is of one kind of alert.
type Summary struct {
	Judged
	Alerts int
}

// Per30Days is how many alerts there were in 30 days that could be judged;
// known if that was a day at least.
func (s Summary) Per30Days() (n float64, known bool) {
	days := float64(s.Times*bin) / float64(day)
	return float64(s.Alerts) / days * 30, days >= 1
}

// judge gives every time the verdict that a live exporter would have given it.
func (b *Backtest) judge() *Result {
	r := &Result{From: b.from, To: b.to, Weeks: b.cfg.Weeks}
	h := b.spread(r)
	judge := activity.NewJudge(h, b.calendar, b.cfg.Weeks)
	alarms := &activity.Alarms{}
	newest, seen := int64(0), b.from-longestSilence
	for t := b.from + bin; t <= b.to; t += bin {
		for ; seen < t; seen += bin {
			switch n, known := h.Bin(seen); {
			case !known:
				newest = 0
			case n > 0:
				newest = seen + bin*n/(n+1) // where the last of n would be, in the mean
			}
		}
		v := judge.At(t, newest)
		alarms.Add(&v)
		r.note(&v)
	}
	r.Alerts = alarms.Episodes()
	for _, e := range r.Alerts {
		r.Kinds[e.Kind].Alerts++
	}
	return r
}

func (r *Result) note(v *activity.Verdict) {
	r.Times++
	if v.Holiday {
		r.Holidays++
	}
	// A silence that a whole day could not make heavy enough is not judged: a
	// closed office, or hardly a message a day.
	today := v.Windows[len(v.Windows)-1]
	r.Kinds[activity.Silent].note(v.At, v.Silence.Bound >= 0 && today.Samples > 0 && today.Expected >= v.Silence.Bound)
	any := false
	for i := range v.Windows {
		could := v.Windows[i].Bound >= 0
		r.Windows[i].note(v.At, could)
		any = any || could
	}
	r.Kinds[activity.Drop].note(v.At, any)
}

// spread gives a copy of the history in which all five minutes are known that
// the judgement needs, and notes of how many hours they were not counted.
func (b *Backtest) spread(r *Result) *activity.History {
	h := b.history.Clone()
	suspects := b.suspects()
	from := activity.Floor(b.from, hour)
	for t := from - learning - longestSilence; t < b.to; t += hour {
		coarse := t+hour <= b.to && len(h.MissingBins(t, t+hour)) > 0
		if coarse {
			h.Spread(t)
		}
		if t < from {
			continue
		}
		r.Hours++
		if coarse {
			r.Coarse++
			if _, should := suspects[t]; should {
				r.Unlooked++
			}
		}
	}
	return h
}
