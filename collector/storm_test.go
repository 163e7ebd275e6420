package collector_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestGentleWhileBroken counts requests and warnings while the API fails in
// whole or in part, from the start or later: no more than when it is well, and
// no log that buries others.
func TestGentleWhileBroken(t *testing.T) {
	asks := func(key string) func(url.Values) bool {
		return func(q url.Values) bool { return q.Has(key) }
	}
	const every = chatapitest.Status
	for name, fault := range map[string]chatapitest.Fault{
		"all 500":                    {Kind: every, Status: 500},
		"all 401":                    {Kind: every, Status: 401},
		"all 429":                    {Kind: every, Status: 429},
		"all 429 for a quarter hour": {Kind: every, Status: 429, RetryAfter: "900"},
		"reset":                      {Kind: chatapitest.Reset},
		"hang":                       {Kind: chatapitest.Hang},
		"active dialogs 500":         {Kind: every, Status: 500, Match: asks("last_message_date_sent[gte]")},
		"type[nin] 500":              {Kind: every, Status: 500, Match: asks("type[nin]")},
		"updated_at 500":             {Kind: every, Status: 500, Match: asks("updated_at[gte]")},
		"updated_at 422":             {Kind: every, Status: 422, Match: asks("updated_at[gte]")},
	} {
		for _, later := range []bool{false, true} {
			when := " from the start"
			if later {
				when = " after an hour"
			}
			t.Run(name+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000})
					total := func() (n int) {
						for _, c := range api.RequestCounts() {
							n += c
						}
						return n
					}
					b := newBench(t, defaults(t))
					if later {
						b.apply(target("app", api))
						time.Sleep(time.Hour)
						api.Inject(fault)
					} else {
						api.Inject(fault)
						b.apply(target("app", api))
					}
					for hour := range 3 {
						before := total()
						time.Sleep(time.Hour)
						if n := total() - before; n > 900 { // 850 when it is well
							t.Errorf("%d requests in hour %d", n, hour+1)
						}
					}
					if n := strings.Count(b.log.String(), "level=warn"); n > 90 {
						t.Errorf("%d warnings in three hours", n)
					}
					synctest.Wait()
					got := b.scrape()
					if fault.Match != nil {
						// What does not need the filter goes on.
						for _, key := range []string{"messages", `dialogs{dialog_type="group"}`, `new_messages{window="15m"}`, `new_dialogs{window="1h"}`, "messages_created_total"} {
							if _, shown := got[key]; !shown {
								t.Error("not shown:", key)
							}
						}
					}
					api.ClearFaults()
					recovery := 25 * time.Minute
					if fault.Match != nil {
						recovery = 65 * time.Minute // the slowest window's interval
					}
					time.Sleep(recovery)
					synctest.Wait()
					if got := b.scrape(); got["up"] != 1 || got[`collector_success{collector="windows"}`] != 1 {
						t.Errorf("not well %s after the end of it: %s", recovery, b.log)
					}
				})
			})
		}
	}
}

// TestOneStrayRefusalProvesNothing refuses a single request during the proof.
func TestOneStrayRefusalProvesNothing(t *testing.T) {
	for _, key := range []string{"created_at[gte]", "updated_at[gte]", "type"} {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000})
				api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 422, Count: 1, Match: func(q url.Values) bool { return q.Has(key) }})
				b := newBench(t, set)
				b.apply(target("app", api))
				b.expectTruth(api, set)
			})
		})
	}
}

// TestSwappedFieldsAreFoundInOldRows swaps created_at and updated_at on an
// application where only old rows can tell them apart.
func TestSwappedFieldsAreFoundInOldRows(t *testing.T) {
	for _, order := range []string{"", "-created_at", "updated_at"} {
		synctest.Test(t, func(t *testing.T) {
			set := defaults(t)
			api := chatapitest.New(chatapitest.Config{Seed: 1, Quirks: chatapitest.Quirks{
				DefaultOrder: order,
				Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
					{Endpoint: chatapitest.Messages, Field: "created_at"}: chatapitest.Swapped,
					{Endpoint: chatapitest.Messages, Field: "updated_at"}: chatapitest.Swapped,
				},
			}})
			ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
			dialog := api.CreateDialog(chatapitest.DialogSpec{Type: 2, CreatedAt: ago(60 * 24 * time.Hour)})
			for i := range 500 {
				at := time.Duration(i) * time.Minute
				api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog, CreatedAt: ago(40*24*time.Hour - at), UpdatedAt: ago(20*24*time.Hour - at)})
			}
			for i := range 300 {
				api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog, CreatedAt: ago(5*time.Hour - time.Duration(i)*time.Second)})
			}
			b := newBench(t, set)
			b.apply(target("app", api))
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			got := b.scrape()
			for _, line := range wrong(got.business(), truth(api.Truth(), got, set.Windows)) {
				t.Error(line)
			}
			if v, known := got[`api_filter_supported{endpoint="messages",filter="created_at"}`]; !known || v != 0 {
				t.Error("the swap was not noticed")
			}
		})
	}
}

// TestAHalfRefreshReplacesAWholeOneLate breaks one count of a window: for two
// refreshes all of its last values stay, then the others go on without it.
func TestAHalfRefreshReplacesAWholeOneLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000})
		b := newBench(t, defaults(t))
		b.apply(unlimited(target("app", api)))
		time.Sleep(30*time.Minute + 30*time.Second)
		synctest.Wait()
		const broken, sound, end = `updated_messages{window="1h"}`, `new_messages{window="1h"}`, `window_end_timestamp_seconds{window="1h"}`
		before := b.scrape()
		api.Inject(chatapitest.Fault{
			Kind: chatapitest.Status, Status: 500, Endpoint: chatapitest.Messages,
			Match: func(q url.Values) bool { return q.Has("updated_at[gte]") },
		})
		time.Sleep(3*time.Minute + 30*time.Second) // two refreshes of the window of an hour
		synctest.Wait()
		got := b.scrape()
		if _, shown := got[broken]; !shown || got[end]-before[end] > 130 || got[`collector_success{collector="windows"}`] != 0 {
			t.Errorf("after two failures: %s shown %v, end %v s later, success %v", broken, shown, got[end]-before[end], got[`collector_success{collector="windows"}`])
		}
		time.Sleep(6*time.Minute + 30*time.Second)
		synctest.Wait()
		got = b.scrape()
		if _, shown := got[broken]; shown {
			t.Error(broken, "is shown after more than three failures")
		}
		if _, shown := got[sound]; !shown || got[end]-before[end] < 300 {
			t.Errorf("%s shown %v, end %v s later: what is sound does not go on", sound, shown, got[end]-before[end])
		}
	})
}

// TestABlipIsOverSoon fails one call of the rarest window.
func TestABlipIsOverSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000})
		api.Inject(chatapitest.Fault{
			Kind: chatapitest.Status, Status: 500, Endpoint: chatapitest.Messages, Skip: 3, Count: 4, // all tries of one call
			Match: func(q url.Values) bool { return q.Has("updated_at[gte]") && !q.Has("_id[gte]") },
		})
		b := newBench(t, defaults(t))
		b.apply(target("app", api))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got := b.scrape()
		if got[`collector_success{collector="windows"}`] != 1 || got[`api_requests_total{code="500",endpoint="messages"}`] != 4 {
			t.Errorf("five minutes after the start: success %v, %v failed requests", got[`collector_success{collector="windows"}`], got[`api_requests_total{code="500",endpoint="messages"}`])
		}
	})
}
