package chatapitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestUndocumentedRequestsAreRefused(t *testing.T) {
	s := small()
	id := s.Truth().Dialogs[0].ID
	for name, c := range map[string]struct {
		method, target, body string
		status               int
		shape                string // what the body begins with
	}{
		"unknown path":             {"GET", "/admin/chat/messages", "", 404, "HttpException: E_ROUTE_NOT_FOUND"},
		"another prefix":           {"GET", "/v2/admin/chat/list", "", 404, "HttpException"},
		"POST to a list":           {"POST", dialogsPath, "", 404, "HttpException"},
		"body on a GET":            {"GET", dialogsPath, "limit=1", 400, `{"errors":{"base":[`},
		"broken query":             {"GET", dialogsPath + "?limit=%zz", "", 400, `{"errors":`},
		"unknown parameter":        {"GET", dialogsPath + "?per_page=1", "", 422, `{"errors":{"per_page":[`},
		"unknown operator":         {"GET", dialogsPath + "?created_at[after]=1", "", 422, `{"errors":`},
		"unclosed operator":        {"GET", dialogsPath + "?created_at[gt=1", "", 422, `{"errors":`},
		"occupants as a filter":    {"GET", dialogsPath + "?occupants_ids[in]=1", "", 422, `{"errors":`},
		"malformed id":             {"GET", dialogsPath + "?_id[gt]=620e2b14", "", 422, `{"errors":{"_id":[`},
		"several ids to compare":   {"GET", dialogsPath + "?_id[gt]=" + id + "," + id, "", 422, `{"errors":`},
		"a date, not seconds":      {"GET", dialogsPath + "?created_at[gt]=2026-01-01", "", 422, `{"errors":`},
		"a fraction of a second":   {"GET", dialogsPath + "?created_at[gt]=1.5", "", 422, `{"errors":`},
		"a type that is no number": {"GET", dialogsPath + "?type=private", "", 422, `{"errors":`},
		"several types to compare": {"GET", dialogsPath + "?type[gt]=1,2", "", 422, `{"errors":`},
		"limit 0":                  {"GET", dialogsPath + "?limit=0", "", 422, `{"errors":{"limit":[`},
		"a limit that is no number": {
			"GET", dialogsPath + "?limit=all", "", 422, `{"errors":`},
		"negative skip":            {"GET", dialogsPath + "?skip=-1", "", 422, `{"errors":`},
		"count of 2":               {"GET", dialogsPath + "?count=2", "", 422, `{"errors":`},
		"undocumented sort":        {"GET", dialogsPath + "?sort_desc=name", "", 422, `{"errors":`},
		"two sorts":                {"GET", dialogsPath + "?sort_asc=_id&sort_desc=_id", "", 422, `{"errors":`},
		"extensions without key":   {"GET", dialogsPath + "?extensions=1", "", 422, `{"errors":`},
		"skip on messages":         {"GET", messagesPath + "?skip=1", "", 422, `{"errors":`},
		"count on messages":        {"GET", messagesPath + "?count=1", "", 422, `{"errors":`},
		"date_sent on messages":    {"GET", messagesPath + "?date_sent[gt]=1", "", 422, `{"errors":`},
		"exact time on messages":   {"GET", messagesPath + "?created_at=1", "", 422, `{"errors":`},
		"type on messages":         {"GET", messagesPath + "?type=1", "", 422, `{"errors":`},
		"malformed dialog":         {"GET", messagesPath + "?chat_dialog_id=1", "", 422, `{"errors":`},
		"range of dialogs":         {"GET", messagesPath + "?chat_dialog_id[gt]=" + id, "", 422, `{"errors":`},
		"PUT of a malformed id":    {"PUT", "/admin/chat/list", "{}", 422, `{"errors":`},
		"PUT of an unknown dialog": {"PUT", "/admin/chat/000000000000000000000000", "{}", 404, `{"errors":["`},
		"PUT of no JSON":           {"PUT", "/admin/chat/" + id, "user_id=1", 400, `{"errors":`},
	} {
		t.Run(name, func(t *testing.T) {
			w := do(s, c.method, c.target, c.body)
			if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.shape) {
				t.Errorf("%d %s, want %d %s...", w.Code, w.Body, c.status, c.shape)
			}
		})
	}
}

