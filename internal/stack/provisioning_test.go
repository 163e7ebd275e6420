package stack

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// boards are the files that Grafana takes for dashboards, and their uids.
func boards(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join(repository, "dashboards")
	found := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".json") {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var board struct{ UID, Title string }
		if err := json.Unmarshal(data, &board); err != nil || board.Title == "" {
			t.Errorf("%s is no dashboard: %v", name, err)
		}
		rel, err := filepath.Rel(root, name)
		found[rel] = board.UID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Grafana reads every .json under the directory that it is given, provisioning/
// and the generator's included.
func TestOnlyBoardsAreTakenForBoards(t *testing.T) {
	want := map[string]string{
		"chat-overview.json":     "connectycube-overview",
		"is-chat-broken.json":    "connectycube-broken",
		"mutes-and-dialogs.json": "connectycube-mutes",
		"exporter.json":          "connectycube-exporter",
	}
	found := boards(t)
	for name, uid := range want {
		if found[name] != uid {
			t.Errorf("%s has the uid %q, want %q", name, found[name], uid)
		}
	}
	readme := stackSection(t)
	for name := range found {
		if want[name] == "" {
			t.Errorf("Grafana would take %s for a dashboard", name)
		}
		if !strings.Contains(readme, "(dashboards/"+name+")") {
			t.Errorf("the README does not link %s", name)
		}
	}
}

func TestProvisioning(t *testing.T) {
	var sources struct {
		Version     int `yaml:"apiVersion"`
		DataSources []struct {
			Name, UID, Type, Access, URL string
			Default                      bool `yaml:"isDefault"`
			JSON                         struct {
				Method   string `yaml:"httpMethod"`
				Interval string `yaml:"timeInterval"`
				Alerts   bool   `yaml:"manageAlerts"`
			} `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	readYAML(t, "dashboards/provisioning/datasources/connectycube.yml", &sources)
	if d := sources.DataSources; sources.Version != 1 || len(d) != 1 || d[0].UID != "connectycube-prometheus" || d[0].Type != "prometheus" ||
		d[0].Access != "proxy" || !d[0].Default || d[0].JSON.Method != "POST" {
		t.Errorf("data sources %+v", sources)
	}
	if want := "scrape_interval: " + sources.DataSources[0].JSON.Interval + "\n"; !strings.Contains(read(t, "alerts/prometheus.yml"), want) {
		t.Errorf("Prometheus' configuration lacks %q", want)
	}
	var providers struct {
		Version   int `yaml:"apiVersion"`
		Providers []struct {
			Name, Type, Folder string
			Changes            bool `yaml:"allowUiUpdates"`
			Interval           int  `yaml:"updateIntervalSeconds"`
			Options            struct{ Path string }
		}
	}
	readYAML(t, "dashboards/provisioning/dashboards/connectycube.yml", &providers)
	if p := providers.Providers; providers.Version != 1 || len(p) != 1 || p[0].Type != "file" || p[0].Folder != "ConnectyCube" || p[0].Changes {
		t.Errorf("providers %+v", providers)
	}

	// Whatever Grafana has to fill in is in its environment, and leads somewhere.
	variable := regexp.MustCompile(`^\$\{(\w+)\}$`)
	root, err := filepath.Abs(filepath.Join(repository, "dashboards"))
	if err != nil {
		t.Fatal(err)
	}
	for kind, p := range projects(t) {
		grafana := p.Services["grafana"]
		value := func(name string) string {
			t.Helper()
			if m := variable.FindStringSubmatch(name); m != nil {
				name = m[1]
			}
			v := grafana.Environment[name]
			if v == nil {
				t.Fatalf("%s: Grafana has no %s", kind, name)
			}
			return *v
		}
		if got := hostPath(p, grafana, value(providers.Providers[0].Options.Path)); got != root {
			t.Errorf("%s: boards are read from %q", kind, got)
		}
		if got := hostPath(p, grafana, value("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")); got != filepath.Join(root, "chat-overview.json") {
			t.Errorf("%s: at home is %q", kind, got)
		}
		m := regexp.MustCompile(`^http://(\w+):(\d+)$`).FindStringSubmatch(value(sources.DataSources[0].URL))
		if m == nil {
			t.Fatalf("%s: the data source is at %q", kind, value(sources.DataSources[0].URL))
		}
		if s := p.Services[m[1]]; len(s.Ports) != 1 || s.Ports[0].Published != m[2] {
			t.Errorf("%s: the data source is at %s, which serves %v", kind, m[0], s.Ports)
		}
	}
}
