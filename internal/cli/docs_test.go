package cli

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/exposed"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compare wants the names in the README to be those of the program.
func compare(t *testing.T, what string, program, readme []string) {
	t.Helper()
	for _, name := range program {
		if !slices.Contains(readme, name) {
			t.Errorf("the README lacks the %s %s", what, name)
		}
	}
	for _, name := range readme {
		if !slices.Contains(program, name) {
			t.Errorf("the README tells of the %s %s, which the program does not have", what, name)
		}
	}
}

func TestReadmeHasEveryFlag(t *testing.T) {
	t.Parallel()
	app, _, _ := newApplication()
	model := app.Model()
	var flags, variables []string
	add := func(group []*kingpin.FlagModel) {
		for _, flag := range group {
			if flag.Name == "version" || strings.HasPrefix(flag.Name, "help") || strings.HasPrefix(flag.Name, "completion") {
				continue
			}
			flags = append(flags, flag.Name)
			if flag.Envar != "" {
				variables = append(variables, flag.Envar)
			}
		}
	}
	add(model.Flags)
	for _, command := range model.FlattenedCommands() {
		add(command.Flags)
	}

	// Lines of other programs have flags of their own, and what they set.
	text := regexp.MustCompile(`(?m)^\$ (?:\w+=\S+ |\\\n +)*(?:docker|kubectl|promtool|prometheus|alertmanager|bin/grafana) (?:.*\\\n)*.*$`).ReplaceAllString(readme(t), "")
	for _, line := range []string{"$ docker ", "\n$ promtool ", "bin/grafana "} {
		if !strings.Contains(readme(t), line) || strings.Contains(text, line) {
			t.Errorf("%q is not left out", line)
		}
	}
	var told []string
	for _, m := range regexp.MustCompile(`--(\[no-\]|no-)?([a-z]+([.-][a-z]+)*)`).FindAllStringSubmatch(text, -1) {
		told = append(told, m[2])
	}
	compare(t, "flag", flags, told)
	const ofCompose = "CONNECTYCUBE_API_KEY_FILE" // compose.real.yaml asks for it
	compare(t, "environment variable", append(variables, keyVariable, ofCompose), regexp.MustCompile(`CONNECTYCUBE_[A-Z_]+[A-Z]`).FindAllString(text, -1))
}

// The settings table tells the defaults, too.
func TestReadmeHasTheDefaults(t *testing.T) {
	t.Parallel()
	app, f, _ := newApplication()
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `--(?:\\[no-\\])?([a-z.-]+)` \\| `([A-Z_]+)` \\| (.*?) \\|").FindAllStringSubmatch(readme(t), -1) {
		rows[m[1]] = m[3]
		if m[2] != envName(m[1]) {
			t.Errorf("--%s: the README has the variable %s", m[1], m[2])
		}
	}
	for _, flag := range app.Model().Flags {
		if f.given[flag.Name] == nil {
			continue
		}
		want := "`" + strings.Join(flag.Default, ",") + "`"
		switch {
		case flag.IsBoolFlag() && slices.Equal(flag.Default, []string{"true"}):
			want = "on"
		case flag.IsBoolFlag():
			want = "off"
		case want == "``":
			want = "none"
		}
		if rows[flag.Name] != want {
			t.Errorf("--%s: the README has the default %q, want %q", flag.Name, rows[flag.Name], want)
		}
	}
}

// exposition are all metrics of the program with their labels, such as
// connectycube_new_dialogs{application,window}.
func exposition(t *testing.T) []string {
	t.Helper()
	windows, err := collector.ParseWindows("1h")
	if err != nil {
		t.Fatal(err)
	}
	fleet := collector.NewFleet(collector.Settings{PollInterval: leastPollInterval, Windows: windows}, log.NewNopLogger())
	state := newKeeper(&fakeFile{}, fleet, log.NewNopLogger())
	registry := newRegistry(fleet, newReloader(fleet, nil, log.NewNopLogger()), state)
	descs := make(chan *prometheus.Desc, 1000)
	registry.Describe(descs)
	close(descs)
	form := regexp.MustCompile(`fqName: "(\w+)".* constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)
	constant := regexp.MustCompile(`(\w+)="[^"]*"`)
	var out []string
	for d := range descs {
		m := form.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a description like none: %s", d)
		}
		labels := strings.FieldsFunc(m[3], func(c rune) bool { return c == ',' })
		for _, c := range constant.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, c[1])
		}
		slices.Sort(labels)
		out = append(out, m[1]+"{"+strings.Join(labels, ",")+"}")
	}
	slices.Sort(out)
	return out
}

// TestGoldenMetrics keeps the list that the tests of rules and dashboards read.
func TestGoldenMetrics(t *testing.T) {
	t.Parallel()
	all := exposition(t)
	var own []string
	for _, m := range all {
		if strings.HasPrefix(m, "connectycube_") {
			own = append(own, m)
		}
	}
	path := filepath.Join("..", "..", exposed.Descriptions)
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(own, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields(string(golden)); !slices.Equal(own, want) {
		t.Errorf("the metrics are\n%s\nand not\n%s\nif this is meant: go test ./internal/cli -run Golden -update", strings.Join(own, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range exposed.Standard() {
		if !slices.Contains(all, name+"{}") {
			t.Errorf("nothing shows %s without labels", name)
		}
	}
}

func TestReadmeHasEveryMetric(t *testing.T) {
	t.Parallel()
	var metrics []string
	for _, m := range exposition(t) {
		if name, _, _ := strings.Cut(m, "{"); strings.HasPrefix(name, "connectycube_") {
			metrics = append(metrics, name)
		}
	}

	text := readme(t)
	_, table, found := strings.Cut(text, "## Metrics")
	if !found {
		t.Fatal("no section about metrics")
	}
	var told []string
	for _, line := range strings.Split(table, "\n") {
		if first, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && strings.HasPrefix(line, "| `connectycube_") {
			told = append(told, regexp.MustCompile(`connectycube_[a-z_]+`).FindAllString(first, -1)...)
		}
	}
	compare(t, "metric", metrics, told)

	// And no recipe or remark speaks of others.
	const volume = "connectycube_past" // of compose.real.yaml
	for _, word := range regexp.MustCompile(`\bconnectycube_[a-z_]*[a-z]\b`).FindAllString(text, -1) {
		if word != Name && word != volume && !slices.Contains(metrics, word) {
			t.Errorf("the README speaks of %s, which is no metric", word)
		}
	}
}