func TestReplyLooksLikeTheVendorsSample(t *testing.T) {
	s := small()
	s.SetQuirks(Quirks{Skew: 90 * time.Second})
	w := do(s, "GET", dialogsPath+"?limit=500", "")
	if got := w.Header().Get("Content-Type"); got != typeJSON {
		t.Errorf("Content-Type %q", got)
	}
	if got, want := w.Header().Get("Date"), "Wed, 18 Mar 2026 14:31:37 GMT"; got != want {
		t.Errorf("Date %q, want %q", got, want)
	}
	if !strings.HasPrefix(w.Body.String(), `{"total_entries":60,"skip":0,"limit":100,"items":[{"_id":"`) {
		t.Errorf("envelope %.80s", w.Body)
	}
	for path, fields := range map[string]string{
		dialogsPath: `_id user_id created_at updated_at type occupants_ids last_message last_message_date_sent
			last_message_id last_message_user_id last_message_status name description photo occupants_count
			xmpp_room_jid is_e2ee admins_ids is_muted unread_messages_count pinned_messages_ids`,
		messagesPath: `_id chat_dialog_id message date_sent sender_id recipient_id created_at updated_at read_ids
			delivered_ids attachments reactions views_count edited_at read`,
	} {
		for _, item := range get(t, s, path).Items {
			var row map[string]any
			if err := json.Unmarshal(item, &row); err != nil {
				t.Fatal(err)
			}
			for _, field := range strings.Fields(fields) {
				if _, ok := row[field]; !ok {
					t.Fatalf("%s: no %s in %s", path, field, item)
				}
			}
		}
	}
}

func TestDialogsWithoutASortComeNewestFirstAndMessagesOldestFirst(t *testing.T) {
	s := small()
	ids := get(t, s, dialogsPath).ids(t)
	if !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Error("dialogs are not in descending order of _id")
	}
	oldest := s.Truth().Messages[0].ID // made in order
	if got := get(t, s, messagesPath).ids(t)[0]; got != oldest {
		t.Errorf("the first message is %s, want %s", got, oldest)
	}
}

func TestCountOnlyReply(t *testing.T) {
	s := small()
	want := `{"items":{"count":` + strconv.Itoa(s.Truth().DialogsByType()[3]) + `}}`
	if w := do(s, "GET", dialogsPath+"?count=1&type=3", ""); w.Body.String() != want {
		t.Errorf("%s, want %s", w.Body, want)
	}
}

func TestExtensionsAreFilterable(t *testing.T) {
	s := small()
	id := s.CreateDialog(DialogSpec{Type: 2, Extra: map[string]json.RawMessage{"extensions": json.RawMessage(`{"shop":"north 9"}`)}})
	for _, query := range [][2]string{{"extensions[shop]", "north 9"}, {"extensions[shop][ctn]", "north"}} {
		if got := get(t, s, dialogsPath, query[0], query[1]).ids(t); !slices.Equal(got, []string{id}) {
			t.Errorf("%s=%s finds %v, want %s", query[0], query[1], got, id)
		}
	}
}

func TestKeyIsCheckedAndRotated(t *testing.T) {
	s := New(Config{Now: fixedNow})
	status := func(key string) int {
		r := httptest.NewRequest("GET", dialogsPath, nil)
		if key != "" {
			r.Header.Set(keyHeader, key)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	if a, b, c := status(DefaultKey), status("wrong"), status(""); a != 200 || b != 401 || c != 401 {
		t.Errorf("right key %d, wrong %d, none %d", a, b, c)
	}
	s.SetKey("next")
	if a, b := status(DefaultKey), status("next"); a != 401 || b != 200 {
		t.Errorf("after the rotation: old key %d, new %d", a, b)
	}
}

func TestPrefix(t *testing.T) {
	s := New(Config{Now: fixedNow, Prefix: "/eu/api"})
	if w := do(s, "GET", "/eu/api/admin/chat/list", ""); w.Code != 200 {
		t.Errorf("with the prefix: %d", w.Code)
	}
	if w := do(s, "GET", dialogsPath, ""); w.Code != 404 {
		t.Errorf("without: %d", w.Code)
	}
}

func TestRequestsAreLogged(t *testing.T) {
	s := small()
	do(s, "GET", dialogsPath+"?limit=1", "")
	do(s, "GET", messagesPath+"?limit=0", "")
	do(s, "GET", "/nowhere", "")
	got := s.Requests()
	if len(got) != 3 || got[0].Endpoint != Dialogs || got[0].Query.Get("limit") != "1" || got[0].Status != 200 ||
		got[1].Endpoint != Messages || got[1].Status != 422 || got[2].Endpoint != "" || got[2].Status != 404 ||
		!got[0].Time.Equal(fixedNow()) || got[0].Header.Get(keyHeader) != DefaultKey {
		t.Errorf("%+v", got)
	}
	if n := s.MostInFlight(); n != 1 {
		t.Errorf("%d in flight at once", n)
	}
	s.ResetRequests()
	if got, counts := s.Requests(), s.RequestCounts(); len(got) != 0 || len(counts) != 0 {
		t.Errorf("after the reset: %v, %v", got, counts)
	}
	const more = requestsKept + 10
	for i := range more {
		do(s, "GET", dialogsPath+"?skip="+strconv.Itoa(i)+"&limit=1", "")
	}
	got = s.Requests()
	if first, last := got[0].Query.Get("skip"), got[len(got)-1].Query.Get("skip"); len(got) != requestsKept ||
		first != "10" || last != strconv.Itoa(more-1) || got[3].Status != http.StatusOK {
		t.Errorf("%d requests kept, from %s to %s", len(got), first, last)
	}
	if got := s.RequestCounts()[Dialogs]; got != more {
		t.Errorf("%d requests counted", got)
	}
}
