package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const canary = "c4n4ry"

// TestNothingPrivateComesOut plants canaries wherever people's data and keys
// can stand, breaks the API in many ways, and searches all that the program
// prints and serves, at its most talkative.
func TestNothingPrivateComesOut(t *testing.T) {
	t.Parallel()
	key := canary + "-key"
	foreign := &recorder{}
	elsewhere := httptest.NewServer(foreign)
	t.Cleanup(elsewhere.Close)

	spoil := func(field, raw string) chatapitest.Fault {
		return chatapitest.Fault{Kind: chatapitest.BadField, Field: field, RawValue: raw}
	}
	quoted := fmt.Sprintf("%q", canary)
	for name, fault := range map[string]chatapitest.Fault{
		"none":              {Kind: chatapitest.Delay, Interval: 1, Count: 1},
		"error body":        {Kind: chatapitest.Status, Status: 422},
		"error text":        {Kind: chatapitest.Status, Status: 403, Shape: chatapitest.BodyText},
		"error page":        {Kind: chatapitest.Status, Status: 502, Shape: chatapitest.BodyHTML},
		"redirect":          {Kind: chatapitest.Redirect, Location: elsewhere.URL + "/"},
		"created_at":        spoil("created_at", quoted),
		"_id":               spoil("_id", quoted),
		"type":              spoil("type", quoted),
		"a key of a row":    spoil("updated_at", `{"`+canary+`":1}`),
		"total a text":      {Kind: chatapitest.TotalRaw, RawValue: quoted},
		"a reset":           {Kind: chatapitest.ResetMidBody},
		"a body cut short":  {Kind: chatapitest.Truncated},
		"a page for people": {Kind: chatapitest.HTML},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := chatapitest.New(chatapitest.Config{
				Seed: 12, Dialogs: 40, Messages: 400, Weeks: 2, Key: key, Canary: canary, Quirks: chatapitest.Quirks{EchoKey: true},
			})
			api.Inject(fault)
			srv := httptest.NewServer(api)
			t.Cleanup(srv.Close)
			searchAll(t, srv.URL, key)
		})
	}
	t.Run("not HTTP", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var answering sync.WaitGroup
		answering.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, "HTTP/1.1 "+canary+" "+key+"\r\n"+canary+"\r\n\r\n")
				_ = conn.Close()
			}
		})
		t.Cleanup(func() { _ = l.Close(); answering.Wait() })
		searchAll(t, "http://"+l.Addr().String(), key)
	})
	t.Cleanup(func() {
		if foreign.asked() == 0 {
			return // nothing was sent there at all
		}
		t.Errorf("the other origin was asked, with the headers %v", foreign.headers)
	})
}

// searchAll runs the exporter and a check against an API, and searches their
// output and pages.
func searchAll(t *testing.T, api, key string) {
	t.Helper()
	settings := []string{
		"--api.url=" + api, "--api.key-file=" + write(t, t.TempDir(), "key", key), "--api.rate-limit=0", "--api.timeout=2s",
		"--poll.interval=1s", "--log.level=debug",
	}
	p := serve(t, settings...)
	eventually(t, "a poll", func() bool {
		_, page := p.get("/")
		return strings.Contains(page, "totals") && strings.Contains(p.logged(), "level=debug") && p.metric(`connectycube_collector_success{application="default",collector="windows"}`) != ""
	})
	outputs := map[string]string{}
	_, outputs["status page"] = p.get("/")
	_, outputs["metrics"] = p.get("/metrics")
	_, outputs["openmetrics"] = p.ask(http.MethodGet, "/metrics", func(r *http.Request) {
		r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	})
	_, outputs["table"], outputs["table's log"] = runProgram(t, nil, append([]string{"check"}, settings...)...)
	_, outputs["json"], outputs["json's log"] = runProgram(t, nil, append([]string{"check", "--format=json"}, settings...)...)
	p.stop()
	outputs["log"] = p.logged()
	for where, text := range outputs {
		for _, secret := range []string{canary, fmt.Sprint(chatapitest.CanaryUserBase / 1_000_000)} {
			if i := strings.Index(text, secret); i >= 0 && (secret == canary || isUser(text[i:])) {
				t.Errorf("the %s holds %q: ...%.200s", where, secret, text[max(0, i-80):])
			}
		}
	}
}

// isUser tells whether a text begins with a canary user id: 1987 and six digits.
func isUser(text string) bool {
	return len(text) > 10 && strings.Trim(text[:10], "0123456789") == "" && strings.Trim(text[10:11], "0123456789.") != ""
}

// recorder notes what a foreign host gets.
type recorder struct {
	mu      sync.Mutex
	headers []http.Header
}

func (r *recorder) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers = append(r.headers, req.Header.Clone())
}

func (r *recorder) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.headers)
}
