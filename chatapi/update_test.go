package chatapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// answer is a client whose every request is answered with one body, and the
// requests that it sent.
func answer(t *testing.T, body string) (client *chatapi.Client, sent *[]sentRequest) {
	sent = &[]sentRequest{}
	u, err := chatapi.ParseURL("https://api.test/eu/")
	if err != nil {
		t.Fatal(err)
	}
	return chatapi.New(chatapi.Config{
		URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey)),
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			s := sentRequest{Request: r}
			if r.Body != nil {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				s.body = string(b)
			}
			*sent = append(*sent, s)
			return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}),
	}), sent
}

type sentRequest struct {
	*http.Request
	body string
}

const oneDialog = `{"_id":"620e2b1463ee2a1977b4ee65","type":2,"created_at":"2022-02-17T11:01:40Z","updated_at":"2022-02-17T11:01:49Z","silent_ids":[32242]}`

// Every parameter of the vendor's page and of Update a Dialog is sent as it is
// documented, and nothing that was not set.
func TestDialogChange(t *testing.T) {
	ptr := func(s string) *string { return &s }
	yes, no, user := true, false, int64(32242)
	tests := map[string]struct {
		change chatapi.DialogChange
		want   string
	}{
		"nothing":             {chatapi.DialogChange{}, `{}`},
		"mute":                {chatapi.DialogChange{UserID: &user, IsMuted: &yes}, `{"user_id":32242,"is_muted":true}`},
		"unmute":              {chatapi.DialogChange{UserID: &user, IsMuted: &no}, `{"user_id":32242,"is_muted":false}`},
		"texts":               {chatapi.DialogChange{Name: ptr("a <b> & \"c\""), Photo: ptr("https://x.test/?a&b"), Description: ptr("é\n")}, `{"name":"a <b> & \"c\"","photo":"https://x.test/?a&b","description":"é\n"}`},
		"empty texts":         {chatapi.DialogChange{Name: ptr(""), Photo: ptr(""), Description: ptr("")}, `{"name":"","photo":"","description":""}`},
		"extensions":          {chatapi.DialogChange{Extensions: json.RawMessage(`{"a":"1","b":"2"}`)}, `{"extensions":{"a":"1","b":"2"}}`},
		"extensions reset":    {chatapi.DialogChange{Extensions: json.RawMessage("null")}, `{"extensions":null}`},
		"permissions":         {chatapi.DialogChange{Permissions: &chatapi.Permissions{AllowPreview: &no}}, `{"permissions":{"allow_preview":false}}`},
		"data":                {chatapi.DialogChange{Data: json.RawMessage(`{"class_name":"X"}`)}, `{"data":{"class_name":"X"}}`},
		"occupants added":     {chatapi.DialogChange{PushAll: &chatapi.DialogLists{OccupantsIDs: []int64{1, 2}}}, `{"push_all":{"occupants_ids":[1,2]}}`},
		"occupants removed":   {chatapi.DialogChange{PullAll: &chatapi.DialogLists{OccupantsIDs: []int64{1}}}, `{"pull_all":{"occupants_ids":[1]}}`},
		"admins":              {chatapi.DialogChange{PushAll: &chatapi.DialogLists{AdminsIDs: []int64{1}}, PullAll: &chatapi.DialogLists{AdminsIDs: []int64{2}}}, `{"push_all":{"admins_ids":[1]},"pull_all":{"admins_ids":[2]}}`},
		"pins":                {chatapi.DialogChange{PushAll: &chatapi.DialogLists{PinnedMessagesIDs: []string{"63834bbecf1efb102da40f2c"}}}, `{"push_all":{"pinned_messages_ids":["63834bbecf1efb102da40f2c"]}}`},
		"all lists in one go": {chatapi.DialogChange{PullAll: &chatapi.DialogLists{[]int64{1}, []int64{2}, []string{"x"}}}, `{"pull_all":{"occupants_ids":[1],"admins_ids":[2],"pinned_messages_ids":["x"]}}`},
	}
	id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
	for name, test := range tests {
		client, sent := answer(t, oneDialog)
		dialog, err := client.UpdateDialog(t.Context(), id, test.change)
		if err != nil || dialog.ID != id || len(dialog.SilentIDs) != 1 || dialog.SilentIDs[0] != 32242 {
			t.Errorf("%s: got %+v, %v", name, dialog, err)
		}
		r := (*sent)[0]
		if r.Method != http.MethodPut || r.URL.String() != "https://api.test/eu/admin/chat/620e2b1463ee2a1977b4ee65" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: sent %s %s of %s", name, r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		var got, want any
		if json.Unmarshal([]byte(r.body), &got) != nil || json.Unmarshal([]byte(test.want), &want) != nil {
			t.Fatalf("%s: not JSON: %s", name, r.body)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s: sent %s, want %s", name, r.body, test.want)
		}
	}
}

