//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/boards"
	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

// TestPrometheusAnswersEveryPanel asks a real Prometheus all that the boards ask:
// with the demo, the past from backfill, and a second exporter that watches the
// same application. Each query of each panel returns data.
func TestPrometheusAnswersEveryPanel(t *testing.T) {
	prometheus, tool := buildPrometheus(t), promtool.Path(t)
	dir := t.TempDir()
	demo, second, api := freeAddr(t), freeAddr(t), freeAddr(t)
	start(t, binary, "demo", "--web.listen-address="+demo, "--demo.api-listen-address="+api,
		"--poll.interval=1s", "--scan.interval=1s", "--scan.full-interval=10s")
	until(t, "the demo", func() bool {
		res, err := http.Get("http://" + demo + "/-/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})

	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(chatapitest.DefaultKey), 0o600); err != nil {
		t.Fatal(err)
	}
	source := []string{"--app=demo", "--api.url=http://" + api, "--api.key-file=" + key}
	past, data := filepath.Join(dir, "past.om"), filepath.Join(dir, "data")
	for _, cmd := range []*exec.Cmd{
		exec.Command(binary, append([]string{"backfill", "--api.rate-limit=0", "--from=9d", "--output=" + past,
			"--label=job=connectycube", "--label=instance=" + demo}, source...)...),
		exec.Command(tool, "tsdb", "create-blocks-from", "openmetrics", past, data),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}

	// Slow, so that its full scan can be seen while it runs, and with a state file.
	start(t, binary, append([]string{"--api.rate-limit=5", "--state.file=" + filepath.Join(dir, "state"), "--web.listen-address=" + second}, source...)...)
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: connectycube\n"+
		"  scrape_native_histograms: true\n  static_configs: [{targets: [%q, %q]}]\n", demo, second)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	db := freeAddr(t)
	start(t, prometheus, "--config.file="+config, "--storage.tsdb.path="+data, "--web.listen-address="+db)
	until(t, "Prometheus", func() bool { return query(db, "count(connectycube_up)") == 2 })

	all, err := boards.Read("../../dashboards")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		for _, v := range b.Templating.List {
			if v.Type == "query" {
				checkVariable(t, db, b, v)
			}
		}
		for _, a := range b.Annotations.List {
			if _, err := answer(db, a.Expr, false); err != nil {
				t.Errorf("%s: %s: %v", b.UID, a.Name, err)
			}
		}
	}
	checkPanels(t, db, all)
}

// checkPanels waits until each query has been seen to return data.
func checkPanels(t *testing.T, db string, all []boards.Board) {
	t.Helper()
	type key struct {
		board string
		panel int
		ref   string
	}
	missing := map[key]string{}
	panels := 0
	until := time.Now().Add(2 * time.Minute)
	for first := true; first || len(missing) > 0 && time.Now().Before(until); first = false {
		for _, b := range all {
			for _, p := range b.All() {
				for _, q := range p.Targets {
					k := key{b.UID, p.ID, q.RefID}
					if _, waits := missing[k]; !first && !waits {
						continue
					}
					panels++
					switch n, err := answer(db, q.Expr, q.Instant); {
					case err != nil:
						missing[k] = fmt.Sprintf("%s: %v", p.Title, err)
					case n == 0:
						missing[k] = fmt.Sprintf("%s: no data from %s", p.Title, q.Expr)
					case p.Type == "stat" && n != 1: // there is one application
						t.Errorf("%s: %q shows %d values of %s", b.UID, p.Title, n, q.Expr)
					default:
						delete(missing, k)
					}
				}
			}
		}
		time.Sleep(300 * time.Millisecond)
	}
	for k, what := range missing {
		t.Errorf("%s, panel %d, query %s: %s", k.board, k.panel, k.ref, what)
	}
	if panels < 100 {
		t.Errorf("only %d queries were asked", panels)
	}
}

// answer asks as Grafana does, with everything chosen, and gives the number of
// series that have a value at the end. In a Prometheus that scrapes every second
// an interval is 1s.
func answer(db, expr string, instant bool) (int, error) {
	expr = boards.Substitute(expr, map[string]string{
		"job": ".+", "instance": ".+", "application": ".+", "__rate_interval": "4s", "__interval": "1s",
	})
	now := time.Now().Unix()
	parameters := url.Values{"query": {expr}, "start": {strconv.FormatInt(now-60, 10)}, "end": {strconv.FormatInt(now, 10)}, "step": {"1"}}
	path := "query_range"
	if instant {
		path, parameters = "query", url.Values{"query": {expr}}
	}
	res, err := http.PostForm("http://"+db+"/api/v1/"+path, parameters)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var reply struct {
		Error           string `json:"error"`
		Warnings, Infos []string
		Data            struct {
			Result []struct {
				Value  [2]any   `json:"value"`
				Values [][2]any `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&reply); err != nil {
		return 0, err
	}
	if reply.Error != "" {
		return 0, errors.New(reply.Error)
	}
	if remarks := slices.Concat(reply.Warnings, reply.Infos); len(remarks) > 0 {
		return 0, fmt.Errorf("Prometheus remarks %q", remarks)
	}
	n := 0
	for _, r := range reply.Data.Result {
		last := r.Value
		if !instant {
			last = r.Values[len(r.Values)-1]
		}
		if last[1] != "NaN" {
			n++
		}
	}
	return n, nil
}

func checkVariable(t *testing.T, db string, b boards.Board, v boards.Variable) {
	t.Helper()
	// label_values(connectycube_up{...}, application)
	text, _ := v.Query.(map[string]any)["query"].(string)
	text = strings.TrimSuffix(strings.TrimPrefix(text, "label_values("), ")")
	i := strings.LastIndex(text, ", ")
	selector := boards.Substitute(text[:i], map[string]string{"job": ".+", "instance": ".+"})
	until(t, fmt.Sprintf("values of the variable %s of %s", v.Name, b.UID), func() bool {
		res, err := http.Get("http://" + db + "/api/v1/label/" + text[i+2:] + "/values?match[]=" + url.QueryEscape(selector))
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var reply struct{ Data []string }
		return json.NewDecoder(res.Body).Decode(&reply) == nil && len(reply.Data) > 0
	})
}
