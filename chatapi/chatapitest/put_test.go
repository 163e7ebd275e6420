package chatapitest

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// put updates a dialog and returns the reply's row.
func put(t *testing.T, s *Server, id, body string) map[string]any {
	t.Helper()
	w := do(s, "PUT", "/admin/chat/"+id, body)
	var row map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &row); err != nil || w.Code != 200 {
		t.Fatalf("PUT %s: %d %s", body, w.Code, w.Body)
	}
	return row
}

func group(s *Server) string {
	return s.CreateDialog(DialogSpec{Type: 2, Occupants: []int64{1, 2, 3}, CreatedAt: fixedNow().Add(-time.Hour)})
}

func TestUpdateChangesADialogAndMovesIt(t *testing.T) {
	for body, want := range map[string]map[string]string{
		`{"name":"Ops","description":null,"photo":"77"}`:                    {"name": `"Ops"`, "description": `null`, "photo": `"77"`},
		`{"extensions":{"shop":9,"open":true}}`:                             {"extensions": `{"open":"true","shop":"9"}`},
		`{"extensions":null}`:                                               {"extensions": `null`},
		`{"permissions":{"allow_preview":false}}`:                           {"permissions": `{"allow_preview":false}`},
		`{"push_all":{"occupants_ids":[3,4]}}`:                              {"occupants_ids": `[1,2,3,4]`},
		`{"pull_all":{"occupants_ids":[1,9]}}`:                              {"occupants_ids": `[2,3]`},
		`{"push_all":{"pinned_messages_ids":["620e2b14e45f5b089d000008"]}}`: {"pinned_messages_ids": `["620e2b14e45f5b089d000008"]`},
		`{"push_all":{"admins_ids":[1,2,3,4,5]}}`:                           {"admins_ids": `[1,2,3,4,5]`},
		`{"user_id":2,"is_muted":true,"name":"Ops"}`:                        {"silent_ids": `[2]`, "name": `"Ops"`},
		`{"push_all":{"occupants_ids":[8],"admins_ids":[8]},"name":"x"}`:    {"occupants_ids": `[1,2,3,8]`, "admins_ids": `[8]`},
	} {
		t.Run(body, func(t *testing.T) {
			s := small()
			row := put(t, s, group(s), body)
			for field, value := range want {
				if got, err := json.Marshal(row[field]); err != nil || string(got) != value {
					t.Errorf("%s is %s, want %s", field, got, value)
				}
			}
			if got, want := row["updated_at"], "2026-03-18T14:30:07Z"; got != want {
				t.Errorf("updated_at is %v, want %s", got, want)
			}
			if n := count(t, s, dialogsPath, "updated_at[gte]", "1773844207"); n != 1 {
				t.Errorf("%d dialogs were updated now", n)
			}
		})
	}
}

func TestMuteAndUnmute(t *testing.T) {
	s := small()
	id := group(s)
	before := s.Truth().Dialogs[60]
	row := put(t, s, id, `{"user_id":2,"is_muted":true}`)
	if row["is_muted"] != nil || row["updated_at"] != "2026-03-18T13:30:07Z" {
		t.Errorf("is_muted %v, updated_at %v", row["is_muted"], row["updated_at"])
	}
	put(t, s, id, `{"user_id":2,"is_muted":true}`) // again
	put(t, s, id, `{"user_id":3,"is_muted":true}`)
	if got := s.Truth().Dialogs[60].Silent; !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("muted by %v", got)
	}
	put(t, s, id, `{"user_id":2,"is_muted":false}`)
	put(t, s, id, `{"user_id":3,"is_muted":false}`)
	if after := s.Truth().Dialogs[60]; string(after.Row) != string(before.Row) {
		t.Errorf("unmuted, the dialog is\n%s, was\n%s", after.Row, before.Row)
	}
}

func TestUpdateRefusesWhatIsWrongAndChangesNothing(t *testing.T) {
	s := small()
	private := s.CreateDialog(DialogSpec{Occupants: []int64{1, 2}})
	for body, want := range map[string]int{
		`[]`:                              400,
		`null`:                            400,
		`{"title":"Ops"}`:                 422,
		`{}`:                              422,
		`{"is_muted":true}`:               422,
		`{"user_id":2}`:                   422,
		`{"user_id":0,"is_muted":true}`:   422,
		`{"user_id":2,"is_muted":null}`:   422,
		`{"user_id":"2","is_muted":true}`: 422,
		`{"user_id":2,"is_muted":1}`:      422,
		`{"name":"Ops","photo":3}`:        422,
		`{"name":"Ops","push_all":{"admins_ids":"1"}}`:         422,
		`{"admins_ids":[1]}`:                                   422,
		`{"pinned_messages_ids":["620e2b14e45f5b089d000008"]}`: 422,
		`{"push_all":{"admins_ids":[1]}}`:                      403,
		`{"extensions":{"a":1,"b":2,"c":3,"d":4}}`:             422,
		`{"permissions":{"allow_all":true}}`:                   422,
		`{"push_all":{"pinned_messages_ids":["1"]}}`:           422,
		`{"push_all":{}}`:                                      422,
		`{"name":"Ops","push_all":{"occupants_ids":[3]}}`:      403,
	} {
		before := string(s.Truth().Dialogs[60].Row)
		if w := do(s, "PUT", "/admin/chat/"+private, body); w.Code != want {
			t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, want)
		}
		if after := string(s.Truth().Dialogs[60].Row); after != before {
			t.Errorf("%s changed the dialog to %s", body, after)
		}
	}
}

