package collector_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// TestActivityCountsAreTrue polls for an hour and a half: at any time what is
// shown are the messages of the windows that it names.
func TestActivityCountsAreTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := defaults(t)
		set.Collectors = []string{"activity"}
		api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 300, Messages: 40_000, Weeks: 10, Rate: 0.1})
		b := newBench(t, set)
		b.apply(target("app", api))
		started := time.Now()
		for range 90 {
			time.Sleep(time.Minute)
			api.Step(time.Now())
			got := b.scrape()
			truth := api.Truth()
			for _, w := range activity.Windows {
				label := fmt.Sprintf("{window=%q}", w.Label)
				n, shown := got["activity_messages"+label]
				if !shown {
					continue
				}
				end := int64(got["activity_window_end_timestamp_seconds"+label])
				if want := truth.NewMessages(end-w.Seconds, end); float64(want) != n {
					t.Errorf("after %s: %v messages in %s, not %d", time.Since(started), n, w.Label, want)
				}
			}
			if m := int(time.Since(started).Minutes()); m < 15 || m%15 == 0 {
				total := 0
				for _, c := range api.RequestCounts() {
					total += c
				}
				t.Log(m, total, got["activity_history_ready_ratio"], got[`activity_messages{window="1d"}`], got[`activity_expected_messages{window="1d"}`], got[`activity_lower_bound_messages{window="1d"}`], got[`activity_messages{window="1h"}`], got[`activity_expected_messages{window="1h"}`], got[`activity_lower_bound_messages{window="1h"}`], got["activity_silence_expected_messages"], got["activity_silence_bound_messages"], got["collector_success{collector=\"activity\"}"])
			}
		}
		t.Log(b.log.String())
	})
}
