//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestAlarmInRealTime is the story of an alarm as it takes its time: about an
// hour, with nothing shortened but how long an alert on the chat is kept. So it
// is not among those that "make e2e" runs:
//
//	go test -tags e2e -count=1 -run Alarm -v -timeout 120m ./internal/e2e
//
// The exporter at its defaults learns what is normal in a chat of ten weeks and
// is armed; the chat falls silent, the exporter is restarted meanwhile, the
// alert fires; the chat goes on, the alert ends; the API breaks, and that alone
// is told.
func TestAlarmInRealTime(t *testing.T) {
	prometheus := buildPrometheus(t)
	began := time.Now()
	note := func(format string, args ...any) {
		t.Logf("%s: %s", time.Since(began).Round(time.Second), fmt.Sprintf(format, args...))
	}

	api := chatapitest.New(chatapitest.Config{
		Seed: 11, Dialogs: 500, Weeks: 10,
		Traffic: &chatapitest.Traffic{PerHour: 550, Talk: 6, Zone: lateMorning(began)},
	})
	srv := httptest.NewServer(api)
	live, halt := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { api.Run(live) })
	t.Cleanup(func() {
		halt()
		running.Wait()
		srv.CloseClientConnections()
		srv.Close()
	})
	rows := api.Truth()
	now := time.Now().Unix()
	note("%d messages, %d of them in the last hour", len(rows.Messages), rows.NewMessages(now-3600, now))

	dir := t.TempDir()
	listen := freeAddr(t)
	exporter := func() *program {
		t.Helper()
		cmd := exec.Command(binary, "--app=shop", "--api.url="+srv.URL, "--state.file="+filepath.Join(dir, "state"), "--web.listen-address="+listen)
		cmd.Env = []string{"CONNECTYCUBE_API_KEY=" + api.Key()}
		return serveCommand(t, cmd)
	}
	first := exporter()
	db := freeAddr(t)
	start(t, prometheus, "--config.file="+alarmConfig(t, dir, listen), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+db)

	// within waits for what Prometheus tells, and wants it in time.
	within := func(limit time.Duration, what, expr string, want func(float64) bool) {
		t.Helper()
		for since := time.Now(); ; time.Sleep(time.Second) {
			if v := query(db, expr); want(v) {
				note("%s, %s after what came before (%v)", what, time.Since(since).Round(time.Second), v)
				return
			}
			if time.Since(since) > limit {
				t.Fatalf("%s: this did not come to be in %s: %s, but %v; fired: %v", time.Since(began).Round(time.Second), limit, what, query(db, expr), fired(db))
			}
		}
	}
	positive := func(v float64) bool { return v > 0 }
	one := func(v float64) bool { return v == 1 }
	none := func(v float64) bool { return v == 0 }
	const bound = `connectycube_activity_silence_bound_messages{application="shop"}`

	within(2*time.Minute, "first expectations", `connectycube_activity_expected_messages{application="shop",window="1h"}`, positive)
	within(15*time.Minute-time.Since(began), "armed", `connectycube_activity_history_ready_ratio{application="shop"}`, one)
	note("%d requests", sum(api.RequestCounts()))
	within(7*time.Minute, "silence judged", bound, positive)
	if got := fired(db); len(got) != 0 {
		t.Errorf("fired in a chat that is well: %v", got)
	}

	api.SetTraffic(0)
	cut := time.Now()
	note("the chat is cut")
	time.Sleep(6 * time.Minute)
	if code := first.stop(); code != 0 {
		t.Errorf("the exporter ended with code %d", code)
	}
	asked := sum(api.RequestCounts())
	second := exporter()
	note("the exporter is restarted")
	// Of the new process itself: Prometheus may still know the old one's.
	restarted := time.Now()
	for second.metric(bound) == "" {
		if time.Since(restarted) > time.Minute {
			t.Fatal("a restarted exporter is not armed in a minute")
		}
		time.Sleep(time.Second)
	}
	if ready := second.metric(`connectycube_activity_history_ready_ratio{application="shop"}`); ready != "1" || strings.HasPrefix(second.metric(bound), "-") {
		t.Errorf("a restarted exporter is not armed: %s ready, bound %s", ready, second.metric(bound))
	}
	note("armed again after %s and %d requests of all collectors, bound %s", time.Since(restarted).Round(time.Second), sum(api.RequestCounts())-asked, second.metric(bound))
	within(20*time.Minute-time.Since(cut), "silent alert fires", firing("ConnectyCubeChatSilent"), one)
	note("%s after the cut", time.Since(cut).Round(time.Second))
	note("told: %s", description(db, "ConnectyCubeChatSilent"))
	time.Sleep(3 * time.Minute)
	if query(db, firing("ConnectyCubeChatSilent")) != 1 {
		t.Error("the silent alert ended while the chat was silent")
	}

	api.SetTraffic(1)
	note("the chat goes on")
	within(20*time.Minute, "silent alert resolved", firing("ConnectyCubeChatSilent"), none)
	if got := fired(db); !slices.Equal(got, []string{"ConnectyCubeChatSilent"}) {
		t.Errorf("fired until the chat was well again: %v", got)
	}

	api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusInternalServerError})
	note("the API breaks")
	within(25*time.Minute, "API alert fires", firing("ConnectyCubeAPIErrors"), one)
	note("told: %s", description(db, "ConnectyCubeAPIErrors"))
	time.Sleep(5 * time.Minute)
	api.ClearFaults()
	note("the API is well")
	within(15*time.Minute, "API alert resolved", firing("ConnectyCubeAPIErrors"), none)
	within(7*time.Minute, "silence judged again", bound, positive)
	if got := fired(db); !slices.Equal(got, []string{"ConnectyCubeAPIErrors", "ConnectyCubeChatSilent"}) {
		t.Errorf("fired in all: %v", got)
	}
	if left := vector(db, "ALERTS"); len(left) != 0 {
		t.Errorf("left at the end: %v", left)
	}
}

