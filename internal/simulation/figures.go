package main

import (
	"fmt"
	"math"
	"slices"
)

// summary is what all seeds of a row show.
type summary struct {
	seeds   int
	months  float64
	alerts  int
	by      [2]int // kinds that began
	error   float64
	judged  [2]float64         // shares
	delays  [outages][]float64 // sorted
	measure figures
}

func sum(results []result) summary {
	s := summary{seeds: len(results)}
	days := 0.0
	for _, r := range results {
		days += r.days
		for k, n := range r.false {
			s.by[k] += n
			s.alerts += n
		}
		for k, d := range r.judged {
			s.judged[k] += d
		}
		for k, d := range r.delays {
			s.delays[k] = append(s.delays[k], d...)
		}
	}
	s.months = days / 30
	s.measure.alerts = float64(s.alerts) / s.months
	square := 0.0
	for _, r := range results {
		square += math.Pow(float64(r.false[0]+r.false[1])-s.measure.alerts*r.days/30, 2)
	}
	s.error = math.Sqrt(square) / s.months
	for k := range s.judged {
		s.judged[k] /= days
	}
	for k := range s.delays {
		slices.Sort(s.delays[k])
		s.measure.seen[k] = quantilesOf(s.delays[k])
	}
	return s
}

func quantilesOf(delays []float64) quantiles {
	n := len(delays)
	if n == 0 {
		return none
	}
	seen := 0
	for _, d := range delays {
		if !math.IsInf(d, 1) {
			seen++
		}
	}
	return quantiles{float64(seen) / float64(n), delays[(n-1)/2], delays[(n-1)*9/10]}
}

// interval is the 95% interval of a rate of which so many cases were seen in
// so many months, as of a Poisson count.
func interval(cases, months float64) (low, high float64) {
	return solve(func(mean float64) bool { return 1-poisson(cases-1, mean) > 0.025 }, cases) / months,
		solve(func(mean float64) bool { return poisson(cases, mean) < 0.025 }, cases) / months
}

// solve finds the least mean for which found holds.
func solve(found func(mean float64) bool, about float64) float64 {
	low, high := 0.0, 10+4*about
	for range 60 {
		if middle := (low + high) / 2; found(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// poisson is the chance of at most n cases; between whole numbers it changes
// evenly.
func poisson(n, mean float64) float64 {
	if n < 0 {
		return 0
	}
	p, term := 0.0, math.Exp(-mean)
	whole := int(n)
	for k := 0; k <= whole; k++ {
		p += term
		term *= mean / float64(k+1)
	}
	return p + term*(n-float64(whole))
}

func span(minutes float64) string {
	switch {
	case math.IsNaN(minutes):
		return ""
	case math.IsInf(minutes, 1):
		return "unseen"
	case minutes < 100:
		return fmt.Sprintf("%.0f m", minutes)
	}
	return fmt.Sprintf("%.1f h", minutes/60)
}

func (q quantiles) String() string {
	if math.IsNaN(q.share) {
		return "n.m."
	}
	text := fmt.Sprintf("%.0f %%", 100*q.share)
	if s := span(q.median); s != "" {
		text += " " + s
	}
	if s := span(q.p90); s != "" {
		text += " (" + s + ")"
	}
	return text
}
