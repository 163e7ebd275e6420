package backtest

import (
	"cmp"
	"math"
	"slices"

	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// An hour is looked at closer, as are those beside it, where it held less than
// lowShare of what was expected of it, or less than suspectShare of that
// corrected for a level that was low for hours around: all of a weak day is not
// suspect, an outage in it is.
const (
	lowShare     = 0.7
	suspectShare = 0.85
	levelAround  = 6 // hours on both sides whose median share is the level
)

// price is how many requests the five minutes of a known hour cost.
func (b *Backtest) price(t int64) int64 {
	n, known := b.history.Hour(t)
	if !known {
		return 0
	}
	return min(b.pages(n), lacking(b.history.MissingBins(t, t+hour), bin))
}

// choose picks the hours to look at closer, those furthest below what was
// expected first, and tells what they cost.
func (b *Backtest) choose() (chosen []int64, price int64) {
	type candidate struct {
		t     int64
		share float64
	}
	var all []candidate
	for t, share := range b.suspects() {
		if len(b.history.MissingBins(t, t+hour)) > 0 {
			all = append(all, candidate{t, share})
		}
	}
	slices.SortFunc(all, func(x, y candidate) int { return cmp.Or(cmp.Compare(x.share, y.share), cmp.Compare(x.t, y.t)) })
	left := b.budget()
	for _, c := range all {
		if p := b.price(c.t); p <= left {
			left -= p
			chosen = append(chosen, c.t)
			price += p
		}
	}
	return chosen, price
}

// suspects are the hours in which something may have happened, and those beside
// them. Their share of what was expected is that of the lowest of the three.
func (b *Backtest) suspects() map[int64]float64 {
	from, shares := b.shares()
	out := map[int64]float64{}
	for i, share := range shares {
		if !(share < lowShare || share < suspectShare*level(shares, i)) { // of what is not known, neither
			continue
		}
		for j := max(0, i-1); j <= min(i+1, len(shares)-1); j++ {
			t := from + int64(j)*hour
			if lowest, there := out[t]; !there || share < lowest {
				out[t] = share
			}
		}
	}
	return out
}

// shares are what each hour from a time on held of what was expected of it; NaN
// where that cannot be judged.
func (b *Backtest) shares() (from int64, shares []float64) {
	judge := activity.NewJudge(b.history, b.calendar, b.cfg.Weeks)
	from = activity.Floor(b.from, hour) - hour
	for t := from; t+hour <= b.to; t += hour {
		share := math.NaN()
		n, known := b.history.Hour(t)
		expected, weeks := judge.Expected(t, t+hour)
		if known && expected > 0 && weeks >= activity.LeastWeeks && !b.calendar.Holiday(t, t+hour) {
			share = float64(n) / expected
		}
		shares = append(shares, share)
	}
	return from, shares
}

// level is the median of the shares around one, 1 at most.
func level(shares []float64, i int) float64 {
	around := slices.DeleteFunc(slices.Clone(shares[max(0, i-levelAround):min(i+levelAround+1, len(shares))]), math.IsNaN)
	if len(around) == 0 {
		return 1
	}
	slices.Sort(around)
	return min(1, around[len(around)/2])
}
