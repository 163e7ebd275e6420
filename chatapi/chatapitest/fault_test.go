package chatapitest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// overBoth runs a test against a listener and against the transport.
func overBoth(t *testing.T, test func(t *testing.T, s *Server, client *http.Client, base string)) {
	t.Run("listener", func(t *testing.T) {
		s := small()
		server := httptest.NewServer(s)
		defer server.Close()
		defer s.ClearFaults() // Close waits for requests that hang
		test(t, s, server.Client(), server.URL)
	})
	t.Run("transport", func(t *testing.T) {
		s := small()
		test(t, s, &http.Client{Transport: s.Transport()}, "http://sandbox.test")
	})
}

// fetch sends a GET with the server's key and reads the whole reply.
func fetch(ctx context.Context, s *Server, client *http.Client, target string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, "", err
	}
	r.Header.Set(keyHeader, s.Key())
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestFaultsThatReply(t *testing.T) {
	for name, c := range map[string]struct {
		fault  Fault
		status int
		is     func(header http.Header, body string) bool
	}{
		"status": {Fault{Kind: Status}, 500, func(_ http.Header, body string) bool {
			return body == `{"errors":{"base":["Internal Server Error"]}}`
		}},
		"status with a shape": {Fault{Kind: Status, Status: 503, Shape: BodyHTML}, 503, func(h http.Header, body string) bool {
			return h.Get("Content-Type") == typeHTML && strings.Contains(body, "503 Service Unavailable")
		}},
		"status with a body": {Fault{Kind: Status, Status: 502, Body: `{"no":1}`}, 502, func(h http.Header, body string) bool {
			return h.Get("Content-Type") == typeJSON && body == `{"no":1}`
		}},
		"too many requests": {Fault{Kind: Status, Status: 429}, 429, func(h http.Header, _ string) bool {
			return h["Retry-After"] == nil
		}},
		"too many requests, for how long": {Fault{Kind: Status, Status: 429, RetryAfter: "soon"}, 429, func(h http.Header, _ string) bool {
			return h.Get("Retry-After") == "soon"
		}},
		"HTML": {Fault{Kind: HTML}, 200, func(h http.Header, body string) bool {
			return h.Get("Content-Type") == typeHTML && strings.HasPrefix(body, "<html>")
		}},
		"truncated": {Fault{Kind: Truncated}, 200, func(_ http.Header, body string) bool {
			return strings.HasPrefix(body, `{"total_entries":60,`) && !json.Valid([]byte(body))
		}},
		"huge": {Fault{Kind: Huge, Size: 9 << 20}, 200, func(_ http.Header, body string) bool {
			return len(body) > 9<<20 && json.Valid([]byte(body))
		}},
		"gzip":            {Fault{Kind: Gzip}, 200, func(_ http.Header, body string) bool { return json.Valid([]byte(body)) }},
		"total missing":   {Fault{Kind: TotalMissing}, 200, begins(`{"skip":0,`)},
		"total negative":  {Fault{Kind: TotalNegative}, 200, begins(`{"total_entries":-1,`)},
		"total a string":  {Fault{Kind: TotalString}, 200, begins(`{"total_entries":"60",`)},
		"total a float":   {Fault{Kind: TotalFloat}, 200, begins(`{"total_entries":60.5,`)},
		"total null":      {Fault{Kind: TotalNull}, 200, begins(`{"total_entries":null,`)},
		"total something": {Fault{Kind: TotalRaw, RawValue: "1e30"}, 200, begins(`{"total_entries":1e30,`)},
		"items missing": {Fault{Kind: ItemsMissing}, 200, func(_ http.Header, body string) bool {
			return body == `{"total_entries":60,"skip":0,"limit":100}`
		}},
		"items null": {Fault{Kind: ItemsNull}, 200, func(_ http.Header, body string) bool {
			return body == `{"total_entries":60,"skip":0,"limit":100,"items":null}`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
				s.Inject(c.fault)
				resp, body, err := fetch(t.Context(), s, client, base+dialogsPath)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != c.status || !c.is(resp.Header, body) {
					t.Errorf("%d %v %.300s", resp.StatusCode, resp.Header, body)
				}
				if got := s.Requests()[0].Status; got != c.status {
					t.Errorf("logged as %d", got)
				}
			})
		})
	}
}

func begins(prefix string) func(http.Header, string) bool {
	return func(_ http.Header, body string) bool { return strings.HasPrefix(body, prefix) }
}

func TestFaultsOfThePage(t *testing.T) {
	s := small()
	usual := get(t, s, dialogsPath, "limit", "10").ids(t)
	faulty := func(f Fault) page {
		s.Inject(f)
		defer s.ClearFaults()
		return get(t, s, dialogsPath, "limit", "10")
	}
	if got := faulty(Fault{Kind: ShortPage}).ids(t); !slices.Equal(got, usual[:5]) {
		t.Errorf("short page: %v", got)
	}
	if p := faulty(Fault{Kind: EmptyPage}); len(p.Items) != 0 || p.total(t) != 60 {
		t.Errorf("empty page: %d rows of %d", len(p.Items), p.total(t))
	}
	if got := faulty(Fault{Kind: RepeatedRows}).ids(t); len(got) != 10 || got[0] != got[1] || got[8] != usual[4] || got[9] != usual[4] {
		t.Errorf("repeated rows: %v", got)
	}
	if got := faulty(Fault{Kind: UnsortedPage}).ids(t); got[0] != usual[9] || !slices.Equal(got[1:], usual[:9]) {
		t.Errorf("unsorted page: %v", got)
	}
	for value, want := range map[string]string{`{"a":1}`: `{"a":1}`, "": ""} {
		var row map[string]json.RawMessage
		item := faulty(Fault{Kind: BadField, Row: 3, Field: "created_at", RawValue: value}).Items[3]
		if err := json.Unmarshal(item, &row); err != nil || string(row["created_at"]) != want {
			t.Errorf("bad field: %v %s", err, item)
		}
	}
}

