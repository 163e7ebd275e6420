package collector_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// pasts is a history of the same number of messages in every five minutes of
// the weeks up to now.
func pasts(api *chatapitest.Server, weeks int64) *activity.History {
	h := activity.NewHistory()
	rows := api.Truth()
	now := activity.Settled(time.Now().Unix())
	for t := activity.Floor(now-weeks*7*24*3600, 3600); t < now; t += activity.BinSeconds {
		h.SetBin(t, int64(rows.NewMessages(t, t+activity.BinSeconds)))
	}
	return h
}

// without drops the packed counts, and gives them apart.
func without(t *testing.T, state []byte, app int) (rest string, counts string) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(state, &all); err != nil {
		t.Fatal(err)
	}
	part := all["applications"].([]any)[app].(map[string]any)["parts"].(map[string]any)["activity/messages"].(map[string]any)["value"].(map[string]any)
	counts = part["counts"].(string)
	delete(part, "counts")
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), counts
}

// TestWithHistoryChangesNothingElse adds to the state of two applications with
// all collectors.
func TestWithHistoryChangesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(20, 12)
		b := newBench(t, defaults(t))
		shop, shed := unlimited(target("shop", api)), unlimited(target("shed", api))
		b.apply(shop, shed)
		live(api, 10*time.Minute)
		b.fleet.Close()
		before := b.save()

		old := activity.NewHistory()
		long := activity.Floor(time.Now().Unix()-30*7*24*3600, 3600)
		old.SetHour(long, 77)
		after, err := collector.WithHistory(before, shop, collector.AppHistory{History: old, At: 5})
		if err != nil {
			t.Fatal(err)
		}
		rest, counts := without(t, before, 1) // shed, shop
		restAfter, countsAfter := without(t, after, 1)
		if rest != restAfter || counts == countsAfter {
			t.Errorf("before: %.500s\nafter: %.500s", rest, restAfter)
		}
		got, err := collector.HistoryOf(after, shop)
		if n, known := got.History.Hour(long); err != nil || !known || n != 77 || got.At < time.Now().Unix()-1000 || len(got.Dialogs) == 0 {
			t.Errorf("%d, %t, %v, at %d, %d dialogs", n, known, err, got.At, len(got.Dialogs))
		}
		was, err := collector.HistoryOf(before, shop)
		if err != nil {
			t.Fatal(err)
		}
		if n, known := got.History.Between(got.At-7*24*3600, got.At-24*3600); !known {
			t.Error("what was there is gone")
		} else if m, _ := was.History.Between(got.At-7*24*3600, got.At-24*3600); m != n {
			t.Errorf("%g messages, %g before", n, m)
		}
		if again, err := collector.WithHistory(after, shop, collector.AppHistory{History: old, At: 9}); err != nil || !bytes.Equal(again, after) {
			t.Errorf("the second time changes something: %v", err)
		}
		if none, err := collector.HistoryOf(after, target("barn", api)); err != nil || none.History != nil {
			t.Errorf("an unknown application: %v, %v", none, err)
		}
	})
}

// TestAnExporterGoesOnFromAHistory has an exporter armed at once by what
// somebody else has learnt.
func TestAnExporterGoesOnFromAHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(20, 12)
		shop := unlimited(target("app", api))
		learnt := collector.AppHistory{History: pasts(api, 9), At: activity.Settled(time.Now().Unix())}
		for _, d := range api.Truth().Dialogs[:3] {
			id, err := chatapi.ParseObjectID(d.ID)
			if err != nil {
				t.Fatal(err)
			}
			learnt.Dialogs = append(learnt.Dialogs, id)
		}
		state, err := collector.WithHistory(nil, shop, learnt)
		if err != nil {
			t.Fatal(err)
		}
		b := restarted(t, quietly(t), state)
		b.apply(shop)
		live(api, 6*time.Minute)
		got := b.scrape()
		if n := sent(api); n > 60 || got["activity_history_ready_ratio"] != 1 || got[`activity_lower_bound_messages{window="1d"}`] < 0 {
			t.Errorf("%d requests, ready %v, bound %v\n%s", n, got["activity_history_ready_ratio"], got[`activity_lower_bound_messages{window="1d"}`], b.log)
		}
	})
}

func TestHistoryOfWhatIsNoState(t *testing.T) {
	t.Parallel()
	shop := collector.Target{Name: "shop", URL: "https://h"}
	if got, err := collector.HistoryOf(nil, shop); err != nil || got.History != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		`[]`:            "not a saved state",
		`{"version":7}`: "the version 7",
		`{"version":1,"applications":[{"name":"shop","url":"https://h","parts":{"activity/messages":{"value":{"at":5,"counts":"AAAA"}}}}]}`: "cannot be read",
		`{"version":1,"applications":[{"name":"shop","url":"https://h","parts":{"activity/messages":{"value":"x"}}}]}`:                      "cannot be read",
	} {
		if _, err := collector.HistoryOf([]byte(text), shop); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := collector.WithHistory([]byte(text), shop, collector.AppHistory{History: activity.NewHistory()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("adding to %s: %v", text, err)
		}
	}
}
