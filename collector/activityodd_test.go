package collector_test

import (
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// span is how many seconds a request asks about; 0: all.
func span(q url.Values) int64 {
	from, err := strconv.ParseInt(q.Get("created_at[gte]"), 10, 64)
	to, err2 := strconv.ParseInt(q.Get("created_at[lt]"), 10, 64)
	if err != nil || err2 != nil {
		return 0
	}
	return to - from
}

const (
	ready    = "activity_history_ready_ratio"
	dayBound = `activity_lower_bound_messages{window="1d"}`
	dayCount = `activity_messages{window="1d"}`
)

// TestASlowAPIIsLearntAllTheSame: however few requests fit into a slice of
// time, what was counted is not counted again.
func TestASlowAPIIsLearntAllTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		delay time.Duration
		rate  float64
		in    time.Duration
	}{
		"six seconds a reply":          {6 * time.Second, 2, 4 * time.Hour},
		"a request in twelve seconds":  {0, 1.0 / 12, 6 * time.Hour},
		"twenty seconds, five a limit": {9 * time.Second, 0.2, 5 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chat(200, 8)
				if c.delay > 0 {
					api.Inject(chatapitest.Fault{Kind: chatapitest.Delay, Interval: c.delay})
				}
				b := newBench(t, quietly(t))
				app := target("app", api)
				app.RateLimit = c.rate
				b.apply(app)
				live(api, c.in)
				got := b.scrape()
				if got[ready] != 1 || got[dayBound] < 0 {
					t.Errorf("%v ready after %s, bound %v", got[ready], c.in, got[dayBound])
				}
				if n := sent(api); n > 1700 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestAnAPIThatCannotCountLongTimes is asked for shorter ones.
func TestAnAPIThatCannotCountLongTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(200, 8)
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 504, Match: func(q url.Values) bool { return span(q) > 8*3600 }})
		b := newBench(t, quietly(t))
		b.apply(target("app", api))
		live(api, 2*time.Hour)
		if got := b.scrape(); got[ready] != 1 || got[dayBound] < 0 || got[`collector_success{collector="activity"}`] != 1 {
			t.Errorf("%v ready, bound %v: %s", got[ready], got[dayBound], b.log)
		}
	})
}

// TestAFilterThatIsLostIsNotAskedForAllTheTime: neither in the middle of the
// past nor later does a refresh follow a refresh.
func TestAFilterThatIsLostIsNotAskedForAllTheTime(t *testing.T) {
	for name, after := range map[string]time.Duration{"in the middle of the past": 2 * time.Minute, "when all is known": 30 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chat(200, 8)
				b := newBench(t, quietly(t))
				b.apply(target("app", api))
				live(api, after)
				api.SetQuirks(chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
					{Endpoint: chatapitest.Messages, Field: "created_at"}: chatapitest.Refused422,
				}})
				live(api, 30*time.Minute)
				polls := b.fleet.Status()[0].Polls
				if took := polls[0].Time.Sub(polls[9].Time); took < 5*time.Minute {
					t.Errorf("ten refreshes in %s", took)
				}
				if got := b.scrape(); got[dayCount] != 0 {
					t.Errorf("%v messages of a day are shown", got[dayCount])
				}
				api.SetQuirks(chatapitest.Quirks{})
				live(api, 2*time.Hour)
				if got := b.scrape(); got[ready] != 1 || got[dayBound] < 0 {
					t.Errorf("afterwards %v ready, bound %v", got[ready], got[dayBound])
				}
			})
		})
	}
}

// TestOneEmptyReplyIsNoEmptyPast, at the first start and after a restart.
func TestOneEmptyReplyIsNoEmptyPast(t *testing.T) {
	empty := chatapitest.Fault{
		Kind: chatapitest.Status, Status: 200, Body: `{"total_entries":0,"skip":0,"limit":100,"items":[]}`, Endpoint: chatapitest.Messages, Count: 1,
	}
	synctest.Test(t, func(t *testing.T) {
		api := chat(60, 8)
		api.Inject(empty)
		first := newBench(t, quietly(t))
		first.apply(target("app", api))
		live(api, 30*time.Minute)
		got := first.scrape()
		if got[ready] != 1 || got[dayBound] < 0 {
			t.Errorf("%v ready, bound %v", got[ready], got[dayBound])
		}
		expectCounts(t, api, got)
		first.fleet.Close()
		state, err := first.fleet.Save()
		if err != nil {
			t.Fatal(err)
		}
		live(api, 3*time.Hour)

		api.Inject(empty)
		second := newBench(t, quietly(t))
		if err := second.fleet.Restore(state); err != nil {
			t.Fatal(err)
		}
		second.apply(target("app", api))
		live(api, 10*time.Minute)
		expectCounts(t, api, second.scrape())
	})
}

