package chatapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// host is a server on a socket that remembers what it was sent.
type host struct {
	*httptest.Server
	mu  sync.Mutex
	got []*http.Request
}

func newHost(t *testing.T, handle func(w http.ResponseWriter, r *http.Request)) *host {
	h := &host{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.got = append(h.got, r)
		h.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) requests() (paths []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.got {
		paths = append(paths, r.Method+" "+r.URL.Path)
	}
	return paths
}

func (h *host) client(t *testing.T, key string) *chatapi.Client {
	u, err := chatapi.ParseURL(h.URL + "/eu")
	if err != nil {
		t.Fatal(err)
	}
	c := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(key))})
	t.Cleanup(c.Close)
	return c
}

func redirect(w http.ResponseWriter, to string, status int) {
	w.Header().Set("Location", to)
	w.WriteHeader(status)
}

// The key is not sent to any other origin, whatever the API redirects to and by
// whichever way. A second server records what it gets, which is nothing.
func TestRedirectsElsewhereAreNotFollowed(t *testing.T) {
	foreign := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"total_entries":7,"items":[]}`))
	})
	port := foreign.URL[strings.LastIndex(foreign.URL, ":")+1:]
	targets := map[string]string{
		"another port":     foreign.URL + "/eu/admin/chat/list",
		"another name":     "http://localhost:" + port + "/",
		"no scheme":        "//127.0.0.1:" + port + "/",
		"with user":        "http://user:secret@127.0.0.1:" + port + "/",
		"with a trick":     "http://127.0.0.1@localhost:" + port + "/",
		"another scheme":   "https://127.0.0.1:" + port + "/",
		"a name elsewhere": "https://elsewhere.invalid/",
	}
	for name, target := range targets {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, hops := range []int{0, 1, 2} {
				own := newHost(t, func(w http.ResponseWriter, r *http.Request) {
					hop := 0
					_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &hop)
					if hop < hops {
						redirect(w, fmt.Sprintf("/hop/%d", hop+1), status)
						return
					}
					redirect(w, target, status)
				})
				client := own.client(t, rightKey)
				_, err := client.CountDialogs(t.Context())
				if e := asError(err); e == nil || e.Status != status || e.Retryable || !strings.Contains(err.Error(), "not followed") || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s, %d, after %d hops: got %v", name, status, hops, err)
				}
				if n := len(own.requests()); n != hops+1 {
					t.Errorf("%s, %d: %d requests, want %d", name, status, n, hops+1)
				}
			}
		}
	}
	if got := foreign.requests(); len(got) != 0 {
		t.Errorf("another origin got %q", got)
	}
}

// Redirects within the origin are followed, three at most, with the key.
func TestRedirectsWithinTheOrigin(t *testing.T) {
	for hops := range 5 {
		for _, absolute := range []bool{false, true} {
			var own *host
			own = newHost(t, func(w http.ResponseWriter, r *http.Request) {
				hop := 0
				_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &hop)
				if r.Header.Get("CB-Administration-API-Key") != rightKey {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				if hop < hops {
					to := fmt.Sprintf("/hop/%d?%s", hop+1, r.URL.RawQuery)
					if absolute {
						to = own.URL + to
					}
					redirect(w, to, http.StatusFound)
					return
				}
				_, _ = w.Write([]byte(`{"total_entries":7,"items":[{"_id":"620e2b1463ee2a1977b4ee65","type":3,"created_at":1,"updated_at":1}]}`))
			})
			n, err := own.client(t, rightKey).CountDialogs(t.Context())
			if hops <= 3 && (n != 7 || err != nil) {
				t.Errorf("%d hops: got %d, %v; want 7", hops, n, err)
			}
			if hops > 3 && (n != 0 || codeOf(err) != "302" || !strings.Contains(err.Error(), "3 times at most")) {
				t.Errorf("%d hops: got %d, %v; want an error", hops, n, err)
			}
		}
	}
}

// A PUT is never redirected: Go would make a GET of it.
func TestRedirectedPut(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		own := newHost(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				redirect(w, "/elsewhere", status)
				return
			}
			_, _ = w.Write([]byte(`{"_id":"620e2b1463ee2a1977b4ee65","type":3,"created_at":1,"updated_at":1}`))
		})
		id, _ := chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
		_, err := own.client(t, rightKey).UpdateDialog(t.Context(), id, mute())
		if asError(err) == nil || asError(err).Status != status || strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("%d: got %v, want that the redirect is not followed", status, err)
		}
		if got := own.requests(); len(got) != 1 || got[0] != "PUT /eu/admin/chat/620e2b1463ee2a1977b4ee65" {
			t.Errorf("%d: the server got %q", status, got)
		}
	}
}

// A redirect that leads nowhere is an error as any other status.
func TestRedirectWithoutTarget(t *testing.T) {
	for _, location := range []string{"", "http://[" + rightKey, "%zz" + rightKey, "http://" + rightKey + ".invalid/"} {
		own := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(http.StatusNotModified)
		})
		_, err := own.client(t, rightKey).CountDialogs(t.Context())
		if codeOf(err) != "304" || strings.Contains(err.Error(), rightKey) {
			t.Errorf("%q: got %v", location, err)
		}
	}
	own := newHost(t, func(w http.ResponseWriter, _ *http.Request) { redirect(w, "http://["+rightKey, http.StatusFound) })
	ctx := t.Context()
	_, err := own.client(t, rightKey).UpdateDialog(ctx, chatapi.ObjectIDAt(time.Now()), mute())
	if codeOf(err) != "network" || strings.Contains(err.Error(), rightKey) {
		t.Errorf("got %v, want an error without the key", err)
	}
}

// The error of a dead host names neither path nor query nor key.
func TestErrorsDoNotNameTheURL(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "api.test", Path: "/" + canary}
	for _, cause := range []error{&url.Error{Op: "Get", URL: u.String() + "?limit=1", Err: fmt.Errorf("broken")}, http.ErrHandlerTimeout} {
		client := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey)), Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, cause
		})})
		_, err := client.UpdateDialog(t.Context(), chatapi.ObjectIDAt(time.Now()), mute())
		if err == nil || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "limit") {
			t.Errorf("got %v", err)
		}
	}
}
