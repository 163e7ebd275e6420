package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

func exportArgs(t *testing.T, url string, args ...string) []string {
	t.Helper()
	return append([]string{"export", "--app=shop", "--api.url=" + url, "--api.key-file=" + write(t, "key", chatapitest.DefaultKey), "--api.rate-limit=0"}, args...)
}

func TestExportToStandardOutput(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	for list, want := range map[string]int{"dialogs": len(api.Truth().Dialogs), "messages": len(api.Truth().Messages)} {
		code, stdout, stderr := execute(t, exportArgs(t, url, list)...)
		if code != exitDone {
			t.Fatalf("code %d: %s", code, stderr)
		}
		if got := strings.Count(stdout, "\n"); got != want {
			t.Errorf("%d lines of %d %s", got, want, list)
		}
		for line := range strings.Lines(stdout) {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
		if !strings.Contains(stderr, " "+list+" to export.\n") || !strings.Contains(stderr, ", as many as the API counts.\n") {
			t.Errorf("told %q", stderr)
		}
	}
}

// TestExportFilters holds each filter against the rows.
func TestExportFilters(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	rows := api.Truth()
	now := time.Now().Unix()
	middle := rows.Messages[len(rows.Messages)/2]
	home := middle.DialogID
	for _, test := range []struct {
		list string
		args []string
		want int
	}{
		{"messages", []string{fmt.Sprintf("--created-after=%d", middle.CreatedAt)}, rows.CountMessages(func(m chatapitest.TruthMessage) bool { return m.CreatedAt >= middle.CreatedAt })},
		{"messages", []string{fmt.Sprintf("--created-before=%d", middle.CreatedAt)}, rows.CountMessages(func(m chatapitest.TruthMessage) bool { return m.CreatedAt < middle.CreatedAt })},
		{"messages", []string{"--created-after=" + time.Unix(middle.CreatedAt-86400, 0).UTC().Format(time.RFC3339), "--created-before=" + time.Unix(middle.CreatedAt, 0).UTC().Format(time.RFC3339)},
			rows.NewMessages(middle.CreatedAt-86400, middle.CreatedAt)},
		{"messages", []string{fmt.Sprintf("--updated-after=%d", middle.UpdatedAt), fmt.Sprintf("--updated-before=%d", middle.UpdatedAt+3600)}, rows.UpdatedMessages(middle.UpdatedAt, middle.UpdatedAt+3600)},
		{"messages", []string{"--dialog=" + home}, rows.CountMessages(func(m chatapitest.TruthMessage) bool { return m.DialogID == home })},
		{"messages", []string{"--id-after=" + middle.ID}, rows.CountMessages(func(m chatapitest.TruthMessage) bool { return m.ID > middle.ID })},
		{"messages", []string{"--id-before=" + middle.ID}, rows.CountMessages(func(m chatapitest.TruthMessage) bool { return m.ID < middle.ID })},
		{"messages", []string{"--created-after=7d ago", "--created-before=now"}, rows.NewMessages(now-7*86400, now+60)},
		{"dialogs", []string{"--type=group"}, rows.CountDialogs(func(d chatapitest.TruthDialog) bool { return d.Type == 2 })},
		{"dialogs", []string{"--type=private,broadcast,4"}, rows.CountDialogs(func(d chatapitest.TruthDialog) bool { return d.Type == 3 || d.Type == 1 || d.Type == 4 })},
	} {
		code, stdout, stderr := execute(t, exportArgs(t, url, append([]string{test.list}, test.args...)...)...)
		if got := strings.Count(stdout, "\n"); code != exitDone || got != test.want {
			t.Errorf("%s %q: code %d, %d rows, want %d: %s", test.list, test.args, code, got, test.want, stderr)
		}
	}
}

func TestExportCSV(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "out.csv")
	code, stdout, stderr := execute(t, exportArgs(t, url, "dialogs", "--format=csv", "--fields=_id, type,name", "--sort=_id", "--output="+file)...)
	if code != exitDone || stdout != "" {
		t.Fatalf("code %d, %q: %s", code, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || strings.Join(rows[0], " ") != "_id type name" {
		t.Fatal(err, rows[0])
	}
	for i := 2; i < len(rows); i++ {
		if rows[i][0] <= rows[i-1][0] {
			t.Fatalf("row %d is not in order", i)
		}
	}
}

// TestExportUsage holds what is refused before anything is asked: one sentence,
// and exit 2.
func TestExportUsage(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"messages", "--format=xml"}, "--format must be one of ndjson, csv"},
		{[]string{"messages", "--fields=a,,b"}, "--fields must be names separated by commas"},
		{[]string{"messages", "--fields=a,a"}, `--fields names "a" twice`},
		{[]string{"messages", "--sort=name"}, "--sort must be _id, created_at or updated_at"},
		{[]string{"messages", "--id-after=xyz"}, "--id-after must be an id of 24 hexadecimal digits"},
		{[]string{"messages", "--dialog=000000000000000000000000"}, "--dialog must be an id"},
		{[]string{"dialogs", "--dialog=620e2b1463ee2a1977b4ee65"}, "--dialog is for messages"},
		{[]string{"messages", "--type=group"}, "--type is for dialogs"},
		{[]string{"dialogs", "--type=secret"}, "--type must be private, group, broadcast, public or a code"},
		{[]string{"messages", "--created-after=yesterday"}, "--created-after must be a time such as"},
		{[]string{"messages", "--created-after=1700000000000"}, "must be in seconds, not in milliseconds"},
		{[]string{"messages", "--created-after=1d", "--created-before=2d"}, "--created-after is not before --created-before"},
		{[]string{"messages", "--id-after=620e2b1463ee2a1977b4ee65", "--id-before=620e2b1463ee2a1977b4ee65"}, "--id-after is not below --id-before"},
		{[]string{"messages", "--resume"}, "--resume is not for standard output"},
		{[]string{"messages", "--resume", "--gzip"}, "--resume is not for standard output"},
		{[]string{"messages", "--resume", "--output", "-"}, "--resume is not for standard output"},
		{[]string{"messages", "--force"}, "--force is not for standard output"},
		{[]string{"messages", "--output="}, "--output must name a file; - is standard output"},
		{[]string{"messages", "--gzip", "--output=x.zst"}, "whose name asks for zstd"},
		{[]string{"messages", "--output=" + there}, "exists; name another file, or replace it with --force"},
		{[]string{"messages", "--output=" + dir}, "is not a regular file"},
		{[]string{"messages", "--output=" + filepath.Join(dir, "none", "x")}, "there is no directory"},
		{[]string{}, "the command export needs one more word after it: dialogs, messages"},
	} {
		code, stdout, stderr := execute(t, exportArgs(t, url, test.args...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: code %d, %q, %s", test.args, code, stdout, stderr)
		}
		if strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q says more than one line: %s", test.args, stderr)
		}
	}
	if n := len(api.Requests()); n > 0 {
		t.Errorf("the API was asked %d times", n)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "old" {
		t.Error("what was there is overwritten")
	}
}

