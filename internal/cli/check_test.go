package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// sandbox serves an API with some history on a port of its own.
func sandbox(t *testing.T) (*chatapitest.Server, string) {
	t.Helper()
	api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 60, Messages: 900, Weeks: 5})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return api, srv.URL
}

func TestCheckOfAnApplicationThatIsWell(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	key := write(t, "key", chatapitest.DefaultKey)
	code, stdout, stderr := execute(t, "check", "--app=shop", "--api.url="+url, "--api.key-file="+key, "--api.rate-limit=0", "--windows=2h,30d")
	if code != exitDone || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{"GOOD  shop  " + url, "60 (private ", "900, the newest ", "proven on known rows", "New messages", "  2h", " 30d"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}

func TestCheckWithAWrongKey(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	key := write(t, "key", "hunter2")
	code, stdout, _ := execute(t, "check", "--api.url="+url, "--api.key-file="+key, "--api.rate-limit=0")
	if code != exitFailed {
		t.Errorf("code %d", code)
	}
	if !strings.Contains(stdout, "FAILED") || !strings.Contains(stdout, "401") || !strings.Contains(stdout, "--api.key-file") {
		t.Errorf("the cause and the setting are not named:\n%s", stdout)
	}
	if strings.Contains(stdout, "hunter2") {
		t.Errorf("the key is shown:\n%s", stdout)
	}
}

// One bad application spoils the exit code, not the others' results.
func TestCheckOfSeveralApplications(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"key":      chatapitest.DefaultKey,
		"apps.yml": "defaults: {rate_limit: 0, url: '" + url + "'}\napps:\n- {name: shed, api_key_file: missing}\n- {name: shop, api_key_file: key}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := "--config.file=" + filepath.Join(dir, "apps.yml")

	code, stdout, _ := execute(t, "check", file)
	shed, shop := strings.Index(stdout, "FAILED  shed"), strings.Index(stdout, "GOOD  shop")
	if code != exitFailed || shed < 0 || shop < shed || !strings.Contains(stdout, "1 of 2 applications are good") {
		t.Errorf("code %d:\n%s", code, stdout)
	}

	code, stdout, _ = execute(t, "check", file, "--app=shop")
	if code != exitDone || strings.Contains(stdout, "shed") {
		t.Errorf("--app=shop: code %d:\n%s", code, stdout)
	}

	code, stdout, _ = execute(t, "check", file, "--format=json")
	var doc document
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if code != exitFailed || doc.Good || len(doc.Applications) != 2 {
		t.Fatalf("code %d, %+v", code, doc)
	}
	bad, good := doc.Applications[0], doc.Applications[1]
	if bad.Good || bad.Name != "shed" || len(bad.Errors) == 0 || bad.Messages != nil || bad.Dialogs != nil {
		t.Errorf("bad application %+v", bad)
	}
	if !good.Good || good.Messages == nil || *good.Messages != 900 || good.Dialogs["private"] == 0 || len(good.Windows) != 6 || good.Windows[5].NewMessages == nil {
		t.Errorf("good application %+v", good)
	}
}

func TestCheckNamesFiltersThatTheAPILacks(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	api.SetQuirks(chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
		{Endpoint: chatapitest.Dialogs, Field: "last_message_date_sent"}: chatapitest.Refused422,
	}})
	key := write(t, "key", chatapitest.DefaultKey)
	code, stdout, _ := execute(t, "check", "--api.url="+url, "--api.key-file="+key, "--api.rate-limit=0")
	if code != exitDone || !strings.Contains(stdout, "last_message_date_sent of dialogs is unsupported: ") {
		t.Errorf("code %d:\n%s", code, stdout)
	}
}

// What is not known is shown as such, and is null for programs.
func TestUnknownResults(t *testing.T) {
	t.Parallel()
	results := []checked{{collector.Status{Name: "shop", RateLimit: math.Inf(1), Windows: []collector.WindowStatus{{Label: "1h"}}}, errors.New("a\nb")}}
	var table bytes.Buffer
	printTable(&table, results[0], time.Now())
	for _, want := range []string{"! a\n", "! b\n", "Dialogs       –", "API clock     not known", "none proven yet"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, table.String())
		}
	}
	var out bytes.Buffer
	if err := (&check{format: "json"}).print(&out, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"messages": null`, `"dialogs": null`, `"last_message": null`, `"clock_skew_seconds": null`, `"rate_limit_requests_per_second": null`, `"new_dialogs": null`, `"end": null`, `"filters": []`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in\n%s", want, out.String())
		}
	}
}
