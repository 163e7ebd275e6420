package chatapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const noRows = `{"total_entries":0,"skip":0,"limit":100,"items":[]}`

func TestRequests(t *testing.T) {
	id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
	where := func(c ...chatapi.Cond) chatapi.Query { return chatapi.Query{Where: c} }
	tests := map[string]struct {
		query chatapi.Query
		want  string // decoded, in the order of names
	}{
		"all":            {chatapi.Query{}, "limit=100"},
		"a small page":   {chatapi.Query{Limit: 7, Skip: 14}, "limit=7&skip=14"},
		"ascending":      {chatapi.Query{Sort: chatapi.Sort{Field: "created_at"}}, "limit=100&sort_asc=created_at"},
		"descending":     {chatapi.Query{Sort: chatapi.Sort{Field: "_id", Desc: true}}, "limit=100&sort_desc=_id"},
		"a window":       {where(chatapi.CreatedAt.In(10, 20)...), "created_at[gte]=10&created_at[lt]=20&limit=100"},
		"several":        {where(chatapi.UpdatedAt.Cond(chatapi.Gt, 1), chatapi.ID.Cond(chatapi.Lte, id)), "_id[lte]=620e2b1463ee2a1977b4ee65&limit=100&updated_at[gt]=1"},
		"one row":        {where(chatapi.ID.Only(id)...), "_id[gte]=620e2b1463ee2a1977b4ee65&_id[lte]=620e2b1463ee2a1977b4ee65&limit=100"},
		"a dialog":       {where(chatapi.ChatDialogID.Cond(chatapi.Eq, id)), "chat_dialog_id=620e2b1463ee2a1977b4ee65&limit=100"},
		"a type":         {where(chatapi.Type(chatapi.Eq, 3)), "limit=100&type=3"},
		"no known type":  {where(chatapi.Type(chatapi.Nin, 1, 2, 3, 4)), "limit=100&type[nin]=1,2,3,4"},
		"last message":   {where(chatapi.LastMessageDateSent.Cond(chatapi.Gte, 5)), "last_message_date_sent[gte]=5&limit=100"},
		"part of a name": {where(chatapi.Name(chatapi.Ctn, "a&b=c d")), "limit=100&name[ctn]=a&b=c d"},
		"an extension":   {where(chatapi.Extension("team", "7")), "extensions[team]=7&limit=100"},
	}
	for name, test := range tests {
		client, sent := answer(t, noRows)
		if _, err := client.Dialogs(t.Context(), test.query); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := client.Messages(t.Context(), test.query); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, path := range []string{"/eu/admin/chat/list", "/eu/admin/chat/messages/list"} {
			r := (*sent)[i]
			var got []string
			for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
				plain, err := url.QueryUnescape(pair)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, plain)
			}
			if r.Method != "GET" || r.URL.Host != "api.test" || r.URL.Path != path || strings.Join(got, "&") != test.want {
				t.Errorf("%s: sent %s %s, want %s?%s", name, r.Method, r.URL, path, test.want)
			}
			if r.Body != nil || r.Header.Get("CB-Administration-API-Key") != rightKey || r.Header.Get("Accept") != "application/json" || r.Header.Get("User-Agent") != "connectycube_exporter" {
				t.Errorf("%s: sent headers %v, body %v", name, r.Header, r.Body)
			}
		}
	}
}

// What cannot be expressed is refused before anything is sent.
func TestImpossibleQueries(t *testing.T) {
	twice := []chatapi.Cond{chatapi.CreatedAt.Cond(chatapi.Gte, 1), chatapi.CreatedAt.Cond(chatapi.Gte, 2)}
	for says, q := range map[string]chatapi.Query{
		"the limit 101 is not between 1 and 100":      {Limit: 101},
		"the limit -1 is not between 1 and 100":       {Limit: -1},
		"the skip -1 is negative":                     {Skip: -1},
		"the filter created_at[gte] is given twice":   {Where: twice},
		"asking for dialogs: the filter created_at[g": {Where: twice, Limit: 5},
	} {
		client, sent := answer(t, noRows)
		if _, err := client.Dialogs(t.Context(), q); err == nil || !strings.Contains(err.Error(), says) || len(*sent) != 0 {
			t.Errorf("%+v: got %v, %d requests; want %q", q, err, len(*sent), says)
		}
	}
}

