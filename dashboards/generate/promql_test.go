package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/connectycube-exporter/connectycube_exporter/internal/boards"
	"github.com/connectycube-exporter/connectycube_exporter/internal/exposed"
)

func TestBoardsAreCurrent(t *testing.T) {
	var files []string
	for _, b := range list() {
		files = append(files, b.file)
		want, err := b.render()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", b.file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what is generated: go run -C dashboards/generate . ..", b.file)
		}
	}
	for _, b := range read(t) {
		if !slices.Contains(files, b.File) {
			t.Errorf("%s is generated no more", b.File)
		}
	}
}

func read(t *testing.T) []boards.Board {
	t.Helper()
	bs, err := boards.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	return bs
}

// What Grafana puts in the place of its own variables: times that stand nowhere
// in a query.
const (
	rateInterval = 11 * time.Minute
	interval     = 7 * time.Minute
)

func parse(text string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(boards.Substitute(text, map[string]string{
		"__rate_interval": "11m", "__interval": "7m",
	}))
}

// TestQueriesOfPanels holds every query against the real parser, the metrics and
// labels that the exporter shows, and the rules of Grafana's dashboard linter.
func TestQueriesOfPanels(t *testing.T) {
	known := metrics(t)
	for _, b := range read(t) {
		inRepeat := false
		for _, p := range b.All() {
			if p.Type == "row" {
				inRepeat = p.Repeat == "application"
			}
			for _, q := range p.Targets {
				t.Run(fmt.Sprintf("%s/%d%s", b.UID, p.ID, q.RefID), func(t *testing.T) {
					expr, err := parse(q.Expr)
					if err != nil {
						t.Fatalf("%s: %v\n%s", p.Title, err, q.Expr)
					}
					checkSelectors(t, known, expr)
					checkRates(t, expr)
					has := resultLabels(t, known, expr)
					for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
						if !slices.Contains(has, m[1]) {
							t.Errorf("the legend %q: the result has no label %s, but %v", q.LegendFormat, m[1], has)
						}
					}
					if q.Format != "table" && len(has) > 0 && !strings.Contains(q.LegendFormat, "{{") && !(inRepeat && slices.Equal(has, []string{"application"})) {
						t.Errorf("several series are called %q: they differ in %v", q.LegendFormat, has)
					}
					if p.Type == "stat" && !strings.Contains(q.LegendFormat, "{{") && len(has) > 0 {
						t.Errorf("a single number with the labels %v", has)
					}
				})
			}
		}
	}
}

// metrics are those of the exporter, and those that Prometheus makes itself.
func metrics(t *testing.T) exposed.Metrics {
	t.Helper()
	known, err := exposed.Read(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	known.Add("up", nil)
	known.Add("scrape_duration_seconds", nil)
	known.Add("ALERTS", map[string]string{"alertname": "", "application": "", "alertstate": "firing", "severity": ""})
	return known
}

// checkSelectors wants known metrics and labels, chosen by the variables.
func checkSelectors(t *testing.T, known exposed.Metrics, expr parser.Expr) {
	t.Helper()
	found := false
	for _, matchers := range parser.ExtractSelectors(expr) {
		found = true
		by := map[string]string{}
		name := metricName(matchers)
		for _, m := range matchers {
			if m.Name == model.MetricNameLabel {
				continue
			}
			by[m.Name] = m.Type.String() + m.Value
			switch values, ok := known[name][m.Name]; {
			case m.Name == "job" || m.Name == "instance" || m.Name == "application":
			case !ok:
				t.Errorf("%s has no label %s", name, m.Name)
			case m.Type == labels.MatchEqual && !values[m.Value]:
				t.Errorf("%s of %s is never %q", m.Name, name, m.Value)
			case m.Type == labels.MatchRegexp && m.Name == "window":
				for v := range strings.SplitSeq(m.Value, "|") {
					if !values[v] {
						t.Errorf("%s of %s is never %q", m.Name, name, v)
					}
				}
			}
		}
		labels, ok := known[name]
		if !ok {
			t.Errorf("nothing shows %s", name)
			continue
		}
		want := map[string]string{"job": "=~$job", "instance": "=~$instance"}
		if _, ok := labels["application"]; ok {
			want["application"] = "=~$application"
		}
		for label, matcher := range want {
			if by[label] != matcher {
				t.Errorf("%s is chosen by %s%q, not by its variable", name, label, by[label])
			}
		}
	}
	if !found {
		t.Error("asks for no metric")
	}
}

func metricName(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			return m.Value
		}
	}
	return ""
}

// checkRates wants counters inside of rate, irate or increase, and those over
// Grafana's own interval.
func checkRates(t *testing.T, expr parser.Expr) {
	t.Helper()
	rates := []string{"rate", "irate", "increase"}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		var call string
		for _, parent := range path {
			if c, ok := parent.(*parser.Call); ok {
				call = c.Func.Name
			}
		}
		switch n := node.(type) {
		case *parser.MatrixSelector:
			if slices.Contains(rates, call) && n.Range != rateInterval {
				t.Errorf("%s over %s, not over $__rate_interval", call, n.Range)
			}
		case *parser.VectorSelector:
			if strings.HasSuffix(n.Name, "_total") && !slices.Contains(rates, call) {
				t.Errorf("the counter %s outside of rate", n.Name)
			}
			if n.OriginalOffset < 0 && n.OriginalOffset != -interval {
				t.Errorf("%s looks %s ahead, not one step", n.Name, -n.OriginalOffset)
			}
		}
		return nil
	})
}

