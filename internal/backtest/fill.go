package backtest

import (
	"context"
	"math"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

const (
	// closerPrice is how many requests for each hour of the whole time looking
	// closer may cost.
	closerPrice = 3

	closerShare = 0.2 // of busy hours that will be looked at closer, by experience
	binsInHour  = hour / bin
)

// horizon is the time whose hours must be known.
func (b *Backtest) horizon() (from, to int64) {
	return max(0, activity.Floor(b.from-learning-activity.Reach(b.cfg.Weeks), hour)), activity.Floor(b.to, hour)
}

// sampled is the time whose silences and quarters of hours must be known.
func (b *Backtest) sampled() (from, to int64) {
	return max(0, activity.Ceil(b.from-learning, hour)), activity.Floor(b.to, hour)
}

// plan finds out how busy the time is that must be asked for.
func (b *Backtest) plan(ctx context.Context) error {
	from, to := b.horizon()
	if b.empty {
		for _, run := range b.history.MissingHours(from, to) {
			b.survey.Zero(run)
		}
		b.survey.Zero(activity.Span{From: to, To: b.to})
		return nil
	}
	missing := b.history.MissingHours(from, to)
	if len(missing) == 0 {
		return nil
	}
	all := activity.Span{From: missing[0].From, To: missing[len(missing)-1].To}
	n, err := b.survey.Count(ctx, all)
	b.rate = float64(n) / float64((all.To-all.From)/hour)
	return err
}

// Estimate is how many requests Run takes.
type Estimate struct{ About, AtMost int64 }

// Estimate tells what Run will cost; repeated requests are not in it.
func (b *Backtest) Estimate() Estimate {
	from, to := b.horizon()
	hours := lacking(b.history.MissingHours(from, to), hour)
	_, closer := b.choose()
	if hours > 0 {
		// Only hours of more messages than a page holds are looked at closer,
		// and each costs at most two requests for a hundred of them.
		closer = int64(2 * b.rate * float64(hours) / chatapi.MaxLimit)
		for t := activity.Floor(b.from, hour) - hour; t < to; t += hour {
			closer += b.price(t)
		}
		closer = min(closer, b.budget())
	}
	samples := int64(0)
	sampleFrom, _ := b.sampled()
	for t := sampleFrom; t < to; t += hour {
		if _, known := b.history.Hour(t); !known || survey.LacksSample(b.history, t) {
			samples++
		}
	}
	last := lacking(b.history.MissingBins(to, b.to), bin)
	if last > 1 {
		last++ // a count that tells how to go on
	}
	atMost := hours + samples + last + closer
	return Estimate{About: min(b.remaining(), atMost), AtMost: atMost}
}

func lacking(runs []activity.Span, step int64) (n int64) {
	for _, run := range runs {
		n += (run.To - run.From) / step
	}
	return n
}

// budget is how many requests looking closer may cost.
func (b *Backtest) budget() int64 {
	if b.empty {
		return 0
	}
	return closerPrice * ((b.to-b.from)/hour + 1)
}

// remaining is about how many requests are still to be sent.
func (b *Backtest) remaining() int64 {
	from, to := b.horizon()
	missing := b.history.MissingHours(from, to)
	hours := float64(lacking(missing, hour))
	rows := b.rate * hours
	// Pages where these are fewer than hours, and some counts to find that out.
	about := min(hours, rows/90+rows/2000+float64(len(missing)))

	sampleFrom, _ := b.sampled()
	busy := min(max((b.rate-40)/120, 0), 1) // share of hours that are not paged
	for t := sampleFrom; t < to; t += hour {
		switch _, known := b.history.Hour(t); {
		case !known:
			about += 0.5 * busy
		case survey.LacksSample(b.history, t):
			n, _ := b.history.Hour(t)
			if n > chatapi.MaxLimit {
				about++
			} else {
				about += max(1, float64(n)) / chatapi.MaxLimit
			}
		}
	}
	if bins := lacking(b.history.MissingBins(to, b.to), bin); bins > 0 {
		about += 1 + min(b.rate/chatapi.MaxLimit, float64(bins))
	}
	if hours > 0 {
		price := min(max(b.rate/chatapi.MaxLimit, 1), float64(binsInHour))
		about += min(closerShare*busy*price*float64((b.to-b.from)/hour), float64(b.budget()))
	} else {
		_, price := b.choose()
		about += float64(price)
	}
	return int64(math.Ceil(about))
}

// hours asks for whole hours, and for the five minutes of the last one, which
// has not ended.
func (b *Backtest) hours(ctx context.Context) error {
	from, to := b.horizon()
	for _, run := range b.history.MissingHours(from, to) {
		if err := b.survey.Past(ctx, run); err != nil {
			return err
		}
	}
	if len(b.history.MissingHours(from, to)) > 0 {
		return errIncomplete
	}
	for _, run := range b.history.MissingBins(to, b.to) {
		if err := b.survey.Bins(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// sample asks for silences, and for some quarters of busy hours.
func (b *Backtest) sample(ctx context.Context) error {
	from, to := b.sampled()
	_, err := b.survey.Sample(ctx, from, to)
	return err
}

// closer counts the five minutes of the hours in which something may have
// happened, as far as the budget goes.
func (b *Backtest) closer(ctx context.Context) error {
	chosen, _ := b.choose()
	for _, t := range chosen {
		run := activity.Span{From: t, To: t + hour}
		missing := b.history.MissingBins(run.From, run.To)
		if n, _ := b.history.Hour(t); b.pages(n) < lacking(missing, bin) {
			if err := b.survey.Rows(ctx, run); err != nil {
				return err
			}
			continue
		}
		for _, gap := range missing {
			for at := gap.From; at < gap.To; at += bin {
				if err := b.survey.Bins(ctx, activity.Span{From: at, To: at + bin}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pages is how many requests it takes to read so many messages; without a sort
// only what one page holds can be read.
func (b *Backtest) pages(n int64) int64 {
	if n > chatapi.MaxLimit && !b.survey.Sorted {
		return math.MaxInt64
	}
	return (n + chatapi.MaxLimit - 1) / chatapi.MaxLimit
}
