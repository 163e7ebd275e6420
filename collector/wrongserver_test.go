package collector_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestWrongServers lets the sandbox break each filter in each way that the
// documentation leaves possible. The values that need it are absent, the
// others right, and the reason is named.
func TestWrongServers(t *testing.T) {
	const dialogs, messages = chatapitest.Dialogs, chatapitest.Messages
	one := func(endpoint, field string, mode chatapitest.FilterMode) chatapitest.Quirks {
		return chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: endpoint, Field: field}: mode}}
	}
	var (
		newDialogs  = []string{"new_dialogs", "dialogs_growth_per_second", "dialogs_growth_ratio", "dialogs_created_total"}
		newMessages = []string{"new_messages", "messages_growth_per_second", "messages_growth_ratio", "messages_created_total"}
	)
	type wrongServer struct {
		quirks      chatapitest.Quirks
		unsupported []string // endpoint, filter
		absent      []string // families
		extra       []string // series that are not in the truth of a right server
		reason      string
	}
	cases := map[string]wrongServer{
		"type dropped": {
			quirks: one(dialogs, "type", chatapitest.Dropped), unsupported: []string{dialogs, "type"},
			absent: []string{"dialogs{"}, extra: []string{`dialogs{dialog_type="unknown"}`}, reason: "type: row 0 does not match",
		},
		"type refused": {
			quirks: one(dialogs, "type", chatapitest.Refused422), unsupported: []string{dialogs, "type"},
			absent: []string{"dialogs{"}, extra: []string{`dialogs{dialog_type="unknown"}`}, reason: "refused with 422",
		},
		"nin refused":  {quirks: one(dialogs, "type", chatapitest.NinRefused), reason: "refused with 422"},
		"nin dropped":  {quirks: one(dialogs, "type", chatapitest.NinDropped), reason: "type[nin]: row 0 does not match"},
		"sort ignored": {quirks: chatapitest.Quirks{SortIgnored: true}, absent: append([]string{"last_message_timestamp_seconds"}, muteFamilies...), reason: "sort by created_at"},
	}
	for mode, name := range map[chatapitest.FilterMode]string{
		chatapitest.Dropped: "dropped", chatapitest.Refused422: "refused", chatapitest.LtIgnored: "lt ignored",
		chatapitest.LtAsLte: "lt taken for lte", chatapitest.Milliseconds: "milliseconds",
	} {
		reason := "not 1"
		switch mode {
		case chatapitest.Dropped, chatapitest.LtIgnored, chatapitest.LtAsLte:
			reason = "does not match"
		case chatapitest.Refused422:
			reason = "refused with 422"
		}
		add := func(endpoint, field string, absent ...string) {
			cases[endpoint+" "+field+" "+name] = wrongServer{
				quirks: one(endpoint, field, mode), unsupported: []string{endpoint, field}, absent: absent, reason: reason,
			}
		}
		add(dialogs, "created_at", newDialogs...)
		add(dialogs, "updated_at", "updated_dialogs")
		add(dialogs, "last_message_date_sent", "active_dialogs")
		add(messages, "created_at", newMessages...)
		add(messages, "updated_at", "updated_messages")
	}
	for _, endpoint := range []string{dialogs, messages} {
		absent := append([]string{"updated_dialogs"}, newDialogs...)
		if endpoint == messages {
			absent = append([]string{"updated_messages"}, newMessages...)
		}
		q := one(endpoint, "created_at", chatapitest.Swapped)
		q.Filter[chatapitest.FilterKey{Endpoint: endpoint, Field: "updated_at"}] = chatapitest.Swapped
		cases[endpoint+" created_at and updated_at swapped"] = wrongServer{
			quirks: q, unsupported: []string{endpoint, "created_at"}, absent: absent, reason: "counts 0 rows, not 1",
		}
	}

	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000, Quirks: c.quirks})
				b := newBench(t, set)
				b.apply(target("app", api))
				time.Sleep(10 * time.Minute)
				synctest.Wait()

				got := b.scrape()
				want := truth(api.Truth(), got, set.Windows)
				for key := range want {
					for _, family := range c.absent {
						if strings.HasPrefix(key, family+"{") || key == family || strings.HasSuffix(family, "{") && strings.HasPrefix(key, family) {
							delete(want, key)
						}
					}
				}
				for _, key := range c.extra {
					want[key] = float64(len(api.Truth().Dialogs))
				}
				for _, line := range append(wrong(got.business(), want), missing(got, want)...) {
					t.Error(line)
				}
				if c.unsupported != nil {
					key := `api_filter_supported{endpoint="` + c.unsupported[0] + `",filter="` + c.unsupported[1] + `"}`
					if v, ok := got[key]; !ok || v != 0 {
						t.Errorf("%s = %v, %v", key, v, ok)
					}
				}
				if got[`collector_success{collector="windows"}`] != 1 || got[`collector_success{collector="totals"}`] != 1 {
					t.Error("an unsupported filter counts as a failure")
				}
				named := false
				for _, f := range b.fleet.Status()[0].Filters {
					named = named || f.State == "unsupported" && strings.Contains(f.Reason, c.reason)
				}
				if !named {
					t.Errorf("the reason %q is not on the status page: %+v", c.reason, b.fleet.Status()[0].Filters)
				}
				if !strings.Contains(b.log.String(), c.reason) {
					t.Errorf("the reason %q is not in the log: %s", c.reason, b.log)
				}
			})
		})
	}
}

// TestServersOfOtherHabits are right, each in its own way.
func TestServersOfOtherHabits(t *testing.T) {
	for name, q := range map[string]chatapitest.Quirks{
		"times with milliseconds":  {MillisecondTimes: true},
		"times as numbers":         {UnixTimes: true},
		"a clock ten minutes off":  {Skew: 10 * time.Minute},
		"a clock ten hours behind": {Skew: -10 * time.Hour},
		"mutes move updated_at":    {MuteMovesUpdatedAt: true},
		"another default order":    {DefaultOrder: "-updated_at"},
		"totals ignore the cursor": {TotalIgnoresCursor: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 200, Messages: 2000, Quirks: q})
				b := newBench(t, set)
				b.apply(target("app", api))
				got := b.expectTruth(api, set)
				if skew := got["api_clock_skew_seconds"]; skew-q.Skew.Seconds() > 1 || skew-q.Skew.Seconds() < -1 {
					t.Errorf("clock skew %v, not %v", skew, q.Skew.Seconds())
				}
				age := float64(time.Now().Add(q.Skew).Unix()) - got[`window_end_timestamp_seconds{window="15m"}`]
				if age < 0 || age > 75 {
					t.Errorf("the window of 15m ended %v s ago on the API's clock", age)
				}
			})
		})
	}
}
