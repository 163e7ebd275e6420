package activity

import (
	"math"
	"slices"
)

const (
	leastWeeks   = 3   // fewer past weeks judge nothing
	mostWeeks    = 26  // that are looked at
	trendSpan    = 7   // days whose messages tell the trend
	trendLag     = 1   // day before the present at which they end
	trendLeast   = 50  // fewer messages tell no trend
	trendLimit   = 2.0 // and its inverse: the strongest trend believed
	erasedShare  = 0.2 // a week with less than this share of the present one's messages was erased, or was before launch
	anscombe     = 0.375
	daySeconds   = 24 * hourSeconds
	trendSeconds = trendSpan * daySeconds
)

// The weeks that a Judge compares with.
const (
	DefaultWeeks = 6
	LeastWeeks   = leastWeeks
	MostWeeks    = mostWeeks
)

// scaled puts a count on the square-root scale, where the spread of a Poisson
// count is 1/2 whatever its mean.
func scaled(n float64) float64 { return math.Sqrt(n + anscombe) }

// unscaled is the count of a place on the square-root scale.
func unscaled(m float64) float64 { return max(0, m*m-anscombe) }

// past is what a time is compared with: the same local time some weeks before,
// and how much busier the application has become since.
type past struct {
	at    int64
	weeks []pastWeek
	known bool // how busy the application is now, without which nothing is judged
}

type pastWeek struct {
	back  int64   // seconds
	trend float64 // factor from then to now
}

// pastOf finds the weeks that can be compared with t. Those of a far smaller
// application than today's are left out: it had not begun, or its messages
// were deleted.
func pastOf(h *History, c *Calendar, weeks int, t int64) past {
	p := past{at: t, weeks: make([]pastWeek, 0, weeks)}
	lag := int64(trendLag * daySeconds)
	now, known := h.Between(t-lag-trendSeconds, t-lag)
	p.known = known
	for k := 1; k <= weeks; k++ {
		w := pastWeek{back: t - c.weeksBefore(t, k), trend: 1}
		then, covered := h.Between(t-w.back-lag-trendSeconds, t-w.back-lag)
		if known && covered {
			if then < erasedShare*now {
				continue
			}
			if now >= trendLeast && then >= trendLeast {
				w.trend = min(max(now/then, 1/trendLimit), trendLimit)
			}
		}
		p.weeks = append(p.weeks, w)
	}
	return p
}

// expect is what is normal from one time to p.at, on the square-root scale,
// from n weeks; without any it is not known.
func (p *past) expect(h *History, c *Calendar, from int64) (m float64, n int) {
	var room [mostWeeks]float64
	values := room[:0]
	for _, w := range p.weeks {
		to, from := p.at-w.back, from-w.back
		count, known := h.Between(from, to)
		if !known || c.Holiday(from, to) {
			continue
		}
		if length := to - from; length < hourSeconds {
			// Hours know nothing of their parts: were traffic to begin at the
			// full hour, the minutes before it would seem busy.
			middle := (from + to) / 2
			around, known := h.Between(middle-hourSeconds/2, middle+hourSeconds/2)
			if !known {
				continue
			}
			count = min(count, around*float64(length)/hourSeconds)
		}
		values = append(values, scaled(w.trend*count))
	}
	return median(values), len(values)
}

// median sorts values, and is 0 without any.
func median(values []float64) float64 {
	slices.Sort(values)
	switch n := len(values); {
	case n == 0:
		return 0
	case n%2 == 1:
		return values[n/2]
	default:
		return (values[n/2-1] + values[n/2]) / 2
	}
}
