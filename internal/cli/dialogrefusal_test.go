package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// A change that the API declines, or that comes to nothing, is told in plain
// words: what was tried, what happened, what became of the change, what to do.
// It is sent once.
func TestDialogUpdateFails(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) chatapitest.Fault {
		return chatapitest.Fault{Kind: chatapitest.Status, Status: code, Body: body}
	}
	const unknown = "it is not known whether the API made the change, which is not sent a second time; to see, use dialog show " + opsID
	for name, c := range map[string]struct {
		fault chatapitest.Fault
		wants []string
	}{
		"400":          {status(400, ""), []string{"400 Bad Request", "nothing was changed: the API considers the change invalid", "--dry-run"}},
		"401":          {status(401, ""), []string{"401 Unauthorized", "nothing was changed: the key was accepted when the dialog was read"}},
		"403":          {status(403, `{"errors":{"base":["Forbidden. Need \u001b[31muser\u202e.\nNow"]}}`), []string{"changing dialog " + opsID + ": the API answered 403 Forbidden; the API says: Forbidden. Need [31muser. Now; nothing was changed", "it is this change that is not allowed"}},
		"404":          {status(404, ""), []string{"404 Not Found", "nothing was changed: the dialog was there a moment ago", "to see, use dialog show " + opsID}},
		"422":          {status(422, `{"errors":{"name":["is too long"]}}`), []string{"422 Unprocessable Entity", "the API says: name is too long; nothing was changed"}},
		"429":          {status(429, ""), []string{"429 Too Many Requests", "nothing was changed: the API gets too many requests", "try again in a while", "--api.rate-limit"}},
		"429, a pause": {chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "90"}, []string{"try again in 1m30s"}},
		"409":          {status(409, ""), []string{"409 Conflict", "nothing was changed"}},
		"redirect":     {chatapitest.Fault{Kind: chatapitest.Redirect, Location: "https://elsewhere.test/"}, []string{"redirect to https://elsewhere.test not followed", "the API answered 302 Found", "nothing was changed; check --api.url"}},
		"no target":    {chatapitest.Fault{Kind: chatapitest.Status, Status: 302}, []string{"the API answered 302 Found; nothing was changed; check --api.url, which must be the address that the API itself answers at"}},
		"500":          {status(500, "<html>"), []string{"500 Internal Server Error", "the API says: (an HTML page); " + unknown}},
		"503":          {status(503, ""), []string{"503 Service Unavailable", unknown}},
		"reset":        {chatapitest.Fault{Kind: chatapitest.Reset}, []string{"no connection", unknown}},
		"half a reply": {chatapitest.Fault{Kind: chatapitest.ResetMidBody}, []string{"unexpected EOF", unknown}},
		"torn":         {chatapitest.Fault{Kind: chatapitest.Truncated}, []string{"unusable answer", "the API reported success but did not return the dialog, so it is not known whether it made the change; to see, use dialog show"}},
		"HTML":         {chatapitest.Fault{Kind: chatapitest.HTML}, []string{"unusable answer", "it is not known whether it made the change"}},
		"no answer":    {chatapitest.Fault{Kind: chatapitest.Hang}, []string{"no complete answer in time (--api.timeout)", unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, url := opsSandbox(t)
			t.Cleanup(api.ClearFaults)
			c.fault.Endpoint = chatapitest.Dialog
			api.Inject(c.fault)
			args := dialogArgs(t, url, "update", opsID, "--mute-for=11", "--yes")
			if name == "no answer" {
				args = append(args, "--api.timeout=3s")
			}
			code, stdout, stderr := execute(t, args...)
			if code != exitFailed || stdout != "" || len(puts(api)) != 1 || harmful(stderr) || strings.Contains(stderr, chatapitest.DefaultKey) {
				t.Errorf("code %d, %d requests, %q, %q", code, len(puts(api)), stdout, stderr)
			}
			for _, want := range append(c.wants, Name+": changing dialog "+opsID+": ") {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not in %q", want, stderr)
				}
			}
			if strings.Contains(stderr, "request 1 of") || strings.Contains(stderr, "Done before") {
				t.Errorf("speaks of several requests: %q", stderr)
			}
		})
	}
}

// The key is not shown by an API that repeats it.
func TestDialogUpdateHidesTheKey(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	api.SetQuirks(chatapitest.Quirks{EchoKey: true})
	code, _, stderr := execute(t, dialogArgs(t, url, "update", api.CreateDialog(chatapitest.DialogSpec{Occupants: []int64{1, 2}}), "--add-occupant=3", "--yes")...)
	if code != exitFailed || strings.Contains(stderr, chatapitest.DefaultKey) || !strings.Contains(stderr, "<secret>") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

// What this dialog cannot take is refused without a request; what the API may
// decline is left to it, with a warning.
func TestDialogUpdateOfADialogThatCannot(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	full := api.CreateDialog(chatapitest.DialogSpec{Type: 2, Occupants: []int64{1}, Admins: []int64{1, 2, 3, 4, 5}, Extra: map[string]json.RawMessage{"extensions": json.RawMessage(`{"a":"1","b":"2","c":"3"}`)}})
	for flag, want := range map[string]string{
		"--admin=6":       "cannot be changed like this: it would have 6 admins (1, 2, 3, 4, 5, 6), and 5 is the most",
		"--extension=d=4": "cannot be changed like this: it would have 4 extensions",
	} {
		code, stdout, stderr := execute(t, dialogArgs(t, url, "update", full, flag, "--yes")...)
		if code != exitFailed || stdout != "" || len(puts(api)) != 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, sent %q, %q", flag, code, puts(api), stderr)
		}
	}
	private := api.CreateDialog(chatapitest.DialogSpec{Occupants: []int64{1, 2}})
	code, _, stderr := execute(t, dialogArgs(t, url, "update", private, "--add-occupant=3", "--yes")...)
	if code != exitFailed || len(puts(api)) != 1 || !strings.Contains(stderr, "This dialog is private: the API is known to change occupants of group and public dialogs only") || !strings.Contains(stderr, "403 Forbidden") {
		t.Errorf("private: code %d, sent %q, %q", code, puts(api), stderr)
	}
}

