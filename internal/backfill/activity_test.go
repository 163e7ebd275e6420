package backfill_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
)

const hour, day = int64(3600), int64(24 * 3600)

// TestVerdicts compares all that is said of activity with the raw rows, for
// steps of all kinds, and for days and holidays of other places.
func TestVerdicts(t *testing.T) {
	kyiv, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		t.Fatal(err)
	}
	howe, err := time.LoadLocation("Australia/Lord_Howe") // whose clocks change by half an hour
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		messages int
		from, to int64 // ago
		step     time.Duration
		by       judgment
		times    int64 // that are judged
	}{
		"1h":                {messages: 25_000, from: 4 * day, step: time.Hour, times: 4*24 - 2},
		"1h sparse":         {messages: 900, from: 4 * day, step: time.Hour, times: 4*24 - 2},
		"1h, three weeks":   {messages: 9000, from: 2 * day, step: time.Hour, by: judgment{weeks: 3}, times: 2*24 - 2},
		"1h, ten weeks":     {messages: 9000, from: 2 * day, step: time.Hour, by: judgment{weeks: 10}, times: 2*24 - 2},
		"30m":               {messages: 9000, from: 2 * day, step: 30 * time.Minute, times: 2*48 - 5},
		"5m":                {messages: 25_000, from: 30 * hour, step: 5 * time.Minute, times: 27*12 + 1},
		"5m sparse":         {messages: 3000, from: 30 * hour, step: 5 * time.Minute, times: 27*12 + 1},
		"10m":               {messages: 9000, from: day, step: 10 * time.Minute, times: 21*6 + 1},
		"25m":               {messages: 9000, from: 2 * day, step: 25 * time.Minute, times: 109},
		"1m":                {messages: 9000, from: 8 * hour, step: time.Minute, times: 5*12 + 1},
		"7m":                {messages: 9000, from: 2 * day, step: 7 * time.Minute, times: 78},
		"61s":               {messages: 9000, from: 2 * day, step: 61 * time.Second, times: 9},
		"2h":                {messages: 9000, from: 10 * day, step: 2 * time.Hour, times: 10*12 - 1},
		"5h":                {messages: 9000, from: 10 * day, step: 5 * time.Hour, times: 48},
		"1d":                {messages: 9000, from: 20 * day, step: 24 * time.Hour, times: 20},
		"one time":          {messages: 9000, from: 5 * hour, to: 5*hour - 1, step: 5 * time.Minute, times: 1},
		"Kyiv's holidays":   {messages: 9000, from: 5 * day, step: time.Hour, by: judgment{zone: kyiv, holidays: []string{"1999-12-29", "1999-12-20"}}, times: 5*24 - 2},
		"Kyiv's clocks":     {messages: 9000, from: 40 * day, to: 32 * day, step: 2 * time.Hour, by: judgment{zone: kyiv}, times: 8*12 + 1},
		"Lord Howe's clock": {messages: 9000, from: 40 * day, to: 38 * day, step: 15 * time.Minute, by: judgment{zone: howe}, times: 2*96 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 100, Messages: c.messages, Weeks: max(15, c.by.weeks+8)})
				cfg := config(t, api)
				cfg.Collectors, cfg.Weeks = []string{"activity"}, c.by.weeks
				cfg.From, cfg.To, cfg.Step = backfill.Bound{Ago: c.from}, backfill.Bound{Ago: c.to}, c.step
				if c.by.zone != nil {
					cfg.Target.TimeZone = c.by.zone.String()
				}
				cfg.Target.Holidays = collector.JoinHolidays(c.by.holidays)
				got := fill(t, cfg)
				past := parse(t, got.text)
				same(t, past, judge(api.Truth(), got.grid, c.by))
				if n := len(past[`connectycube_activity_holiday{application="shop"}`]); int64(n) != c.times {
					t.Errorf("%d times are judged, want %d", n, c.times)
				}
				known := 0
				for _, v := range past[`connectycube_activity_lower_bound_messages{application="shop",window="1d"}`] {
					if v > 0 {
						known++
					}
				}
				if c.messages > 5000 && c.times > 9 && known == 0 {
					t.Error("nothing can be judged, so this proves little")
				}
				if got.requests > got.estimate.AtMost || got.requests > got.estimate.About*5/4+20 {
					t.Errorf("%d requests, announced were about %d, at most %d", got.requests, got.estimate.About, got.estimate.AtMost)
				}
				t.Logf("%d times, %d with a bound; %d requests, about %d", c.times, known, got.requests, got.estimate.About)
			})
		})
	}
}

