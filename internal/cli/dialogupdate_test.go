package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// updateBy runs dialog update for somebody who types on a terminal.
func updateBy(ctx context.Context, t *testing.T, stdin io.Reader, args []string) (code int, stdout, stderr string) {
	t.Helper()
	app := kingpin.New(Name, about)
	f := newFlags(app)
	u := &dialogUpdater{stdin: stdin, attended: func(*session) bool { return true }}
	update := newDialogUpdate(app.Command("dialog", ""), u)
	if _, err := app.Parse(args); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code = report(update.run(ctx, &session{f, &out, &errs}), &errs)
	return code, out.String(), errs.String()
}

func puts(api *chatapitest.Server) (bodies []string) {
	for _, r := range api.Requests() {
		if r.Method == http.MethodPut {
			bodies = append(bodies, string(r.Body))
		}
	}
	return bodies
}

// Each flag is told beforehand, sent as documented, and seen in the result.
func TestDialogUpdate(t *testing.T) {
	t.Parallel()
	const pin = "620e2b14e45f5b089d000008"
	for name, c := range map[string]struct {
		flags []string
		says  []string
		sent  []string
		then  map[string]string // fields of the result
	}{
		"mute":   {[]string{"--mute-for=11"}, []string{"user 11: not muted → muted", "Changed."}, []string{`{"user_id":11,"is_muted":true}`}, map[string]string{"silent_ids": `[13,12,11]`}},
		"unmute": {[]string{"--unmute-for=12"}, []string{"user 12: muted → not muted"}, []string{`{"user_id":12,"is_muted":false}`}, map[string]string{"silent_ids": `[13]`}},
		"mute of many": {[]string{"--mute-for=11", "--mute-for", "12", "--mute-for=14", "--mute-for=14", "--unmute-for=13"},
			[]string{"user 12: muted (no change)", "This takes 3 requests, one after the other: the mute for user 11; the mute for user 14; the unmute for user 13."},
			[]string{`{"user_id":11,"is_muted":true}`, `{"user_id":14,"is_muted":true}`, `{"user_id":13,"is_muted":false}`}, map[string]string{"silent_ids": `[12,11,14]`}},
		"mute of a stranger": {[]string{"--mute-for=5"}, []string{"To be muted, though not a member of this dialog: 5."}, []string{`{"user_id":5,"is_muted":true}`}, nil},
		"name":               {[]string{"--name=Ops 2"}, []string{`name: "Ops\u202e \u001b[31m\u009b2J\u0007" → "Ops 2"`}, []string{`{"name":"Ops 2"}`}, map[string]string{"name": `"Ops 2"`}},
		"no name":            {[]string{"--name="}, []string{`name: "Ops\u202e \u001b[31m\u009b2J\u0007" → ""`}, []string{`{"name":""}`}, map[string]string{"name": `""`}},
		"photo":              {[]string{"--photo", "77"}, []string{`photo: none → "77"`}, []string{`{"photo":"77"}`}, map[string]string{"photo": `"77"`}},
		"description":        {[]string{"--description", "a\nb"}, []string{`→ "a\nb"`}, []string{`{"description":"a\nb"}`}, map[string]string{"description": `"a\nb"`}},
		"occupants added":    {[]string{"--add-occupant=15", "--add-occupant=16"}, []string{"occupants: 4 → 6 (add 15, 16)"}, []string{`{"push_all":{"occupants_ids":[15,16]}}`}, map[string]string{"occupants_ids": `[14,11,12,13,15,16]`}},
		"occupants gone":     {[]string{"--remove-occupant=14", "--remove-occupant=99"}, []string{"occupants: 4 → 3 (remove 14; not among them: 99)"}, []string{`{"pull_all":{"occupants_ids":[14]}}`}, map[string]string{"occupants_ids": `[11,12,13]`}},
		"admins":             {[]string{"--admin=12"}, []string{"admins: 1 → 2 (add 12)"}, []string{`{"push_all":{"admins_ids":[12]}}`}, map[string]string{"admins_ids": `[11,12]`}},
		"admins gone":        {[]string{"--remove-admin=11"}, []string{"admins: 1 → 0 (remove 11)"}, []string{`{"pull_all":{"admins_ids":[11]}}`}, map[string]string{"admins_ids": `[]`}},
		"another admin":      {[]string{"--admin=12", "--remove-admin=11"}, []string{"This takes 2 requests, one after the other: removals from lists; fields and lists."}, []string{`{"pull_all":{"admins_ids":[11]}}`, `{"push_all":{"admins_ids":[12]}}`}, map[string]string{"admins_ids": `[12]`}},
		"pin":                {[]string{"--pin=" + strings.ToUpper(pin)}, []string{"pinned messages: 0 → 1 (add " + pin + ")"}, []string{`{"push_all":{"pinned_messages_ids":["` + pin + `"]}}`}, map[string]string{"pinned_messages_ids": `["` + pin + `"]`}},
		"unpin of nothing":   {[]string{"--unpin=" + pin}, []string{"not among them: " + pin, "nothing is sent"}, nil, map[string]string{"pinned_messages_ids": `null`}},
		"extensions":         {[]string{"--extension=a=b=c", "--extension=shop="}, []string{`extensions: shop="9" → a="b=c", shop=""`}, []string{`{"extensions":{"a":"b=c","shop":""}}`}, map[string]string{"extensions": `{"a":"b=c","shop":""}`}},
		"an extension":       {[]string{"--extension=a=b"}, []string{`extensions: shop="9" → a="b", shop="9"`}, []string{`{"extensions":{"a":"b","shop":"9"}}`}, map[string]string{"extensions": `{"a":"b","shop":"9"}`}},
		"no extensions":      {[]string{"--reset-extensions"}, []string{`extensions: shop="9" → none`}, []string{`{"extensions":null}`}, map[string]string{"extensions": `null`}},
		"permission":         {[]string{"--permission=allow_preview=true"}, []string{"permission allow_preview: "}, []string{`{"permissions":{"allow_preview":true}}`}, map[string]string{"permissions": `{"allow_preview":true}`}},
		"nothing new":        {[]string{"--mute-for=12", "--admin=11", "--extension=shop=9"}, []string{"user 12: muted (no change)", `extensions: shop="9" (no change)`, "The dialog already has what you ask for: there is nothing to change, and nothing is sent."}, nil, map[string]string{"silent_ids": `[13,12]`}},
		"all but the kitchen sink": {[]string{"--mute-for=11", "--name=x", "--add-occupant=15"}, []string{"2 requests, one after the other: fields and lists; the mute for user 11."},
			[]string{`{"name":"x","push_all":{"occupants_ids":[15]}}`, `{"user_id":11,"is_muted":true}`}, map[string]string{"name": `"x"`, "silent_ids": `[13,12,11]`}},
	} {
		for quirk, q := range map[string]chatapitest.Quirks{"": {}, ", other ways": {ExtensionsMerge: true, OneListTwiceRefused: true, MuteMovesUpdatedAt: true, NoDate: true}} {
			t.Run(name+quirk, func(t *testing.T) {
				t.Parallel()
				api, url := opsSandbox(t)
				api.SetQuirks(q)
				code, stdout, stderr := execute(t, dialogArgs(t, url, "update", slices.Concat(c.flags, []string{opsID, "--yes"})...)...)
				if code != exitDone || harmful(stdout) || harmful(stderr) || strings.Count(stdout, "\n") != 1 || strings.Contains(stderr, "[y/N]") {
					t.Fatalf("code %d, %q, %q", code, stdout, stderr)
				}
				for _, want := range append(c.says, "Dialog "+opsID+" of shop: group, \"Ops \", 4 members, 1 admin, muted by 2 users.\n") {
					if !strings.Contains(stderr, want) {
						t.Errorf("%q is not in\n%s", want, stderr)
					}
				}
				if got := puts(api); !slices.Equal(got, c.sent) {
					t.Errorf("sent %q, want %q", got, c.sent)
				}
				var row map[string]json.RawMessage
				if err := json.Unmarshal([]byte(stdout), &row); err != nil {
					t.Fatal(err)
				}
				for field, want := range c.then {
					if string(row[field]) != want {
						t.Errorf("%s is %s, want %s", field, row[field], want)
					}
				}
			})
		}
	}
}