// A page is held against what was asked for.
func TestPagesMustProveThemselves(t *testing.T) {
	page := func(total, first, n int) string {
		var items []string
		for i := first; i < first+n; i++ {
			items = append(items, fmt.Sprintf(`{"_id":"620e2b1463ee2a1977b4%04x","type":2,"created_at":%d,"updated_at":1}`, i, i))
		}
		return fmt.Sprintf(`{"total_entries":%d,"items":[%s]}`, total, strings.Join(items, ","))
	}
	rows := func(total, n int) string { return page(total, 0, n) }
	rowsFrom := func(first, n int) string { return page(n, first, n) }
	bound := func(op chatapi.Op) chatapi.Query {
		id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b40002")
		return chatapi.Query{Where: []chatapi.Cond{chatapi.ID.Cond(op, id)}}
	}
	tests := map[string]struct {
		body  string
		query chatapi.Query
		says  string // "": the page is taken
	}{
		"as asked for":                 {rows(7, 5), chatapi.Query{Limit: 5}, ""},
		"no rows":                      {rows(0, 0), chatapi.Query{}, ""},
		"fewer rows":                   {rows(7, 3), chatapi.Query{Limit: 5}, ""},
		"more rows":                    {rows(7, 6), chatapi.Query{Limit: 5}, "field items: holds more rows than were asked for"},
		"more than a page":             {rows(101, 101), chatapi.Query{}, "field items: holds more rows than were asked for"},
		"more rows than match":         {rows(4, 5), chatapi.Query{}, "field total_entries: is smaller than the number of rows"},
		"empty though rows match":      {rows(7, 0), chatapi.Query{}, "field items: is empty although rows match"},
		"empty beyond the end":         {rows(7, 0), chatapi.Query{Skip: 7}, ""},
		"in order":                     {rows(7, 5), chatapi.Query{Sort: chatapi.Sort{Field: "created_at"}}, ""},
		"not in order":                 {rows(7, 5), chatapi.Query{Sort: chatapi.Sort{Field: "created_at", Desc: true}}, "sort by created_at: was not obeyed"},
		"equal in either order":        {rows(7, 5), chatapi.Query{Sort: chatapi.Sort{Field: "updated_at", Desc: true}}, ""},
		"in an order that is not ours": {rows(7, 5), chatapi.Query{Sort: chatapi.Sort{Field: "name", Desc: true}}, ""},
		"a row that does not match":    {rows(7, 5), chatapi.Query{Where: chatapi.CreatedAt.In(0, 3)}, "created_at[lt]: row 3 does not match, so the filter was not obeyed"},
		"up to a row":                  {rows(3, 3), bound(chatapi.Lte), ""},
		"beyond lte":                   {rows(4, 4), bound(chatapi.Lte), "_id[lte]: row 3 does not match"},
		"the row of lt itself":         {rows(3, 3), bound(chatapi.Lt), "_id[lt]: row 2 does not match"},
		"below gte":                    {rows(3, 3), bound(chatapi.Gte), "_id[gte]: row 0 does not match"},
		"another row":                  {rows(3, 3), bound(chatapi.Eq), "_id: row 0 does not match"},
		"from a row":                   {rowsFrom(2, 3), bound(chatapi.Gte), ""},
		"the row of gt itself":         {rowsFrom(2, 3), bound(chatapi.Gt), "_id[gt]: row 0 does not match"},
		"of another type":              {rows(7, 5), chatapi.Query{Where: []chatapi.Cond{chatapi.Type(chatapi.In, 1, 3)}}, "type[in]: row 0 does not match"},
		"of no other type":             {rows(7, 5), chatapi.Query{Where: []chatapi.Cond{chatapi.Type(chatapi.In, 1, 2)}}, ""},
		"filtered by what we skip":     {rows(7, 5), chatapi.Query{Where: []chatapi.Cond{chatapi.Name(chatapi.Eq, "x")}}, ""},
		"second's benefit of gt":       {rows(7, 1), chatapi.Query{Where: []chatapi.Cond{chatapi.CreatedAt.Cond(chatapi.Gt, 0)}}, ""},
	}
	for name, test := range tests {
		client, _ := answer(t, test.body)
		page, err := client.Dialogs(t.Context(), test.query)
		if test.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if codeOf(err) != "decode" || !strings.Contains(err.Error(), test.says) || page.Items != nil || page.Total != 0 {
			t.Errorf("%s: got %d rows, %v; want %q", name, len(page.Items), err, test.says)
		}
	}
}

