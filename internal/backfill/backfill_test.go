package backfill_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// TestGolden fixes every byte of a small file.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 400, Messages: 6000})
		cfg := config(t, api)
		cfg.Windows = windows(t, "15m,1h,7d")
		cfg.From, cfg.To = backfill.Bound{Ago: 12 * 3600}, backfill.Bound{Ago: 6 * 3600}
		cfg.Step = 2 * time.Hour
		cfg.Labels = []backfill.Label{{Name: "instance", Value: `C:\exporter "one"`}, {Name: "job", Value: "connectycube"}}
		got := fill(t, cfg)

		path := filepath.Join("testdata", "past.golden")
		if *update {
			if err := os.WriteFile(path, []byte(got.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, []byte(got.text)) {
			t.Errorf("if this is meant: go test ./internal/backfill -run Golden -update\n%s", got.text)
		}
		parse(t, got.text)
		if m := got.manifest; m.Samples != int64(strings.Count(got.text, "\n")-2*strings.Count(got.text, "# TYPE")-1) ||
			m.First.Unix() != got.grid.First || m.Last.Unix() != got.grid.Last {
			t.Errorf("manifest %+v", m)
		}
	})
}

// TestNamesOfTheLiveExporter wants each family under the name, type and labels
// that a scrape gives it. Of activity see TestVerdictsOfTheLiveExporter.
func TestNamesOfTheLiveExporter(t *testing.T) {
	live, err := os.ReadFile(filepath.Join("..", "..", "collector", "testdata", "metrics.golden"))
	if err != nil {
		t.Fatal(err)
	}
	past, err := os.ReadFile(filepath.Join("testdata", "past.golden"))
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`(?m)^(connectycube_[a-z_]+)\{application="[^"]*"(?:,(dialog_type|window)=("[^"]*"))?`)
	types := regexp.MustCompile(`(?m)^# TYPE (\S+ \S+)$`)
	known := map[string]bool{}
	for _, m := range shape.FindAllStringSubmatch(string(live), -1) {
		known[m[1]+m[2]+m[3]] = true
	}
	for _, m := range types.FindAllStringSubmatch(string(live), -1) {
		known[m[1]] = true
	}
	found := 0
	for _, m := range shape.FindAllStringSubmatch(string(past), -1) {
		if strings.HasPrefix(m[1], "connectycube_activity_") {
			continue
		}
		if found++; !known[m[1]+m[2]+m[3]] {
			t.Errorf("a scrape has no %s", m[0])
		}
	}
	for _, m := range types.FindAllStringSubmatch(string(past), -1) {
		if strings.HasPrefix(m[1], "connectycube_activity_") {
			continue
		}
		if found++; !known[m[1]] {
			t.Errorf("a scrape has no %s", m[1])
		}
	}
	if found < 20 {
		t.Errorf("only %d names were compared", found)
	}
}

// TestEverySampleIsTrue compares every sample with the raw rows, for
// applications that are read by pages, counted bin by bin, or both.
func TestEverySampleIsTrue(t *testing.T) {
	for name, c := range map[string]struct {
		sandbox chatapitest.Config
		from    time.Duration
		step    time.Duration
		windows string
	}{
		"quiet":            {chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 700}, 20 * 24 * time.Hour, 6 * time.Hour, "15m,1h,6h,1d,7d,30d"},
		"in between":       {chatapitest.Config{Seed: 2, Dialogs: 1500, Messages: 9000, Weeks: 3}, 4 * 24 * time.Hour, time.Hour, "1h,1d,7d"},
		"dense":            {chatapitest.Config{Seed: 3, Dialogs: 9000, Messages: 20_000, Weeks: 1}, 2 * 24 * time.Hour, 4 * time.Hour, "90m,8h,30d"},
		"before its birth": {chatapitest.Config{Seed: 4, Dialogs: 30, Messages: 300, Weeks: 1}, 20 * 24 * time.Hour, 12 * time.Hour, "1d"},
		"nothing at all":   {chatapitest.Config{Seed: 5}, 5 * 24 * time.Hour, time.Hour, "1h,1d"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(c.sandbox)
				cfg := config(t, api)
				cfg.From, cfg.Step, cfg.Windows = backfill.Bound{Ago: int64(c.from / time.Second)}, c.step, windows(t, c.windows)
				got := fill(t, cfg)
				if age := time.Now().Unix() - got.grid.Last; age < int64(backfill.HeadAge/time.Second) {
					t.Errorf("the last sample is only %d seconds old", age)
				}
				past := parse(t, got.text)
				same(t, past, truth(api.Truth(), got.grid, cfg.Windows))
				if got.requests > got.estimate.AtMost {
					t.Errorf("%d requests, announced were at most %d", got.requests, got.estimate.AtMost)
				}
				t.Logf("%d requests, about %d, at most %d", got.requests, got.estimate.About, got.estimate.AtMost)

				// A window of k steps is the difference of totals k steps apart.
				differences := 0
				for _, w := range cfg.Windows {
					for at, n := range past[fmt.Sprintf(`connectycube_new_messages{application="shop",window=%q}`, w.Label)] {
						total := past[`connectycube_messages{application="shop"}`]
						if before, ok := total[at-int64(w.Length/time.Second)]; ok {
							differences++
							if n != total[at]-before {
								t.Errorf("%s at %d: %v new, the totals differ by %v", w.Label, at, n, total[at]-before)
							}
						}
					}
				}
				if differences == 0 {
					t.Error("no window was compared with totals")
				}
			})
		})
	}
}