// TestVerdictsOfTheLiveExporter lets an exporter run for longer than its judge
// looks back for the spread: what is filled in later is what it showed, under
// the same names.
func TestVerdictsOfTheLiveExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 200, Messages: 30_000, Weeks: 14})
		random, dialog := rand.New(rand.NewPCG(1, 1)), api.Truth().Dialogs[0].ID
		cfg := config(t, api)
		cfg.Target.TimeZone, cfg.Target.Holidays = "America/New_York", "2000-01-17"
		fleet := collector.NewFleet(collector.Settings{PollInterval: time.Minute, Collectors: []string{"activity"}}, cfg.Logger)
		defer fleet.Close()
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(fleet)
		if err := fleet.Apply([]collector.Target{cfg.Target}); err != nil {
			t.Fatal(err)
		}
		live := samples{}
		for minute := range 16 * 24 * 60 {
			time.Sleep(time.Minute)
			for random.Float64() < 0.18 {
				api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog})
			}
			if minute > 15*24*60 && minute%10 == 0 {
				scrape(t, reg, live)
			}
		}
		time.Sleep(4 * time.Hour)
		cfg.Collectors = []string{"activity"}
		cfg.From, cfg.Step = backfill.Bound{Ago: 2 * day}, 5*time.Minute
		past := parse(t, fill(t, cfg).text)
		compared := 0
		for name, values := range past {
			if live[name] == nil && !strings.Contains(name, "dispersion") && !strings.Contains(name, "score") {
				t.Errorf("a scrape has no %s", name)
			}
			for at := range live[`connectycube_activity_holiday{application="shop"}`] {
				was, shown := live[name][at]
				if v, ok := values[at]; ok != shown || !near(v, was) {
					t.Errorf("%s at %d is %v (there: %t), but was %v (there: %t)", name, at, v, ok, was, shown)
				}
				compared++
			}
		}
		for name := range live {
			if past[name] == nil {
				t.Errorf("%s has no past", name)
			}
		}
		if len(past) != 29 || compared < 2000 {
			t.Errorf("%d series and %d values were compared: this proves little", len(past), compared)
		}
	})
}

// scrape adds the gauges of activity that have a past, at the time they are of.
func scrape(t *testing.T, reg prometheus.Gatherer, out samples) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	now := samples{}
	at := int64(0)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "connectycube_activity_") || slices.ContainsFunc([]string{"_silence_", "_ready_", "_recount_"}, func(part string) bool {
			return strings.Contains(f.GetName(), part)
		}) {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			now[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = map[int64]float64{0: m.GetGauge().GetValue()}
			if strings.Contains(f.GetName(), "window_end") {
				at = int64(m.GetGauge().GetValue())
			}
		}
	}
	for name, value := range now {
		if out[name] == nil {
			out[name] = map[int64]float64{}
		}
		out[name][at] = value[0]
	}
}

// TestCollectors fills what is asked for, and asks for nothing else.
func TestCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 900, Messages: 20_000, Weeks: 14})
		requests := map[string]int64{}
		cost := map[string]int64{}
		var whole samples
		for _, list := range []string{"totals,windows,activity", "totals", "windows", "activity", "totals,windows", "mutes,activity"} {
			cfg := config(t, api)
			cfg.From, cfg.Windows, cfg.Collectors = backfill.Bound{Ago: 3 * day}, windows(t, "15m,1d"), strings.Split(list, ",")
			got := fill(t, cfg)
			past := parse(t, got.text)
			if whole == nil {
				whole = past
				same(t, past, truth(api.Truth(), got.grid, cfg.Windows))
			}
			want := maps.Clone(whole)
			maps.DeleteFunc(want, func(name string, _ map[int64]float64) bool {
				of := "windows"
				switch {
				case strings.HasPrefix(name, "connectycube_activity_"):
					of = "activity"
				case strings.HasPrefix(name, "connectycube_messages{") || strings.HasPrefix(name, "connectycube_dialogs{"):
					of = "totals"
				}
				return !slices.Contains(cfg.Collectors, of)
			})
			same(t, past, want)
			requests[list], cost[list] = got.requests, got.estimate.Activity
			if got.requests > got.estimate.AtMost {
				t.Errorf("%s: %d requests, at most %d were announced", list, got.requests, got.estimate.AtMost)
			}
			if silent := strings.Contains(strings.Join(got.notes, " "), "silences"); silent != slices.Contains(cfg.Collectors, "activity") {
				t.Errorf("%s: notes %q", list, got.notes)
			}
		}
		if requests["mutes,activity"] != requests["activity"] || requests["totals"] >= requests["totals,windows"] {
			t.Errorf("requests %v", requests)
		}
		more := requests["totals,windows,activity"] - requests["totals,windows"]
		if said := cost["totals,windows,activity"]; more < said*2/3 || more > said*3/2 || cost["totals,windows"] != 0 {
			t.Errorf("activity costs %d requests more, announced %v", more, cost)
		}

		cfg := config(t, api)
		cfg.Collectors = []string{"mutes"}
		_, err := try(t.Context(), cfg)
		if err == nil || !errors.As(err, new(backfill.UsageError)) || !strings.Contains(err.Error(), "totals, windows and activity") {
			t.Error(err)
		}
	})
}

