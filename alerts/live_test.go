package alerts_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

// The story of TestADayOfAlerts: minutes since the exporter was started, at
// eight on a Monday morning.
const (
	armed = 15 // at the latest

	cut, cutEnds             = 240, 300 // at noon nobody's messages arrive, for an hour
	broken, brokenEnds       = 420, 460 // the API answers 500, and the chat goes on
	refused, refusedEnds     = 540, 570 // the API refuses the key
	secondCut, secondCutEnds = 660, 720 // again no messages, and meanwhile
	restart                  = 690      // the exporter is restarted: one scrape fails
	theEnd                   = 900

	silent, apiErrors, keyRefused = "ConnectyCubeChatSilent", "ConnectyCubeAPIErrors", "ConnectyCubeKeyRefused"
)

// phases are what the rules have to say in the course of that day. Each begins
// where the one before ends.
var phases = []struct {
	ends  int
	alert string // the only one that fires; "": none

	begin, first int // it fires first this many minutes after begin, at the latest
	back, last   int // and last as many after back, at the latest
	kept         int // and at the earliest
}{
	{ends: cut},
	{ends: broken, alert: silent, begin: cut, first: 25, back: cutEnds, last: 38, kept: 30},
	{ends: refused, alert: apiErrors, begin: broken, first: 20, back: brokenEnds, last: 10},
	{ends: secondCut, alert: keyRefused, begin: refused, first: 15, back: refusedEnds, last: 10},
	{ends: theEnd, alert: silent, begin: secondCut, first: 25, back: secondCutEnds, last: 38, kept: 30},
}

// TestADayOfAlerts lets an exporter at its defaults watch a chat through a day
// of troubles, takes from it every minute what Prometheus would, and has the
// real promtool say which of the alerts fire when.
func TestADayOfAlerts(t *testing.T) {
	promtool.Path(t) // it may take minutes, which do not fit into a bubble
	s := &scraped{used: metricsOfRules(t), series: map[string][]string{}}
	var began time.Time
	synctest.Test(t, func(t *testing.T) { began = theDay(t, s) })

	file := filepath.Join(t.TempDir(), "day_test.yml")
	var rules []string
	for _, r := range files(t, "*.rules.yml") {
		path, err := filepath.Abs(r)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, path)
	}
	data, err := yaml.Marshal(map[string]any{
		"rule_files":          rules,
		"evaluation_interval": "1m",
		"group_eval_order":    []string{"connectycube-exporter", "connectycube-chat"},
		"tests": []any{map[string]any{
			"start_timestamp":  began.Format(time.RFC3339),
			"input_series":     s.input(),
			"promql_expr_test": expectations(began),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "test", "rules", file)
}

// theDay lets the story happen, and scrapes an exporter each minute of it.
func theDay(t *testing.T, s *scraped) (began time.Time) {
	time.Sleep(2*24*time.Hour + 8*time.Hour) // bubbles begin with a Saturday
	began = time.Now().UTC()
	api := chatapitest.New(chatapitest.Config{
		Seed: 1, Dialogs: 200, Weeks: 8,
		Traffic: &chatapitest.Traffic{PerHour: 250, Talk: 6},
	})
	key := api.Key()
	var state []byte
	exporter := newExporter(t, api, state)
	for minute := range theEnd + 1 {
		s.scrape(t, exporter)
		switch minute {
		case armed:
			if ready, bound := s.last(historyReady), s.last("connectycube_activity_silence_bound_messages"); ready != "1" || strings.HasPrefix(bound, "-") {
				t.Errorf("after %d minutes %s of the history is ready, and the bound of silence is %s", minute, ready, bound)
			}
		case cut, secondCut:
			api.SetTraffic(0)
		case cutEnds, secondCutEnds:
			api.SetTraffic(1)
		case broken:
			api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusInternalServerError})
		case brokenEnds:
			api.ClearFaults()
		case refused:
			api.SetKey("another")
		case refusedEnds:
			api.SetKey(key)
		case restart - 1:
			state = exporter.stop(t)
			exporter = nil
		case restart:
			exporter = newExporter(t, api, state)
		}
		live(api, time.Minute)
	}
	exporter.stop(t)
	return began
}

// live lets time pass, and the sandbox with it.
func live(api *chatapitest.Server, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(10 * time.Second)
		api.Step(time.Now())
	}
	synctest.Wait()
}

// exporter is what stands behind /metrics, with the settings of one that was
// started without flags.
type exporter struct {
	fleet    *collector.Fleet
	registry *prometheus.Registry
}