// Counts of windows are those of the raw rows, for every field and operator.
func TestCountsAreTrue(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, chatapitest.Config{Seed: seed, Dialogs: 200, Messages: 500})
			truth := r.server.Truth()
			now := time.Now().Unix()
			for _, days := range []int64{1, 7, 30, 100} {
				from := now - days*86400
				for name, c := range map[string]struct {
					count func() (int64, error)
					want  int
				}{
					"dialogs created": {func() (int64, error) { return r.client.CountDialogs(t.Context(), chatapi.CreatedAt.In(from, now)...) }, truth.NewDialogs(from, now)},
					"dialogs updated": {func() (int64, error) { return r.client.CountDialogs(t.Context(), chatapi.UpdatedAt.In(from, now)...) }, truth.UpdatedDialogs(from, now)},
					"dialogs active": {func() (int64, error) {
						return r.client.CountDialogs(t.Context(), chatapi.LastMessageDateSent.In(from, now)...)
					}, truth.ActiveDialogs(from, now)},
					"messages created": {func() (int64, error) { return r.client.CountMessages(t.Context(), chatapi.CreatedAt.In(from, now)...) }, truth.NewMessages(from, now)},
					"messages updated": {func() (int64, error) { return r.client.CountMessages(t.Context(), chatapi.UpdatedAt.In(from, now)...) }, truth.UpdatedMessages(from, now)},
				} {
					if got, err := c.count(); err != nil || got != int64(c.want) {
						t.Errorf("%s in %d days: got %d, %v; want %d", name, days, got, err, c.want)
					}
				}
			}
			for kind, want := range truth.DialogsByType() {
				if got, err := r.client.CountDialogs(t.Context(), chatapi.Type(chatapi.Eq, kind)); err != nil || got != int64(want) {
					t.Errorf("type %d: got %d, %v; want %d", kind, got, err, want)
				}
			}
			if requests := r.server.Requests(); len(requests) < 20 || requests[0].Query.Get("limit") != "1" {
				t.Errorf("%d requests, the first %v; want one with limit=1 for each count", len(requests), requests[0].Query)
			}
		})
	}
}

func TestObjectIDs(t *testing.T) {
	id, err := chatapi.ParseObjectID("620E2b1463ee2a1977b4ee65")
	if err != nil || id.String() != "620e2b1463ee2a1977b4ee65" || !id.Time().Equal(time.Date(2022, 2, 17, 11, 1, 40, 0, time.UTC)) || id.IsZero() {
		t.Errorf("got %s of %v, %v", id, id.Time(), err)
	}
	first := chatapi.ObjectIDAt(id.Time())
	if first.String() != "620e2b140000000000000000" || first.Compare(id) >= 0 || id.Compare(first) <= 0 || id.Compare(id) != 0 {
		t.Errorf("%s and %s do not compare as their digits do", first, id)
	}
	for _, s := range []string{"", canary, "620e2b1463ee2a1977b4ee6", "620e2b1463ee2a1977b4ee655", "620e2b1463ee2a1977b4ee6g", " 20e2b1463ee2a1977b4ee65"} {
		if id, err := chatapi.ParseObjectID(s); err == nil || !id.IsZero() || s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("%q: got %s, %v", s, id, err)
		}
	}
}