// TestStepsThatAreNotJudged says so, or refuses where nothing else is asked for.
func TestStepsThatAreNotJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 9, Messages: 900})
		cfg := config(t, api)
		cfg.Windows, cfg.Step = windows(t, "1h"), 7*time.Minute
		if got := fill(t, cfg); !strings.Contains(strings.Join(got.notes, "\n"), "Activity is judged at multiples of 5m, of which one in 35m is one of --step=7m.") {
			t.Errorf("notes %q", got.notes)
		}
		cfg.From, cfg.To = backfill.Bound{At: 946598400 + 60}, backfill.Bound{At: 946598400 + 1700}
		got := fill(t, cfg)
		if notes := strings.Join(got.notes, "\n"); !strings.Contains(notes, "Activity is left out") || strings.Contains(notes, "silences") || got.estimate.Activity != 0 {
			t.Errorf("notes %q, %+v", got.notes, got.estimate)
		}
		past := parse(t, got.text)
		same(t, past, truth(api.Truth(), got.grid, cfg.Windows))
		if len(past) == 0 {
			t.Error("nothing is there")
		}
		cfg.Collectors = []string{"activity"}
		_, err := try(t.Context(), cfg)
		if err == nil || !errors.As(err, new(backfill.UsageError)) || !strings.Contains(err.Error(), "none of which is one of --step=7m") {
			t.Error(err)
		}
	})
}

// TestCostOfActivity tells what a month by the hour asks for, as by default, of
// applications of all sizes.
func TestCostOfActivity(t *testing.T) {
	for name, c := range map[string]struct {
		messages   int
		with, less int64 // requests at most, with activity and without
	}{
		"busy":   {600_000, 3350 + 250, 2180 + 250},
		"sparse": {3000, 130, 80},
		"empty":  {0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: c.messages / 100, Messages: c.messages, Weeks: 15})
				var got [2]result
				for i, collectors := range [][]string{nil, {"totals", "windows"}} {
					cfg := config(t, api)
					cfg.Collectors = collectors
					got[i] = fill(t, cfg)
					if e := got[i].estimate; got[i].requests > e.AtMost || e.About > got[i].requests*2+50 || got[i].requests > e.About*3/2+50 {
						t.Errorf("%v: %d requests, announced were %+v", collectors, got[i].requests, e)
					}
				}
				if got[0].requests > c.with || got[1].requests > c.less {
					t.Errorf("%d requests, %d without activity", got[0].requests, got[1].requests)
				}
				t.Logf("%d requests (%+v), %d without activity (%+v)", got[0].requests, got[0].estimate, got[1].requests, got[1].estimate)
			})
		})
	}
}

// TestCalendarOfAResumedRun judges by what is said last: no count depends on it.
func TestCalendarOfAResumedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 100, Messages: 4000})
		cfg := config(t, api)
		cfg.From, cfg.Collectors, cfg.Target.TimeZone = backfill.Bound{Ago: 3 * day}, []string{"activity"}, "UTC"
		for note, change := range map[string]func(*backfill.Config){
			"begun with the time zone UTC: all of it is judged in Europe/Kyiv now": func(c *backfill.Config) { c.Target.TimeZone = "Europe/Kyiv" },
			"other holidays":  func(c *backfill.Config) { c.Target.Holidays = "1999-12-31" },
			"Going on with":   func(c *backfill.Config) { c.Target.TimeZone = "" }, // the same
			"holds 1 answers": func(*backfill.Config) {},
		} {
			cfg := cfg
			cfg.Journal = filepath.Join(t.TempDir(), "past.om.part")
			unfinished(t, cfg)
			change(&cfg)
			cfg.Resume = true
			got := fill(t, cfg)
			by := judgment{zone: time.UTC}
			if cfg.Target.TimeZone == "Europe/Kyiv" {
				by.zone, _ = time.LoadLocation("Europe/Kyiv")
			}
			if cfg.Target.Holidays != "" {
				by.holidays = []string{cfg.Target.Holidays}
			}
			same(t, parse(t, got.text), judge(api.Truth(), got.grid, by))
			notes := strings.Join(got.notes, "\n")
			if !strings.Contains(notes, note) || strings.Contains(notes, "judged in UTC") {
				t.Errorf("notes %q, want %q", notes, note)
			}
		}
	})
}

// BenchmarkMonth fills a month by five minutes, the requests left aside.
func BenchmarkMonth(b *testing.B) {
	calendar, err := activity.NewCalendar(time.UTC, nil)
	if err != nil {
		b.Fatal(err)
	}
	grid := backfill.NewGrid(800*day, 830*day, 300)
	for b.Loop() {
		backfill.Verdicts(grid, calendar, 6, func(t int64) int64 { return t / 7 })
	}
}
