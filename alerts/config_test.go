package alerts_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

// promtool only warns of missing target files, and not at all of rule files.
func TestPromtoolChecksTheConfiguration(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), promtool.Path(t), "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml").CombinedOutput()
	if err != nil {
		t.Fatalf("promtool check config: %v\n%s", err, out)
	}
	for _, name := range files(t, "*.rules.yml") {
		if !strings.Contains(string(out), "Checking "+name+"\n") {
			t.Errorf("the configuration does not load %s:\n%s", name, out)
		}
	}
}

func TestConfigurationOfPrometheus(t *testing.T) {
	type discovery []struct {
		FileSD []struct{ Files []string } `yaml:"file_sd_configs"`
	}
	var config struct {
		Global struct {
			ExternalLabels map[string]string `yaml:"external_labels"`
		}
		Alerting struct{ Alertmanagers discovery }
		Scrape   []struct {
			Job    string                     `yaml:"job_name"`
			FileSD []struct{ Files []string } `yaml:"file_sd_configs"`
			Native bool                       `yaml:"scrape_native_histograms"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "prometheus.yml", &config)
	if config.Global.ExternalLabels["grafana_url"] == "" {
		t.Error("the links in alerts need the external label grafana_url")
	}
	if len(config.Scrape) != 1 || !config.Scrape[0].Native || !strings.Contains(config.Scrape[0].Job, "connectycube") {
		t.Fatalf("scraped is %+v", config.Scrape)
	}
	if len(config.Alerting.Alertmanagers) != 1 {
		t.Fatalf("alerts go to %+v", config.Alerting.Alertmanagers)
	}

	// Both sets of target files are whole: those beside the configuration, and
	// those that stand in for them in a container.
	for name, want := range map[string]string{"exporter": "10425", "alertmanager": "9093"} {
		sd := config.Scrape[0].FileSD
		if name == "alertmanager" {
			sd = config.Alerting.Alertmanagers[0].FileSD
		}
		if len(sd) != 1 || !slices.Equal(sd[0].Files, []string{"targets/" + name + ".yml"}) {
			t.Errorf("%s is looked for in %v", name, sd)
		}
		for dir, host := range map[string]string{"targets/": "localhost", "targets/compose/": name} {
			var groups []struct{ Targets []string }
			readYAML(t, dir+name+".yml", &groups)
			if len(groups) != 1 || !slices.Equal(groups[0].Targets, []string{host + ":" + want}) {
				t.Errorf("%s%s.yml has %v", dir, name, groups)
			}
		}
	}
}
