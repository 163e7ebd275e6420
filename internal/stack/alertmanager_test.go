package stack

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/common/model"
)

func TestAlertmanagerConfiguration(t *testing.T) {
	c, err := config.LoadFile(filepath.Join(repository, "alerts/alertmanager.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"alertname", "application"} {
		if !slices.Contains(c.Route.GroupBy, model.LabelName(label)) {
			t.Errorf("alerts are not grouped by %s", label)
		}
	}
	if len(c.InhibitRules) != 1 || !slices.Equal(c.InhibitRules[0].Equal, []string{"application"}) {
		t.Errorf("inhibited is %+v", c.InhibitRules)
	}
	// Alertmanager forgets after --data.retention what it has told.
	longest := time.Duration(0)
	for _, route := range c.Route.Routes {
		if route.RepeatInterval != nil {
			longest = max(longest, time.Duration(*route.RepeatInterval))
		}
	}
	for kind, p := range projects(t) {
		keeps, err := time.ParseDuration(flagOf(t, p.Services["alertmanager"], "data.retention"))
		if err != nil || keeps <= longest {
			t.Errorf("%s: it keeps %s, and repeats after %s (%v)", kind, keeps, longest, err)
		}
	}
}
