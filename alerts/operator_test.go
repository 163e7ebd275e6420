package alerts_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the PrometheusRule")

const rulesForOperator = "operator/prometheusrule.yaml"

// The groups of all rule files, with their comments, as an object of the
// Prometheus Operator.
func TestPrometheusRuleIsCurrent(t *testing.T) {
	groups := &yaml.Node{Kind: yaml.SequenceNode}
	for _, name := range files(t, "*.rules.yml") {
		var file struct{ Groups yaml.Node }
		readYAML(t, name, &file)
		groups.Content = append(groups.Content, file.Groups.Content...)
	}
	if len(groups.Content) < 2 {
		t.Fatalf("only %d groups", len(groups.Content))
	}
	out := bytes.NewBufferString("# Made of alerts/*.rules.yml by: go test ./alerts -run PrometheusRule -update\n")
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	type object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct {
			Name   string
			Labels map[string]string
		}
		Spec struct{ Groups *yaml.Node }
	}
	rule := object{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"}
	rule.Metadata.Name = "connectycube-exporter"
	rule.Metadata.Labels = map[string]string{"app.kubernetes.io/name": "connectycube-exporter"}
	rule.Spec.Groups = groups
	if err := enc.Encode(rule); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(rulesForOperator, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(rulesForOperator)
	if err != nil || !bytes.Equal(got, out.Bytes()) {
		t.Errorf("%s is not of the rules as they are now (%v): go test ./alerts -run PrometheusRule -update", rulesForOperator, err)
	}

	// And what a reader of it finds are the rules, word for word.
	var read struct {
		Spec struct{ Groups []map[string]any }
	}
	readYAML(t, rulesForOperator, &read)
	var want []map[string]any
	for _, name := range files(t, "*.rules.yml") {
		var file struct{ Groups []map[string]any }
		readYAML(t, name, &file)
		want = append(want, file.Groups...)
	}
	if !equal(t, read.Spec.Groups, want) {
		t.Errorf("%s holds other rules", rulesForOperator)
	}
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := yaml.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}