// A body is sent byte for byte.
func TestDialogUpdateOfABody(t *testing.T) {
	t.Parallel()
	const body = "{ \"user_id\": 11,\n \"is_muted\": true, \"extensions\": {\"a\": 1} }"
	for name, q := range map[string]chatapitest.Quirks{"replaced": {}, "merged": {ExtensionsMerge: true}} {
		for _, from := range []string{"--json=-", "--json=" + write(t, "body.json", body+"\n")} {
			api, url := opsSandbox(t)
			api.SetQuirks(q)
			args := dialogArgs(t, url, "update", opsID, from, "--yes")
			code, stdout, stderr := updateBy(t.Context(), t, strings.NewReader("\n"+body), args)
			if code != exitDone || !slices.Equal(puts(api), []string{body}) || !strings.Contains(stdout, `"silent_ids":[13,12,11]`) {
				t.Errorf("%s, %s: code %d, sent %q: %s", name, from, code, puts(api), stderr)
			}
			for _, want := range []string{"user 11: not muted → muted", `extensions: shop="9" → a="1"`, "does not say whether extensions that the body does not name stay or go: shop."} {
				if !strings.Contains(stderr, want) {
					t.Errorf("%s, %s: %q is not in %s", name, from, want, stderr)
				}
			}
		}
	}
	api, url := opsSandbox(t)
	code, stdout, stderr := execute(t, dialogArgs(t, url, "update", opsID, "--json="+write(t, "same.json", `{"user_id":12,"is_muted":true}`), "--yes")...)
	if code != exitDone || len(puts(api)) != 0 || !strings.Contains(stderr, "nothing is sent") || stdout == "" {
		t.Errorf("a body that changes nothing: code %d, sent %q: %s", code, puts(api), stderr)
	}
}

