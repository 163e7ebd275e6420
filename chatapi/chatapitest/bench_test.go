package chatapitest

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// million is an application of the size that the sandbox is built for.
func million() *Server {
	return New(Config{Seed: 1, Dialogs: 100_000, Messages: 1_000_000, Now: fixedNow})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		s := million()
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-live")
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
		runtime.KeepAlive(s)
	}
}

func benchmarkQuery(b *testing.B, s *Server, path string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set(keyHeader, s.Key())
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	s := million()
	now := fixedNow().Unix()
	week := strconv.FormatInt(now-7*86400, 10)
	hour := strconv.FormatInt(now-3600, 10)
	busiest := s.store.dialogs[0].id.String()
	pinned := s.store.messages[500_000].id.String()
	for name, path := range map[string]string{
		"messages created":    "/admin/chat/messages/list?limit=1&sort_desc=_id&created_at[gte]=" + week + "&created_at[lt]=" + hour,
		"messages updated":    "/admin/chat/messages/list?limit=1&sort_desc=_id&updated_at[gte]=" + week + "&updated_at[lt]=" + hour,
		"messages in dialog":  "/admin/chat/messages/list?limit=1&sort_desc=_id&chat_dialog_id=" + busiest + "&created_at[gte]=" + week,
		"messages pinned":     "/admin/chat/messages/list?limit=1&sort_desc=_id&_id[gte]=" + pinned + "&_id[lte]=" + pinned + "&created_at[gte]=" + week,
		"dialogs active":      "/admin/chat/list?limit=1&sort_desc=_id&last_message_date_sent[gte]=" + week + "&last_message_date_sent[lt]=" + hour,
		"dialogs of type":     "/admin/chat/list?limit=1&sort_desc=_id&type=2&created_at[gte]=" + week,
		"dialogs of no type":  "/admin/chat/list?limit=1&sort_desc=_id&type[nin]=1,2,3,4",
		"dialogs two filters": "/admin/chat/list?limit=1&sort_desc=_id&created_at[gte]=" + week + "&updated_at[gte]=" + hour,
	} {
		b.Run(name, func(b *testing.B) { benchmarkQuery(b, s, path) })
	}
}

func BenchmarkPage(b *testing.B) {
	s := million()
	middle := s.store.messages[500_000].id.String()
	for name, path := range map[string]string{
		"dialogs by cursor":   "/admin/chat/list?sort_desc=_id&_id[lt]=" + s.store.dialogs[50_000].id.String(),
		"messages by cursor":  "/admin/chat/messages/list?sort_desc=_id&_id[lt]=" + middle,
		"messages by updated": "/admin/chat/messages/list?sort_desc=updated_at",
		"window by cursor":    "/admin/chat/messages/list?sort_desc=_id&_id[lt]=" + middle + "&created_at[gte]=" + strconv.FormatInt(fixedNow().Unix()-60*86400, 10),
	} {
		b.Run(name, func(b *testing.B) { benchmarkQuery(b, s, path) })
	}
}

func BenchmarkLive(b *testing.B) {
	s := New(Config{Seed: 1, Dialogs: 10_000, Messages: 100_000, Rate: 1, Now: fixedNow})
	at := fixedNow()
	for b.Loop() {
		at = at.Add(time.Second) // about one message
		s.Step(at)
	}
}
