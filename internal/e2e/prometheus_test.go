//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// prometheusVersion is v3.16 of Prometheus, under the version of its Go module.
const prometheusVersion = "v0.316.0"

// TestPrometheusScrapesTheDemo runs the demo and a real Prometheus that scrapes
// it once for each exposition format.
func TestPrometheusScrapesTheDemo(t *testing.T) {
	prometheus := buildPrometheus(t)
	addr := freeAddr(t)
	start(t, binary, "demo", "--web.listen-address="+addr, "--poll.interval=1s")

	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n")
	formats := map[string]string{"text": "PrometheusText0.0.4", "openmetrics": "OpenMetricsText1.0.0", "protobuf": "PrometheusProto"}
	for job, protocol := range formats {
		fmt.Fprintf(&config, "- job_name: %s\n  scrape_protocols: [%s]\n  scrape_native_histograms: %v\n  static_configs: [{targets: [%q]}]\n",
			job, protocol, job == "protobuf", addr)
	}
	configFile := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(configFile, []byte(config.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	api := freeAddr(t)
	logged := start(t, prometheus, "--config.file="+configFile, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+api)

	for job := range formats {
		until(t, "up of "+job, func() bool { return query(api, fmt.Sprintf("min_over_time(up{job=%q}[5s])", job)) == 1 })
		for name, expr := range map[string]string{
			"all windows":       `count(connectycube_new_messages{job=%q}) == bool 6`,
			"all dialog types":  `count(connectycube_dialogs{job=%q}) == bool 5`,
			"live messages":     `delta(connectycube_messages{job=%q}[15s]) > bool 0`,
			"the API being up":  `connectycube_up{job=%q}`,
			"collectors well":   `min(connectycube_collector_success{job=%q})`,
			"build information": `count(connectycube_exporter_build_info{job=%q})`,
		} {
			until(t, name+" in "+job, func() bool { return query(api, fmt.Sprintf(expr, job)) == 1 })
		}
	}
	until(t, "the native histogram", func() bool {
		return query(api, `sum(histogram_count(connectycube_api_request_duration_seconds{job="protobuf"})) > bool 0`) == 1
	})
	for _, line := range strings.Split(logged.String(), "\n") {
		for _, bad := range []string{"level=ERROR", "uplicate", "out-of-order", "out of order", "scrape failed", "Error on ingesting"} {
			if strings.Contains(line, bad) {
				t.Error("Prometheus complains:", line)
			}
		}
	}
}

// buildPrometheus installs Prometheus once into the user's cache. The first
// build takes some minutes.
func buildPrometheus(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "connectycube_exporter", "prometheus-"+prometheusVersion)
	path := filepath.Join(dir, "prometheus")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	fmt.Println("building Prometheus " + prometheusVersion + "; the first time takes some minutes")
	cmd := exec.Command("go", "install", "github.com/prometheus/prometheus/cmd/prometheus@"+prometheusVersion)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building Prometheus: %v\n%s", err, out)
	}
	return path
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// output is what a process has printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a process until the test ends.
func start(t *testing.T, name string, args ...string) *output {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := &output{}
	var read sync.WaitGroup
	read.Go(func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			out.mu.Lock()
			fmt.Fprintln(&out.b, lines.Text())
			out.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		w.Close()
		read.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(name), out)
		}
	})
	return out
}

// query is the value of the one series that an expression gives; -1: none.
func query(addr, expr string) float64 {
	res, err := http.Get("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return -1
	}
	defer res.Body.Close()
	var reply struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if json.NewDecoder(res.Body).Decode(&reply) != nil || len(reply.Data.Result) != 1 {
		return -1
	}
	text, _ := reply.Data.Result[0].Value[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return -1
	}
	return v
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal("not seen within two minutes:", what)
}