func TestBrokenConnections(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		s.Inject(Fault{Kind: Reset, Count: 1})
		if resp, body, err := fetch(t.Context(), s, client, base+dialogsPath); err == nil {
			t.Errorf("reset: %d %s", resp.StatusCode, body)
		}
		s.Inject(Fault{Kind: ResetMidBody, Count: 1})
		resp, body, err := fetch(t.Context(), s, client, base+dialogsPath)
		if !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != 200 || !strings.HasPrefix(body, `{"total`) {
			t.Errorf("reset in the body: %v after %q", err, body)
		}
		if _, _, err := fetch(t.Context(), s, client, base+dialogsPath); err != nil {
			t.Errorf("after the faults: %v", err)
		}
	})
}

func TestHangEndsWithTheClientOrWithTheFaults(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		s.Inject(Fault{Kind: Hang})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, _, err := fetch(ctx, s, client, base+dialogsPath)
			failed <- err
		}()
		waitHung(s, 1)
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the client went: %v", err)
		}
		waitHung(s, 0)
		go func() {
			_, _, err := fetch(t.Context(), s, client, base+dialogsPath)
			failed <- err
		}()
		waitHung(s, 1)
		s.ClearFaults()
		if err := <-failed; err != nil {
			t.Errorf("the faults were cleared: %v", err)
		}
	})
}

// waitHung returns once n requests hang.
func waitHung(s *Server, n int) {
	for {
		s.faults.mu.Lock()
		hung := len(s.faults.hung)
		s.faults.mu.Unlock()
		if hung == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestRedirect(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for status, want := range map[int]int{0: 302, 307: 307} {
			s.Inject(Fault{Kind: Redirect, Status: status, Location: "http://elsewhere.test/", Count: 1})
			resp, _, err := fetch(t.Context(), s, client, base+dialogsPath)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != want || resp.Header.Get("Location") != "http://elsewhere.test/" {
				t.Errorf("%d to %q", resp.StatusCode, resp.Header.Get("Location"))
			}
		}
	})
}

func TestSlowReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		client := &http.Client{Transport: s.Transport()}
		const empty = `{"total_entries":0,"skip":0,"limit":100,"items":[]}`
		for name, c := range map[string]struct {
			fault Fault
			takes time.Duration
		}{
			"drip":        {Fault{Kind: Drip}, time.Duration(len(empty)) * time.Second},
			"faster drip": {Fault{Kind: Drip, Interval: time.Millisecond}, time.Duration(len(empty)) * time.Millisecond},
			"delay":       {Fault{Kind: Delay, Interval: time.Minute}, time.Minute},
		} {
			s.Inject(c.fault)
			began := time.Now()
			_, body, err := fetch(t.Context(), s, client, "http://sandbox.test"+dialogsPath)
			if took := time.Since(began); err != nil || body != empty || took != c.takes {
				t.Errorf("%s: %v %s after %v, want it after %v", name, err, body, took, c.takes)
			}
			s.ClearFaults()
		}
	})
}

func TestFaultsPickTheirRequests(t *testing.T) {
	status := func(s *Server, path string) int { return do(s, "GET", path, "").Code }
	statuses := func(s *Server, path string, n int) (got []int) {
		for range n {
			got = append(got, status(s, path))
		}
		return got
	}
	for name, c := range map[string]struct {
		faults []Fault
		path   string
		want   []int
	}{
		"always":           {[]Fault{{Kind: Status}}, dialogsPath, []int{500, 500, 500, 500}},
		"twice":            {[]Fault{{Kind: Status, Count: 2}}, dialogsPath, []int{500, 500, 200, 200}},
		"after two":        {[]Fault{{Kind: Status, Skip: 2, Count: 1}}, dialogsPath, []int{200, 200, 500, 200}},
		"another endpoint": {[]Fault{{Kind: Status, Endpoint: Messages}}, dialogsPath, []int{200, 200, 200, 200}},
		"one by one": {[]Fault{{Kind: Status, Count: 1}, {Kind: Status, Status: 429, Count: 2}}, dialogsPath,
			[]int{500, 429, 429, 200}},
		"over by now": {[]Fault{{Kind: Status, Until: fixedNow()}}, dialogsPath, []int{200, 200, 200, 200}},
		"not over":    {[]Fault{{Kind: Status, Until: fixedNow().Add(1)}}, dialogsPath, []int{500, 500, 500, 500}},
		"by the query": {[]Fault{{Kind: Status, Match: func(q url.Values) bool { return q.Has("type") }}},
			dialogsPath + "?type=3", []int{500, 500, 500, 500}},
		"by another query": {[]Fault{{Kind: Status, Match: func(q url.Values) bool { return q.Has("type") }}},
			dialogsPath, []int{200, 200, 200, 200}},
	} {
		s := small()
		s.Inject(c.faults...)
		if got := statuses(s, c.path, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
