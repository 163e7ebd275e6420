package chatapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const (
	rightKey = "Qk7-right-key-x9"
	canary   = "zanzibar"
)

// rig is a client, the sandbox it talks to, and all that was seen of both.
type rig struct {
	t      *testing.T
	server *chatapitest.Server
	seen   *recorder
	log    *bytes.Buffer
	client *chatapi.Client
}

// newRig joins a client to a sandbox in memory. The client has no rate limit
// and a timeout of ten seconds unless adjust says otherwise.
func newRig(t *testing.T, sandbox chatapitest.Config, adjust ...func(*chatapi.Config)) *rig {
	t.Helper()
	sandbox.Key, sandbox.Canary = rightKey, canary
	r := &rig{t: t, server: chatapitest.New(sandbox), seen: &recorder{}, log: &bytes.Buffer{}}
	cfg := chatapi.Config{
		URL:       &url.URL{Scheme: "https", Host: "api.test"},
		Key:       chatapi.KeyValue(chatapi.NewSecret(rightKey)),
		Transport: r.server.Transport(),
		Observer:  r.seen,
		Logger:    log.NewLogfmtLogger(log.NewSyncWriter(r.log)),
	}
	for _, f := range adjust {
		f(&cfg)
	}
	r.client = chatapi.New(cfg)
	return r
}

// plantedUser matches the user ids of a sandbox that has a canary.
var plantedUser = regexp.MustCompile(`1987\d{6}`)

// private fails the test if the log or a text shows the key, or anything that a
// user of the application wrote or is, or the vendor said.
func (r *rig) private(texts ...string) {
	r.t.Helper()
	for _, text := range append(texts, r.log.String()) {
		if strings.Contains(text, canary) || plantedUser.MatchString(text) {
			r.t.Errorf("a user's words or id are shown: %s", text)
		}
		if strings.Contains(text, rightKey) {
			r.t.Errorf("the key is shown: %s", text)
		}
	}
}

// recorder is an Observer that remembers.
type recorder struct {
	mu       sync.Mutex
	requests []string // "dialogs 200"
	retries  []string // "dialogs 503"
	calls    []string // "dialogs ok", "dialogs timeout"
	took     time.Duration
	waited   time.Duration
}

func (r *recorder) Request(e chatapi.Endpoint, code string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, string(e)+" "+code)
	r.took += took
}

func (r *recorder) Retry(e chatapi.Endpoint, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retries = append(r.retries, string(e)+" "+reason)
}

func (r *recorder) Wait(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waited += d
}

func (r *recorder) Call(e chatapi.Endpoint, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := "ok"
	if err != nil {
		what = codeOf(err)
	}
	r.calls = append(r.calls, string(e)+" "+what)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("requests %q, retries %q, calls %q", r.requests, r.retries, r.calls)
}

func times(n int, s string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// roundTrip is an http.RoundTripper made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
