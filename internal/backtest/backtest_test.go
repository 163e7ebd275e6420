package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
)

// troubled is traffic with two failures in the two weeks before now: ten days
// ago nothing came from 08:00 to 12:00, and five days ago, from 08:00 to 14:00,
// seven in ten conversations were lost.
func troubled(perHour float64) (traffic chatapitest.Traffic, outage, drop chatapitest.TrafficCut) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	at := func(day, hour int) time.Time { return today.AddDate(0, 0, -day).Add(time.Duration(hour) * time.Hour) }
	outage = chatapitest.TrafficCut{From: at(10, 8), To: at(10, 12)}
	drop = chatapitest.TrafficCut{From: at(5, 8), To: at(5, 12), Share: 0.3}
	return chatapitest.Traffic{Seed: 3, PerHour: perHour, Talk: 6, Cuts: []chatapitest.TrafficCut{outage, drop}}, outage, drop
}

func sandbox(traffic chatapitest.Traffic, weeks int) *chatapitest.Server {
	return chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 50, Weeks: weeks, Traffic: &traffic})
}

// overlapping are the alerts of a kind that fired in some time.
func overlapping(alerts []activity.Episode, k activity.Kind, from, to time.Time) (out []activity.Episode) {
	for _, e := range alerts {
		if e.Kind == k && e.From < to.Unix() && (e.To == 0 || e.To > from.Unix()) {
			out = append(out, e)
		}
	}
	return out
}

// sameAlerts wants both to hold the same alerts at the same times.
func sameAlerts(t *testing.T, got, want []activity.Episode) {
	t.Helper()
	text := func(list []activity.Episode) (out string) {
		for _, e := range list {
			out += fmt.Sprintf("\n%s %s to %s", e.Kind, activity.Time(e.From), activity.Time(e.To))
		}
		return out
	}
	if g, w := text(got), text(want); g != w {
		t.Errorf("alerts:%s\nwant:%s", g, w)
	}
}

// TestPlantedFailuresAreFound at their times, as by one who knows every five
// minutes of the past, at the price that was told before. What one run has
// learnt, the next one does not ask for.
func TestPlantedFailuresAreFound(t *testing.T) {
	for perHour, most := range map[float64]int64{60: 1500, 250: 3000} {
		atNight(t, func(t *testing.T) {
			traffic, outage, drop := troubled(perHour)
			api := sandbox(traffic, 12)
			r := mustLook(t, config(api))

			silent := overlapping(r.Alerts, activity.Silent, outage.From, outage.To)
			if len(silent) != 1 || silent[0].From > outage.To.Unix() || silent[0].From < outage.From.Unix()+600 ||
				silent[0].To < outage.To.Unix()+1800 || silent[0].To > outage.To.Unix()+3600 || silent[0].Expected < silent[0].Bound {
				t.Errorf("%v an hour: silent %+v", perHour, silent)
			}
			if silent := r.Kinds[activity.Silent].Alerts; silent != 1 {
				t.Errorf("%v an hour: %d silences", perHour, silent)
			}
			if fewer := overlapping(r.Alerts, activity.Drop, drop.From, drop.To); perHour > 100 && len(fewer) == 0 {
				t.Errorf("%v an hour: no drop", perHour)
			}
			for k, s := range r.Kinds {
				n, known := s.Per30Days()
				if s.Times != r.Times || s.First != r.From+bin || !known || int(n*14/30+0.5) != s.Alerts {
					t.Errorf("%v an hour: %v: %+v, %v in 30 days", perHour, activity.Kind(k), s, n)
				}
			}
			if r.Times != 14*day/bin-1 && r.Times != 14*day/bin-2 { // the last minutes are not settled
				t.Errorf("%d times", r.Times)
			}

			if e := r.estimate; r.requests > e.AtMost || r.requests > most || float64(e.About) < 0.65*float64(r.requests) || float64(e.About) > 1.5*float64(r.requests) {
				t.Errorf("%v an hour: %d requests, estimated %+v", perHour, r.requests, e)
			}

			cfg := config(api)
			cfg.Saved = collector.AppHistory{History: exact(traffic, 12), Dialogs: r.known.Dialogs, At: 1}
			all := mustLook(t, cfg)
			// Who knows of more silences may know a minute later that one is not like them.
			if want := overlapping(all.Alerts, activity.Silent, outage.From, outage.To); len(silent) == 1 && (len(want) != 1 || want[0].To != silent[0].To || max(want[0].From-silent[0].From, silent[0].From-want[0].From) > 600) {
				t.Errorf("%v an hour: silent %+v, by one who knows all %+v", perHour, silent, want)
			}
			sameAlerts(t, overlapping(r.Alerts, activity.Drop, outage.To, time.Now()), overlapping(all.Alerts, activity.Drop, outage.To, time.Now()))
			if all.requests != 0 || all.estimate.AtMost != 0 || all.Coarse != 0 {
				t.Errorf("with all known: %d requests, estimated %+v, %d hours not looked at", all.requests, all.estimate, all.Coarse)
			}

			cfg.Saved = r.known
			cfg.Saved.At = 1
			again := mustLook(t, cfg)
			sameAlerts(t, again.Alerts, r.Alerts)
			if again.requests > 0 || again.Coarse != r.Coarse {
				t.Errorf("again: %d requests", again.requests)
			}
			time.Sleep(4 * time.Hour)
			api.Step(time.Now())
			later := mustLook(t, cfg)
			if later.requests > 80 || later.requests > later.estimate.AtMost || later.To-again.To != 4*hour {
				t.Errorf("four hours later: %d requests, estimated %+v", later.requests, later.estimate)
			}
		})
	}
}