// resultLabels are the labels that tell the series of a result apart. It wants
// grouping and matching to be by labels that are there.
func resultLabels(t *testing.T, known exposed.Metrics, expr parser.Expr) []string {
	t.Helper()
	of := func(e parser.Expr) []string { return resultLabels(t, known, e) }
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return slices.Sorted(maps.Keys(merge(known[e.Name], "job", "instance")))
	case *parser.MatrixSelector:
		return of(e.VectorSelector)
	case *parser.SubqueryExpr:
		return of(e.Expr)
	case *parser.ParenExpr:
		return of(e.Expr)
	case *parser.UnaryExpr:
		return of(e.Expr)
	case *parser.StepInvariantExpr:
		return of(e.Expr)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return nil
	case *parser.AggregateExpr:
		in := of(e.Expr)
		for _, label := range e.Grouping {
			if !slices.Contains(in, label) {
				t.Errorf("groups by %s, which is not among %v of %s", label, in, e.Expr)
			}
		}
		if e.Without {
			return slices.DeleteFunc(in, func(l string) bool { return slices.Contains(e.Grouping, l) })
		}
		return slices.Sorted(slices.Values(e.Grouping))
	case *parser.Call:
		return callLabels(t, e, of)
	case *parser.BinaryExpr:
		return binaryLabels(t, e, of(e.LHS), of(e.RHS))
	}
	t.Fatalf("an expression of the kind %T", expr)
	return nil
}

func callLabels(t *testing.T, e *parser.Call, of func(parser.Expr) []string) []string {
	t.Helper()
	var in []string
	for _, arg := range e.Args {
		if kind := arg.Type(); kind == parser.ValueTypeVector || kind == parser.ValueTypeMatrix {
			in = of(arg)
		}
	}
	switch e.Func.Name {
	case "label_replace":
		in = append(in, e.Args[1].(*parser.StringLiteral).Val)
	case "histogram_quantile":
		in = slices.DeleteFunc(in, func(l string) bool { return l == "le" })
	}
	slices.Sort(in)
	return slices.Compact(in)
}

func binaryLabels(t *testing.T, e *parser.BinaryExpr, left, right []string) []string {
	t.Helper()
	if e.LHS.Type() == parser.ValueTypeScalar {
		return right
	}
	if e.RHS.Type() == parser.ValueTypeScalar {
		return left
	}
	m := e.VectorMatching
	both := func(l string) bool { return slices.Contains(left, l) && slices.Contains(right, l) }
	for _, label := range m.MatchingLabels {
		if !both(label) {
			t.Errorf("matches on %s, which not both sides have: %v, %v: %s", label, left, right, e)
		}
	}
	switch {
	case e.Op == parser.LOR:
		for _, l := range right {
			if !slices.Contains(left, l) {
				left = append(left, l)
			}
		}
		slices.Sort(left)
		return left
	case e.Op.IsSetOperator(), m.Card == parser.CardManyToOne:
		if !m.On && !slices.Equal(left, right) {
			t.Errorf("%s: sides with the labels %v and %v never match", e, left, right)
		}
		return slices.Sorted(slices.Values(append(left, m.Include...)))
	case m.On:
		return m.MatchingLabels
	case !slices.Equal(left, right):
		t.Errorf("%s: sides with the labels %v and %v never match", e, left, right)
	}
	return left
}

func merge(m map[string]map[string]bool, more ...string) map[string]bool {
	out := map[string]bool{}
	for l := range m {
		out[l] = true
	}
	for _, l := range more {
		out[l] = true
	}
	return out
}

func TestAnnotationsAndVariables(t *testing.T) {
	known := metrics(t)
	values := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, b := range read(t) {
		for _, a := range b.Annotations.List {
			expr, err := parse(a.Expr)
			if err != nil {
				t.Fatalf("%s: %s: %v", b.UID, a.Name, err)
			}
			if a.Target.Expr != a.Expr {
				t.Errorf("%s: %s asks for %q and for %q", b.UID, a.Name, a.Expr, a.Target.Expr)
			}
			for _, matchers := range parser.ExtractSelectors(expr) {
				if name := metricName(matchers); known[name] == nil {
					t.Errorf("%s: %s: nothing shows %s", b.UID, a.Name, name)
				}
			}
			resultLabels(t, known, expr)
		}
		for _, v := range b.Templating.List {
			if v.Type != "query" {
				continue
			}
			text := v.Query.(map[string]any)["query"].(string)
			m := values.FindStringSubmatch(text)
			if m == nil {
				t.Errorf("%s: the variable %s asks %q", b.UID, v.Name, text)
				continue
			}
			expr, err := parse(m[1])
			if err != nil {
				t.Fatalf("%s: the variable %s: %v", b.UID, v.Name, err)
			}
			if got := resultLabels(t, known, expr); !slices.Contains(got, m[2]) {
				t.Errorf("%s: the variable %s takes values of %s, which is not among %v", b.UID, v.Name, m[2], got)
			}
		}
	}
}
