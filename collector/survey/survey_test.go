package survey_test

import (
	"context"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bin  = int64(activity.BinSeconds)
	hour = int64(3600)
)

// rig is a survey of a sandbox, without a rate limit.
func rig(t *testing.T, api *chatapitest.Server) *survey.Survey {
	t.Helper()
	u, err := url.Parse("https://sandbox.invalid")
	if err != nil {
		t.Fatal(err)
	}
	c := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(api.Key())), Transport: api.Transport()})
	t.Cleanup(c.Close)
	return &survey.Survey{Client: c, History: activity.NewHistory(), Sorted: true}
}

func chat(perHour float64, talk float64) *chatapitest.Server {
	return chatapitest.New(chatapitest.Config{
		Seed: 3, Dialogs: 50, Weeks: 1, Messages: 1, Traffic: &chatapitest.Traffic{Seed: 3, PerHour: perHour, Talk: talk},
	})
}

func sent(api *chatapitest.Server) (n int64) {
	for _, c := range api.RequestCounts() {
		n += int64(c)
	}
	return n
}

// lastDays are the whole hours of the last five days.
func lastDays() activity.Span {
	to := time.Now().Unix() / hour * hour
	return activity.Span{From: to - 5*24*hour, To: to}
}

// expectTrue holds every count of the history against the rows.
func expectTrue(t *testing.T, api *chatapitest.Server, h *activity.History, run activity.Span) {
	t.Helper()
	bins := map[int64]int64{}
	for _, m := range api.Truth().Messages {
		bins[m.CreatedAt/bin*bin]++
	}
	for at := run.From; at < run.To; at += hour {
		sum := int64(0)
		for b := at; b < at+hour; b += bin {
			sum += bins[b]
			if n, known := h.Bin(b); known && n != bins[b] {
				t.Fatalf("%d messages in five minutes, not %d", n, bins[b])
			}
		}
		if n, known := h.Hour(at); !known || n != sum {
			t.Fatalf("%d messages in an hour (%t), not %d", n, known, sum)
		}
		if n, known := h.Tail(at); known && n != bins[at+hour-900]+bins[at+hour-600]+bins[at+hour-300] {
			t.Fatalf("%d messages in a quarter", n)
		}
	}
}

// TestThePastCostsLittle: never more than a request an hour, nothing for empty
// times, pages where few messages lie. All counts are true.
func TestThePastCostsLittle(t *testing.T) {
	for name, c := range map[string]struct {
		perHour float64
		most    int64 // requests, of 120 hours
		minutes bool  // all are known by five minutes
	}{
		"busy":             {300, 130, false},
		"a hundred a hour": {100, 125, false},
		"ten an hour":      {10, 25, true},
		"one in ten hours": {0.1, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chat(c.perHour, 3)
				s, run := rig(t, api), lastDays()
				if err := s.Past(t.Context(), run); err != nil {
					t.Fatal(err)
				}
				if n := sent(api); n > c.most {
					t.Errorf("%d requests, more than %d", n, c.most)
				}
				expectTrue(t, api, s.History, run)
				if missing := s.History.MissingBins(run.From, run.To); (len(missing) == 0) != c.minutes {
					t.Errorf("missing five minutes: %v", missing)
				}
				before := sent(api)
				done, err := s.Sample(t.Context(), run.From, run.To)
				if err != nil || !done {
					t.Fatal(done, err)
				}
				if n := sent(api) - before; n > 121 {
					t.Errorf("%d requests for samples", n)
				}
				expectTrue(t, api, s.History, run)
				for at := run.From; at < run.To; at += hour {
					if survey.LacksSample(s.History, at) {
						t.Errorf("a sample is missing of the hour at %d", at)
					}
				}
			})
		})
	}
}

// TestHoursAndBinsAreCountedDirectly, each for itself.
func TestHoursAndBinsAreCountedDirectly(t *testing.T) {
	for _, perHour := range []float64{0.1, 20, 400} {
		for _, sorted := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				api := chat(perHour, 3)
				api.SetQuirks(chatapitest.Quirks{SortIgnored: !sorted})
				s, run := rig(t, api), lastDays()
				s.Sorted = sorted
				run.From = run.To - 12*hour
				if err := s.Hours(t.Context(), run); err != nil {
					t.Fatal(err)
				}
				if err := s.Bins(t.Context(), activity.Span{From: run.To - 2*hour, To: run.To}); err != nil {
					t.Fatal(err)
				}
				if n := sent(api); n > 13+25 {
					t.Errorf("%v an hour: %d requests", perHour, n)
				}
				expectTrue(t, api, s.History, run)
				newest := int64(0)
				for _, m := range api.Truth().Messages {
					if m.CreatedAt < run.To {
						newest = max(newest, m.CreatedAt)
					}
				}
				if late := s.Newest - newest; newest >= run.From && (sorted && late != 0 || late < 0 || late > bin) {
					t.Errorf("%v an hour, sorted %t: the newest message is %d seconds late", perHour, sorted, late)
				}
			})
		}
	}
}

// TestAPauseKeepsWhatWasCounted, and the rest can be asked for again.
func TestAPauseKeepsWhatWasCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(300, 3)
		s, run := rig(t, api), lastDays()
		s.Until = time.Now() // already over: one step, then a pause
		rounds := 0
		for ; ; rounds++ {
			missing := s.History.MissingHours(run.From, run.To)
			if len(missing) == 0 {
				break
			}
			if rounds > 200 {
				t.Fatalf("no progress: %v", missing)
			}
			if rounds > 3 {
				s.Until = time.Time{}
			}
			if err := s.Past(t.Context(), missing[0]); err != nil {
				t.Fatal(err)
			}
		}
		expectTrue(t, api, s.History, run)
	})
}

// TestErrorsAreReported: what was counted before stays, the rest is not known,
// and whoever proves the filters hears of it.
func TestErrorsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chat(300, 3)
		s, run := rig(t, api), lastDays()
		doubts := 0
		s.Doubt = func(error) { doubts++ }
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 400, Skip: 40})
		if err := s.Past(t.Context(), run); err == nil || doubts != 1 {
			t.Fatalf("error %v, %d doubts", err, doubts)
		}
		api.ClearFaults()
		if missing := s.History.MissingHours(run.From, run.To); len(missing) != 1 {
			t.Errorf("missing %v", missing)
		} else {
			expectTrue(t, api, s.History, activity.Span{From: run.From, To: missing[0].From})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Hours(ctx, run); err == nil {
			t.Error("no error though it was called off")
		}
	})
}
