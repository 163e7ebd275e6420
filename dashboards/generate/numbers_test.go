package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/internal/boards"
)

// TestNumbers holds what panels compute against sums done by hand.
func TestNumbers(t *testing.T) {
	one := func(values ...string) map[string]string {
		out := map[string]string{}
		for i := 0; i < len(values); i += 2 {
			out[values[i]] = values[i+1]
		}
		return out
	}
	two := func(s *situation) { s.exporter("a", "1x840", nil, "shop", "game") }
	twice := func(s *situation) {
		s.exporter("a", "1x840", nil, "shop")
		s.exporter("b", "1x840", nil, "shop")
	}
	// game lost all values of its API an hour ago, though it is watched.
	lost := func(s *situation) {
		s.exporter("a", "1x840", nil, "shop")
		s.exporter("a2", "1x840", map[string]string{
			"messages": "1000x780 stale", "dialogs": "60x780 stale", "muted_dialogs": "10x780 stale", "new_messages": "100x780 stale",
			"muting_users": "7x780 stale", "activity_messages": "100x780 stale", "activity_expected_messages": "80x780 stale",
			"activity_lower_bound_messages": "20x780 stale",
		}, "game")
	}
	// game never had any: it is empty, or its key was wrong from the start.
	never := func(s *situation) {
		s.exporter("a", "1x840", nil, "shop")
		s.exporter("a2", "1x840", map[string]string{
			"messages": "", "dialogs": "", "muted_dialogs": "", "new_messages": "", "activity_messages": "", "activity_expected_messages": "",
			"activity_lower_bound_messages": "", "muting_users": "",
		}, "game")
	}
	more := func(lines ...string) func(*situation) {
		return func(s *situation) {
			s.exporter("a", "1x840", nil, "shop")
			s.series = append(s.series, lines...)
		}
	}
	const of = `{job="connectycube",instance="a",application="shop"`
	for _, test := range []struct {
		uid, panel, ref, what string
		make                  func(*situation)
		want                  map[string]string
	}{
		{overviewUID, "Messages, 24 h", "A", "two applications add up", two, one("", "200")},
		{overviewUID, "Messages, 24 h", "A", "two exporters of one do not", twice, one("", "100")},
		{overviewUID, "Messages, 24 h", "A", "what is left is no fall", lost, one("", "Not known")},
		{overviewUID, "Messages, 24 h", "A", "what never was is not missed", never, one("", "100")},
		{overviewUID, "Messages, 24 h", "B", "of normal", two, one("", "1.25")},
		{overviewUID, "Messages, 24 h", "B", "of normal, one of two exporters", twice, one("", "1.25")},
		{overviewUID, "Stored messages", "A", "sum", two, one("", "2000")},
		{overviewUID, "Stored messages", "A", "what is left is no fall", lost, one()},
		{overviewUID, "Stored dialogs by type", "A", "by type", two, one("private", "120", "group", "80")},
		{overviewUID, "Stored dialogs by type", "A", "by type, of two exporters", twice, one("private", "60", "group", "40")},
		{overviewUID, "Muted", "A", "share", two, one("", "0.2")},
		{overviewUID, "Muted", "A", "share of what is known", never, one("", "0.2")},
		{overviewUID, "Muted", "A", "share while one is lost", lost, one("", "Not known")},
		{overviewUID, "Messages in an hour", "A", "messages", two, one("", "200")},
		{overviewUID, "Messages in an hour", "B", "normal", two, one("", "160")},
		{overviewUID, "Messages in an hour", "C", "no bound of two applications", two, one()},
		{overviewUID, "Messages in an hour", "C", "the bound of one", twice, one("", "20")},
		{overviewUID, "Messages in an hour", "C", "no bound of one while the other is lost", lost, one()},
		{overviewUID, "Growth, 30 d", "A", "new over older", more("connectycube_new_messages" + of + `,window="30d"} 200x840`), one("", "0.25")},
		{overviewUID, "New dialogs, 24 h", "A", "sum", more("connectycube_new_dialogs" + of + `,window="1d"} 12x840`), one("", "12")},
		{overviewUID, "Pace of messages", "A", "an hour", more("connectycube_messages_growth_per_second" + of + `,window="1d"} 0.5x840`), one("1d", "1800")},
		{overviewUID, "Pace of dialogs", "A", "a day", more("connectycube_dialogs_growth_per_second" + of + `,window="7d"} 0.001x840`), one("7d", "86.4")},
		{brokenUID, "Messages as they are counted", "A", "a minute", more("connectycube_messages_created_total" + of + `} 0+30x840`), one("shop", "30")},
		{brokenUID, "Last hour", "C", "the bound", two, one("shop", "20", "game", "20")},
		{brokenUID, "Requests that failed", "A", "a minute", more(`connectycube_api_requests_total` + of + `,endpoint="dialogs",code="500"} 0+5x840`), one("", "0")},
		{exporterUID, "Requests, 1 h", "A", "of one", more(), one("", "600")},
		{exporterUID, "Requests, 1 h", "B", "of the budget", more(), one("", "0.706")},
		{exporterUID, "Requests, 1 h", "A", "of two exporters", twice, one("", "1200")},
		{exporterUID, "Requests, 1 h", "B", "of two exporters' budget", twice, one("", "0.706")},
		{exporterUID, "Clock skew", "A", "ahead", more(`connectycube_api_clock_skew_seconds{job="connectycube",instance="b",application="shop"} -300x840`), one("", "0")},
		{exporterUID, "Clock skew", "B", "behind", more(`connectycube_api_clock_skew_seconds{job="connectycube",instance="b",application="shop"} -300x840`), one("", "-300")},
		{mutesUID, "Muted dialogs by type", "A", "while one is lost", lost, one()},
		{mutesUID, "Share of dialogs that are muted, by type", "A", "by type", two, one("private", "0.167", "group", "0.25")},
	} {
		t.Run(test.panel+"/"+test.ref+"/"+test.what, func(t *testing.T) {
			s := &situation{}
			test.make(s)
			got := s.shown(t, panel(t, test.uid, test.panel), test.ref, ".+")
			if test.panel == "Requests that failed" {
				delete(got, "500")
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("shows %v, want %v", got, test.want)
			}
		})
	}
}

