package cli

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// opsID is the dialog that the tests look at and change.
const opsID = "620e2b1463ee2a1977b4ee65"

// nasty is what a user may write who means no good.
const nasty = "Ops\u202e \u001b[31m\u009b2J\u0007"

// opsSandbox holds a group of four members, two of whom muted it.
func opsSandbox(t *testing.T) (*chatapitest.Server, string) {
	t.Helper()
	api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 20, Messages: 100, Weeks: 2})
	name, err := json.Marshal(nasty)
	if err != nil {
		t.Fatal(err)
	}
	api.CreateDialog(chatapitest.DialogSpec{
		ID: opsID, Type: 2, Occupants: []int64{14, 11, 12, 13}, Admins: []int64{11}, Silent: []int64{13, 12}, CreatedAt: time.Now().Add(-time.Hour),
		LastMessageSent: time.Now().Add(-time.Minute),
		Extra:           map[string]json.RawMessage{"name": name, "last_message": json.RawMessage(`"secret words"`), "extensions": json.RawMessage(`{"shop":"9"}`)},
	})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return api, srv.URL
}

func dialogArgs(t *testing.T, url, what string, more ...string) []string {
	t.Helper()
	return append([]string{"dialog", what, "--app=shop", "--api.url=" + url, "--api.key-file=" + write(t, "key", chatapitest.DefaultKey), "--api.rate-limit=0"}, more...)
}

// harmful tells whether a text would do something to a terminal.
func harmful(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r == 0xfffd
	})
}