// TestAnEarlierTime looks back at a time that ended long ago.
func TestAnEarlierTime(t *testing.T) {
	atNight(t, func(t *testing.T) {
		traffic, outage, _ := troubled(30)
		api := sandbox(traffic, 12)
		cfg := config(api)
		cfg.From = func(time.Time) int64 { return outage.From.Unix() - 3600 }
		cfg.To = func(time.Time) int64 { return outage.To.Unix() - 100 }
		r := mustLook(t, cfg)
		if len(r.Alerts) != 1 || r.Alerts[0].To != 0 || r.To != outage.To.Unix()-300 || r.From != outage.From.Unix()-3600 {
			t.Errorf("%+v", r.Result)
		}
	})
}

// What cannot be judged is not said to be fine.
func TestNothingToJudge(t *testing.T) {
	for name, c := range map[string]struct {
		api  func() *chatapitest.Server
		most int64
	}{
		// In its first day the weeks before, all empty, are a week like others:
		// nothing is expected, and nothing missed.
		"young":   {api: func() *chatapitest.Server { return sandbox(chatapitest.Traffic{Seed: 1, PerHour: 100}, 2) }, most: 600},
		"empty":   {api: func() *chatapitest.Server { return chatapitest.New(chatapitest.Config{Dialogs: 3}) }},
		"nothing": {api: func() *chatapitest.Server { return chatapitest.New(chatapitest.Config{}) }},
		"hardly a message": {api: func() *chatapitest.Server {
			return sandbox(chatapitest.Traffic{Seed: 1, PerHour: 0.05}, 12)
		}, most: 20},
	} {
		atNight(t, func(t *testing.T) {
			r := mustLook(t, config(c.api()))
			silent := r.Kinds[activity.Silent].Times
			if r.Kinds[activity.Drop].Times > 0 || name == "young" && silent*bin > day || len(r.Alerts) > 0 {
				t.Errorf("%s: %+v", name, r.Kinds)
			}
			if _, known := r.Kinds[activity.Drop].Per30Days(); known {
				t.Errorf("%s: alerts in 30 days of nothing", name)
			}
			if r.requests > c.most || r.requests > r.estimate.AtMost || r.estimate.AtMost > 3300 {
				t.Errorf("%s: %d requests, estimated %+v", name, r.requests, r.estimate)
			}
		})
	}
}

// TestAHolidayIsNotJudged lists the day of the outage.
func TestAHolidayIsNotJudged(t *testing.T) {
	atNight(t, func(t *testing.T) {
		traffic, outage, _ := troubled(30)
		cfg := config(sandbox(traffic, 12))
		cfg.Target.Holidays = outage.From.Format(time.DateOnly)
		r := mustLook(t, cfg)
		if got := overlapping(r.Alerts, activity.Silent, outage.From, outage.To); len(got) > 0 || r.Holidays != day/bin {
			t.Errorf("%+v, %d times on holidays", got, r.Holidays)
		}
		if judged := r.Kinds[activity.Silent].Times; judged >= r.Times || judged < r.Times*9/10 {
			t.Errorf("%d of %d times were judged", judged, r.Times)
		}
	})
}

func TestAnotherApplication(t *testing.T) {
	atNight(t, func(t *testing.T) {
		traffic, _, _ := troubled(20)
		api := sandbox(traffic, 12)
		first := mustLook(t, config(api))
		cfg := config(chatapitest.New(chatapitest.Config{Seed: 9, Dialogs: 3, Messages: 10}))
		cfg.Saved = first.known
		r := mustLook(t, cfg)
		if r.saveable || len(r.notes) != 1 || !strings.Contains(r.notes[0], "another application") || len(r.Alerts) > 0 {
			t.Errorf("saveable %t, %q, %d alerts", r.saveable, r.notes, len(r.Alerts))
		}
	})
}

