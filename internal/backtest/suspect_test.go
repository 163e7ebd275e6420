package backtest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

// replays are two looks at the same four weeks: with every five minutes known,
// and with what a run would ask for.
func replays(t *testing.T, traffic chatapitest.Traffic, to int64) (all, some *Result) {
	t.Helper()
	calendar, err := activity.NewCalendar(time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Backtest{cfg: Config{Weeks: activity.DefaultWeeks}, calendar: calendar, from: to - 28*day, to: to, survey: &survey.Survey{Sorted: true}}
	from, end := b.horizon()
	counts := make([]int64, (end-from)/bin)
	traffic.Each(from*1000, end*1000, func(m chatapitest.TrafficMessage) { counts[(m.At/1000-from)/bin]++ })
	exact := activity.NewHistory()
	for i, n := range counts {
		exact.SetBin(from+int64(i)*bin, n)
	}
	b.history = exact
	all = b.judge()

	b.history = activity.NewHistory()
	know := func(t int64) {
		for at := t; at < t+hour; at += bin {
			n, _ := exact.Bin(at)
			b.history.SetBin(at, n)
		}
	}
	for t := from; t < end; t += hour {
		n, _ := exact.Hour(t)
		b.history.SetHour(t, n)
		switch tail, _ := exact.Tail(t); {
		case n <= 100:
			know(t)
		case survey.LacksSample(b.history, t):
			b.history.SetTail(t, tail)
		}
	}
	chosen, price := b.choose()
	if price > b.budget() {
		t.Errorf("looking closer costs %d, more than %d", price, b.budget())
	}
	for _, t := range chosen {
		know(t)
	}
	return all, b.judge()
}

// TestLittleIsMissed looks at months of traffic with failures of 12 minutes to
// 4 hours at any time, and wants nearly all alerts found that are found when
// every five minutes are known, and hardly any more.
func TestLittleIsMissed(t *testing.T) {
	t.Parallel()
	to := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC).Unix()
	alerts, missed, added, moved := 0, 0, 0, 0
	for i, c := range []struct{ perHour, talk float64 }{{150, 1}, {300, 6}, {1000, 6}, {3000, 1}} {
		chance := rand.New(rand.NewPCG(uint64(i), 5))
		traffic := chatapitest.Traffic{Seed: uint64(i), PerHour: c.perHour, Talk: c.talk}
		for _, length := range []time.Duration{12 * time.Minute, 20 * time.Minute, 40 * time.Minute, 90 * time.Minute, 4 * time.Hour} {
			for _, share := range []float64{0, 0.3} {
				at := time.Unix(to-chance.Int64N(28*day), 0)
				traffic.Cuts = append(traffic.Cuts, chatapitest.TrafficCut{From: at, To: at.Add(length), Share: share})
			}
		}
		all, some := replays(t, traffic, to)
		if all.Coarse != 0 || some.Coarse < some.Hours/4 {
			t.Errorf("%+v: %d of %d hours are coarse", c, some.Coarse, some.Hours)
		}
		alerts += len(all.Alerts)
		for _, e := range all.Alerts {
			switch other := find(some.Alerts, e); {
			case other == nil:
				missed++
			case other.From != e.From || other.To != e.To:
				moved++
			}
		}
		for _, e := range some.Alerts {
			if find(all.Alerts, e) == nil {
				added++
			}
		}
	}
	t.Logf("%d alerts: %d missed, %d more, %d at other times", alerts, missed, added, moved)
	if alerts < 20 || missed > alerts/15 || added > alerts/15 || moved > alerts/5 {
		t.Errorf("%d alerts: %d missed, %d more, %d at other times", alerts, missed, added, moved)
	}
}

// find gives the alert of the same kind at about the same time.
func find(list []activity.Episode, e activity.Episode) *activity.Episode {
	ends := func(e activity.Episode) int64 {
		if e.To == 0 {
			return 1 << 60
		}
		return e.To
	}
	i := slices.IndexFunc(list, func(o activity.Episode) bool { return o.Kind == e.Kind && o.From < ends(e) && e.From < ends(o) })
	if i < 0 {
		return nil
	}
	return &list[i]
}
