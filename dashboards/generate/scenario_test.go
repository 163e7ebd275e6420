package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/connectycube-exporter/connectycube_exporter/internal/boards"
)

// situation is what Prometheus has scraped once a minute, up to the time at which
// the boards are looked at, 14 hours in.
type situation struct {
	series []string
}

const lookedAt = 14 * time.Hour

// exporter adds one exporter that is well, of applications that are well. Each
// value of change, under the name of a metric without its prefix, replaces what
// is usual; an empty one leaves the metric out.
func (s *situation) exporter(instance string, up string, change map[string]string, applications ...string) {
	target := fmt.Sprintf(`job="connectycube",instance=%q`, instance)
	add := func(name, labels, values string) {
		if v, ok := change[strings.TrimPrefix(name, "connectycube_")]; ok {
			values = v
		}
		if values != "" {
			s.series = append(s.series, fmt.Sprintf("%s{%s%s} %s", name, target, labels, values))
		}
	}
	const now = "0+60x840" // unix seconds of each minute
	s.series = append(s.series, fmt.Sprintf("up{%s} %s", target, up))
	if up == "0x840" {
		return
	}
	for _, app := range applications {
		of := fmt.Sprintf(",application=%q", app)
		add("connectycube_up", of, "1x840")
		add("connectycube_messages", of, "1000x840")
		add("connectycube_last_message_timestamp_seconds", of, now)
		add("connectycube_api_clock_skew_seconds", of, "0x840")
		add("connectycube_muting_users", of, "7x840")
		add("connectycube_activity_silence_expected_messages", of, "1x840")
		add("connectycube_activity_silence_bound_messages", of, "50x840")
		for _, collector := range []string{"totals", "activity"} {
			labels := of + fmt.Sprintf(",collector=%q", collector)
			add("connectycube_collector_success", labels, "1x840")
			add("connectycube_collector_last_success_timestamp_seconds", labels, now)
			add("connectycube_collector_interval_seconds", labels, "60x840")
			add("connectycube_collector_duration_seconds", labels, "0x840")
		}
		for _, w := range []string{"15m", "1h", "6h", "1d"} {
			labels := of + fmt.Sprintf(",window=%q", w)
			add("connectycube_activity_messages", labels, "100x840")
			add("connectycube_activity_expected_messages", labels, "80x840")
			add("connectycube_activity_lower_bound_messages", labels, "20x840")
			add("connectycube_activity_window_end_timestamp_seconds", labels, now)
			add("connectycube_new_messages", labels, "100x840")
		}
		for kind, n := range map[string]string{"private": "60x840", "group": "40x840"} {
			labels := of + fmt.Sprintf(",dialog_type=%q", kind)
			add("connectycube_dialogs", labels, n)
			add("connectycube_muted_dialogs", labels, "10x840")
		}
		add("connectycube_api_requests_total", of+`,endpoint="messages",code="200"`, "0+10x840")
	}
}

// failing adds requests of an application that ended with a code.
func (s *situation) failing(instance, app, code string) {
	s.series = append(s.series, fmt.Sprintf(`connectycube_api_requests_total{job="connectycube",instance=%q,application=%q,endpoint="dialogs",code=%q} 0+5x840`, instance, app, code))
}

// shown evaluates one query of a panel, and gives its values as Grafana would
// show them, by application.
func (s *situation) shown(t *testing.T, p boards.Panel, ref, chosen string) map[string]string {
	t.Helper()
	at := slices.IndexFunc(p.Targets, func(q boards.Target) bool { return q.RefID == ref })
	expr := boards.Substitute(p.Targets[at].Expr, map[string]string{
		"job": ".+", "instance": ".+", "application": chosen, "__rate_interval": "4m", "__interval": "1m",
	})
	store := promqltest.LoadedStorage(t, "load 1m\n  "+strings.Join(s.series, "\n  "))
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1_000_000)
	q, err := engine.NewInstantQuery(t.Context(), store, nil, expr, time.Unix(0, 0).Add(lookedAt))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	result := q.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v\n%s", p.Title, result.Err, expr)
	}
	vector, err := result.Vector()
	if err != nil {
		t.Fatal(err)
	}
	words := wordsOf(t, p, ref)
	out := map[string]string{}
	for _, v := range vector {
		out[name(v)] = say(words, v.F)
	}
	return out
}