// lateMorning is a time zone in which it is a little past eleven, so that the
// chat is busy for the hours to come.
func lateMorning(now time.Time) *time.Location {
	since := now.UTC().Sub(now.UTC().Truncate(24 * time.Hour))
	return time.FixedZone("late morning", int((11*time.Hour+10*time.Minute-since)/time.Second))
}

// alarmConfig is a Prometheus with the rules as shipped, but that an alert on
// the chat is kept firing for two minutes instead of half an hour.
func alarmConfig(t *testing.T, dir, target string) string {
	t.Helper()
	const keep = "keep_firing_for: 30m"
	for _, name := range []string{"connectycube-chat.rules.yml", "connectycube-exporter.rules.yml"} {
		rules, err := os.ReadFile(filepath.Join("../../alerts", name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(rules)
		if chat := name == "connectycube-chat.rules.yml"; chat && !strings.Contains(text, keep) {
			t.Fatalf("%s does not say %s", name, keep)
		}
		write(t, dir, name, strings.ReplaceAll(text, keep, "keep_firing_for: 2m"))
	}
	return write(t, dir, "prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 15s, evaluation_interval: 15s}
rule_files: ["*.rules.yml"]
scrape_configs:
- {job_name: connectycube, static_configs: [{targets: [%q]}]}
`, target))
}

// firing is 1 while an alert fires, and else 0.
func firing(alert string) string {
	return fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"}) or vector(0)`, alert)
}

// fired are the names of all alerts that ever fired.
func fired(db string) []string {
	names := map[string]bool{}
	for _, series := range vector(db, `count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[3h]))`) {
		names[series["alertname"]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// vector are the labels of what an expression gives.
func vector(db, expr string) (labels []map[string]string) {
	var reply struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if !ask(db, "/api/v1/query?query="+url.QueryEscape(expr), &reply) {
		return []map[string]string{{"alertname": "no answer"}}
	}
	for _, r := range reply.Data.Result {
		labels = append(labels, r.Metric)
	}
	return labels
}

// description is what an alert that fires says to people.
func description(db, alert string) string {
	var reply struct {
		Data struct {
			Alerts []struct{ Labels, Annotations map[string]string }
		}
	}
	ask(db, "/api/v1/alerts", &reply)
	for _, a := range reply.Data.Alerts {
		if a.Labels["alertname"] == alert {
			return a.Annotations["description"]
		}
	}
	return ""
}

func ask(db, path string, reply any) bool {
	res, err := http.Get("http://" + db + path)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(reply) == nil
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
