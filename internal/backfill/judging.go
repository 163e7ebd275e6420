package backfill

import (
	"slices"

	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const (
	hourSeconds = int64(3600)

	// sampledFor is the time whose whole hours tell a judge how far hours stray.
	sampledFor = 14 * 24 * hourSeconds

	// clockChange is how much further back the same local time may lie than as
	// many weeks.
	clockChange = 2 * hourSeconds
)

// judging gives the past the verdicts that a live exporter would have given
// it, had it been running for weeks.
type judging struct {
	weeks    int
	calendar *activity.Calendar
}

// newJudging gives nil where activity is not asked for.
func newJudging(cfg Config) (*judging, error) {
	if !cfg.fills(collectorActivity) {
		return nil, nil
	}
	calendar, err := cfg.Target.Calendar()
	if err != nil {
		return nil, UsageError{err}
	}
	j := &judging{weeks: cfg.Weeks, calendar: calendar}
	if j.weeks == 0 {
		j.weeks = activity.DefaultWeeks
	}
	return j, nil
}

// judged are those times of a grid that can be judged: five minutes is the
// finest that is.
func judged(g Grid) Grid {
	a, b := g.Step, int64(activity.BinSeconds)
	for b != 0 {
		a, b = b, a%b
	}
	return NewGrid(g.First, g.Last, g.Step/a*activity.BinSeconds)
}

// edges are the times at which the verdicts need to know how many messages had
// been created, ascending: whole hours as far back as a judge looks, the last
// quarters of those whose spread is looked at, and the ends of the windows.
// All are multiples of five minutes.
func (j *judging) edges(g Grid) []int64 {
	at := judged(g)
	if at.Len() == 0 {
		return nil
	}
	var out []int64
	need := func(t int64) { out = append(out, max(t, 0)) }
	sampled := at.First - sampledFor
	first := activity.Floor(sampled-activity.Reach(j.weeks)-clockChange, hourSeconds)
	for t := max(first, 0); t <= at.Last; t += hourSeconds {
		need(t)
		if t > sampled {
			need(t - activity.TailSeconds)
		}
	}
	for t := at.First; t <= at.Last; t += at.Step {
		need(t)
		for _, w := range activity.Windows {
			need(t - w.Seconds)
		}
	}
	return tidy(out)
}

// history is made of the counts at the edges. Of an hour with an edge inside
// only the sums from edge to edge are true, which is all that a window between
// two edges needs: each stands in the first five minutes after its edge.
func (j *judging) history(g Grid, before func(t int64) int64) *activity.History {
	h := activity.NewHistory()
	edges := j.edges(g)
	for len(edges) > 1 {
		hour := edges[0]
		n, whole := slices.BinarySearch(edges, hour+hourSeconds)
		if !whole {
			n = len(edges) - 1 // the hour in which the grid ends
		}
		cuts := edges[:n+1]
		edges = edges[n:]
		if whole {
			h.SetHour(hour, before(cuts[n])-before(hour))
		}
		switch {
		case whole && n == 1:
		case whole && n == 2 && cuts[1] == cuts[2]-activity.TailSeconds:
			h.SetTail(hour, before(cuts[2])-before(cuts[1]))
		default:
			for i, from := range cuts[:n] {
				h.SetBin(from, before(cuts[i+1])-before(from))
				for t := from + activity.BinSeconds; t < cuts[i+1]; t += activity.BinSeconds {
					h.SetBin(t, 0)
				}
			}
		}
	}
	return h
}

// verdicts judges all times of the grid that can be judged.
func (j *judging) verdicts(g Grid, before func(t int64) int64) *verdicts {
	out := &verdicts{grid: judged(g)}
	judge := activity.NewJudge(j.history(g, before), j.calendar, j.weeks)
	for t := out.grid.First; t <= out.grid.Last; t += out.grid.Step {
		// The newest message of a past time is not known from counts; without
		// one nothing is said of silences.
		out.list = append(out.list, judge.At(t, 0))
	}
	return out
}

// verdicts are those of a grid's times.
type verdicts struct {
	grid Grid
	list []activity.Verdict
}

// at is the verdict of a time; nil: it cannot be judged.
func (v *verdicts) at(t int64) *activity.Verdict {
	if v == nil || t < v.grid.First || t > v.grid.Last || (t-v.grid.First)%v.grid.Step != 0 {
		return nil
	}
	return &v.list[(t-v.grid.First)/v.grid.Step]
}