// What is to change is shown, and then asked.
func TestDialogUpdateAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		"y\n": true, "Y\r\n": true, " yes \n": true, "y": true,
		"n\n": false, "\n": false, "": false, "yeah\n": false, "no y\n": false, "n\ny\n": false, strings.Repeat("y", 5000) + "\n": false,
	} {
		api, url := opsSandbox(t)
		code, stdout, stderr := updateBy(t.Context(), t, strings.NewReader(answer), dialogArgs(t, url, "update", opsID, "--mute-for=11"))
		shown, _, asked := strings.Cut(stderr, "Change this dialog? [y/N] ")
		if !asked || !strings.Contains(shown, "user 11: not muted → muted") {
			t.Errorf("%.9q: %q", answer, stderr)
		}
		switch {
		case want && (code != exitDone || len(puts(api)) != 1 || stdout == ""):
			t.Errorf("%.9q: code %d, sent %q", answer, code, puts(api))
		case !want && (code != exitFailed || len(puts(api)) != 0 || stdout != "" || !strings.Contains(stderr, "not confirmed: nothing was changed")):
			t.Errorf("%.9q: code %d, sent %q, %q", answer, code, puts(api), stderr)
		}
	}
	api, url := opsSandbox(t)
	if code, _, stderr := updateBy(t.Context(), t, strings.NewReader(""), dialogArgs(t, url, "update", opsID, "--mute-for=12")); code != exitDone || strings.Contains(stderr, "[y/N]") || len(puts(api)) != 0 {
		t.Errorf("asked though nothing changes: code %d, %s", code, stderr)
	}
}

// Who is asked may go.
func TestDialogUpdateIsInterrupted(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	stdin, typist := io.Pipe()
	defer typist.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for api.RequestCounts()[chatapitest.Dialogs] == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	code, stdout, stderr := updateBy(ctx, t, stdin, dialogArgs(t, url, "update", opsID, "--mute-for=11"))
	if code != exitFailed || stdout != "" || len(puts(api)) != 0 || !strings.Contains(stderr, "interrupted") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

// Without a terminal nobody is asked: then --yes is needed, and nothing is
// sent without it. The null device is none.
func TestDialogUpdateWithoutATerminal(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"a flag":         {[]string{"--mute-for=11"}, "there is no terminal to ask on: confirm the change with --yes"},
		"standard input": {[]string{"--json=-"}, "--json=- takes standard input, so there is nowhere to ask: confirm with --yes"},
		"in two words":   {[]string{"--json", "-"}, "confirm with --yes"},
	} {
		code, stdout, stderr := execute(t, dialogArgs(t, url, "update", append(c.flags, opsID)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, stderr)
		}
	}
	if n := len(api.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Open(write(t, "file", "y\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, v := range map[string]any{"the null device": null, "a file": file, "a buffer": &bytes.Buffer{}, "nothing": nil} {
		if isConsole(v) {
			t.Errorf("%s is a terminal", name)
		}
	}
}

// A dry run prints what would be sent, without the key, and sends nothing but
// the look.
func TestDialogUpdateDryRun(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	for _, more := range [][]string{{"--dry-run"}, {"--dry-run", "--yes"}} {
		code, stdout, stderr := execute(t, dialogArgs(t, url, "update", slices.Concat(more, []string{opsID, "--name=a\u202eb\x1b[2J", "--mute-for=11"})...)...)
		head := "PUT " + url + "/admin/chat/" + opsID + "\nAccept: application/json\nCb-Administration-Api-Key: <secret>\nContent-Type: application/json\nUser-Agent: " + Name + "/" + programVersion() + "\n\n"
		want := head + `{"name":"a\u202eb\u001b[2J"}` + "\n\n" + head + `{"user_id":11,"is_muted":true}` + "\n"
		if code != exitDone || stdout != want || !strings.Contains(stderr, "user 11: not muted → muted") || harmful(stderr) {
			t.Errorf("code %d, %q\n%s, want\n%s", code, stderr, stdout, want)
		}
	}
	code, stdout, stderr := execute(t, dialogArgs(t, url, "update", "--dry-run", opsID, "--mute-for=12")...)
	if code != exitDone || stdout != "" || !strings.Contains(stderr, "nothing to change") {
		t.Errorf("nothing to change: code %d, %q, %q", code, stdout, stderr)
	}
	if len(puts(api)) != 0 || len(api.Requests()) != 3 {
		t.Errorf("sent %q", puts(api))
	}
}