// What the documentation leaves open happens in either way.
func TestQuirksOfUpdates(t *testing.T) {
	const both = `{"push_all":{"admins_ids":[4]},"pull_all":{"admins_ids":[3]}}`
	for name, c := range map[string]struct {
		quirks     Quirks
		kind       int
		body       string
		field      string
		want, odd  string // of the field, without the quirk and with it; "": refused
		extensions string // that are there before
	}{
		"extensions unheard of":         {quirks: Quirks{Extensions: []string{"shop"}}, body: `{"extensions":{"shop":"9","x":"1"}}`, field: "extensions", want: `{"shop":"9","x":"1"}`, odd: `{"shop":"9"}`},
		"extensions not named":          {quirks: Quirks{ExtensionsMerge: true}, extensions: `{"a":"1","b":"2"}`, body: `{"extensions":{"b":"3"}}`, field: "extensions", want: `{"b":"3"}`, odd: `{"a":"1","b":"3"}`},
		"a fourth extension":            {quirks: Quirks{ExtensionsMerge: true}, extensions: `{"a":"1","b":"2","c":"3"}`, body: `{"extensions":{"d":"4"}}`, field: "extensions", want: `{"d":"4"}`},
		"a list twice":                  {quirks: Quirks{OneListTwiceRefused: true}, body: both, field: "admins_ids", want: `[4]`},
		"a private dialog is named":     {quirks: Quirks{PrivateDialogsNamed: true}, kind: 3, body: `{"name":"Ops"}`, field: "name", want: `null`, odd: `"Ops"`},
		"a private dialog with a photo": {quirks: Quirks{PrivateDialogsNamed: true}, kind: 3, body: `{"photo":"7"}`, field: "photo", want: `null`, odd: `"7"`},
		"a private dialog described":    {quirks: Quirks{PrivateDialogsNamed: true}, kind: 3, body: `{"description":"x"}`, field: "description", want: `"x"`, odd: `"x"`},
	} {
		for _, q := range []struct {
			Quirks
			want string
		}{{Quirks{}, c.want}, {c.quirks, c.odd}} {
			s := small()
			s.SetQuirks(q.Quirks)
			spec := DialogSpec{Type: max(c.kind, 2), Occupants: []int64{1, 2, 3}, CreatedAt: fixedNow().Add(-time.Hour)}
			if c.extensions != "" {
				spec.Extra = map[string]json.RawMessage{"extensions": json.RawMessage(c.extensions)}
			}
			id := s.CreateDialog(spec)
			if q.want == "" {
				if w := do(s, "PUT", "/admin/chat/"+id, c.body); w.Code != 422 {
					t.Errorf("%s: %d %s, want 422", name, w.Code, w.Body)
				}
				continue
			}
			row := put(t, s, id, c.body)
			if got, err := json.Marshal(row[c.field]); err != nil || string(got) != q.want {
				t.Errorf("%s: %s is %s, want %s", name, c.field, got, q.want)
			}
		}
	}
}

// A group has five admins at most.
func TestUpdateCountsAdmins(t *testing.T) {
	s := small()
	if w := do(s, "PUT", "/admin/chat/"+group(s), `{"push_all":{"admins_ids":[1,2,3,4,5,6]}}`); w.Code != 422 {
		t.Errorf("six admins: %d %s", w.Code, w.Body)
	}
}

func TestUpdateTakesJSONOnly(t *testing.T) {
	s := small()
	id := group(s)
	for contentType, want := range map[string]int{
		"":                                  200,
		"application/json":                  200,
		"application/json; charset=utf-8":   200,
		"application/x-www-form-urlencoded": 415,
		";":                                 415,
	} {
		r := httptest.NewRequest("PUT", "/admin/chat/"+id, strings.NewReader(`{"name":"Ops"}`))
		r.Header.Set(keyHeader, s.Key())
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Content-Type %q: %d, want %d", contentType, w.Code, want)
		}
	}
}
