package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

// brokenChat is a sandbox whose chat was out of order for six hours around noon
// five days ago.
func brokenChat(t *testing.T) (api *chatapitest.Server, url string, broken time.Time) {
	t.Helper()
	broken = time.Now().UTC().Truncate(24 * time.Hour).Add(-5*24*time.Hour + 9*time.Hour)
	api = chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 60, Messages: 1, Weeks: 13, Traffic: &chatapitest.Traffic{
		Seed: 7, PerHour: 60, Talk: 3, Cuts: []chatapitest.TrafficCut{{From: broken, To: broken.Add(6 * time.Hour)}},
	}})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return api, srv.URL, broken
}

func backtestArgs(t *testing.T, url string, more ...string) []string {
	return append([]string{
		"backtest", "--app=shop", "--api.url=" + url, "--api.key-file=" + write(t, "key", chatapitest.DefaultKey), "--api.rate-limit=0", "--from=10d",
	}, more...)
}

func requestsOf(api *chatapitest.Server) (n int) {
	for _, c := range api.RequestCounts() {
		n += c
	}
	return n
}

func TestBacktest(t *testing.T) {
	t.Parallel()
	_, url, broken := brokenChat(t)
	code, stdout, stderr := execute(t, backtestArgs(t, url)...)
	if code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"shop, ", "(UTC), compared with the 6 weeks before:", "chat silent", broken.Format("Mon 2006-01-02"), "Time that could be judged", "100 %",
		"--activity.holidays-file",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("standard output lacks %q:\n%s", want, stdout)
		}
	}
	for _, want := range []string{"To look at: about ", " API requests, at most ", "Asked with "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
}

