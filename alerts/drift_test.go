package alerts_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/internal/exposed"
)

func readMetrics(t *testing.T) exposed.Metrics {
	t.Helper()
	out, err := exposed.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	// Not the exporter's: Prometheus' own.
	out.Add("up", nil)
	for _, state := range []string{"pending", "firing"} {
		out.Add("ALERTS", map[string]string{"alertstate": state})
	}
	alerts, _ := readRules(t)
	for _, a := range alerts {
		out.Add("ALERTS", map[string]string{"alertname": a.Alert})
	}
	return out
}

var (
	selector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\{([^}]*)\}`)
	name     = regexp.MustCompile(`[a-z_]*:?connectycube_[\w:]*|\bup\b|\bALERTS\b`)
	matcher  = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right) \(([^)]*)\)`)
	literal  = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"")
)

func parseLabels(text string) map[string]string {
	out := map[string]string{}
	for _, m := range matcher.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[3]
	}
	return out
}

// target are the labels that Prometheus gives every series.
var target = []string{"job", "instance"}

func TestRulesNameWhatTheExporterShows(t *testing.T) {
	known := readMetrics(t)
	labels := map[string]bool{}
	for _, m := range known {
		for label := range m {
			labels[label] = true
		}
	}
	alerts, records := readRules(t)
	recorded := map[string]bool{}
	for _, r := range records {
		recorded[r.Record] = true
	}
	used := map[string]bool{}
	for _, r := range slices.Concat(alerts, records) {
		texts := append([]string{r.Expr}, templates(r.Annotations)...)
		for _, text := range texts {
			bare := text
			if text == r.Expr {
				bare = literal.ReplaceAllString(regexp.MustCompile(`#.*`).ReplaceAllString(text, ""), `""`)
			}
			for _, n := range name.FindAllString(bare, -1) {
				used[n] = true
				if known[n] == nil && !recorded[n] {
					t.Errorf("%s%s uses %s, which nothing shows", r.Alert, r.Record, n)
				}
			}
			for _, m := range selector.FindAllStringSubmatch(text, -1) {
				checkMatchers(t, r, known, recorded, m[1], m[2])
			}
			for _, m := range grouping.FindAllStringSubmatch(text, -1) {
				for _, label := range strings.FieldsFunc(m[1], func(c rune) bool { return c == ',' || c == ' ' }) {
					if !labels[label] && !slices.Contains(target, label) {
						t.Errorf("%s%s groups by %s, which no metric has", r.Alert, r.Record, label)
					}
				}
			}
		}
	}
	for r := range recorded {
		if !used[r] {
			t.Errorf("%s is recorded for nothing", r)
		}
	}
}

func checkMatchers(t *testing.T, r rule, known exposed.Metrics, recorded map[string]bool, metric, text string) {
	t.Helper()
	labels := known[metric]
	if recorded[metric] { // which has those of what it is made of
		labels = allLabels(known)
	}
	for _, m := range matcher.FindAllStringSubmatch(text, -1) {
		label, op, value := m[1], m[2], m[3]
		switch {
		case slices.Contains(target, label):
		case labels[label] == nil:
			t.Errorf("%s%s: %s has no label %s", r.Alert, r.Record, metric, label)
		case label == "code":
			for c := range strings.SplitSeq(value, "|") {
				if !code.MatchString(c) {
					t.Errorf("%s%s: %q is no code", r.Alert, r.Record, c)
				}
			}
		case op == "=" && !labels[label][value]:
			t.Errorf("%s%s: %s of %s is never %q", r.Alert, r.Record, label, metric, value)
		}
	}
}

// code is a status, or what stands for one. The golden file has but a few.
var code = regexp.MustCompile(`^[2-5](\d\d|\.\.)$|^(timeout|network|decode|too_large)$`)

// allLabels are the labels and values of all metrics.
func allLabels(known exposed.Metrics) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, m := range known {
		for label, values := range m {
			if all[label] == nil {
				all[label] = map[string]bool{}
			}
			maps.Copy(all[label], values)
		}
	}
	return all
}

// templates are the queries in annotations; the rest is prose.
func templates(annotations map[string]string) (out []string) {
	for _, text := range annotations {
		for _, m := range regexp.MustCompile(`printf "((?:[^"\\]|\\.)*connectycube_(?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(text, -1) {
			out = append(out, strings.ReplaceAll(m[1], `\"`, `"`))
		}
	}
	return out
}

// A typing error in a test's series would make its trap harmless.
func TestTestsFeedWhatTheExporterShows(t *testing.T) {
	known := readMetrics(t)
	for _, test := range readTests(t) {
		for _, in := range test.InputSeries {
			m := selector.FindStringSubmatch(in.Series)
			if m == nil || known[m[1]] == nil {
				t.Errorf("%s: nothing shows %s", test.Name, in.Series)
				continue
			}
			given := parseLabels(m[2])
			for label := range known[m[1]] {
				if _, ok := given[label]; !ok && m[1] != "up" {
					t.Errorf("%s: %s lacks the label %s", test.Name, in.Series, label)
				}
			}
			for label, value := range given {
				values := known[m[1]][label]
				if values == nil && !slices.Contains(target, label) && label != "pod" {
					t.Errorf("%s: %s has no label %s", test.Name, in.Series, label)
				}
				if fixed := label == "window" || label == "dialog_type" || label == "endpoint"; fixed && !values[value] {
					t.Errorf("%s: %s of %s is never %q", test.Name, label, m[1], value)
				}
			}
		}
	}
}
