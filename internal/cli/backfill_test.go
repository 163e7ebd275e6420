package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// backfillArgs are those of a small run against url.
func backfillArgs(t *testing.T, url, output string, more ...string) []string {
	t.Helper()
	return append([]string{
		"backfill", "--app=shop", "--api.url=" + url, "--api.key-file=" + write(t, "key", chatapitest.DefaultKey), "--api.rate-limit=0",
		"--windows=1h,1d", "--from=5d", "--output=" + output,
	}, more...)
}

func withWindows(list string, args []string) []string {
	args[slices.Index(args, "--windows=1h,1d")] = "--windows=" + list
	return args
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "the past.om")
	code, stdout, stderr := execute(t, backfillArgs(t, url, file, "--label=job=chat", "--label=instance=host:10425")...)
	if code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# TYPE connectycube_new_messages gauge\n",
		`connectycube_messages{application="shop",instance="host:10425",job="chat"} `,
		`connectycube_dialogs{application="shop",dialog_type="private",instance="host:10425",job="chat"} `,
		`connectycube_activity_expected_messages{application="shop",window="15m",instance="host:10425",job="chat"} `,
		`connectycube_activity_holiday{application="shop",instance="host:10425",job="chat"} 0 `,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file lacks %q", want)
		}
	}
	samples := strings.Count(string(text), "\nconnectycube_")
	for _, want := range []string{
		fmt.Sprintf("%d samples, from ", samples), "Updated and active counts and mutes have no past", "Nor do silences",
		"promtool tsdb create-blocks-from openmetrics --max-block-duration=24h '" + file + "' ./blocks\n",
		"last_over_time(connectycube_messages[1h5m])", "end --to before the first of them",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("standard output lacks %q:\n%s", want, stdout)
		}
	}
	for _, want := range []string{
		"The last three hours are left out", "silences are left out", " every 1h: about ", "Counted with ",
		" of them are for activity, which looks back 6 weeks (--activity.weeks). --no-collector.activity leaves it out.",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the output: %v, %v", entries, err)
	}

	code, _, stderr = execute(t, backfillArgs(t, url, file)...)
	if again, _ := os.ReadFile(file); code != exitUsage || !strings.Contains(stderr, "--force") || string(again) != string(text) {
		t.Errorf("the output must not be replaced unasked: code %d, %s", code, stderr)
	}
	code, _, stderr = execute(t, backfillArgs(t, url, file, "--force", "--step=6h")...)
	if again, _ := os.ReadFile(file); code != exitDone || string(again) == string(text) || !strings.Contains(stderr, "No --label") {
		t.Errorf("--force: code %d, %s", code, stderr)
	}
}

func TestBackfillToStandardOutput(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	code, stdout, stderr := execute(t, backfillArgs(t, url, "-", "--step=5m")...)
	if code != exitDone || !strings.HasPrefix(stdout, "# HELP ") || !strings.HasSuffix(stdout, "\n# EOF\n") {
		t.Errorf("code %d, standard output of %d bytes", code, len(stdout))
	}
	if !strings.Contains(stderr, "promtool") || strings.Contains(stderr, "last_over_time") {
		t.Errorf("standard error: %s", stderr)
	}
}