func TestDialogShow(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	code, stdout, stderr := execute(t, dialogArgs(t, url, "show", strings.ToUpper(opsID))...)
	if code != exitDone || stderr != "" {
		t.Fatalf("code %d: %s", code, stderr)
	}
	text := strings.Join(strings.FieldsFunc(stdout, func(r rune) bool { return r == ' ' }), " ")
	for _, want := range []string{"Dialog " + opsID, "Type group\n", "Name \"Ops \"\n", "Owner 14\n", "Members 4: 11, 12, 13, 14\n", "Admins 1: 11\n", "Muted by 2 of 4 members: 12, 13\n", `Extensions shop="9"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	if harmful(stdout) || strings.Contains(stdout, "secret words") {
		t.Errorf("what a user wrote is shown as it is:\n%q", stdout)
	}

	code, stdout, stderr = execute(t, dialogArgs(t, url, "show", opsID, "--format=json")...)
	if code != exitDone || stderr != "" || harmful(stdout) || strings.Count(stdout, "\n") != 1 {
		t.Errorf("json: code %d: %s\n%q", code, stderr, stdout)
	}
	stored := api.Truth().Dialogs[slices.IndexFunc(api.Truth().Dialogs, func(d chatapitest.TruthDialog) bool { return d.ID == opsID })].Row
	if got, want := sameJSON(t, stdout), sameJSON(t, string(stored)); got != want {
		t.Errorf("json: got\n%s, want\n%s", got, want)
	}
	if counts := api.RequestCounts(); counts[chatapitest.Dialogs] != 2 || counts[chatapitest.Dialog] != 0 {
		t.Errorf("requests %v", counts)
	}
}

// sameJSON gives objects that mean the same the same text.
func sameJSON(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The users who muted a dialog come on standard output, one a line, and
// nothing else does.
func TestDialogMutes(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	for name, c := range map[string]struct {
		spec         chatapitest.DialogSpec
		stdout, says string
	}{
		"two of four":  {chatapitest.DialogSpec{Type: 2, Occupants: []int64{4, 1, 2, 3}, Silent: []int64{3, 2}}, "2\n3\n", "Muted by 2 of 4 members. Not muted by: 1, 4.\n"},
		"all":          {chatapitest.DialogSpec{Occupants: []int64{1, 2}, Silent: []int64{2, 1}}, "1\n2\n", "Muted by 2 of 2 members.\n"},
		"one who left": {chatapitest.DialogSpec{Occupants: []int64{1}, Silent: []int64{9}}, "9\n", "Muted by 0 of 1 member. Also muted by 1 user, no longer or never a member: 9. Not muted by: 1.\n"},
		"nobody":       {chatapitest.DialogSpec{Occupants: []int64{1, 2}}, "", "Muted by 0 of 2 members. Not muted by: 1, 2.\n"},
		"not told":     {chatapitest.DialogSpec{Occupants: []int64{1, 2}, SilentAs: chatapitest.Missing}, "", "Muted by 0 of 2 members. Not muted by: 1, 2.\n"},
		"public":       {chatapitest.DialogSpec{Type: 4, Silent: []int64{5}}, "5\n", "Muted by 1 user. This dialog is public: the API does not list its members.\n"},
	} {
		code, stdout, stderr := execute(t, dialogArgs(t, url, "mutes", api.CreateDialog(c.spec))...)
		if code != exitDone || stdout != c.stdout || stderr != c.says {
			t.Errorf("%s: code %d, %q, %q; want %q, %q", name, code, stdout, stderr, c.stdout, c.says)
		}
	}
}

// Each command says plainly why it cannot look.
func TestDialogCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	none := "ffffffffffffffffffffffff"
	for what, more := range map[string][]string{"show": nil, "mutes": nil, "update": {"--mute-for=5", "--yes"}} {
		fails := func(name string, fault chatapitest.Fault, id string, wants ...string) {
			t.Helper()
			api.ClearFaults()
			if fault.Kind != 0 {
				api.Inject(fault)
			}
			code, stdout, stderr := execute(t, dialogArgs(t, url, what, append(more, id)...)...)
			if code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, chatapitest.DefaultKey) {
				t.Errorf("%s, %s: code %d, %q, %q", what, name, code, stdout, stderr)
			}
			for _, want := range wants {
				if !strings.Contains(stderr, want) {
					t.Errorf("%s, %s: %q is not in %q", what, name, want, stderr)
				}
			}
		}
		fails("no such dialog", chatapitest.Fault{}, none, "the application shop has no dialog "+none, "is the id right")
		fails("401", chatapitest.Fault{Kind: chatapitest.Status, Status: 401}, opsID, "looking for dialog "+opsID, "401", "--api.key-file", "the API says: Unauthorized")
		fails("403", chatapitest.Fault{Kind: chatapitest.Status, Status: 403}, opsID, "403", "plan Advanced")
		fails("404", chatapitest.Fault{Kind: chatapitest.Status, Status: 404, Body: "E_ROUTE_NOT_FOUND \x1b[31m"}, opsID, "404", "--api.url", "the API says: E_ROUTE_NOT_FOUND [31m")
		fails("302", chatapitest.Fault{Kind: chatapitest.Status, Status: 302}, opsID, "302 Found", "check --api.url")
		fails("429", chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "900"}, opsID, "429", "retry after 15m0s", "--api.rate-limit")
		fails("HTML", chatapitest.Fault{Kind: chatapitest.HTML}, opsID, "unusable answer")
		fails("another row", chatapitest.Fault{Kind: chatapitest.BadField, Field: "_id", RawValue: `"` + none + `"`}, opsID, "the filter was not obeyed")
		api.ClearFaults()
		api.SetKey("another")
		fails("wrong key", chatapitest.Fault{}, opsID, "401", "--api.key-file")
		api.SetKey(chatapitest.DefaultKey)
	}
	api.Inject(chatapitest.Fault{Kind: chatapitest.BadField, Field: "admins_ids", RawValue: `"secret"`})
	for what, want := range map[string]string{"show": "--format=json shows the row as it is", "update": "nor changed"} {
		args := dialogArgs(t, url, what, opsID)
		if what == "update" {
			args = append(args, "--mute-for=5", "--yes")
		}
		code, _, stderr := execute(t, args...)
		if code != exitFailed || !strings.Contains(stderr, "field admins_ids") || !strings.Contains(stderr, want) || strings.Contains(stderr, "secret") {
			t.Errorf("%s of an odd row: code %d, %q", what, code, stderr)
		}
	}
	if n := api.RequestCounts()[chatapitest.Dialog]; n != 0 {
		t.Errorf("%d changes were sent", n)
	}
}

func TestDialogPicksItsApplication(t *testing.T) {
	t.Parallel()
	_, url := opsSandbox(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"key":      chatapitest.DefaultKey,
		"apps.yml": "defaults: {rate_limit: 0, url: '" + url + "', api_key_file: key}\napps: [{name: shed}, {name: shop}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, more := range map[string][]string{"show": nil, "mutes": nil, "update": {"--mute-for=5", "--yes"}} {
		args := append([]string{"dialog", what, opsID, "--config.file=" + filepath.Join(dir, "apps.yml")}, more...)
		if code, stdout, stderr := execute(t, args...); code != exitUsage || stdout != "" || !strings.Contains(stderr, "pick one with --app") {
			t.Errorf("%s: code %d, %s", what, code, stderr)
		}
		if code, stdout, stderr := execute(t, append(args, "--app=shop")...); code != exitDone || stdout == "" {
			t.Errorf("%s: code %d, %s", what, code, stderr)
		}
	}
}

// None of the flags has an environment variable: an inherited one must not
// confirm anything.
func TestDialogFlagsHaveNoVariables(t *testing.T) {
	t.Parallel()
	app, _, _ := newApplication()
	var names []string
	for _, command := range app.Model().FlattenedCommands() {
		if !strings.HasPrefix(command.FullCommand, "dialog ") {
			continue
		}
		for _, flag := range command.Flags {
			if flag.Envar != "" {
				t.Errorf("%s --%s has the variable %s", command.FullCommand, flag.Name, flag.Envar)
			}
			if command.FullCommand == "dialog update" {
				names = append(names, flag.Name)
			}
		}
	}
	want := []string{
		"mute-for", "unmute-for", "name", "photo", "description", "add-occupant", "remove-occupant", "admin", "remove-admin",
		"pin", "unpin", "extension", "reset-extensions", "permission", "json", "yes", "dry-run",
	}
	if !slices.Equal(names, want) {
		t.Errorf("dialog update has the flags %q, want %q", names, want)
	}
}