func newExporter(t *testing.T, api *chatapitest.Server, state []byte) *exporter {
	t.Helper()
	windows, err := collector.ParseWindows("15m,1h,6h,1d,7d,30d")
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{collector.NewFleet(collector.Settings{PollInterval: time.Minute, Windows: windows}, log.NewNopLogger()), prometheus.NewRegistry()}
	t.Cleanup(e.fleet.Close)
	e.registry.MustRegister(e.fleet)
	if state != nil {
		if err := e.fleet.Restore(state); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.fleet.Apply([]collector.Target{{
		Name: "shop", URL: "https://sandbox.invalid", Key: chatapi.NewSecret(api.Key()),
		Timeout: 10 * time.Second, RateLimit: 2, Concurrency: 4, Transport: api.Transport(),
	}}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *exporter) stop(t *testing.T) (state []byte) {
	t.Helper()
	e.fleet.Close()
	state, err := e.fleet.Save()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// scraped are the series that rules use, as a test of promtool has them: a
// value a minute, "_" before the first, "stale" where Prometheus would say so.
type scraped struct {
	used    map[string]bool
	minutes int
	series  map[string][]string
}

const exporterLabels = `job="connectycube",instance="exporter:10425"`

// scrape is one of Prometheus; it fails without an exporter.
func (s *scraped) scrape(t *testing.T, e *exporter) {
	t.Helper()
	now := map[string]string{"up{" + exporterLabels + "}": "0"}
	if e != nil {
		now["up{"+exporterLabels+"}"] = "1"
		families, err := e.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !s.used[f.GetName()] || f.GetType() == dto.MetricType_HISTOGRAM {
				continue
			}
			for _, m := range f.GetMetric() {
				var labels strings.Builder
				for _, l := range m.GetLabel() {
					fmt.Fprintf(&labels, "%s=%q,", l.GetName(), l.GetValue())
				}
				now[f.GetName()+"{"+labels.String()+exporterLabels+"}"] = strconv.FormatFloat(m.GetGauge().GetValue()+m.GetCounter().GetValue(), 'g', -1, 64)
			}
		}
	}
	for name := range now {
		if s.series[name] == nil {
			s.series[name] = slices.Repeat([]string{"_"}, s.minutes)
		}
	}
	for name, values := range s.series {
		value, there := now[name]
		if !there {
			value = "_"
			if last := values[len(values)-1]; last != "_" && last != "stale" {
				value = "stale"
			}
		}
		s.series[name] = append(values, value)
	}
	s.minutes++
}

// last is the latest value of the one series of a metric.
func (s *scraped) last(metric string) string {
	for name, values := range s.series {
		if strings.HasPrefix(name, metric+"{") {
			return values[len(values)-1]
		}
	}
	return "absent"
}

// input is what was scraped, as input_series.
func (s *scraped) input() (out []map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(s.series)) {
		out = append(out, map[string]string{"series": name, "values": strings.Join(s.series[name], " ")})
	}
	return out
}

const historyReady = "connectycube_activity_history_ready_ratio"

// metricsOfRules are those that expressions and annotations name.
func metricsOfRules(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{historyReady: true} // which tells when to begin
	for _, file := range files(t, "*.rules.yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range name.FindAllString(string(text), -1) {
			used[n] = true
		}
	}
	return used
}

// sample is what promtool expects an expression to give.
type sample struct {
	Labels string
	Value  float64
}

// expectations are what promtool has to find.
func expectations(began time.Time) (out []any) {
	expect := func(minute int, expr string, samples ...sample) {
		out = append(out, map[string]any{"expr": expr, "eval_time": fmt.Sprintf("%dm", minute), "exp_samples": samples})
	}
	at := func(minute int) int64 { return began.Unix() + int64(minute)*60 }
	from := 0
	for _, p := range phases {
		last, length := p.ends-1, p.ends-from
		all := fmt.Sprintf(`count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[%dm]))`, length)
		if from = p.ends; p.alert == "" {
			expect(last, all)
			continue
		}
		expect(last, all, sample{fmt.Sprintf("{alertname=%q}", p.alert), 1})
		labels := fmt.Sprintf(`{alertname=%q,application="shop"}`, p.alert)
		fires := fmt.Sprintf(`ALERTS{alertname=%q,application="shop",alertstate="firing"}`, p.alert)
		first := fmt.Sprintf("min_over_time(timestamp(%s)[%dm:1m])", fires, length)
		end := fmt.Sprintf("max_over_time(timestamp(%s)[%dm:1m])", fires, length)
		for _, is := range []string{
			fmt.Sprintf("%s > bool %d", first, at(p.begin)), fmt.Sprintf("%s <= bool %d", first, at(p.begin+p.first)),
			fmt.Sprintf("%s >= bool %d", end, at(p.back+p.kept)), fmt.Sprintf("%s <= bool %d", end, at(p.back+p.last)),
			// Without a break, and since one moment.
			fmt.Sprintf("%s - %s == bool 60 * (count_over_time(%s[%dm]) - 1)", end, first, fires, length),
		} {
			expect(last, "sum by (alertname, application) ("+is+")", sample{labels, 1})
		}
		expect(p.back, fmt.Sprintf("sum by (alertname, application) (changes(ALERTS_FOR_STATE%s[%dm]))", labels, p.back-p.begin-p.first), sample{labels, 0})
	}
	expect(restart, "count(up == 0)", sample{"{}", 1})
	expect(theEnd, "ALERTS")
	return out
}
