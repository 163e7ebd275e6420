package activity

import "slices"

// Kind is what an alarm is about.
type Kind int

const (
	Silent Kind = iota // critical
	Drop               // a warning, not given while Silent is
	kinds
)

func (k Kind) String() string { return [...]string{"silent", "drop"}[k] }

const (
	silentRunning = 2                       // evaluations until an alarm fires
	dropRunning   = 3                       //
	keepFiring    = 30 * 60                 // seconds after its condition has ended
	keptUntil     = BinSeconds + keepFiring // after the condition last held
)

// Episode is the time in which an alarm fires.
type Episode struct {
	Kind     Kind
	Since    int64 // settled time at which its condition was first met
	From, To int64 // settled times at which it begins and ceases to fire; To 0: not yet

	// The worst of it: of the window furthest below what is normal, or of the
	// heaviest silence.
	Window   string // label; none for a silence
	At       int64
	Messages int64
	Expected float64
	Bound    float64
	score    float64
}

// Alarms turns verdicts into alarms, as the shipped rules do: one of each kind
// at most, whatever the number of windows. The zero value is ready.
type Alarms struct {
	at       int64
	alarms   [kinds]alarm
	episodes []Episode

	// silentUntil is when an alarm of Silent fired last; 0: never. Windows that
	// reach back before it have nothing new to say.
	silentUntil int64
}

type alarm struct {
	running int   // evaluations at which the condition has held, up to now
	since   int64 // the first of them
	last    int64 // the latest at which it held, if firing
	episode int   // place in episodes, from 1; 0: not firing
}

// Add takes the verdict of the next settled time. Times that are left out, and
// verdicts that cannot be given, count as nothing amiss.
func (a *Alarms) Add(v *Verdict) {
	if v.At != a.at+BinSeconds {
		for k := range a.alarms {
			a.alarms[k].running = 0
		}
	}
	a.at = v.At
	silent := v.Silence.Silent()
	a.step(Silent, silentRunning, silent, Episode{
		Kind: Silent, At: v.At, Expected: v.Silence.Expected, Bound: v.Silence.Bound, score: v.Silence.Expected,
	})
	if a.Firing(Silent) {
		a.silentUntil = a.at
	}
	worst, drop := worstOf(v, a.silentUntil)
	a.step(Drop, dropRunning, drop && !silent && !a.Firing(Silent), worst)
}

// worstOf gives the window with too few messages that lies furthest below, of
// those that begin after a time; 0: of all.
func worstOf(v *Verdict, after int64) (worst Episode, drop bool) {
	for i := range v.Windows {
		w := &v.Windows[i]
		if after != 0 && v.At-Windows[i].Seconds < after || !w.Drop() || drop && w.Score <= worst.score {
			continue
		}
		drop = true
		worst = Episode{
			Kind: Drop, At: v.At, Window: Windows[i].Label,
			Messages: w.Messages, Expected: w.Expected, Bound: float64(w.Bound), score: w.Score,
		}
	}
	return worst, drop
}

func (a *Alarms) step(k Kind, needed int, holds bool, now Episode) {
	s := &a.alarms[k]
	if s.episode > 0 && a.at >= s.last+keptUntil {
		a.episodes[s.episode-1].To = s.last + keptUntil
		s.episode = 0
	}
	if !holds {
		s.running = 0
		return
	}
	if s.running == 0 {
		s.since = a.at
	}
	s.running++
	switch {
	case s.episode > 0:
		e := &a.episodes[s.episode-1]
		if now.score > e.score {
			now.Since, now.From = e.Since, e.From
			*e = now
		}
	case s.running >= needed:
		now.Since, now.From = s.since, a.at
		a.episodes = append(a.episodes, now)
		s.episode = len(a.episodes)
	default:
		return
	}
	s.last = a.at
}

// Firing tells whether an alarm fires at the time added last.
func (a *Alarms) Firing(k Kind) bool { return a.alarms[k].episode > 0 }

// Episodes gives all there were, in the order in which they began.
func (a *Alarms) Episodes() []Episode { return slices.Clone(a.episodes) }
