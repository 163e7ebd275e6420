package collector_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// quietly is an exporter with the collector activity alone.
func quietly(t *testing.T) collector.Settings {
	set := defaults(t)
	set.Collectors = []string{"activity"}
	return set
}

// chat is a sandbox with so many weeks of traffic of so many messages an hour.
func chat(perHour float64, weeks int) *chatapitest.Server {
	return chatapitest.New(chatapitest.Config{
		Seed: 5, Dialogs: 200, Weeks: weeks, Messages: 1,
		Traffic: &chatapitest.Traffic{Seed: 5, PerHour: perHour, Talk: 6},
	})
}

// live lets time pass, and the sandbox with it.
func live(api *chatapitest.Server, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Minute, time.Until(end)))
		api.Step(time.Now())
	}
	synctest.Wait()
}

func sent(api *chatapitest.Server) (n int) {
	for _, c := range api.RequestCounts() {
		n += c
	}
	return n
}

// expectCounts holds what is shown of the windows against the rows.
func expectCounts(t *testing.T, api *chatapitest.Server, got series) {
	t.Helper()
	rows := api.Truth()
	for _, w := range activity.Windows {
		label := fmt.Sprintf("{window=%q}", w.Label)
		n, shown := got["activity_messages"+label]
		end := int64(got["activity_window_end_timestamp_seconds"+label])
		if want := rows.NewMessages(end-w.Seconds, end); !shown || float64(want) != n {
			t.Errorf("%v messages in %s (%t), not %d", n, w.Label, shown, want)
		}
		if age := time.Now().Unix() - end; age < 60 || age > 6*60+30 {
			t.Errorf("the window %s ended %d seconds ago", w.Label, age)
		}
	}
}

// TestActivityIsArmed measures what it costs to know what is normal, at the
// default rate limit, beside all other collectors, and from then on. The
// README's table is held against it.
func TestActivityIsArmed(t *testing.T) {
	var table strings.Builder
	table.WriteString("| application | first expectations | armed | in | first day, an hour | then |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, c := range []struct {
		name    string
		perHour float64
		most    int // requests until armed
	}{{"busy, 1,000 messages an hour", 1000, 1500}, {"sparse, 50 messages an hour", 50, 700}, {"without a message", 0, 30}} {
		synctest.Test(t, func(t *testing.T) {
			api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 200})
			if c.perHour > 0 {
				api = chat(c.perHour, 8)
			}
			b := newBench(t, quietly(t))
			b.apply(target("app", api))
			began := time.Now()
			var expected, armed time.Duration
			atExpected, atArmed := 0, 0
			for armed == 0 && time.Since(began) < time.Hour {
				time.Sleep(5 * time.Second)
				if int(time.Since(began)/time.Second)%60 == 0 {
					api.Step(time.Now())
				}
				got := b.scrape()
				if _, ok := got[`activity_expected_messages{window="1h"}`]; ok && expected == 0 {
					expected, atExpected = time.Since(began), sent(api)
					if got[`activity_lower_bound_messages{window="1h"}`] != -1 && c.perHour > 0 {
						t.Error("judged before all is known")
					}
				}
				if got["activity_history_ready_ratio"] == 1 {
					armed, atArmed = time.Since(began), sent(api)
				}
			}
			synctest.Wait()
			if atArmed > c.most || armed > 15*time.Minute || expected > 2*time.Minute {
				t.Errorf("%s: %d requests until armed; expectations after %s, armed after %s", c.name, atArmed, expected, armed)
			}
			live(api, 10*time.Minute)
			got := b.scrape()
			if bound := got[`activity_lower_bound_messages{window="1d"}`]; (bound >= 0) != (c.perHour > 0) {
				t.Errorf("%s: the bound of a day is %v", c.name, bound)
			}
			live(api, 10*time.Minute-time.Since(began)%(10*time.Minute))
			per := func() float64 {
				before := sent(api)
				live(api, 24*time.Hour)
				return float64(sent(api)-before) / 24
			}
			first, then := per(), per()
			// An application without rows has its proofs tried anew each time.
			if first > 40 || then > 13.5 && c.perHour > 0 {
				t.Errorf("%s: %v requests an hour on the first day, %v on the second", c.name, first, then)
			}
			if c.perHour < 100 { // looking at every row of more takes long
				expectCounts(t, api, b.scrape())
			}
			fmt.Fprintf(&table, "| %s | %d requests | %d requests | %s | %.0f | %.0f |\n", c.name, atExpected, atArmed, armed.Round(time.Second), first, then)
		})
	}
	if *update {
		rewriteTable(t, "../README.md", "activity-requests", table.String())
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md does not hold this table (go test ./collector -run ActivityIsArmed -update):\n%s", &table)
	}
}

