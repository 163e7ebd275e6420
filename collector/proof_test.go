package collector_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestAFilterThatBreaksLater changes a server that was proven right: the rows
// that come with each count betray it before a wrong value is published, and
// the next proof makes its values absent. It is tried again, at least hourly.
func TestAFilterThatBreaksLater(t *testing.T) {
	for name, mode := range map[string]chatapitest.FilterMode{
		"dropped": chatapitest.Dropped, "refused": chatapitest.Refused422,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 2000})
				rows := api.Truth()
				b := newBench(t, set)
				b.apply(target("app", api))
				time.Sleep(10 * time.Minute)
				key := chatapitest.FilterKey{Endpoint: chatapitest.Messages, Field: "created_at"}
				api.SetQuirks(chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{key: mode}})
				for range 90 {
					time.Sleep(time.Minute)
					synctest.Wait()
					got := b.scrape()
					for _, line := range wrong(got.business(), truth(rows, got, set.Windows)) {
						t.Fatal(line)
					}
				}
				got := b.scrape()
				for _, gone := range []string{`new_messages{window="15m"}`, "messages_created_total"} {
					if _, ok := got[gone]; ok {
						t.Error("still there:", gone)
					}
				}
				if got[`collector_success{collector="windows"}`] != 1 || got[`new_dialogs{window="15m"}`] < 0 {
					t.Error("an unsupported filter is taken for a failure")
				}
				if v, ok := got[`api_filter_supported{endpoint="messages",filter="created_at"}`]; !ok || v != 0 {
					t.Error("the filter is not shown as unsupported")
				}
				api.SetQuirks(chatapitest.Quirks{})
				time.Sleep(2 * time.Hour)
				if _, ok := b.scrape()[`new_messages{window="15m"}`]; !ok {
					t.Error("not back two hours after the server was mended")
				}
				if !strings.Contains(b.log.String(), "honours a filter again") {
					t.Error("the log does not tell that the filter is back")
				}
			})
		})
	}
}

// TestProofsStayCheap counts the requests of an application on which some
// filters cannot be proven, and of one that changes all the time.
func TestProofsStayCheap(t *testing.T) {
	for name, live := range map[string]func(api *chatapitest.Server, dialogs []string){
		"dialogs without messages": func(*chatapitest.Server, []string) {},
		"every row changing every second": func(api *chatapitest.Server, dialogs []string) {
			for _, id := range dialogs {
				api.CreateMessage(chatapitest.MessageSpec{DialogID: id})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1})
				var dialogs []string
				for i := range 5 {
					dialogs = append(dialogs, api.CreateDialog(chatapitest.DialogSpec{
						Type: 2, CreatedAt: time.Now().Add(-time.Duration(i+1) * time.Hour),
					}))
				}
				b := newBench(t, defaults(t))
				b.apply(target("app", api))
				for range 3600 {
					time.Sleep(time.Second)
					live(api, dialogs)
				}
				n := 0
				for _, c := range api.RequestCounts() {
					n += c
				}
				if n > 850 {
					t.Errorf("%d requests in an hour", n)
				}
				synctest.Wait()
				if b.scrape()[`collector_success{collector="windows"}`] != 1 {
					t.Error(b.log)
				}
			})
		})
	}
}
