// Package alerts_test runs the alerts' own tests with the real promtool, and
// holds rules, tests, runbook and metrics against each other.
package alerts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

func TestPromtoolChecksTheRules(t *testing.T) {
	run(t, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files(t, "*.rules.yml")...)...)
}

func TestPromtoolTestsTheRules(t *testing.T) {
	promtool.Path(t) // once, before they run side by side
	for _, name := range files(t, "*_test.yml") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, "test", "rules", name)
		})
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), promtool.Path(t), args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no file is named %s (%v)", pattern, err)
	}
	return found
}

// rule is a recording rule or an alert.
type rule struct {
	Record, Alert, Expr string
	For                 string
	KeepFiringFor       string `yaml:"keep_firing_for"`
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) (alerts, records []rule) {
	t.Helper()
	for _, name := range files(t, "*.rules.yml") {
		var in struct {
			Groups []struct{ Rules []rule }
		}
		readYAML(t, name, &in)
		for _, g := range in.Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					alerts = append(alerts, r)
				} else {
					records = append(records, r)
				}
			}
		}
	}
	if len(alerts) < 11 || len(records) == 0 {
		t.Fatalf("read only %d alerts and %d recording rules", len(alerts), len(records))
	}
	return alerts, records
}

type ruleTest struct {
	Name        string
	InputSeries []struct{ Series string } `yaml:"input_series"`
	AlertTests  []struct {
		Name string `yaml:"alertname"`
		Exp  []struct {
			Annotations map[string]string `yaml:"exp_annotations"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
}

func readTests(t *testing.T) (tests []ruleTest) {
	t.Helper()
	for _, name := range files(t, "*_test.yml") {
		var in struct{ Tests []ruleTest }
		readYAML(t, name, &in)
		tests = append(tests, in.Tests...)
	}
	return tests
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestEveryAlertFiresInATestAndDoesNotInAnother(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range readTests(t) {
		for _, a := range test.AlertTests {
			if len(a.Exp) == 0 {
				quiet[a.Name] = true
			}
			for _, e := range a.Exp {
				fires[a.Name] = fires[a.Name] || len(e.Annotations) > 0
			}
		}
	}
	alerts, _ := readRules(t)
	for _, a := range alerts {
		if !fires[a.Alert] {
			t.Errorf("no test expects %s to fire, with its annotations", a.Alert)
		}
		if !quiet[a.Alert] {
			t.Errorf("no test expects %s not to fire", a.Alert)
		}
	}
}

func TestAnnotationsAndSeverities(t *testing.T) {
	const (
		runbook   = "https://github.com/connectycube-exporter/connectycube_exporter/blob/main/alerts/RUNBOOK.md#"
		dashboard = "{{ $externalLabels.grafana_url }}/d/connectycube-broken/is-chat-broken?{{ with $labels.application }}var-application={{ . | urlQueryEscape }}&{{ end }}from=now-24h&to=now"
	)
	text, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchors[anchor(m[1])] = true
	}
	alerts, _ := readRules(t)
	seen := map[string]bool{}
	for _, a := range alerts {
		if seen[a.Alert] || !strings.HasPrefix(a.Alert, "ConnectyCube") {
			t.Errorf("%s: the name has another prefix, or is there twice", a.Alert)
		}
		seen[a.Alert] = true
		switch a.Labels["severity"] {
		case "critical":
			if a.Alert != "ConnectyCubeChatSilent" {
				t.Errorf("%s would wake somebody", a.Alert)
			}
		case "warning", "info":
		default:
			t.Errorf("%s has the severity %q", a.Alert, a.Labels["severity"])
		}
		if a.For == "" {
			t.Errorf("%s fires at once", a.Alert)
		}
		summary := a.Annotations["summary"]
		if strings.Contains(summary, "{{") || strings.Count(summary, ".") != 1 || !strings.HasSuffix(summary, ".") {
			t.Errorf("%s: the summary is not one static sentence: %q", a.Alert, summary)
		}
		if !strings.Contains(a.Annotations["description"], "{{") {
			t.Errorf("%s: the description tells nothing of the case: %q", a.Alert, a.Annotations["description"])
		}
		if got := a.Annotations["runbook_url"]; got != runbook+anchor(a.Alert) {
			t.Errorf("%s: runbook_url is %q", a.Alert, got)
		}
		if !anchors[anchor(a.Alert)] {
			t.Errorf("%s has no section in RUNBOOK.md", a.Alert)
		}
		if got := a.Annotations["dashboard_url"]; got != dashboard {
			t.Errorf("%s: dashboard_url is %q", a.Alert, got)
		}
		delete(anchors, anchor(a.Alert))
	}
	for left := range anchors {
		if strings.HasPrefix(left, "connectycube") && left != "connectycube" {
			t.Errorf("RUNBOOK.md has a section #%s, which is no alert", left)
		}
	}
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	heading = regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(heading, " ", "-")
}

func TestRunbookLinksLeadSomewhere(t *testing.T) {
	text, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchors[anchor(m[1])] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
		if !anchors[m[1]] {
			t.Errorf("RUNBOOK.md links to #%s, which is not there", m[1])
		}
	}
}
