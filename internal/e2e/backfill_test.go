//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestPrometheusTakesTheBackfill makes blocks of the output with the real
// promtool, without a warning; they hold as many samples as the program said,
// and the values that the rows of the sandbox say.
func TestPrometheusTakesTheBackfill(t *testing.T) {
	promtool := buildTool(t, "promtool")
	api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 700, Messages: 20_000, Weeks: 6})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	code, stdout, stderr := runProgram(t, []string{"CONNECTYCUBE_API_KEY=" + api.Key()}, "backfill", "--app=shop", "--api.url="+srv.URL, "--api.rate-limit=0",
		"--from=10d", "--step=30m", "--output="+filepath.Join(dir, "past.om"), `--label=job=chat "one"`, "--label=instance=host:10425")
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	said := regexp.MustCompile(`past\.om: (\d+) series, (\d+) samples`).FindStringSubmatch(stdout)
	command := regexp.MustCompile(`(?m)^  promtool (.*) (\S+/past\.om) \./blocks$`).FindStringSubmatch(stdout)
	if said == nil || command == nil {
		t.Fatalf("no manifest or no command in:\n%s", stdout)
	}

	blocks := filepath.Join(dir, "blocks")
	args := append(strings.Fields(command[1]), command[2], blocks)
	out, err := exec.Command(promtool, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	if bad := regexp.MustCompile(`(?i)warn|error|level=|skip|duplicate`).Find(out); bad != nil {
		t.Errorf("promtool says %q:\n%s", bad, out)
	}
	// BLOCK ULID, MIN TIME, MAX TIME, DURATION, NUM SAMPLES, NUM CHUNKS, NUM SERIES, SIZE
	row := regexp.MustCompile(`(?m)^[0-9A-Z]{26}\s+\d+\s+\d+\s+\S+\s+(\d+)\s+\d+\s+(\d+)\s`)
	list, err := exec.Command(promtool, "tsdb", "list", blocks).Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for _, m := range row.FindAllStringSubmatch(string(list), -1) {
		n, _ := strconv.Atoi(m[1])
		samples += n
		if m[2] != said[1] {
			t.Errorf("a block has %s series, the program said %s", m[2], said[1])
		}
	}
	if strconv.Itoa(samples) != said[2] {
		t.Errorf("the blocks hold %d samples, the program said %s:\n%s", samples, said[2], list)
	}
	compareDump(t, promtool, blocks, api.Truth())
}

// compareDump holds every sample of the totals and of the windows' counts
// against the rows.
func compareDump(t *testing.T, promtool, blocks string, rows *chatapitest.Truth) {
	t.Helper()
	// dump wants a whole database, and blocks alone have no log.
	if err := os.Mkdir(filepath.Join(blocks, "wal"), 0o755); err != nil {
		t.Fatal(err)
	}
	dump := exec.Command(promtool, "tsdb", "dump", blocks)
	pipe, err := dump.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	// {__name__="connectycube_messages", application="shop", ...} 12 1770000000000
	line := regexp.MustCompile(`^\{(.*)\} (\S+) (\d+)$`)
	label := regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	lengths := map[string]time.Duration{"15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}
	types := map[string]int{"broadcast": 1, "group": 2, "private": 3, "public": 4}
	compared := map[string]int{}
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		m := line.FindStringSubmatch(lines.Text())
		if m == nil {
			t.Errorf("promtool dumps %q", lines.Text())
			continue
		}
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(m[1], -1) {
			labels[l[1]] = l[2]
		}
		if labels["application"] != "shop" || labels["job"] != `chat \"one\"` || labels["instance"] != "host:10425" {
			t.Fatalf("labels %q", labels)
		}
		ms, _ := strconv.ParseInt(m[3], 10, 64)
		at := ms / 1000
		length, windowed := lengths[labels["window"]]
		want := -1
		switch name := labels["__name__"]; {
		case name == "connectycube_messages":
			want = rows.NewMessages(0, at)
		case name == "connectycube_new_messages" && windowed:
			want = rows.NewMessages(at-int64(length.Seconds()), at)
		case name == "connectycube_new_dialogs" && windowed:
			want = rows.NewDialogs(at-int64(length.Seconds()), at)
		case name == "connectycube_dialogs" && types[labels["dialog_type"]] > 0:
			want = rows.CountDialogs(func(d chatapitest.TruthDialog) bool {
				return d.Type == types[labels["dialog_type"]] && d.CreatedAt < at
			})
		default:
			continue
		}
		compared[labels["__name__"]]++
		if m[2] != fmt.Sprint(want) && m[2] != strconv.FormatFloat(float64(want), 'g', -1, 64) {
			t.Fatalf("%s is %s, the rows say %d", lines.Text(), m[2], want)
		}
	}
	if err := dump.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(compared) != 4 || compared["connectycube_new_messages"] < 2000 {
		t.Errorf("compared only %v", compared)
	}
}

// buildTool installs a program of Prometheus' own once into the user's cache.
// The first build takes some minutes.
func buildTool(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "connectycube_exporter", name+"-"+prometheusVersion)
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	fmt.Printf("building %s %s; the first time takes some minutes\n", name, prometheusVersion)
	cmd := exec.Command("go", "install", "github.com/prometheus/prometheus/cmd/"+name+"@"+prometheusVersion)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return path
}
