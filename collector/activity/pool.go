package activity

import (
	"math"
	"slices"
)

const (
	poolSeconds = 14 * daySeconds
	poolLeast   = 24 // fewer residuals tell no spread
	// residualWeeks are enough for a residual: two make it a little larger
	// than it should be, so that a spread is at hand as soon as there is
	// anything to judge (measured: no more false alerts than with three).
	residualWeeks = 2
	poolShare     = 0.8    // the quantile of the residuals that is looked at
	poolNormal    = 1.2816 // what that quantile is for a normal spread of 1
	poolLike      = 2.0    // on the square-root scale, and its inverse: hours like this one
)

// residual is how far a past hour was from what had been expected of it, on
// the square-root scale.
type residual struct {
	at    int64
	m     float64 // expected
	apart float64 // from it, either way
}

// pool holds the residuals of one window at the whole hours of the last 14
// days, the smallest first.
type pool []residual

func (p *pool) add(r residual) {
	i, _ := slices.BinarySearchFunc(*p, r, func(a, b residual) int {
		if a.apart < b.apart {
			return -1
		}
		return 1
	})
	*p = slices.Insert(*p, i, r)
}

func (p *pool) forget(before int64) {
	*p = slices.DeleteFunc(*p, func(r residual) bool { return r.at <= before })
}

// spread is how far hours like one of which m is expected stray, as what is
// expected of n weeks: the spread on the square-root scale, never below
// Poisson's.
func (p pool) spread(m float64, n int) (s float64, known bool) {
	apart, ok := p.quantile(m/poolLike, m*poolLike)
	if !ok {
		apart, ok = p.quantile(scaled(1), math.Inf(1))
	}
	if !ok {
		apart, ok = p.quantile(0, math.Inf(1))
	}
	f := uncertainty(n)
	return max(0.5, apart/poolNormal/f) * f, ok
}

// uncertainty widens a spread by what the median of n weeks adds to it.
func uncertainty(n int) float64 { return math.Sqrt(1 + math.Pi/(2*float64(n))) }

// quantile of those residuals of which so much was expected.
func (p pool) quantile(least, most float64) (apart float64, ok bool) {
	n := 0
	for i := range p {
		if m := p[i].m; m >= least && m <= most {
			n++
		}
	}
	if n < poolLeast {
		return 0, false
	}
	place := poolShare * float64(n-1)
	below, i := math.Floor(place), 0
	for _, r := range p {
		if r.m < least || r.m > most {
			continue
		}
		switch float64(i) {
		case below:
			apart = r.apart
		case below + 1:
			return apart + (place-below)*(r.apart-apart), true
		}
		i++
	}
	return apart, true
}