// Only the collectors that are on are filled, and activity by the settings that
// a live exporter would have.
func TestBackfillOfSomeCollectors(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	code, stdout, stderr := execute(t, withWindows("15m,1h", backfillArgs(t, url, "-", "--no-collector.activity"))...)
	if code != exitDone || strings.Contains(stdout, "activity") || strings.Contains(stderr, "for activity") || !strings.Contains(stderr, "cost as much again: 15m.") {
		t.Errorf("without activity: code %d, %s", code, stderr)
	}
	code, stdout, stderr = execute(t, withWindows("15m,1h,90m", backfillArgs(t, url, "-"))...)
	if code != exitDone || !strings.Contains(stdout, "activity") || !strings.Contains(stderr, "cost as much again: 90m.") {
		t.Errorf("with activity: code %d, %s", code, stderr)
	}
	day := time.Now().UTC().Add(-36 * time.Hour).Format(time.DateOnly)
	holidays := write(t, "holidays", "# a day off\n"+day+"\n")
	args := backfillArgs(t, url, "-", "--no-collector.totals", "--no-collector.windows", "--activity.weeks=4", "--activity.holidays-file="+holidays, "--activity.time-zone=Asia/Tokyo")
	code, stdout, stderr = execute(t, args...)
	if code != exitDone || strings.Contains(stdout, "connectycube_messages") || strings.Contains(stdout, "connectycube_new_") || strings.Contains(stderr, "as much again") ||
		!strings.Contains(stderr, "looks back 4 weeks") {
		t.Errorf("activity alone: code %d, %s", code, stderr)
	}
	off := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^connectycube_activity_holiday\{application="shop"\} (\d) (\d+)$`).FindAllStringSubmatch(stdout, -1) {
		unix, _ := strconv.ParseInt(m[2], 10, 64)
		here := time.Unix(unix-1, 0).UTC().Add(9*time.Hour).Format(time.DateOnly) == day // the time that ends then
		if off[m[1]]++; here != (m[1] == "1") {
			t.Errorf("%s", m[0])
		}
	}
	if off["1"] != 24 || off["0"] < 80 {
		t.Errorf("holidays %v", off)
	}
}

// An interrupted run says how to go on, and does.
func TestBackfillGoesOn(t *testing.T) {
	t.Parallel()
	api, _ := sandbox(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var left atomic.Int64
	left.Store(5)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Has("created_at[gte]") && !q.Has("_id[gte]") && left.Add(-1) == 0 {
			cancel()
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "past.om")
	args := backfillArgs(t, srv.URL, file)
	code, _, stderr := executeUntil(ctx, args...)
	if code != exitFailed || !strings.Contains(stderr, "interrupted: ") || !strings.Contains(stderr, file+".part: give the same command with --resume") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unfinished output is there: %v", err)
	}
	for want, more := range map[string][]string{
		"go on with --resume":              nil,
		"was begun with --step=1h, not 2h": {"--resume", "--step=2h"},
		"with --activity.weeks=6, not 7":   {"--resume", "--activity.weeks=7"},
		"for the collectors totals, windows, activity, not windows, activity (--[no-]collector)": {"--resume", "--no-collector.totals"},
	} {
		if code, _, stderr := execute(t, slices.Concat(args, more)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: code %d: %s", more, code, stderr)
		}
	}
	code, stdout, stderr := execute(t, append(args, "--resume")...)
	if code != exitDone || !strings.Contains(stderr, "Going on with "+file+".part") || !strings.Contains(stdout, "samples") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// What is complete already is left as it is, without a request.
func TestBackfillHasNothingToResume(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "past.om")
	args := backfillArgs(t, url, file, "--resume")
	if code, _, stderr := execute(t, args...); code != exitDone || !strings.Contains(stderr, "nothing to resume: beginning anew") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	unchanged := func(when string, want []byte) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s: the output is another one (%v)", when, err)
		}
	}
	api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500})
	code, stdout, stderr := execute(t, args...)
	if code != exitDone || stderr != "" || !strings.Contains(stdout, file+" is complete: there is nothing to resume.") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	unchanged("complete", text)
	api.ClearFaults()

	// With a journal beside it, the output is of an earlier run.
	journal := file + journalSuffix
	if err := os.WriteFile(journal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := execute(t, args...); code != exitUsage || !strings.Contains(stderr, "replace it with --force") {
		t.Errorf("beside a journal: code %d: %s", code, stderr)
	}
	unchanged("beside a journal", text)
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}

	// And what is no whole output is not ours to leave or to replace.
	for name, data := range map[string][]byte{"cut off": text[:len(text)-1], "empty": nil, "shorter than its end": []byte("# EOF\n"), "foreign": []byte("a file of somebody else\n"),
		"whole, but foreign": []byte("# TYPE a gauge\na 1 1700000000\n# EOF\n"), "without a sample": []byte("# TYPE a gauge\n# EOF\n")} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, stdout, stderr := execute(t, args...); code != exitUsage || stdout != "" || !strings.Contains(stderr, "replace it with --force") {
			t.Errorf("%s: code %d: %s", name, code, stderr)
		}
		unchanged(name, data)
	}
	if code, _, stderr := execute(t, append(args, "--force")...); code != exitDone || !strings.Contains(stderr, "beginning anew") {
		t.Errorf("--force: code %d: %s", code, stderr)
	}
}

// What is complete is not what is asked for if it is of another application, or
// has other labels: then it is not passed for the past of this one. What is wrong
// with the settings is told first, as in any other run.
func TestBackfillResumesItsOwnOnly(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "past.om")
	odd := `--label=zone=a "b" \c, d="e"`
	args := backfillArgs(t, url, file, "--resume", "--no-collector.activity", "--label=job=chat", odd)
	if code, _, stderr := execute(t, args...); code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := execute(t, args...); code != exitDone || !strings.Contains(stdout, "nothing to resume") {
		t.Errorf("the same again: code %d: %s", code, stderr)
	}
	without := func(arg string) []string {
		return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == arg })
	}
	with := func(arg, other string) []string { return append(without(arg), other) }
	for want, args := range map[string][]string{
		`is complete, but it is of the application "shop" (--app), not "game"; name another file`: with("--app=shop", "--app=game"),
		"it has --label=job=chat '--label=zone=":                                                  without("--label=job=chat"),
		"not --label=job=chat;":                                                                   without(odd),
		"not --label=job=talk '--label=zone=":                                                     with("--label=job=chat", "--label=job=talk"),
		"not no --label;":                                                                         slices.DeleteFunc(without(odd), func(a string) bool { return a == "--label=job=chat" }),
		"--from must be before --to":                                                              append(slices.Clone(args), "--to=6d"),
		"--step must be between":                                                                  append(slices.Clone(args), "--step=1s"),
		"no application is configured":                                                            slices.Delete(slices.Clone(args), 3, 4),
	} {
		if code, stdout, stderr := execute(t, args...); code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %q", want, code, stderr)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(text) {
			t.Errorf("%s: the output is another one (%v)", want, err)
		}
	}
}

func TestBackfillPicksItsApplication(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"key":      chatapitest.DefaultKey,
		"apps.yml": "defaults: {rate_limit: 0, url: '" + url + "', api_key_file: key}\napps: [{name: shed}, {name: shop}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"backfill", "--config.file=" + filepath.Join(dir, "apps.yml"), "--from=1d", "--output=-"}
	for want, more := range map[string][]string{
		"pick one with --app": nil,
		`--app is "barn", of which the configuration file knows nothing`: {"--app=barn"},
	} {
		if code, stdout, stderr := execute(t, slices.Concat(args, more)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: code %d, %s", more, code, stderr)
		}
	}
	code, stdout, stderr := execute(t, append(args, "--app=shop")...)
	if code != exitDone || !strings.Contains(stdout, `connectycube_messages{application="shop"} `) {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// What is wrong with the settings is said before the API is asked.
func TestBackfillUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := write(t, "there.om", "x")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no output":                 {nil, "--output must name the file to write"},
		"output without a value":    {[]string{"--output"}, "--output needs a value"},
		"output is there":           {[]string{"--output=" + there}, "replace it with --force"},
		"output is a directory":     {[]string{"--output=" + dir, "--force"}, "is not a regular file"},
		"output in no directory":    {[]string{"--output=/nowhere/past.om"}, "there is no directory /nowhere"},
		"resume of standard output": {[]string{"--output=-", "--resume"}, "--resume is not for --output=-"},
		"from in words":             {[]string{"--output=-", "--from=monday"}, "--from must be a time such as"},
		"from in milliseconds":      {[]string{"--output=-", "--from=1770000000000"}, "--from must be in seconds"},
		"to without a zone":         {[]string{"--output=-", "--to=2026-01-01T00:00:00"}, "--to must be a time such as"},
		"from after to":             {[]string{"--output=-", "--from=5d", "--to=6d"}, "--from must be before --to"},
		"from too new":              {[]string{"--output=-", "--from=2h"}, "--from must be more than three hours ago"},
		"from in the future":        {[]string{"--output=-", "--from=2190-01-01T00:00:00Z", "--to=2191-01-01T00:00:00Z"}, "--from must be more than three hours ago"},
		"too many samples":          {[]string{"--output=-", "--from=10y", "--step=1m"}, "raise --step"},
		"step too short":            {[]string{"--output=-", "--step=59s"}, "--step must be between 1m and 1d"},
		"step too long":             {[]string{"--output=-", "--step=25h"}, "--step must be between 1m and 1d"},
		"step of half seconds":      {[]string{"--output=-", "--step=90500ms"}, "--step must be between 1m and 1d, in whole seconds"},
		"step in words":             {[]string{"--output=-", "--step=hourly"}, "--step must be a duration such as"},
		"label without a value":     {[]string{"--output=-", "--label=job"}, `--label must look like job=connectycube, not "job"`},
		"label of an empty value":   {[]string{"--output=-", "--label=job="}, "--label must look like job=connectycube"},
		"label of our own":          {[]string{"--output=-", "--label=window=1h"}, "--label cannot be window"},
		"label application":         {[]string{"--output=-", "--label=application=x"}, "--label cannot be application"},
		"label dialog_type":         {[]string{"--output=-", "--label=dialog_type=x"}, "--label cannot be dialog_type"},
		"label with a dash":         {[]string{"--output=-", "--label=a-b=x"}, "--label has a name that Prometheus does not allow"},
		"label of Prometheus":       {[]string{"--output=-", "--label=__name__=x"}, "--label has a name that Prometheus does not allow"},
		"label given twice":         {[]string{"--output=-", "--label=a=x", "--label=a=y"}, "--label is given twice for a"},
		"label of two lines":        {[]string{"--output=-", "--label=a=x\ny"}, "--label must be text without control characters (a)"},
		"windows of another kind":   {[]string{"--output=-", "--windows=soon"}, `--windows: "soon"`},
		"collectors without a past": {[]string{"--output=-", "--no-collector.totals", "--no-collector.windows", "--no-collector.activity"}, "have a past, and all are switched off"},
		"no application":            {[]string{"--output=-"}, "no application is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, append([]string{"backfill"}, c.args...)...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("code %d, %q, want %q", code, stderr, c.want)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
}

func TestBackfillTellsOfAFailure(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "past.om")
	args := backfillArgs(t, url, file)
	args[3] = "--api.key-file=" + write(t, "wrong", "hunter2")
	code, stdout, stderr := execute(t, args...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "401") || !strings.Contains(stderr, "--api.key-file") || strings.Contains(stderr, "hunter2") {
		t.Errorf("code %d, %q", code, stderr)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) > 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
}
