package collector_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const canary = "c4n4ry"

// faults is every way in which the sandbox can spoil a list, with the code
// under which the API counters show it.
var faults = map[string]struct {
	fault chatapitest.Fault
	code  string
	rows  bool // only replies that hold rows are spoilt: counts of 0 are still proven
}{
	"400":                     {chatapitest.Fault{Kind: chatapitest.Status, Status: 400}, "400", false},
	"401":                     {chatapitest.Fault{Kind: chatapitest.Status, Status: 401}, "401", false},
	"403 as a list":           {chatapitest.Fault{Kind: chatapitest.Status, Status: 403, Shape: chatapitest.BodyList}, "403", false},
	"404 as text":             {chatapitest.Fault{Kind: chatapitest.Status, Status: 404, Shape: chatapitest.BodyText}, "404", false},
	"422 by field":            {chatapitest.Fault{Kind: chatapitest.Status, Status: 422, Shape: chatapitest.BodyField}, "422", false},
	"429":                     {chatapitest.Fault{Kind: chatapitest.Status, Status: 429}, "429", false},
	"429 retry after seconds": {chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "30"}, "429", false},
	"500 without a body":      {chatapitest.Fault{Kind: chatapitest.Status, Status: 500, Shape: chatapitest.BodyEmpty}, "500", false},
	"502 in HTML":             {chatapitest.Fault{Kind: chatapitest.Status, Status: 502, Shape: chatapitest.BodyHTML}, "502", false},
	"503 retry after seconds": {chatapitest.Fault{Kind: chatapitest.Status, Status: 503, RetryAfter: "20"}, "503", false},
	"redirect elsewhere":      {chatapitest.Fault{Kind: chatapitest.Redirect, Location: "https://elsewhere.invalid/"}, "302", false},
	"reset":                   {chatapitest.Fault{Kind: chatapitest.Reset}, "network", false},
	"reset in the body":       {chatapitest.Fault{Kind: chatapitest.ResetMidBody}, "network", false},
	"hang":                    {chatapitest.Fault{Kind: chatapitest.Hang}, "timeout", false},
	"drip":                    {chatapitest.Fault{Kind: chatapitest.Drip}, "timeout", false},
	"truncated":               {chatapitest.Fault{Kind: chatapitest.Truncated}, "decode", false},
	"HTML with 200":           {chatapitest.Fault{Kind: chatapitest.HTML}, "decode", false},
	"huge":                    {chatapitest.Fault{Kind: chatapitest.Huge}, "too_large", false},
	"total missing":           {chatapitest.Fault{Kind: chatapitest.TotalMissing}, "decode", false},
	"total negative":          {chatapitest.Fault{Kind: chatapitest.TotalNegative}, "decode", false},
	"total as a string":       {chatapitest.Fault{Kind: chatapitest.TotalString}, "decode", false},
	"total a fraction":        {chatapitest.Fault{Kind: chatapitest.TotalFloat}, "decode", false},
	"total null":              {chatapitest.Fault{Kind: chatapitest.TotalNull}, "decode", false},
	"items missing":           {chatapitest.Fault{Kind: chatapitest.ItemsMissing}, "decode", false},
	"items null":              {chatapitest.Fault{Kind: chatapitest.ItemsNull}, "decode", false},
	"created_at a canary":     {chatapitest.Fault{Kind: chatapitest.BadField, Field: "created_at", RawValue: `"` + canary + `"`}, "decode", true},
	"updated_at an object":    {chatapitest.Fault{Kind: chatapitest.BadField, Field: "updated_at", RawValue: `{"` + canary + `":1}`}, "decode", true},
	"_id a canary":            {chatapitest.Fault{Kind: chatapitest.BadField, Field: "_id", RawValue: `"` + canary + `"`}, "decode", true},
	"_id missing":             {chatapitest.Fault{Kind: chatapitest.BadField, Field: "_id"}, "decode", true},
	"repeated rows":           {chatapitest.Fault{Kind: chatapitest.RepeatedRows}, "decode", true},
	"short page":              {chatapitest.Fault{Kind: chatapitest.ShortPage, Match: func(q url.Values) bool { return q.Get("limit") == "1" }}, "decode", true},
	"total a power of ten":    {chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "1e3"}, "decode", false},
	"total too large":         {chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "9223372036854775808"}, "decode", false},
	"updated_at a canary":     {chatapitest.Fault{Kind: chatapitest.BadField, Field: "updated_at", RawValue: `"` + canary + `"`}, "decode", true},
	"empty page":              {chatapitest.Fault{Kind: chatapitest.EmptyPage}, "decode", true},
}

// TestFaultMatrix breaks each endpoint in every way, for twenty minutes in the
// middle of an otherwise healthy hour. Whatever is published meanwhile is
// right; the failure is named; all is back within two intervals of its end.
func TestFaultMatrix(t *testing.T) {
	for name, c := range faults {
		for _, endpoint := range []string{chatapitest.Dialogs, chatapitest.Messages} {
			t.Run(name+"/"+endpoint, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { faultRun(t, c.fault, c.code, c.rows, endpoint) })
			})
		}
	}
}