// TestUnitsAndWindows names what a number would be read wrongly without.
func TestUnitsAndWindows(t *testing.T) {
	for _, test := range []struct{ uid, panel, unit string }{
		{overviewUID, "Growth, 30 d", "percentunit"}, {overviewUID, "Muted", "percentunit"}, {overviewUID, "Newest message", "s"},
		{overviewUID, "Messages, 24 h", "short"}, {brokenUID, "Age of the judgement", "s"}, {exporterUID, "Latency of the API", "s"},
		{exporterUID, "Memory", "bytes"}, {exporterUID, "Rate limit in effect", "reqps"}, {mutesUID, "Never used", "percentunit"},
	} {
		if got := panel(t, test.uid, test.panel).FieldConfig.Defaults.Unit; got != test.unit {
			t.Errorf("%s: the unit is %q, want %q", test.panel, got, test.unit)
		}
	}
	for title, w := range map[string]string{"Last 15 minutes": "15m", "Last hour": "1h", "Last 6 hours": "6h", "Last 24 hours": "1d"} {
		for _, q := range panel(t, brokenUID, title).Targets {
			for _, other := range []string{"15m", "1h", "6h", "1d"} {
				if has := contains(q, window(other)); has != (other == w) {
					t.Errorf("%s asks for the window %s: %t", title, other, has)
				}
			}
		}
	}
	for _, b := range read(t) {
		var names []string
		for _, a := range b.Annotations.List {
			names = append(names, a.Name)
		}
		if len(names) != 2 || names[0] != "Alerts" || names[1] != "Exporter starts" {
			t.Errorf("%s has the annotations %q", b.UID, names)
		}
	}
}

func contains(q boards.Target, text string) bool { return strings.Contains(q.Expr, text) }