// TestAnImportedPastIsLookedAt: the past of an application that seemed to have
// none is counted when it is found.
func TestAnImportedPastIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 5})
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		live(api, time.Hour)
		if got := b.scrape(); got[ready] != 1 || got[dayBound] != -1 {
			t.Errorf("without a message: %v ready, bound %v", got[ready], got[dayBound])
		}
		dialog, now := api.Truth().Dialogs[0].ID, time.Now()
		for i := range 8 * 7 * 24 {
			for j := range 3 {
				api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog, CreatedAt: now.Add(-time.Duration(60*i+20*j+1) * time.Minute)})
			}
		}
		live(api, 8*time.Hour)
		if got := b.scrape(); got[ready] != 1 || got[`activity_expected_messages{window="1d"}`] < 60 {
			t.Errorf("with a past: %v ready, %v expected", got[ready], got[`activity_expected_messages{window="1d"}`])
		}
	})
}

// TestAnAPIThatDoesNotSortByID is counted instead of read.
func TestAnAPIThatDoesNotSortByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(40, 8)
		api.Inject(chatapitest.Fault{Kind: chatapitest.UnsortedPage, Endpoint: chatapitest.Messages, Match: func(q url.Values) bool {
			return q.Get("sort_asc") == "_id" || q.Get("sort_desc") == "_id"
		}})
		b := newBench(t, quietly(t))
		b.apply(target("app", api))
		live(api, time.Hour)
		if got := b.scrape(); got[ready] != 1 || got[`collector_success{collector="activity"}`] != 1 {
			t.Errorf("%v ready, success %v: %s", got[ready], got[`collector_success{collector="activity"}`], b.log)
		}
	})
}

// TestARestartInTheMiddleOfThePast loses nothing, with activity alone as well.
func TestARestartInTheMiddleOfThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(200, 8)
		first := newBench(t, quietly(t))
		first.apply(target("app", api))
		live(api, 6*time.Minute)
		before := first.scrape()[ready]
		second := first.restarted(quietly(t))
		second.apply(target("app", api))
		live(api, 90*time.Second)
		if got := second.scrape()[ready]; before < 0.3 || before == 1 || got < before {
			t.Errorf("%v ready before, %v after: %s", before, got, second.log)
		}
	})
}

// TestMessagesThatComeLate are counted with their hour.
func TestMessagesThatComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(20, 8)
		b := newBench(t, quietly(t))
		b.apply(unlimited(target("app", api)))
		dialog := api.Truth().Dialogs[0].ID
		for range 10 * 60 {
			live(api, time.Minute)
			api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog, CreatedAt: time.Now().Add(-7 * time.Minute)})
		}
		got := b.scrape()
		end := int64(got[`activity_window_end_timestamp_seconds{window="6h"}`])
		n, all := got[`activity_messages{window="6h"}`], float64(api.Truth().NewMessages(end-6*3600, end))
		if n < all-150 || n > all {
			t.Errorf("%v messages of %v", n, all)
		}
	})
}

// TestMoreWeeksAreCountedBeforeTheyAreUsed: what is armed for six is not for ten.
func TestMoreWeeksAreCountedBeforeTheyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(60, 14)
		first := newBench(t, quietly(t))
		first.apply(unlimited(target("app", api)))
		live(api, 10*time.Minute)
		set := quietly(t)
		set.ActivityWeeks = 10
		second := first.restarted(set)
		second.apply(target("app", api))
		armed := false
		for range 60 {
			live(api, 10*time.Second)
			got := second.scrape()
			if got[dayBound] > 0 && !armed && got[ready] != 1 {
				t.Fatalf("judged with %v ready", got[ready])
			}
			armed = armed || got[dayBound] > 0
		}
		if got := second.scrape(); !armed || got[`activity_baseline_samples{window="1d"}`] != 10 {
			t.Errorf("armed %t, %v weeks", armed, got[`activity_baseline_samples{window="1d"}`])
		}
	})
}