func name(v promql.Sample) string {
	for _, label := range []string{"application", "window", "dialog_type", "instance"} {
		if value := v.Metric.Get(label); value != "" {
			return value
		}
	}
	return ""
}

func say(words map[string]string, v float64) string {
	if text, ok := words[strconv.FormatFloat(v, 'f', -1, 64)]; ok {
		return text
	}
	if math.IsNaN(v) {
		return words["NaN"]
	}
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// wordsOf are those into which the values of a query are put: of the panel, or of
// the column or the lane.
func wordsOf(t *testing.T, p boards.Panel, ref string) map[string]string {
	t.Helper()
	mappings := p.FieldConfig.Defaults.Mappings
	for _, tr := range p.Transformations {
		title, ok := tr.Options.RenameByName["Value #"+ref]
		if !ok {
			continue
		}
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				if o.Matcher.Options == title && property.ID == "mappings" {
					mappings = property.Value.([]any)
				}
			}
		}
	}
	text, err := json.Marshal(mappings)
	if err != nil {
		t.Fatal(err)
	}
	var parsed []struct {
		Type    string
		Options json.RawMessage
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range parsed {
		if m.Type == "special" {
			var special struct{ Result struct{ Text string } }
			if err := json.Unmarshal(m.Options, &special); err != nil {
				t.Fatal(err)
			}
			out["NaN"] = special.Result.Text
			continue
		}
		var values map[string]struct{ Text string }
		if err := json.Unmarshal(m.Options, &values); err != nil {
			t.Fatal(err)
		}
		for value, w := range values {
			out[value] = w.Text
		}
	}
	return out
}

func panel(t *testing.T, uid, title string) boards.Panel {
	t.Helper()
	for _, b := range read(t) {
		for _, p := range b.All() {
			if b.UID == uid && p.Title == title {
				return p
			}
		}
	}
	t.Fatalf("%s has no panel %q", uid, title)
	return boards.Panel{}
}