// An answer that does not show the dialog that was to change proves nothing.
func TestUpdateReplies(t *testing.T) {
	id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
	for body, says := range map[string]string{
		"": "not a JSON object", "[]": "not a JSON object", "null": "not a JSON object", "{}": "field _id: is missing",
		`{"_id":"620e2b1463ee2a1977b4ee65"}`:                          "field created_at: is missing",
		strings.Replace(oneDialog, "ee65", "ee66", 1):                 "field _id: is not that of the dialog that was to change",
		strings.Replace(oneDialog, `"type":2`, `"type":2 `+canary, 1): "broken JSON",
		strings.Replace(oneDialog, `2,`, `"`+canary+`",`, 1):          "field type: is not an integer",
		oneDialog + "x": "more follows",
		oneDialog[:50]:  "broken JSON",
		`{"total_entries":1,"items":[` + oneDialog + `]}`: "field _id: is missing",
	} {
		client, _ := answer(t, body)
		dialog, err := client.UpdateDialog(t.Context(), id, mute())
		if codeOf(err) != "decode" || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), canary) || !dialog.ID.IsZero() {
			t.Errorf("%q: got %+v, %v; want %q", body, dialog, err, says)
		}
	}
	client, sent := answer(t, strings.Repeat(" ", 9<<20)+oneDialog)
	if _, err := client.UpdateDialog(t.Context(), id, mute()); codeOf(err) != "too_large" || len(*sent) != 1 {
		t.Errorf("a huge answer: got %v, %d requests sent", err, len(*sent))
	}
	client, sent = answer(t, oneDialog)
	if _, err := client.UpdateDialog(t.Context(), id, chatapi.DialogChange{Extensions: json.RawMessage("{")}); err == nil || len(*sent) != 0 {
		t.Errorf("broken extensions: got %v, %d requests sent", err, len(*sent))
	}
}

// Against the sandbox, what is set is what is then there.
func TestUpdateDialog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{})
		id := dialogIDOf(r)
		steps := []struct {
			user   int64
			muted  bool
			silent int
		}{{32241, true, 1}, {32242, true, 2}, {32242, true, 2}, {32241, false, 1}, {32242, false, 0}}
		for _, step := range steps {
			dialog, err := r.client.UpdateDialog(t.Context(), id, chatapi.DialogChange{UserID: &step.user, IsMuted: &step.muted})
			if err != nil || len(dialog.SilentIDs) != step.silent || dialog.ID != id {
				t.Errorf("user %d muted %v: got %+v, %v; want %d mutes", step.user, step.muted, dialog, err, step.silent)
			}
		}
		dialog, err := r.client.UpdateDialog(t.Context(), id, chatapi.DialogChange{PushAll: &chatapi.DialogLists{OccupantsIDs: []int64{7}}})
		if err != nil || len(dialog.OccupantsIDs) != 3 {
			t.Errorf("got %+v, %v; want three occupants", dialog, err)
		}
		_, err = r.client.UpdateDialog(t.Context(), chatapi.ObjectIDAt(dialog.ID.Time()), mute())
		if codeOf(err) != "404" || !strings.Contains(err.Error(), "is there such a dialog") {
			t.Errorf("got %v, want that there is none", err)
		}
		_, err = r.client.UpdateDialog(t.Context(), id, chatapi.DialogChange{IsMuted: new(bool)})
		if e := asError(err); e == nil || !e.Invalid() || !strings.Contains(e.Message, "user_id") || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want that a user is missing", err)
		}
	})
}