// A request that the API takes and does not obey is no success.
func TestDialogUpdateThatIsIgnored(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	api.SetQuirks(chatapitest.Quirks{Extensions: []string{"shop"}})
	private := api.CreateDialog(chatapitest.DialogSpec{Occupants: []int64{1, 2}})
	for name, c := range map[string]struct{ id, flag, want string }{
		"an extension not set up":  {opsID, "--extension=colour=red", "does not show it for: extensions (it ignores extensions that are not set up in the admin panel"},
		"name of a private dialog": {private, "--name=x", "does not show it for: name"},
	} {
		code, stdout, stderr := execute(t, dialogArgs(t, url, "update", c.id, c.flag, "--yes")...)
		if code != exitFailed || !json.Valid([]byte(stdout)) || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "Changed.") {
			t.Errorf("%s: code %d, %q, %q", name, code, stdout, stderr)
		}
	}
	api.SetQuirks(chatapitest.Quirks{PrivateDialogsNamed: true})
	if code, stdout, stderr := execute(t, dialogArgs(t, url, "update", private, "--name=x", "--yes")...); code != exitDone || !strings.Contains(stdout, `"name":"x"`) || !strings.Contains(stderr, "may ignore them") {
		t.Errorf("an API that takes the name: code %d, %q, %q", code, stdout, stderr)
	}
}

// Of several requests, one in the middle may fail: the error says which, what
// is done, and what is not; the same command then does the rest.
func TestDialogUpdateFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 403, Endpoint: chatapitest.Dialog, Skip: 1, Count: 1})
	args := dialogArgs(t, url, "update", opsID, "--name=x", "--mute-for=11", "--mute-for=14", "--yes")
	code, stdout, stderr := execute(t, args...)
	if code != exitFailed || stdout != "" || len(puts(api)) != 2 {
		t.Errorf("code %d, sent %q, %q", code, puts(api), stdout)
	}
	for _, want := range []string{"changing dialog " + opsID + " (request 2 of 3, the mute for user 11): ", "403 Forbidden", "Done before: fields and lists. Not tried: the mute for user 14. The same command again does what is left"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in %q", want, stderr)
		}
	}
	api.ResetRequests()
	code, stdout, stderr = execute(t, args...)
	if want := []string{`{"user_id":11,"is_muted":true}`, `{"user_id":14,"is_muted":true}`}; code != exitDone || !slices.Equal(puts(api), want) || !strings.Contains(stdout, `"silent_ids":[13,12,11,14]`) {
		t.Errorf("code %d, sent %q, %s", code, puts(api), stderr)
	}
}

// Ctrl-C while the API works on a change leaves it unknown.
func TestDialogUpdateIsInterruptedLate(t *testing.T) {
	t.Parallel()
	api, _ := opsSandbox(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(w, r)
		if r.Method == http.MethodPut {
			cancel()
			<-r.Context().Done()
		}
	}))
	t.Cleanup(srv.Close)
	// The reply waits in the server's buffer until its handler ends.
	code, stdout, stderr := executeUntil(ctx, dialogArgs(t, srv.URL, "update", opsID, "--description="+strings.Repeat("x", 10), "--yes", "--api.timeout=1m")...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "interrupted: ") || !strings.Contains(stderr, "it is not known whether the API made the change; to see, use dialog show "+opsID) {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

// A command that mutes is seen by the next scan of an exporter that runs, with
// APIs that move a dialog's updated_at by a mute, and with those that do not.
func TestAMuteIsSeenByTheNextScan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quirks chatapitest.Quirks
		full   string
	}{
		"a mute moves updated_at": {chatapitest.Quirks{MuteMovesUpdatedAt: true}, "6h"}, // the incremental scan finds it
		"it does not":             {chatapitest.Quirks{}, "1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _ := opsSandbox(t)
			api.SetQuirks(c.quirks)
			srv := httptest.NewServer(api)
			t.Cleanup(srv.Close)
			id := api.CreateDialog(chatapitest.DialogSpec{Type: 1, CreatedAt: time.Now().Add(-time.Hour)})
			key := write(t, "key", chatapitest.DefaultKey)
			r := serveInBackground(t, "--app=shop", "--api.url="+srv.URL, "--api.key-file="+key, "--api.rate-limit=0", "--poll.interval=1s", "--scan.interval=1s", "--scan.full-interval="+c.full)
			shows := func(want string) {
				t.Helper()
				want = `connectycube_muted_dialogs{application="shop",dialog_type="broadcast"} ` + want + "\n"
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
					_, metrics := get(t, r.root+"/metrics")
					if strings.Contains(metrics, want) {
						return
					}
					if time.Now().After(deadline) {
						t.Fatalf("%q does not come:\n%s", want, metrics)
					}
				}
			}
			shows("0")
			for _, step := range [][2]string{{"--mute-for=7", "1"}, {"--unmute-for=7", "0"}} {
				if code, _, stderr := execute(t, dialogArgs(t, srv.URL, "update", id, step[0], "--yes")...); code != exitDone {
					t.Fatalf("%s: code %d: %s", step[0], code, stderr)
				}
				shows(step[1])
			}
		})
	}
}