// TestVerdicts puts the board Is chat broken? before what can happen.
func TestVerdicts(t *testing.T) {
	const (
		quiet = "60x840" // of a silence whose bound is 50
		low   = "10x840" // of windows whose bound is 20
		none  = "-1x840"
	)
	// The exporter was scraped until five minutes ago.
	ended := func(values string) string { return strings.ReplaceAll(values, "x840", "x834") + " stale" }
	unjudged := map[string]string{"activity_silence_bound_messages": none, "activity_lower_bound_messages": none}
	with := func(all ...map[string]string) map[string]string {
		out := map[string]string{}
		for _, m := range all {
			maps.Copy(out, m)
		}
		return out
	}
	old := map[string]string{ // evaluated for the last time 20 minutes ago
		"activity_window_end_timestamp_seconds": "0+60x820 49200x20",
	}
	for name, test := range map[string]struct {
		make                                   func(s *situation)
		verdict, exporter, api, numbers, state string
	}{
		"all is well": {func(s *situation) { s.exporter("a", "1x840", nil, "shop") },
			"All is well", "Runs", "Answers", "Fresh", "Normal"},
		"silence": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"activity_silence_expected_messages": quiet}, "shop")
		}, "Chat is silent", "Runs", "Answers", "Fresh", "Silent"},
		"too few": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"activity_messages": low}, "shop")
		}, "Chat: too few messages", "Runs", "Answers", "Fresh", "Too few"},
		"just at the bound": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"activity_messages": "20x840"}, "shop")
		}, "Chat: too few messages", "Runs", "Answers", "Fresh", "Too few"},
		"just above the bound": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"activity_messages": "21x840"}, "shop")
		}, "All is well", "Runs", "Answers", "Fresh", "Normal"},
		"a holiday, or nothing known yet": {func(s *situation) { s.exporter("a", "1x840", unjudged, "shop") },
			"Chat not judged now", "Runs", "Answers", "Fresh", "Not judged"},
		"a silence that another endpoint's failure must not hide": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"activity_silence_expected_messages": quiet, "up": "0x840"}, "shop")
			s.failing("a", "shop", "500")
		}, "Chat is silent", "Runs", "Fails", "Fresh", "Silent"},
		"the API has died": {func(s *situation) {
			s.exporter("a", "1x840", with(old, map[string]string{"up": "1x820 0x20"}), "shop")
			s.failing("a", "shop", "503")
		}, "API fails", "Runs", "Fails", "Fresh", "Not judged"},
		"one call has failed": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"up": "1x839 0"}, "shop")
		}, "All is well", "Runs", "Just failed", "Fresh", "Normal"},
		"the key is refused": {func(s *situation) {
			s.exporter("a", "1x840", with(old, map[string]string{"up": "0x840"}), "shop")
			s.failing("a", "shop", "401")
		}, "API refuses the key", "Runs", "Key refused", "Fresh", "Not judged"},
		"the API throttles": {func(s *situation) {
			s.exporter("a", "1x840", with(old, map[string]string{"up": "0x840"}), "shop")
			s.failing("a", "shop", "429")
		}, "API throttles", "Runs", "Throttles", "Fresh", "Not judged"},
		"a key was refused long ago, all is well": {func(s *situation) {
			s.exporter("a", "1x840", nil, "shop")
			s.series = append(s.series, `connectycube_api_requests_total{job="connectycube",instance="a",application="shop",endpoint="dialogs",code="401"} 9x840`)
		}, "All is well", "Runs", "Answers", "Fresh", "Normal"},
		"numbers that are old": {func(s *situation) {
			s.exporter("a", "1x840", with(old, map[string]string{"collector_last_success_timestamp_seconds": "0+60x835 50100x5"}), "shop")
		}, "Numbers are old", "Runs", "Answers", "Old", "Not judged"},
		"numbers just short of old": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"collector_last_success_timestamp_seconds": "0+60x836 50160x4"}, "shop")
		}, "All is well", "Runs", "Answers", "Fresh", "Normal"},
		"a collector that never succeeded": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"collector_last_success_timestamp_seconds": "", "collector_success": "0x840"}, "shop")
		}, "Numbers are old", "Runs", "Answers", "Old", "Normal"},
		"a clock that is wrong makes no number old": {func(s *situation) {
			s.exporter("a", "1x840", map[string]string{"collector_last_success_timestamp_seconds": "1x840", "api_clock_skew_seconds": "-300x840"}, "shop")
		}, "All is well", "Runs", "Answers", "", "Normal"},
		"the exporter has died": {func(s *situation) {
			s.exporter("a", "1x834 0x5", map[string]string{}, "shop")
			for i, line := range s.series[1:] {
				head, values, _ := strings.Cut(line, "} ")
				switch values {
				case "0+60x840":
					values = "0+60x834 stale"
				case "0+10x840":
					values = "0+10x834 stale"
				default:
					values = ended(values)
				}
				s.series[i+1] = head + "} " + values
			}
		}, "Exporter is down", "Down", "", "", "Not judged"},
		"an application that the exporter does not show any more": {func(s *situation) {
			s.exporter("a", "1x840", nil, "other")
			s.series = append(s.series, `connectycube_up{job="connectycube",instance="a",application="shop"} 1x820 stale`)
		}, "Not watched any more", "Lacks it", "", "", "Not judged"},
		"one of two exporters is down": {func(s *situation) {
			s.exporter("a", "1x840", nil, "shop")
			s.series = append(s.series, `up{job="connectycube",instance="b"} 0x840`, `connectycube_up{job="connectycube",instance="b",application="shop"} 1x820 stale`)
		}, "All is well", "Runs", "Answers", "Fresh", "Normal"},
		"one of two exporters has old numbers": {func(s *situation) {
			s.exporter("a", "1x840", nil, "shop")
			s.exporter("b", "1x840", map[string]string{"collector_last_success_timestamp_seconds": "1x840"}, "shop")
		}, "All is well", "Runs", "Answers", "Fresh", "Normal"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &situation{}
			test.make(s)
			tiles := s.shown(t, panel(t, brokenUID, "What is wrong?"), "A", "shop")
			if len(tiles) != 1 || tiles["shop"] != test.verdict {
				t.Errorf("the verdict is %v, want %q", tiles, test.verdict)
			}
			causes := panel(t, brokenUID, "Chat, API or exporter?")
			for ref, want := range map[string]string{"A": test.exporter, "B": test.api, "C": test.numbers, "D": test.state} {
				if got := s.shown(t, causes, ref, "shop")["shop"]; got != want {
					t.Errorf("the column %s is %q, want %q", ref, got, want)
				}
			}
		})
	}
}