func faultRun(t *testing.T, fault chatapitest.Fault, code string, rowsOnly bool, endpoint string) {
	set := defaults(t)
	set.Windows = set.Windows[:3]
	api := chatapitest.New(chatapitest.Config{
		Seed: 6, Dialogs: 100, Messages: 1500, Canary: canary, Key: canary + "-key", Quirks: chatapitest.Quirks{EchoKey: true},
	})
	rows := api.Truth()
	b := newBench(t, set)
	b.apply(target("app", api))
	check := func(when string) series {
		t.Helper()
		synctest.Wait()
		got := b.scrape()
		for _, line := range wrong(got.business(), truth(rows, got, set.Windows)) {
			t.Errorf("%s: %s", when, line)
		}
		return got
	}
	time.Sleep(10 * time.Minute)
	before := check("before")

	fault.Endpoint = endpoint
	api.Inject(fault)
	var seen series
	minutes := map[string]int{}
	for range 20 {
		time.Sleep(time.Minute)
		seen = check("during the fault")
		for _, key := range []string{"up", `collector_success{collector="totals"}`, `collector_success{collector="windows"}`} {
			if seen[key] == 0 {
				minutes[key]++
			}
		}
	}
	for key, least := range map[string]int{"up": 16, `collector_success{collector="totals"}`: 17, `collector_success{collector="windows"}`: 17} {
		if rowsOnly {
			least = 1
		}
		if fault.Match != nil && !strings.Contains(key, "windows") {
			least = 0 // its requests ask for more than one row
		}
		if minutes[key] < least {
			t.Errorf("%s was 0 in %d of 20 minutes of the fault", key, minutes[key])
		}
	}
	if key := fmt.Sprintf("api_requests_total{code=%q,endpoint=%q}", code, endpoint); seen[key] < 1 {
		t.Errorf("%s = %v", key, seen[key])
	}
	if n := strings.Count(b.log.String(), "level=warn"); n > 40 {
		t.Errorf("%d warnings in 20 minutes", n)
	}
	if !strings.Contains(b.log.String(), "refresh failed") {
		t.Errorf("the log does not tell: %s", b.log)
	}
	for _, window := range []string{"15m", "1h"} {
		key := fmt.Sprintf("new_%s{window=%q}", endpoint, window)
		if _, ok := seen[key]; ok && !rowsOnly {
			t.Errorf("%s is shown, %s after its last success", key, 20*time.Minute)
		}
	}

	api.ClearFaults()
	time.Sleep(2*12*time.Minute + 30*time.Second) // the slowest window's interval, twice
	after := check("after")
	for key := range before.business() {
		if _, ok := after[key]; !ok {
			t.Error("not back after two intervals:", key)
		}
	}
	if after["up"] != 1 {
		t.Error("up is not 1 after the fault")
	}
	for _, secret := range []string{canary, fmt.Sprint(chatapitest.CanaryUserBase)[:4] + "000"} {
		if i := strings.Index(b.log.String(), secret); i >= 0 {
			t.Errorf("the log holds %q: %.200s", secret, b.log.String()[max(0, i-100):])
		}
		if strings.Contains(fmt.Sprintf("%+v", b.fleet.Status()), secret) {
			t.Errorf("the status holds %q", secret)
		}
		if strings.Contains(fmt.Sprint(seen, after), secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

// TestHarmlessOddities runs against an API that compresses, and one that takes
// its time: no fault at all.
func TestHarmlessOddities(t *testing.T) {
	for name, fault := range map[string]chatapitest.Fault{
		"gzip": {Kind: chatapitest.Gzip}, "slow": {Kind: chatapitest.Delay, Interval: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 6, Dialogs: 100, Messages: 1500})
				api.Inject(fault)
				b := newBench(t, set)
				b.apply(target("app", api))
				b.expectTruth(api, set)
			})
		})
	}
}

// TestRetryAfterIsObeyed counts the requests during a pause that the API asks for.
func TestRetryAfterIsObeyed(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "600" },
		"date":    func() string { return time.Now().Add(10 * time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") },
	} {
		for _, status := range []int{429, 503} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := chatapitest.New(chatapitest.Config{Seed: 6, Dialogs: 100, Messages: 1000})
					b := newBench(t, defaults(t))
					b.apply(target("app", api))
					time.Sleep(5 * time.Minute)
					api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: status, RetryAfter: header(), Count: 4})
					time.Sleep(2 * time.Minute) // all that was in flight has been refused
					if b.fleet.Status()[0].Paused == 0 {
						t.Fatal("no pause")
					}
					api.ClearFaults()
					api.ResetRequests()
					time.Sleep(7 * time.Minute)
					if n := len(api.Requests()); n > 0 {
						t.Errorf("%d requests during the pause", n)
					}
					if got := b.scrape(); got["up"] != 0 || got[`collector_success{collector="windows"}`] != 0 {
						t.Error("the pause does not show")
					}
					time.Sleep(5 * time.Minute)
					if got := b.scrape(); got["up"] != 1 || got[`collector_success{collector="windows"}`] != 1 {
						t.Errorf("not back within two intervals of the pause's end: %s", b.log)
					}
				})
			})
		}
	}
}

// TestThrottledRate follows the effective rate limit through 429s.
func TestThrottledRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 6, Dialogs: 100, Messages: 1000})
		b := newBench(t, defaults(t))
		b.apply(target("app", api))
		time.Sleep(5 * time.Minute)
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 429, Count: 1})
		time.Sleep(70 * time.Second)
		low := b.scrape()["api_rate_limit_requests_per_second"]
		time.Sleep(15 * time.Minute)
		if high := b.scrape()["api_rate_limit_requests_per_second"]; low >= 2 || high != 2 {
			t.Errorf("rate %v after a 429, %v a quarter of an hour later", low, high)
		}
	})
}