func TestBacktestForPrograms(t *testing.T) {
	t.Parallel()
	_, url, broken := brokenChat(t)
	code, stdout, stderr := execute(t, backtestArgs(t, url, "--format=json", "--activity.time-zone=Europe/Kyiv")...)
	if code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	var got struct {
		Application string
		TimeZone    string `json:"time_zone"`
		Alerts      []struct {
			Alert        string
			Began, Ended time.Time
			Seconds      int64
			Observed     *int64   `json:"observed_messages"`
			Expected     *float64 `json:"expected_messages"`
			Bound        *float64 `json:"bound_messages"`
		}
		Summary []struct {
			Alert  string
			Alerts int
			Rate   *float64 `json:"alerts_per_30_days"`
			Judged float64  `json:"judged_ratio"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in:\n%s", err, stdout)
	}
	found := false
	for _, a := range got.Alerts {
		if a.Observed == nil || a.Expected == nil || a.Bound == nil || a.Ended.Sub(a.Began) != time.Duration(a.Seconds)*time.Second {
			t.Errorf("%+v", a)
		}
		late := a.Began.Sub(broken)
		found = found || a.Alert == "ConnectyCubeChatSilent" && late > 0 && late < 3*time.Hour && a.Ended.Sub(broken) < 7*time.Hour
	}
	if !found || got.Application != "shop" || got.TimeZone != "Europe/Kyiv" || len(got.Summary) != 2 || got.Summary[0].Judged != 1 || *got.Summary[0].Rate < 3 {
		t.Errorf("%s", stdout)
	}
}

// TestBacktestFillsTheState: what was asked once is not asked again, and a
// running exporter's file is only read.
func TestBacktestFillsTheState(t *testing.T) {
	t.Parallel()
	api, url, _ := brokenChat(t)
	file := filepath.Join(t.TempDir(), "state")
	args := backtestArgs(t, url, "--state.file="+file)
	code, first, stderr := execute(t, args...)
	if code != exitDone || !strings.Contains(stderr, "The history is kept in "+file) {
		t.Fatalf("code %d: %s", code, stderr)
	}
	before := requestsOf(api)
	code, second, stderr := execute(t, args...)
	if n := requestsOf(api) - before; code != exitDone || n > 45 {
		t.Errorf("code %d, %d requests the second time: %s", code, n, stderr)
	}
	alerts := func(s string) string {
		_, s, _ = strings.Cut(s, "\n\n")
		s, _, _ = strings.Cut(s, "\n\n")
		return s
	}
	if alerts(first) != alerts(second) {
		t.Errorf("other alerts the second time:\n%s\n%s", first, second)
	}

	locked, err := statefile.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, _, stderr = execute(t, args...)
	if code != exitDone || !strings.Contains(stderr, "is only read, and what is learnt is not kept: another process uses it") {
		t.Errorf("code %d: %s", code, stderr)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(old) {
		t.Errorf("a locked file was changed (%v)", err)
	}
}

// TestBacktestIsInterrupted: what was learnt by then is kept.
func TestBacktestIsInterrupted(t *testing.T) {
	t.Parallel()
	api, _, _ := brokenChat(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requestsOf(api) == 100 {
			cancel(context.Canceled)
		}
		api.ServeHTTP(w, r)
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "state")
	args := backtestArgs(t, srv.URL, "--state.file="+file)
	code, stdout, stderr := executeUntil(ctx, args...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "interrupted") || !strings.Contains(stderr, "what was learnt is kept in "+file) {
		t.Errorf("code %d, %q, %s", code, stdout, stderr)
	}
	before := requestsOf(api)
	if code, _, stderr = execute(t, args...); code != exitDone {
		t.Errorf("code %d: %s", code, stderr)
	}
	whole := requestsOf(api) - before
	if whole > 1200 {
		t.Errorf("%d requests to go on", whole)
	}
}

func TestWrongBacktests(t *testing.T) {
	t.Parallel()
	key := write(t, "key", chatapitest.DefaultKey)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"from after to":      {[]string{"--from=1d", "--to=2d"}, "--from must be before --to"},
		"from in the future": {[]string{"--from=2100-01-01T00:00:00Z"}, "--from"},
		"unknown format":     {[]string{"--format=xml"}, "--format must be one of table, json"},
		"no time":            {[]string{"--from=yesterday"}, "--from must be a time such as"},
		"far too long":       {[]string{"--from=100y"}, "--from"},
		"state in nowhere":   {[]string{"--state.file=/nowhere/state"}, "--state.file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, append([]string{"backtest", "--api.url=http://" + nobody, "--api.key-file=" + key}, c.args...)...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("code %d, %q, %s", code, stdout, stderr)
			}
		})
	}
	code, _, stderr := execute(t, "backtest", "--api.url=http://"+nobody, "--api.key-file="+key, "--api.timeout=100ms")
	if code != exitFailed || !strings.Contains(stderr, "asking for") {
		t.Errorf("without an API: code %d: %s", code, stderr)
	}
}

// Where nothing can be judged, no alert is no good news.
func TestBacktestOfAYoungApplication(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 60, Messages: 900, Weeks: 1}))
	t.Cleanup(srv.Close)
	code, stdout, stderr := execute(t, backtestArgs(t, srv.URL)...)
	if code != exitDone || !strings.Contains(stdout, "no alert does not mean that all was well") || strings.Count(stdout, "none") != 2 {
		t.Errorf("code %d, %s, %s", code, stdout, stderr)
	}
}

// A state file that cannot be used is left alone.
func TestBacktestOfADamagedState(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	for content, want := range map[string]string{
		"something else":                    "it does not begin like a state file",
		string(stateOf(t, `{"version":7}`)): "its layout has the version 7",
	} {
		file := write(t, "state", content)
		code, stdout, stderr := execute(t, backtestArgs(t, url, "--state.file="+file)...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "cannot use "+file) || !strings.Contains(stderr, want) || !strings.Contains(stderr, "without --state.file") {
			t.Errorf("code %d, %s", code, stderr)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != content {
			t.Errorf("it was changed (%v)", err)
		}
	}
}

// stateOf is the content of a state file that holds a payload.
func stateOf(t *testing.T, payload string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	file, err := statefile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Write([]byte(payload)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestBacktestLeavesTheLockFree: an exporter that starts meanwhile keeps its
// file, and is told of.
func TestBacktestLeavesTheLockFree(t *testing.T) {
	t.Parallel()
	api, _ := sandbox(t)
	file := filepath.Join(t.TempDir(), "state")
	var once sync.Once
	var exporter *statefile.File
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			var err error
			if exporter, err = statefile.Open(file); err != nil {
				t.Error(err)
			}
		})
		api.ServeHTTP(w, r)
	}))
	defer srv.Close()
	code, _, stderr := execute(t, backtestArgs(t, srv.URL, "--state.file="+file)...)
	if code != exitDone || !strings.Contains(stderr, "The history is not kept: another process uses "+file+" by now.") {
		t.Errorf("code %d, %s", code, stderr)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file was written: %v", err)
	}
	if exporter != nil {
		_ = exporter.Close()
	}
}