// TestRequests wants no more requests than announced, on applications that mix
// bursts and silence, and few on quiet ones.
func TestRequests(t *testing.T) {
	ago := func(h int) time.Time { return time.Now().Add(-time.Duration(h) * time.Hour) }
	for name, c := range map[string]struct {
		fill func(api *chatapitest.Server)
		most int64 // of ten days by the hour, with windows of a day: 262 bins of each list
	}{
		"empty":       {func(*chatapitest.Server) {}, 0},
		"one message": {func(api *chatapitest.Server) { message(api, ago(100), 1) }, 40},
		"a burst every day": {func(api *chatapitest.Server) {
			for day := range 12 {
				message(api, ago(24*day+5), 150)
			}
		}, 130},
		"a burst every other hour": {func(api *chatapitest.Server) {
			for h := 0; h < 12*24; h += 2 {
				message(api, ago(h), 101)
			}
		}, 330},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1})
				c.fill(api)
				cfg := config(t, api)
				cfg.Windows, cfg.From = windows(t, "1h,1d"), backfill.Bound{Ago: 10 * 24 * 3600}
				cfg.Collectors = []string{"totals", "windows"}
				got := fill(t, cfg)
				same(t, parse(t, got.text), truth(api.Truth(), got.grid, cfg.Windows).without("connectycube_activity_"))
				sent := int64(0)
				for _, n := range countQuestions(api.Requests()) {
					sent += int64(n)
				}
				// The plan has asked for the range of each list.
				if sent != got.requests || sent > got.estimate.AtMost+2 || sent > c.most {
					t.Errorf("sent %d requests, counted %d, announced about %d and at most %d, want at most %d", sent, got.requests, got.estimate.About, got.estimate.AtMost, c.most)
				}
				t.Logf("%d requests, about %d, at most %d", sent, got.estimate.About, got.estimate.AtMost)
			})
		})
	}
}

func message(api *chatapitest.Server, at time.Time, n int) {
	id := api.CreateDialog(chatapitest.DialogSpec{CreatedAt: at})
	for range n {
		api.CreateMessage(chatapitest.MessageSpec{DialogID: id, CreatedAt: at})
	}
}