// TestFirstExpectationsBesideEverything: within two minutes, and armed within
// fifteen, though the counts of all collectors go first.
func TestFirstExpectationsBesideEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(300, 8)
		b := newBench(t, defaults(t))
		b.apply(target("app", api))
		live(api, 2*time.Minute)
		if _, ok := b.scrape()[`activity_expected_messages{window="1h"}`]; !ok {
			t.Error("no expectation after two minutes")
		}
		live(api, 13*time.Minute)
		got := b.scrape()
		if got["activity_history_ready_ratio"] != 1 || got[`activity_lower_bound_messages{window="1d"}`] < 0 {
			t.Errorf("not armed after a quarter of an hour: %v ready", got["activity_history_ready_ratio"])
		}
		expectCounts(t, api, got)
	})
}

// TestAnOutageOfTheChat: traffic is cut, the silence grows past its bound; it
// comes back, and all is well.
func TestAnOutageOfTheChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(300, 8)
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, 12*time.Hour+20*time.Minute) // from midnight to noon
		before := b.scrape()
		if s, bound := before["activity_silence_expected_messages"], before["activity_silence_bound_messages"]; bound < 15 || s >= bound {
			t.Fatalf("before the outage: silence %v, bound %v", s, bound)
		}
		api.SetTraffic(0)
		live(api, 25*time.Minute)
		cut := b.scrape()
		if s, bound := cut["activity_silence_expected_messages"], cut["activity_silence_bound_messages"]; s < bound || bound < 0 {
			t.Errorf("in the outage: silence %v, bound %v", s, bound)
		}
		if n, bound := cut[`activity_messages{window="15m"}`], cut[`activity_lower_bound_messages{window="15m"}`]; n > bound {
			t.Errorf("in the outage: %v messages in a quarter of an hour, bound %v", n, bound)
		}
		expectCounts(t, api, cut)
		api.SetTraffic(1)
		live(api, 25*time.Minute)
		after := b.scrape()
		if s, bound := after["activity_silence_expected_messages"], after["activity_silence_bound_messages"]; s >= bound {
			t.Errorf("after the outage: silence %v, bound %v", s, bound)
		}
		if n, bound := after[`activity_messages{window="15m"}`], after[`activity_lower_bound_messages{window="15m"}`]; n <= bound {
			t.Errorf("after the outage: %v messages in a quarter of an hour, bound %v", n, bound)
		}
	})
}

// TestABrokenAPIIsNoSilence: what cannot be counted is absent, not low.
func TestABrokenAPIIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(200, 8)
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, 13*time.Hour)
		before := b.scrape()
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500, Until: time.Now().Add(2 * time.Hour)})
		shown := 0
		for range 110 {
			live(api, time.Minute)
			got := b.scrape()
			n, ok := got[`activity_messages{window="15m"}`]
			if !ok {
				for name := range got {
					if strings.HasPrefix(name, "activity_") {
						t.Fatalf("%s is still shown", name)
					}
				}
				continue
			}
			shown++
			if n != before[`activity_messages{window="15m"}`] || got["activity_window_end_timestamp_seconds{window=\"15m\"}"] != before["activity_window_end_timestamp_seconds{window=\"15m\"}"] {
				t.Fatalf("%v messages in the window that ends at %v", n, got[`activity_window_end_timestamp_seconds{window="15m"}`])
			}
		}
		if shown < 10 || shown > 25 {
			t.Errorf("the last values were shown for %d minutes", shown)
		}
		live(api, 20*time.Minute)
		after := b.scrape()
		expectCounts(t, api, after)
		if after["activity_silence_expected_messages"] >= after["activity_silence_bound_messages"] || after["activity_history_ready_ratio"] != 1 {
			t.Errorf("after it: silence %v, bound %v, %v ready", after["activity_silence_expected_messages"], after["activity_silence_bound_messages"], after["activity_history_ready_ratio"])
		}
	})
}