// A body that is given is sent byte for byte, with the header and to the URL
// that are told beforehand, and the reply is kept as it came.
func TestUpdateDialogRaw(t *testing.T) {
	reply := "\n " + strings.Replace(oneDialog, "{", "{ ", 1) + "\n"
	client, sent := answer(t, reply)
	id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
	const body = "{ \"name\":\t\"\\u003cb>\" }"
	dialog, err := client.UpdateDialogRaw(t.Context(), id, []byte(body))
	if err != nil || string(dialog.JSON) != strings.TrimSpace(reply) || dialog.ID != id || len(dialog.SilentIDs) != 1 {
		t.Errorf("got %+v, %v", dialog, err)
	}
	r := (*sent)[0]
	if r.body != body || r.Method != http.MethodPut || r.URL.String() != client.UpdateURL(id) {
		t.Errorf("sent %s %s with %s", r.Method, r.URL, r.body)
	}
	told := client.UpdateHeader()
	for name := range r.Header {
		if name != "Cb-Administration-Api-Key" && r.Header.Get(name) != told.Get(name) {
			t.Errorf("sent %s: %s, told %q", name, r.Header.Get(name), told.Get(name))
		}
	}
	if len(told) != len(r.Header) || told.Get("CB-Administration-API-Key") != "<secret>" {
		t.Errorf("sent the header %v, told %v", r.Header, told)
	}
}

// After a failure it is known, or not, whether the change was made.
func TestUnsettledUpdates(t *testing.T) {
	status := func(code int) chatapitest.Fault { return chatapitest.Fault{Kind: chatapitest.Status, Status: code} }
	for name, c := range map[string]struct {
		fault chatapitest.Fault
		want  bool
	}{
		"400": {status(400), false}, "401": {status(401), false}, "403": {status(403), false}, "404": {status(404), false},
		"422": {status(422), false}, "429": {status(429), false}, "500": {status(500), true}, "503": {status(503), true},
		"throttled": {chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "900"}, false},
		"reset":     {chatapitest.Fault{Kind: chatapitest.Reset}, true},
		"hang":      {chatapitest.Fault{Kind: chatapitest.Hang}, true},
		"torn":      {chatapitest.Fault{Kind: chatapitest.ResetMidBody}, true},
		"HTML":      {chatapitest.Fault{Kind: chatapitest.HTML}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, chatapitest.Config{})
			id := dialogIDOf(r)
			c.fault.Endpoint = chatapitest.Dialog
			r.server.Inject(c.fault)
			calls := 1
			if name == "throttled" {
				calls = 2 // the second is not sent
			}
			for range calls {
				_, err := r.client.UpdateDialogRaw(t.Context(), id, []byte(`{"name":"x"}`))
				if e := asError(err); e == nil || e.Unsettled() != c.want {
					t.Errorf("%s: got %v, want unsettled %v", name, err, c.want)
				}
			}
			if n := r.server.RequestCounts()[chatapitest.Dialog]; n != 1 {
				t.Errorf("%s: %d requests were sent", name, n)
			}
			r.server.ClearFaults()
		})
	}
	synctest.Test(t, func(t *testing.T) { // nobody listens: it is tried again, since it was not sent
		tries := 0
		client := chatapi.New(chatapi.Config{
			URL: &url.URL{Scheme: "https", Host: "api.test"}, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey)),
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				tries++
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}),
		})
		_, err := client.UpdateDialogRaw(t.Context(), chatapi.ObjectID{}, []byte(`{}`))
		if e := asError(err); e == nil || e.Unsettled() || tries < 2 {
			t.Errorf("nobody listens: got %v after %d tries", err, tries)
		}
	})
}
