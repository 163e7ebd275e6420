package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// typist types one line after the other, as on a terminal.
type typist struct{ lines []string }

func (ty *typist) Read(p []byte) (int, error) {
	if len(ty.lines) == 0 {
		return 0, io.EOF
	}
	n := copy(p, ty.lines[0])
	ty.lines = ty.lines[1:]
	return n, nil
}

// edit changes the dialog as somebody else.
func edit(t *testing.T, api *chatapitest.Server, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPut, "/admin/chat/"+opsID, strings.NewReader(body))
	r.Header.Set("CB-Administration-API-Key", chatapitest.DefaultKey)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("another's change %s: %d %s", body, w.Code, w.Body)
	}
	api.ResetRequests()
}

// What is sent is what was shown last, and starts from the dialog as it is when
// it is sent.
func TestDialogUpdateOfADialogThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	const anew = "The dialog has changed since it was shown. Now it is:\n"
	extensions := []string{`{"extensions":{"note":"theirs"}}`}
	for name, c := range map[string]struct {
		flags  []string
		others []string // what another does after each look
		typed  []string // nil: --yes
		code   int
		shown  int // times
		says   []string
		sent   []string
	}{
		"extensions, asked": {[]string{"--extension=mine=1"}, extensions, []string{"y\n", "y\n"}, exitDone, 2,
			[]string{`extensions: shop="9" → mine="1", shop="9"`, anew, `extensions: note="theirs" → mine="1", note="theirs"`}, []string{`{"extensions":{"mine":"1","note":"theirs"}}`}},
		"extensions, with --yes": {[]string{"--extension=mine=1"}, extensions, nil, exitDone, 2,
			[]string{anew, `extensions: note="theirs" → mine="1", note="theirs"`}, []string{`{"extensions":{"mine":"1","note":"theirs"}}`}},
		"declined then":    {[]string{"--extension=mine=1"}, extensions, []string{"y\n", "n\n"}, exitFailed, 2, []string{anew, "not confirmed: nothing was changed"}, nil},
		"no second answer": {[]string{"--extension=mine=1"}, extensions, []string{"y\ny\n"}, exitFailed, 2, []string{anew, "not confirmed: nothing was changed"}, nil},
		"twice": {[]string{"--name=x"}, []string{`{"name":"a"}`, `{"name":"a\u202e"}`}, []string{"y\n", "y\n", "y\n"}, exitDone, 3,
			[]string{`name: "a" → "x"`, `name: "a\u202e" → "x"`}, []string{`{"name":"x"}`}},
		"a list": {[]string{"--add-occupant=15", "--remove-occupant=14"}, []string{`{"push_all":{"occupants_ids":[15]}}`}, []string{"y\n", "y\n"}, exitDone, 2,
			[]string{"occupants: 4 → 4 (add 15; remove 14)", anew, "occupants: 5 → 4 (remove 14; already among them: 15)"}, []string{`{"pull_all":{"occupants_ids":[14]}}`}},
		"a body": {[]string{"--json=" + write(t, "b", `{"description":"x"}`)}, []string{`{"description":"theirs"}`}, []string{"y\n", "y\n"}, exitDone, 2,
			[]string{anew, `description: "theirs" → "x"`}, []string{`{"description":"x"}`}},
		"done by another": {[]string{"--mute-for=11"}, []string{`{"user_id":11,"is_muted":true}`}, []string{"y\n"}, exitDone, 2,
			[]string{anew, "user 11: muted (no change)", "there is nothing to change, and nothing is sent"}, nil},
		"no room any more": {[]string{"--admin=12"}, []string{`{"push_all":{"admins_ids":[1,2,3,4]}}`}, []string{"y\n"}, exitFailed, 2,
			[]string{anew, "cannot be changed like this: it would have 6 admins"}, nil},
		"no member any more": {[]string{"--mute-for=14"}, []string{`{"pull_all":{"occupants_ids":[14]}}`}, []string{"y\n", "y\n"}, exitDone, 2,
			[]string{anew, "To be muted, though not a member of this dialog: 14."}, []string{`{"user_id":14,"is_muted":true}`}},
		"something else": {[]string{"--extension=mine=1"}, []string{`{"description":"theirs","push_all":{"occupants_ids":[15]}}`}, []string{"y\n"}, exitDone, 1,
			[]string{"Changed."}, []string{`{"extensions":{"mine":"1","shop":"9"}}`}},
		"nothing, with --yes": {[]string{"--mute-for=11"}, nil, nil, exitDone, 1, []string{"Changed."}, []string{`{"user_id":11,"is_muted":true}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _ := opsSandbox(t)
			others := c.others
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				api.ServeHTTP(w, r)
				if r.Method == http.MethodGet && len(others) > 0 {
					edit(t, api, others[0])
					others = others[1:]
				}
			}))
			t.Cleanup(srv.Close)
			args := dialogArgs(t, srv.URL, "update", append(c.flags, opsID)...)
			if c.typed == nil {
				args = append(args, "--yes")
			}
			code, stdout, stderr := updateBy(t.Context(), t, &typist{c.typed}, args)
			if code != c.code || (stdout != "") != (code == exitDone) || !slices.Equal(puts(api), c.sent) || strings.Count(stderr, "Dialog "+opsID+" of shop: ") != c.shown {
				t.Errorf("code %d, sent %q, %q\n%s", code, puts(api), stdout, stderr)
			}
			if asked := strings.Count(stderr, "[y/N]"); c.typed == nil && asked > 0 || asked < len(c.typed) {
				t.Errorf("asked %d times\n%s", asked, stderr)
			}
			rest := stderr
			for _, want := range c.says {
				var found bool
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("%q is not, or not in this place, in\n%s", want, stderr)
				}
			}
		})
	}
}

// A dialog that cannot be looked at again is not changed.
func TestDialogUpdateCannotLookAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*chatapitest.Server)
		want      string
	}{
		"it is gone": {func(api *chatapitest.Server) { api.DeleteDialog(opsID) }, "looking again before the change: the application shop has no dialog " + opsID},
		"a failure": {func(api *chatapitest.Server) {
			api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 403, Endpoint: chatapitest.Dialogs})
		}, "looking again before the change: looking for dialog " + opsID + ": asking for dialogs: 403"},
	} {
		for _, more := range [][]string{nil, {"--yes"}} {
			api, _ := opsSandbox(t)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				api.ServeHTTP(w, r)
				c.meanwhile(api)
			}))
			t.Cleanup(srv.Close)
			args := dialogArgs(t, srv.URL, "update", append(more, opsID, "--mute-for=11")...)
			code, stdout, stderr := updateBy(t.Context(), t, &typist{[]string{"y\n"}}, args)
			if code != exitFailed || stdout != "" || len(puts(api)) != 0 || !strings.Contains(stderr, c.want) || !strings.HasSuffix(stderr, "; nothing was changed\n") {
				t.Errorf("%s, %q: code %d, sent %q, %q", name, more, code, puts(api), stderr)
			}
		}
	}
}

// Mistakes are told before it is said that nobody can be asked.
func TestDialogUpdateChecksFlagsFirst(t *testing.T) {
	t.Parallel()
	api, url := opsSandbox(t)
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"a permission unheard of":  {[]string{"--permission=foo=true"}, `no permission "foo"`},
		"a body that is not there": {[]string{"--json=/nowhere.json"}, "--json: open /nowhere.json"},
		"a body that is none":      {[]string{"--json=" + write(t, "b", "{")}, "is not JSON from beginning to end"},
		"no change":                {nil, "nothing to change: say what"},
		"a body beside flags":      {[]string{"--json=-", "--name=a"}, "--json is the whole body of the request"},
		"a URL of another kind":    {[]string{"--name=a", "--api.url=ftp://x"}, "--api.url"},
		"nothing wrong":            {[]string{"--name=a"}, "there is no terminal to ask on"},
	} {
		code, stdout, stderr := execute(t, slices.Concat([]string{"dialog", "update", "--app=shop", "--api.key-file=" + write(t, "key", chatapitest.DefaultKey), opsID}, c.flags, urlUnless(c.flags, url))...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %q, want %q", name, code, stderr, c.want)
		}
	}
	if n := len(api.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func urlUnless(flags []string, url string) []string {
	if slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--api.url=") }) {
		return nil
	}
	return []string{"--api.url=" + url}
}
