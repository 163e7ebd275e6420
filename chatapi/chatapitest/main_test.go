package chatapitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fixedNow() time.Time { return time.Date(2026, 3, 18, 14, 30, 7, 250e6, time.UTC) }

const (
	dialogsPath  = "/admin/chat/list"
	messagesPath = "/admin/chat/messages/list"
)

// do sends a request with the server's key, without any transport.
func do(s *Server, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set(keyHeader, s.Key())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// page is a list reply as a client might read it.
type page struct {
	Total *json.Number      `json:"total_entries"`
	Skip  int               `json:"skip"`
	Limit int               `json:"limit"`
	Items []json.RawMessage `json:"items"`
}

func (p page) total(t *testing.T) int {
	t.Helper()
	if p.Total == nil {
		t.Fatal("total_entries is missing or null")
	}
	n, err := p.Total.Int64()
	if err != nil {
		t.Fatalf("total_entries: %v", err)
	}
	return int(n)
}

func (p page) ids(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, item := range p.Items {
		var row struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(item, &row); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

// get lists; query is pairs of names and values.
func get(t *testing.T, s *Server, path string, query ...string) page {
	t.Helper()
	w := do(s, http.MethodGet, path+"?"+encode(query...), "")
	if w.Code != http.StatusOK {
		t.Fatalf("%s %v: %d %s", path, query, w.Code, w.Body)
	}
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%s %v: %v in %s", path, query, err, w.Body)
	}
	return p
}

func count(t *testing.T, s *Server, path string, query ...string) int {
	t.Helper()
	return get(t, s, path, append([]string{"limit", "1"}, query...)...).total(t)
}

func encode(query ...string) string {
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Add(query[i], query[i+1])
	}
	return values.Encode()
}

// small is an application to try things on.
func small() *Server {
	return New(Config{Seed: 7, Dialogs: 60, Messages: 900, Weeks: 2, Now: fixedNow})
}