// TestActivitySurvivesARestart: armed with the first refresh, at next to no
// cost, however long the exporter was away.
func TestActivitySurvivesARestart(t *testing.T) {
	for name, c := range map[string]struct {
		away time.Duration
		most int // requests to be armed again
	}{
		"at once":    {10 * time.Second, 30},
		"for 3 days": {3 * 24 * time.Hour, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chat(200, 8)
				first := newBench(t, quietly(t))
				first.apply(unlimited(target("app", api)))
				live(api, 13*time.Hour)
				first.fleet.Close()
				state, err := first.fleet.Save()
				if err != nil {
					t.Fatal(err)
				}
				live(api, c.away)

				before := sent(api)
				second := newBench(t, quietly(t))
				if err := second.fleet.Restore(state); err != nil {
					t.Fatal(err)
				}
				second.apply(target("app", api))
				if got := second.scrape(); got[`activity_messages{window="15m"}`] != 0 {
					t.Error("values of before the restart are shown without having been brought up to date")
				}
				live(api, 2*time.Minute)
				got := second.scrape()
				expectCounts(t, api, got)
				if got["activity_history_ready_ratio"] != 1 || got[`activity_lower_bound_messages{window="1h"}`] < 0 || got["activity_silence_bound_messages"] < 0 {
					t.Errorf("not armed: %v ready, bound %v", got["activity_history_ready_ratio"], got[`activity_lower_bound_messages{window="1h"}`])
				}
				if n := sent(api) - before; n > c.most {
					t.Errorf("%d requests", n)
				}
				if c.away < time.Minute {
					want := first.scrape()
					for _, name := range []string{`activity_expected_messages{window="1h"}`, `activity_lower_bound_messages{window="1d"}`, "activity_silence_bound_messages"} {
						if w, g := want[name], got[name]; w != 0 && (g < w*0.9-1 || g > w*1.1+1) {
							t.Errorf("%s is %v, was %v", name, g, w)
						}
					}
				}
			})
		})
	}
}

// TestDeletionsAreSeenAndForgiven: what is deleted for good stays in what is
// normal, and shows in the recount.
func TestDeletionsAreSeenAndForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(60, 8)
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, 2*time.Hour)
		before := b.scrape()
		if r := before["activity_recount_ratio"]; r != 1 {
			t.Errorf("the recount finds %v of what was counted a moment ago", r)
		}
		old, gone := time.Now().Add(-24*time.Hour).Unix(), 0
		for i, m := range api.Truth().Messages {
			if m.CreatedAt < old && i%2 == 0 {
				api.DeleteMessage(m.ID)
				gone++
			}
		}
		live(api, 7*time.Hour)
		after := b.scrape()
		if r := after["activity_recount_ratio"]; r < 0.4 || r > 0.6 || gone == 0 {
			t.Errorf("the recount finds %v after half was deleted", r)
		}
		for _, w := range activity.Windows {
			name := fmt.Sprintf("activity_expected_messages{window=%q}", w.Label)
			if w.Label == "1d" && after[name] < 0.8*before[name] {
				t.Errorf("%s fell from %v to %v", name, before[name], after[name])
			}
		}
	})
}