func TestTheAPIsClock(t *testing.T) {
	for name, c := range map[string]struct {
		quirks chatapitest.Quirks
		ended  time.Duration
		note   string
	}{
		"in step": {ended: 2 * time.Minute},
		"ahead":   {quirks: chatapitest.Quirks{Skew: 2 * time.Hour}, ended: 2*time.Minute - 2*time.Hour},
		"behind":  {quirks: chatapitest.Quirks{Skew: -2 * time.Hour}, ended: 2*time.Minute + 2*time.Hour},
		"no time": {quirks: chatapitest.Quirks{NoDate: true}, ended: time.Hour + 2*time.Minute, note: "does not tell its time"},
	} {
		atNight(t, func(t *testing.T) {
			api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 20, Messages: 400, Weeks: 12, Quirks: c.quirks})
			r := mustLook(t, config(api))
			if got := time.Since(time.Unix(r.To, 0)); got != c.ended || !strings.Contains(strings.Join(r.notes, " "), c.note) {
				t.Errorf("%s: ended %s ago, want %s, notes %q", name, got, c.ended, r.notes)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*backtest.Config)
		quirks chatapitest.Quirks
		want   string
		usage  bool
	}{
		"filter ignored": {
			quirks: chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: "messages", Field: "created_at"}: chatapitest.Dropped}},
			want:   "created_at is unsupported (",
		},
		"wrong key": {quirks: chatapitest.Quirks{BadKeyStatus: 403}, change: func(c *backtest.Config) {
			c.Target.Key = config(chatapitest.New(chatapitest.Config{Key: "x"})).Target.Key
		}, want: "403"},
		"no zone":    {change: func(c *backtest.Config) { c.Target.TimeZone = "Mars/North" }, want: "Mars/North", usage: true},
		"the future": {quirks: chatapitest.Quirks{Skew: -time.Hour}, change: func(c *backtest.Config) { c.From = func(now time.Time) int64 { return now.Unix() + 1 } }, want: "--from must be in the past", usage: true},
	} {
		atNight(t, func(t *testing.T) {
			cfg := config(chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 20, Messages: 400, Quirks: c.quirks}))
			if c.change != nil {
				c.change(&cfg)
			}
			_, err := look(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, new(backtest.UsageError)) != c.usage {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestCheckRange(t *testing.T) {
	const now = 1_780_000_000
	for _, c := range []struct {
		from, to int64
		want     string
	}{
		{now - 28*day, now, ""},
		{now - 28*day, now + day, ""},
		{now - 182*day, now, ""},
		{now, now, "--from must be in the past"},
		{now + 10, now + 20, "--from must be in the past"},
		{now - day, now - 2*day, "--from must be before --to"},
		{now - day, now - day, "--from must be before --to"},
		{now - 300, now, "ten minutes apart"},
		{now - 184*day, now, "--from must be at most 182d before --to"},
	} {
		err := backtest.CheckRange(c.from, c.to, now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d to %d: %v, want %q", c.from-now, c.to-now, err, c.want)
		}
	}
}

// breaking lets only so many requests for the past through.
type breaking struct {
	next http.RoundTripper
	left atomic.Int64
	do   func()
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	if q := r.URL.Query(); q.Has("created_at[gte]") && !q.Has("_id[gte]") && b.left.Add(-1) == 0 {
		b.do()
	}
	return b.next.RoundTrip(r)
}

// What was learnt before an interruption is there for the next run.
func TestAnInterruptedRunGoesOn(t *testing.T) {
	atNight(t, func(t *testing.T) {
		traffic, _, _ := troubled(30)
		api := sandbox(traffic, 12)
		whole := mustLook(t, config(api))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cfg := config(api)
		transport := &breaking{next: cfg.Target.Transport, do: cancel}
		transport.left.Store(300)
		cfg.Target.Transport = transport
		cut, err := look(ctx, cfg)
		if !errors.Is(err, context.Canceled) || !cut.saveable {
			t.Fatal(err)
		}
		cfg = config(api)
		cfg.Saved = cut.known
		rest := mustLook(t, cfg)
		sameAlerts(t, rest.Alerts, whole.Alerts)
		if rest.requests > whole.requests-250 {
			t.Errorf("%d requests after an interruption, %d without", rest.requests, whole.requests)
		}
	})
}
