package collector_test

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestEveryValueIsTrue compares all that is published with what the raw rows
// of the sandbox say.
func TestEveryValueIsTrue(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 400, Messages: 6000})
				b := newBench(t, set)
				b.apply(target("app", api))
				got := b.expectTruth(api, set)
				if n := got[`new_messages{window="30d"}`]; n == 0 {
					t.Error("the sandbox has no messages to count, so this proves nothing")
				}
			})
		})
	}
}

// TestGoldenMetrics fixes names, types, labels, help texts and values.
func TestGoldenMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 400, Messages: 6000})
		b := newBench(t, defaults(t))
		b.apply(unlimited(target("app", api)))
		time.Sleep(5 * time.Minute)
		// One retry, so that its metrics are there too.
		api.Inject(chatapitest.Fault{
			Kind: chatapitest.Status, Status: 503, RetryAfter: "1", Count: 1,
			Endpoint: chatapitest.Messages, Match: func(q url.Values) bool { return q.Get("limit") == "2" },
		})
		time.Sleep(5 * time.Minute)
		synctest.Wait()

		families, err := b.reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, f := range families {
			if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join("testdata", "metrics.golden")
		if *update {
			if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, old := strings.Split(text.String(), "\n"), strings.Split(string(want), "\n")
		for _, line := range got {
			if !slices.Contains(old, line) {
				t.Error("new:  ", line)
			}
		}
		for _, line := range old {
			if !slices.Contains(got, line) {
				t.Error("gone: ", line)
			}
		}
		if t.Failed() {
			t.Log("if this is meant: go test ./collector -run Golden -update")
		}
		problems, err := testutil.GatherAndLint(b.reg)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("promlint: %s: %s", p.Metric, p.Text)
		}
	})
}

// TestApplicationsOfAnySize looks at applications on which little can be proven.
func TestApplicationsOfAnySize(t *testing.T) {
	at := func(ago time.Duration) time.Time { return time.Now().Add(-ago) }
	for name, fill := range map[string]func(api *chatapitest.Server){
		"nothing at all": func(*chatapitest.Server) {},
		"one dialog without a message": func(api *chatapitest.Server) {
			api.CreateDialog(chatapitest.DialogSpec{CreatedAt: at(20 * time.Minute)})
		},
		"one dialog with one message": func(api *chatapitest.Server) {
			id := api.CreateDialog(chatapitest.DialogSpec{CreatedAt: at(2 * time.Hour)})
			api.CreateMessage(chatapitest.MessageSpec{DialogID: id, CreatedAt: at(30 * time.Minute)})
		},
		"all created in one second": func(api *chatapitest.Server) {
			for range 300 {
				id := api.CreateDialog(chatapitest.DialogSpec{CreatedAt: at(time.Hour)})
				api.CreateMessage(chatapitest.MessageSpec{DialogID: id, CreatedAt: at(time.Hour)})
			}
		},
		"dialogs of unknown types": func(api *chatapitest.Server) {
			for i := range 30 {
				api.CreateDialog(chatapitest.DialogSpec{CreatedAt: at(time.Duration(i+1) * time.Hour), Type: 1 + i%9})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 1})
				fill(api)
				b := newBench(t, set)
				b.apply(target("app", api))
				time.Sleep(10 * time.Minute)
				synctest.Wait()

				got := b.scrape()
				want := truth(api.Truth(), got, set.Windows)
				if len(api.Truth().Dialogs) > 0 && len(api.Truth().Messages) == 0 {
					for _, w := range set.Windows { // no dialog to prove the filter on
						delete(want, fmt.Sprintf("active_dialogs{window=%q}", w.Label))
					}
				}
				for _, line := range append(wrong(got.business(), want), missing(got, want)...) {
					t.Error(line)
				}
				for _, c := range collector.Names() {
					if got[fmt.Sprintf("collector_success{collector=%q}", c)] != 1 {
						t.Error("the collector", c, "is not successful:", b.log)
					}
				}
			})
		})
	}
}
