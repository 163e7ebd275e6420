// Package exposed knows which metrics the exporter shows, from its golden files,
// for the tests that hold rules and dashboards against them.
package exposed

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Descriptions is the golden file of all metrics and their labels, in which each
// line is like connectycube_new_dialogs{application,window}.
const Descriptions = "internal/cli/testdata/metrics.golden"

// samples is the golden file of an exposition, which has values of labels too.
const samples = "collector/testdata/metrics.golden"

// Metrics are the values of each label of each metric, as far as the golden
// files have any.
type Metrics map[string]map[string]map[string]bool

// Add adds a metric, or labels and values to it.
func (m Metrics) Add(name string, labels map[string]string) {
	if m[name] == nil {
		m[name] = map[string]map[string]bool{}
	}
	for label, value := range labels {
		if m[name][label] == nil {
			m[name][label] = map[string]bool{}
		}
		if value != "" {
			m[name][label][value] = true
		}
	}
}

// Standard are the metrics of the program that are not the exporter's own and
// that boards use.
func Standard() []string {
	return []string{"go_goroutines", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"}
}

var (
	description = regexp.MustCompile(`^(\w+)(?:\{([\w,]*)\})?$`)
	sample      = regexp.MustCompile(`^(\w+)\{([^}]*)\} `)
	pair        = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// Read reads the golden files of the repository at root. Labels that Prometheus
// adds, job and instance, are not among those of a metric.
func Read(root string) (Metrics, error) {
	out := Metrics{}
	err := lines(filepath.Join(root, Descriptions), func(line string) error {
		m := description.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("no metric: %q", line)
		}
		labels := map[string]string{}
		for label := range strings.SplitSeq(m[2], ",") {
			if label != "" {
				labels[label] = ""
			}
		}
		out.Add(m[1], labels)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range Standard() {
		out.Add(name, nil)
	}
	err = lines(filepath.Join(root, samples), func(line string) error {
		if m := sample.FindStringSubmatch(line); m != nil {
			labels := map[string]string{}
			for _, p := range pair.FindAllStringSubmatch(m[2], -1) {
				labels[p[1]] = p[2]
			}
			out.Add(m[1], labels)
		}
		return nil
	})
	return out, err
}

func lines(path string, do func(line string) error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