// TestWrongServers leaves out what cannot be proven, says so, and never writes
// a wrong number.
func TestWrongServers(t *testing.T) {
	type modes = map[chatapitest.FilterKey]chatapitest.FilterMode
	created := func(endpoint string, m chatapitest.FilterMode) modes {
		return modes{{Endpoint: endpoint, Field: "created_at"}: m}
	}
	for name, c := range map[string]struct {
		filter modes
		absent string
		note   string
	}{
		"messages ignore created_at":      {created(chatapitest.Messages, chatapitest.Dropped), "messages", "messages cannot be counted by created_at"},
		"messages ignore lt":              {created(chatapitest.Messages, chatapitest.LtIgnored), "messages", "messages cannot be counted"},
		"messages take lt for lte":        {created(chatapitest.Messages, chatapitest.LtAsLte), "messages", "messages cannot be counted"},
		"dialogs want milliseconds":       {created(chatapitest.Dialogs, chatapitest.Milliseconds), "dialogs", "dialogs cannot be counted"},
		"dialogs take it for updated_at":  {created(chatapitest.Dialogs, chatapitest.Swapped), "dialogs", "dialogs cannot be counted"},
		"dialogs cannot be told by type":  {modes{{Endpoint: chatapitest.Dialogs, Field: "type"}: chatapitest.Refused422}, "", `dialog_type "unknown"`},
		"dialogs ignore the type in need": {modes{{Endpoint: chatapitest.Dialogs, Field: "type"}: chatapitest.Dropped}, "", `dialog_type "unknown"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 900, Messages: 4000, Weeks: 4, Quirks: chatapitest.Quirks{Filter: c.filter}})
				cfg := config(t, api)
				cfg.Windows, cfg.Step = windows(t, "1h,1d"), 6*time.Hour
				got := fill(t, cfg)
				want := truth(api.Truth(), got.grid, cfg.Windows)
				for name := range want {
					if c.absent != "" && strings.Contains(name, c.absent) || c.absent == "messages" && strings.Contains(name, "_activity_") {
						delete(want, name)
					}
				}
				if c.absent == "" {
					unknown := map[int64]float64{}
					for name, values := range want {
						if strings.Contains(name, "dialog_type") {
							for at, v := range values {
								unknown[at] += v
							}
							delete(want, name)
						}
					}
					want[`connectycube_dialogs{application="shop",dialog_type="unknown"}`] = unknown
				}
				same(t, parse(t, got.text), want)
				if notes := strings.Join(got.notes, "\n"); !strings.Contains(notes, c.note) {
					t.Errorf("the notes do not say %q:\n%s", c.note, notes)
				}
			})
		})
	}
}

func TestNothingCanBeCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 100, Quirks: chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
			{Endpoint: chatapitest.Messages, Field: "created_at"}: chatapitest.Dropped,
			{Endpoint: chatapitest.Dialogs, Field: "created_at"}:  chatapitest.Refused422,
		}}})
		_, err := try(t.Context(), config(t, api))
		if err == nil || !strings.Contains(err.Error(), "nothing can be counted: dialogs cannot be counted by created_at") || !strings.Contains(err.Error(), "messages cannot") {
			t.Error(err)
		}
	})
}

// TestShortPages counts bin by bin where a page does not prove to hold all rows.
func TestShortPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 300, Messages: 1000, Weeks: 4})
		cfg := config(t, api)
		cfg.Target.Transport = shortPages{api.Transport()}
		cfg.Windows, cfg.Step = windows(t, "1h,1d"), 12*time.Hour
		got := fill(t, cfg)
		same(t, parse(t, got.text), truth(api.Truth(), got.grid, cfg.Windows))
	})
}

// shortPages is a server whose pages hold seven rows at most.
type shortPages struct{ next http.RoundTripper }

func (s shortPages) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	if q.Get("limit") == "100" {
		q.Set("limit", "7")
		r = r.Clone(r.Context())
		r.URL.RawQuery = q.Encode()
	}
	return s.next.RoundTrip(r)
}

// TestDeletionsMeanwhile deletes for good while the past is counted: no window
// comes out negative, no total falls, and activity tells of the same messages.
func TestDeletionsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 200, Messages: 8000, Weeks: 3})
		rows := api.Truth().Messages
		cfg := config(t, api)
		var next atomic.Int64
		cfg.Target.Transport = &after{next: api.Transport(), do: func(int64, *http.Request) {
			for range 15 {
				api.DeleteMessage(rows[next.Add(7919)%int64(len(rows))].ID)
			}
		}}
		past := parse(t, fill(t, cfg).text)
		if left := len(api.Truth().Messages); left > len(rows)*9/10 {
			t.Fatalf("%d of %d messages are left, so this proves little", left, len(rows))
		}
		for name, values := range past {
			before := 0.0
			for at := range past[`connectycube_messages{application="shop"}`] {
				least := 0.0
				switch {
				case strings.Contains(name, "_drop_score{"):
					least = math.Inf(-1)
				case strings.Contains(name, "_lower_bound_messages{"):
					least = -1
					if expected, ok := past[strings.Replace(name, "lower_bound", "expected", 1)][at]; values[at] > expected/2 || values[at] >= 0 && !ok {
						t.Errorf("%s at %d is %v, of %v", name, at, values[at], expected)
					}
				case strings.Contains(name, "_dispersion_ratio{"):
					least = 1 - 1e-9
				case strings.Contains(name, "_activity_messages{"):
					if n := past[strings.Replace(name, "activity", "new", 1)][at]; n != values[at] {
						t.Errorf("%s at %d is %v, but there are %v new ones", name, at, values[at], n)
					}
				}
				if v, there := values[at]; there && v < least {
					t.Errorf("%s at %d is %v", name, at, v)
				}
			}
			if strings.HasPrefix(name, "connectycube_messages{") {
				for at := range ascending(values) {
					if values[at] < before {
						t.Errorf("%s falls to %v at %d", name, values[at], at)
					}
					before = values[at]
				}
			}
		}
	})
}

// TestClock keeps three hours off the end by both clocks, and measures ages by
// the API's.
func TestClock(t *testing.T) {
	for name, c := range map[string]struct {
		quirks      chatapitest.Quirks
		first, last time.Duration // before now; up to a step more
		note        string
	}{
		"in step":             {chatapitest.Quirks{}, 48 * time.Hour, 3 * time.Hour, "last three hours"},
		"the API is ahead":    {chatapitest.Quirks{Skew: 2 * time.Hour}, 46 * time.Hour, 3 * time.Hour, "last three hours"},
		"the API is behind":   {chatapitest.Quirks{Skew: -2 * time.Hour}, 50 * time.Hour, 5 * time.Hour, "last three hours"},
		"the API has no time": {chatapitest.Quirks{NoDate: true}, 48 * time.Hour, 3 * time.Hour, "does not tell its time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 50, Messages: 500, Quirks: c.quirks})
				cfg := config(t, api)
				cfg.Windows, cfg.Step, cfg.From = windows(t, "1h"), 15*time.Minute, backfill.Bound{Ago: 48 * 3600}
				got := fill(t, cfg)
				now := time.Now()
				const step = 15 * time.Minute
				if age := now.Sub(got.manifest.First); age > c.first+time.Second || age < c.first-step-time.Second {
					t.Errorf("the first sample is %s old", age)
				}
				if age := now.Sub(got.manifest.Last); age < c.last-time.Second || age > c.last+step+time.Second {
					t.Errorf("the last sample is %s old", age)
				}
				if notes := strings.Join(got.notes, "\n"); !strings.Contains(notes, c.note) {
					t.Errorf("the notes do not say %q: %s", c.note, notes)
				}
			})
		})
	}
}

func TestCheckRange(t *testing.T) {
	const hour, newest = int64(3600), int64(1_000_000_800)
	for name, c := range map[string]struct {
		from, to, step int64
		want           string
	}{
		"good":               {newest - 24*hour, newest + 3*hour, hour, ""},
		"one sample":         {newest - hour, newest, hour, ""},
		"backwards":          {newest - hour, newest - 2*hour, hour, "--from must be before --to"},
		"nothing":            {newest - hour, newest - hour, hour, "--from must be before --to"},
		"too new":            {newest, newest + hour, hour, "--from must be more than three hours ago"},
		"between two steps":  {newest - 60, newest - 10, hour, "lower --step"},
		"too many":           {newest - 60*backfill.MostSamples, newest, 60, "raise --step"},
		"as many as allowed": {newest - 60*(backfill.MostSamples-1), newest, 60, ""},
	} {
		err := backfill.CheckRange(c.from, c.to, newest, c.step)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && !errors.As(err, new(backfill.UsageError)) {
			t.Errorf("%s: %v is not for the user to put right", name, err)
		}
	}
}

func TestWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 4, Messages: 10})
		cfg := config(t, api)
		cfg.Target.Key = chatapi.NewSecret("hunter2")
		cfg.Journal = filepath.Join(t.TempDir(), "past.om.part")
		_, err := try(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
		if _, err := os.Stat(cfg.Journal); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a journal without answers is left: %v", err)
		}
	})
}
