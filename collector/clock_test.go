package collector_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// edge stands between the exporter and the sandbox: it takes its time, and may
// change the Date of replies.
type edge struct {
	http.RoundTripper
	delay time.Duration
	date  func() (off time.Duration, change bool)
}

func (e *edge) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(e.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	res, err := e.RoundTripper.RoundTrip(r)
	if err == nil && e.date != nil {
		if off, change := e.date(); change {
			res.Header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		}
	}
	return res, err
}

// TestCountersSurviveWrongClocks lets some replies, or all of them for a while,
// come from a machine whose clock is fast. The counters neither skip nor
// repeat what is created meanwhile.
func TestCountersSurviveWrongClocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sometimes := func(share float64, off time.Duration) func(time.Time) func() (time.Duration, bool) {
		return func(time.Time) func() (time.Duration, bool) {
			return func() (time.Duration, bool) { return off, random.Float64() < share }
		}
	}
	for name, date := range map[string]func(start time.Time) func() (time.Duration, bool){
		"six hours fast for five minutes": func(start time.Time) func() (time.Duration, bool) {
			return func() (time.Duration, bool) {
				since := time.Since(start)
				return 6 * time.Hour, since > time.Hour && since < time.Hour+5*time.Minute
			}
		},
		"one reply in four 90 seconds fast": sometimes(0.25, 90*time.Second),
		"one reply in four 5 minutes fast":  sometimes(0.25, 5*time.Minute),
		"one reply in two 5 minutes fast":   sometimes(0.5, 5*time.Minute),
		"one reply in two 5 minutes slow":   sometimes(0.5, -5*time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 20, Messages: 200})
				app := target("app", api)
				app.Concurrency = 1
				app.Transport = &edge{RoundTripper: api.Transport(), date: date(time.Now())}
				b := newBench(t, defaults(t))
				b.apply(app)
				time.Sleep(10 * time.Minute)
				dialog := api.CreateDialog(chatapitest.DialogSpec{Type: 2})
				created := 0.0
				for range 6 * 360 {
					time.Sleep(10 * time.Second)
					api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog})
					created++
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if got := b.scrape()["messages_created_total"]; got != created {
					t.Errorf("counted %v of %v messages", got, created)
				}
			})
		})
	}
}

// TestWindowsKeepTheAPIsClock holds the ends of all windows against the API's
// clock, through a reload that changes a limit and through long outages.
func TestWindowsKeepTheAPIsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const skew = -10 * time.Hour
		api := chatapitest.New(chatapitest.Config{Seed: 4, Dialogs: 200, Messages: 5000, Quirks: chatapitest.Quirks{Skew: skew}})
		set := defaults(t)
		app := target("app", api)
		app.Transport = &edge{RoundTripper: api.Transport(), delay: 150 * time.Millisecond}
		b := newBench(t, set)
		b.apply(app)
		watch := func(when string, d time.Duration) {
			t.Helper()
			for range int(d / (5 * time.Second)) {
				time.Sleep(5 * time.Second)
				got := b.scrape()
				for _, w := range set.Windows {
					end, shown := got[fmt.Sprintf("window_end_timestamp_seconds{window=%q}", w.Label)]
					if ahead := end - float64(time.Now().Add(skew).Unix()); shown && ahead > 1 {
						t.Fatalf("%s, the window %s ends %v s in the API's future", when, w.Label, ahead)
					}
				}
			}
		}
		watch("at first", 10*time.Minute)
		before := b.scrape()
		app.RateLimit = 3
		b.apply(app)
		after := b.scrape()
		for _, key := range []string{"up", "messages_created_total", "api_clock_skew_seconds"} {
			if after[key] != before[key] {
				t.Errorf("%s is %v after the reload, was %v", key, after[key], before[key])
			}
		}
		watch("after a reload", 10*time.Minute)
		for _, outage := range []time.Duration{90 * time.Minute, 30 * time.Hour} {
			api.Inject(chatapitest.Fault{Kind: chatapitest.Reset, Until: time.Now().Add(outage)})
			time.Sleep(outage)
			watch(fmt.Sprint("after an outage of ", outage), 10*time.Minute)
		}
	})
}