// TestActivityOnServersOfOtherHabits: where the API cannot be trusted with it,
// nothing is shown; where it is only odd, all is right.
func TestActivityOnServersOfOtherHabits(t *testing.T) {
	created := chatapitest.FilterKey{Endpoint: chatapitest.Messages, Field: "created_at"}
	for name, c := range map[string]struct {
		quirks chatapitest.Quirks
		shown  bool
	}{
		"created_at dropped":    {chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{created: chatapitest.Dropped}}, false},
		"created_at refused":    {chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{created: chatapitest.Refused422}}, false},
		"lt taken for lte":      {chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{created: chatapitest.LtAsLte}}, false},
		"no Date":               {chatapitest.Quirks{NoDate: true}, false},
		"ten hours behind":      {chatapitest.Quirks{Skew: -10 * time.Hour}, true},
		"times as numbers":      {chatapitest.Quirks{UnixTimes: true}, true},
		"times of milliseconds": {chatapitest.Quirks{MillisecondTimes: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{
					Seed: 5, Dialogs: 100, Weeks: 8, Messages: 1, Quirks: c.quirks,
					Traffic: &chatapitest.Traffic{Seed: 5, PerHour: 60, Talk: 3},
				})
				b := newBench(t, quietly(t))
				b.apply(unlimited(target("app", api)))
				live(api, 20*time.Minute)
				got := b.scrape()
				end, shown := got[`activity_window_end_timestamp_seconds{window="1d"}`]
				if shown != c.shown || got[`collector_success{collector="activity"}`] != 1 {
					t.Errorf("shown %t, success %v: %s", shown, got[`collector_success{collector="activity"}`], b.log)
				}
				if n := got[`activity_messages{window="1d"}`]; shown && n != float64(api.Truth().NewMessages(int64(end)-86400, int64(end))) {
					t.Errorf("%v messages", n)
				}
			})
		})
	}
}

// TestTheNewestMessageWithoutASort: where the API does not sort, the silence
// is known to five minutes.
func TestTheNewestMessageWithoutASort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{
			Seed: 5, Dialogs: 100, Weeks: 8, Messages: 1, Quirks: chatapitest.Quirks{SortIgnored: true},
			Traffic: &chatapitest.Traffic{Seed: 5, PerHour: 300, Talk: 3},
		})
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, 12*time.Hour)
		api.SetTraffic(0)
		live(api, 40*time.Minute)
		got := b.scrape()
		if s, bound := got["activity_silence_expected_messages"], got["activity_silence_bound_messages"]; bound < 0 || s < bound {
			t.Errorf("in the outage: silence %v, bound %v", s, bound)
		}
	})
}

// TestANewTimeZoneKeepsTheHistory: a reload that changes how the past is read
// asks for nothing again.
func TestANewTimeZoneKeepsTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(60, 8)
		b := newBench(t, quietly(t))
		app := unlimited(target("app", api))
		b.apply(app)
		live(api, time.Hour)
		before := sent(api)
		app.TimeZone, app.Holidays = "Europe/Kyiv", time.Now().Format(time.DateOnly)
		b.apply(app)
		live(api, 6*time.Minute)
		got := b.scrape()
		if n := sent(api) - before; n > 30 || got["activity_history_ready_ratio"] != 1 {
			t.Errorf("%d requests after the change, %v ready", n, got["activity_history_ready_ratio"])
		}
		if got["activity_holiday"] != 1 || got[`activity_lower_bound_messages{window="1d"}`] != -1 {
			t.Errorf("on a listed holiday: %v, bound %v", got["activity_holiday"], got[`activity_lower_bound_messages{window="1d"}`])
		}
	})
}

// TestStatusOfActivity is what a person sees of it.
func TestStatusOfActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(200, 8)
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, 12*time.Hour)
		s, got := b.fleet.Status()[0].Activity, b.scrape()
		if s == nil || s.Ready != 1 || len(s.Windows) != len(activity.Windows) {
			t.Fatalf("%+v", s)
		}
		for _, w := range s.Windows {
			label := fmt.Sprintf("{window=%q}", w.Label)
			if cmp.Compare(float64(w.Messages), got["activity_messages"+label])|cmp.Compare(w.Expected, got["activity_expected_messages"+label]) != 0 {
				t.Errorf("%+v", w)
			}
		}
	})
}
