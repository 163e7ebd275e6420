package activity

import "slices"

const (
	silenceFloor   = 15.0           // messages; lighter silences are no matter
	silenceFactor  = 2.5            // times the third heaviest of the last 14 days
	silenceRank    = 3              // third: two past outages must not deafen the rule
	longestSilence = 2 * daySeconds // longer ones are not judged

	// silenceSlack is how much longer than the empty bins a silence is at
	// each end: half a bin in the mean.
	silenceSlack = BinSeconds / 2
)

// silences are those that ended in the last 14 days. A silence is a run of five
// minutes without a message, with half of the five minutes before and after; it
// weighs as many messages as are normal in its time.
type silences struct {
	scanned int64 // up to which the history was looked at
	began   int64 // of the run that reaches scanned; 0: none
	ended   []silence
}

type silence struct {
	end    int64
	weight float64
	known  bool // from enough weeks
}

// learn finds the silences that ended up to t.
func (s *silences) learn(j *Judge, t int64) {
	for ; s.scanned < t; s.scanned += BinSeconds {
		n, known := j.history.Bin(s.scanned)
		if known && n == 0 {
			if s.began == 0 {
				s.began = s.scanned
			}
			continue
		}
		if s.began != 0 {
			s.end(j)
		}
	}
	s.ended = slices.DeleteFunc(s.ended, func(e silence) bool { return e.end <= t-poolSeconds })
}

// end weighs the run that ended where the look has come to.
func (s *silences) end(j *Judge) {
	began, ended := s.began, s.scanned
	s.began = 0
	if ended-began > longestSilence || j.calendar.Holiday(began, ended) {
		return
	}
	m, n := j.expected(began-silenceSlack, ended+silenceSlack)
	s.ended = append(s.ended, silence{ended, unscaled(m), n >= leastWeeks})
}

// expected is what is normal from one time to another.
func (j *Judge) expected(from, to int64) (m float64, n int) {
	p := pastOf(j.history, j.calendar, j.weeks, to)
	return p.expect(j.history, j.calendar, from)
}

// bound is the weight from which a silence is too heavy; -1: it is not known
// yet of every silence whether it was.
func (s *silences) bound() float64 {
	var heaviest [silenceRank]float64 // the heaviest first
	for _, e := range s.ended {
		if !e.known {
			return -1
		}
		for i, w := range heaviest {
			if e.weight > w {
				copy(heaviest[i+1:], heaviest[i:])
				heaviest[i] = e.weight
				break
			}
		}
	}
	return max(silenceFloor, silenceFactor*heaviest[silenceRank-1])
}

// silence judges the time since the newest message.
func (j *Judge) silence(p *past, newest int64) SilenceVerdict {
	out := SilenceVerdict{Since: newest, Bound: -1}
	if newest == 0 {
		return out
	}
	from := min(newest, p.at)
	if p.at-from > longestSilence {
		return out
	}
	m, n := 0.0, leastWeeks
	if p.at-from >= BinSeconds {
		m, n = p.expect(j.history, j.calendar, from)
	}
	out.Expected, out.Known = unscaled(m), n > 0
	if n < leastWeeks || !p.known || !j.weighed(p.at) || j.calendar.Holiday(from, p.at) {
		return out
	}
	out.Bound = j.silences.bound()
	return out
}

// weighed tells whether the silences of the last 14 days could be weighed, if
// there were any: their hours are known, and weeks before the first of them.
func (j *Judge) weighed(t int64) bool {
	first := Ceil(t-poolSeconds, hourSeconds)
	if _, known := j.history.Between(first, Floor(t, hourSeconds)); !known {
		return false
	}
	_, n := j.expected(first-hourSeconds, first)
	return n >= leastWeeks
}
