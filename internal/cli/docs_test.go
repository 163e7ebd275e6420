package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

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

	text := readme(t)
	var told []string
	for _, m := range regexp.MustCompile(`--(\[no-\]|no-)?([a-z]+([.-][a-z]+)*)`).FindAllStringSubmatch(text, -1) {
		told = append(told, m[2])
	}
	compare(t, "flag", flags, told)
	compare(t, "environment variable", append(variables, keyVariable), regexp.MustCompile(`CONNECTYCUBE_[A-Z_]+[A-Z]`).FindAllString(text, -1))
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

func TestReadmeHasEveryMetric(t *testing.T) {
	t.Parallel()
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
	name := regexp.MustCompile(`fqName: "(connectycube_[a-z_]+)"`)
	var metrics []string
	for d := range descs {
		if m := name.FindStringSubmatch(d.String()); m != nil {
			metrics = append(metrics, m[1])
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
	for _, word := range regexp.MustCompile(`\bconnectycube_[a-z_]*[a-z]\b`).FindAllString(text, -1) {
		if word != Name && !slices.Contains(metrics, word) {
			t.Errorf("the README speaks of %s, which is no metric", word)
		}
	}
}
