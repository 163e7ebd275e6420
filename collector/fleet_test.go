package collector_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

func small(seed uint64) *chatapitest.Server {
	return chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 100, Messages: 1000})
}

// TestApplicationsAreIsolated runs one healthy application among broken ones.
func TestApplicationsAreIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, hanging, refusing, keyless := small(1), small(2), small(3), small(4)
		hanging.Inject(chatapitest.Fault{Kind: chatapitest.Hang})
		refused, missing := target("refused", refusing), target("keyless", keyless)
		refusing.SetKey("rotated")
		missing.KeyFile = filepath.Join(t.TempDir(), "no-such-file")
		set := defaults(t)
		b := newBench(t, set)
		b.apply(target("hanging", hanging), refused, target("app", good), missing)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		got := b.scrape()
		if got["up"] != 1 || got["messages"] != 1000 {
			t.Errorf("the healthy application suffers: up %v, messages %v", got["up"], got["messages"])
		}
		for _, name := range []string{"hanging", "refused", "keyless"} {
			if v, ok := got[fmt.Sprintf("up{application=%q}", name)]; !ok || v != 0 {
				t.Errorf("up of %s: %v, %v", name, v, ok)
			}
			if _, ok := got[fmt.Sprintf("messages{application=%q}", name)]; ok {
				t.Errorf("%s has messages", name)
			}
		}
		if n := len(keyless.Requests()); n > 0 {
			t.Errorf("%d requests without a key", n)
		}
		if err := os.WriteFile(missing.KeyFile, []byte(keyless.Key()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if b.scrape()[`messages{application="keyless"}`] != 1000 {
			t.Error("a key file that appears later is not picked up")
		}
	})
}

// TestApply adds, changes and removes applications while others are scraped.
func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, changed, gone, added := small(1), small(2), small(3), small(4)
		b := newBench(t, defaults(t))
		b.apply(target("app", kept), target("changed", changed), target("gone", gone))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		before := b.scrape()

		slower := target("changed", changed)
		slower.RateLimit = 1
		b.apply(target("app", kept), slower, target("added", added))
		after := b.scrape()
		if after[`api_rate_limit_requests_per_second{application="changed"}`] != 1 {
			t.Error("the change is not in effect")
		}
		for key, v := range before {
			switch {
			case strings.Contains(key, `"gone"`):
				if _, ok := after[key]; ok {
					t.Error("still there:", key)
				}
			case !strings.Contains(key, "application="):
				if after[key] != v {
					t.Errorf("%s: %v, then %v", key, v, after[key])
				}
			}
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if b.scrape()[`messages{application="added"}`] != 1000 {
			t.Error("the added application is not polled")
		}
		gone.ResetRequests()
		time.Sleep(time.Hour)
		if n := len(gone.Requests()); n > 0 {
			t.Errorf("%d requests to the removed application", n)
		}
	})
}

// TestApplyKeepsWhatALimitDoesNotChange changes the rate limit of a running
// application: its values and counters go on.
func TestApplyKeepsWhatALimitDoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := small(1)
		app := target("app", api)
		b := newBench(t, defaults(t))
		b.apply(app)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		before := b.scrape().business()
		app.RateLimit = 1
		b.apply(app)
		after := b.scrape()
		for _, line := range append(wrong(after.business(), before), missing(after, before)...) {
			t.Error(line)
		}
		if after["api_rate_limit_requests_per_second"] != 1 {
			t.Error("the new limit is not in effect")
		}
	})
}

// TestCloseIsForGood applies a change to a fleet that was closed.
func TestCloseIsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := small(1)
		app := target("app", api)
		b := newBench(t, defaults(t))
		b.apply(app)
		time.Sleep(time.Minute)
		b.fleet.Close()
		api.ResetRequests()
		app.RateLimit = 3
		if err := b.fleet.Apply([]collector.Target{app}); err == nil {
			t.Error("a closed fleet takes targets")
		}
		time.Sleep(10 * time.Minute)
		if n := len(api.Requests()); n > 0 {
			t.Errorf("%d requests after Close", n)
		}
	})
}