// TestExportInterrupted keeps what was done, says how to go on, and goes on.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	file := filepath.Join(t.TempDir(), "out.ndjson.gz")
	ctx, stop := context.WithCancelCause(t.Context())
	api.Inject(chatapitest.Fault{Kind: chatapitest.Hang, Endpoint: chatapitest.Messages, Skip: 4})
	args := exportArgs(t, url, "messages", "--output="+file)
	go func() {
		for len(api.Requests()) < 6 {
			time.Sleep(time.Millisecond)
		}
		stop(fmt.Errorf("received a signal"))
	}()
	code, stdout, stderr := executeUntil(ctx, args...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "interrupted: received a signal; ") ||
		!strings.Contains(stderr, " rows are kept in "+file+".part: give the same command with --resume to go on") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("what is not whole has the name of the whole")
	}
	api.ClearFaults()
	code, _, stderr = execute(t, append(args, "--resume")...)
	if code != exitDone || !strings.Contains(stderr, "Going on after ") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	code, _, stderr = execute(t, append(args, "--resume")...)
	if code != exitDone || !strings.Contains(stderr, file+" is there, and no export of it that did not finish: there is nothing to resume. To export anew: --force.\n") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// TestExportOfAnUnknownFilter refuses to leave out rows because a filter is not
// honoured.
func TestExportOfAnUnknownFilter(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	api.SetQuirks(chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: chatapitest.Messages, Field: "created_at"}: chatapitest.Milliseconds}})
	code, stdout, stderr := execute(t, exportArgs(t, url, "messages", "--created-after=7d")...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "does not honour the filter created_at of messages") {
		t.Errorf("code %d, %d bytes: %s", code, len(stdout), stderr)
	}
}

func TestExportRefused(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t)
	api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusForbidden})
	code, stdout, stderr := execute(t, exportArgs(t, url, "messages")...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "counting the messages to export: ") || strings.Contains(stderr, chatapitest.DefaultKey) {
		t.Errorf("code %d: %s", code, stderr)
	}
}