func TestApplyRefusesWhatItCannotWatch(t *testing.T) {
	api := small(1)
	good := target("app", api)
	for want, targets := range map[string][]collector.Target{
		"configured twice": {good, good},
		"has no name":      {{URL: good.URL}},
		"UTF-8":            {{Name: "a\xff", URL: good.URL}},
		"password":         {{Name: "a", URL: "https://user:pass@host"}},
		"rate limit":       {good, {Name: "a", URL: good.URL, RateLimit: -1}},
		"use a pointer":    {{Name: "a", URL: good.URL, Transport: transportFunc(nil)}},
	} {
		b := newBench(t, defaults(t))
		fleet := b.fleet
		err := fleet.Apply(targets)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("want an error about %q, got %v", want, err)
		}
		if n := len(fleet.Status()); n != 0 {
			t.Errorf("%d applications after a refusal", n)
		}
		if got := b.scrape(); len(got) != 0 {
			t.Errorf("series after a refusal: %v", got)
		}
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestKeyRotation replaces the key file while the exporter runs.
func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := small(1)
		app := target("app", api)
		app.KeyFile = filepath.Join(t.TempDir(), "key")
		write := func(key string) {
			if err := os.WriteFile(app.KeyFile, []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(api.Key())
		b := newBench(t, defaults(t))
		b.apply(app)
		time.Sleep(5 * time.Minute)
		api.SetKey("rotated")
		time.Sleep(5 * time.Minute)
		if b.scrape()["up"] != 0 {
			t.Error("up with a key that was rotated away")
		}
		write("rotated")
		time.Sleep(10 * time.Minute)
		if got := b.scrape(); got["up"] != 1 || got[`collector_success{collector="totals"}`] != 1 {
			t.Error("the rotated key is not picked up")
		}
	})
}

// TestValuesDisappearAfterThreeMissedRefreshes and not before.
func TestValuesDisappearAfterThreeMissedRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := small(1)
		b := newBench(t, defaults(t))
		b.apply(unlimited(target("app", api)))
		time.Sleep(30*time.Minute + 10*time.Second)
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500})
		shown := func() map[string]bool {
			synctest.Wait()
			got, out := b.scrape(), map[string]bool{}
			for _, key := range []string{"messages", `dialogs{dialog_type="group"}`, `new_messages{window="1h"}`, `new_messages{window="6h"}`} {
				_, out[key] = got[key]
			}
			return out
		}
		time.Sleep(2*time.Minute + 45*time.Second)
		if s := shown(); !s["messages"] || !s[`dialogs{dialog_type="group"}`] {
			t.Error("gone before three refreshes were missed:", s)
		}
		time.Sleep(3 * time.Minute)
		if s := shown(); s["messages"] || !s[`dialogs{dialog_type="group"}`] || !s[`new_messages{window="6h"}`] {
			t.Error("after six minutes messages should be gone and slower values still be there:", s)
		}
		time.Sleep(4 * time.Minute)
		if s := shown(); s[`new_messages{window="1h"}`] {
			t.Error("the window of 1h is still there ten minutes after its last success")
		}
		time.Sleep(30 * time.Minute)
		for key, there := range shown() {
			if there {
				t.Error("still there after 40 minutes:", key)
			}
		}
		if _, ok := b.scrape()[`collector_last_success_timestamp_seconds{collector="totals"}`]; !ok {
			t.Error("the last success is no longer told")
		}
	})
}

// TestCheckTarget makes one pass.
func TestCheckTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set, api := defaults(t), small(1)
		b := newBench(t, set)
		s, err := collector.CheckTarget(t.Context(), set, target("app", api), nopLogger{})
		if err != nil || !s.Up || s.Messages.N != 1000 || len(s.Windows) != 6 || !s.Windows[0].ActiveDialogs.Known {
			t.Errorf("%+v, %v", s, err)
		}
		api.SetKey("another")
		s, err = collector.CheckTarget(t.Context(), set, target("app", small(2)), nopLogger{})
		if err != nil || s.Messages.N != 1000 {
			t.Errorf("%+v, %v", s, err)
		}
		wrongKey := target("app", api)
		api.SetKey("yet another")
		s, err = collector.CheckTarget(t.Context(), set, wrongKey, nopLogger{})
		if err == nil || !strings.Contains(err.Error(), "--api.key-file") || s.Up || s.Messages.Known {
			t.Errorf("%+v, %v", s, err)
		}
		_ = b
	})
}

type nopLogger struct{}

func (nopLogger) Log(...any) error { return nil }
