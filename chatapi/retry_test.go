package chatapi_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

func mute() chatapi.DialogChange {
	user, muted := int64(32242), true
	return chatapi.DialogChange{UserID: &user, IsMuted: &muted}
}

// dialogIDOf is the id of a dialog of the sandbox.
func dialogIDOf(r *rig) chatapi.ObjectID {
	id, _ := chatapi.ParseObjectID(r.server.CreateDialog(chatapitest.DialogSpec{Type: 2, Occupants: []int64{32241, 32242}}))
	return id
}

// A PUT is repeated if there was no connection to send it over, and in no other
// case, since it may have been carried out.
func TestPutIsRepeatedOnlyIfNotSent(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	tests := map[string]struct {
		err       error // of the first two attempts, before the server is reached
		fault     chatapitest.Kind
		status    int
		attempts  int
		received  int
		succeeded bool
	}{
		"connection refused":   {err: refused, attempts: 3, received: 1, succeeded: true},
		"name not found":       {err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, attempts: 3, received: 1, succeeded: true},
		"broken while writing": {err: &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}, attempts: 1},
		"broken while reading": {err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, attempts: 1},
		"closed":               {err: io.EOF, attempts: 1},
		"reset":                {fault: chatapitest.Reset, attempts: 1, received: 1},
		"reset in the body":    {fault: chatapitest.ResetMidBody, attempts: 1, received: 1},
		"hang":                 {fault: chatapitest.Hang, attempts: 1, received: 1},
		"429":                  {fault: chatapitest.Status, status: 429, attempts: 1, received: 1},
		"500":                  {fault: chatapitest.Status, status: 500, attempts: 1, received: 1},
		"503":                  {fault: chatapitest.Status, status: 503, attempts: 1, received: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				r := newRig(t, chatapitest.Config{}, func(c *chatapi.Config) {
					server := c.Transport
					c.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
						if attempts++; test.err != nil && attempts <= 2 {
							return nil, test.err
						}
						return server.RoundTrip(req)
					})
				})
				id := dialogIDOf(r)
				if test.fault != 0 {
					r.server.Inject(chatapitest.Fault{Kind: test.fault, Status: test.status})
				}
				dialog, err := r.client.UpdateDialog(t.Context(), id, mute())
				if (err == nil) != test.succeeded {
					t.Errorf("got %v, want success %v", err, test.succeeded)
				}
				if test.succeeded && !slices.Contains(dialog.SilentIDs, 32242) {
					t.Errorf("got %+v, want it muted", dialog)
				}
				if n := len(r.server.Requests()); attempts != test.attempts || n != test.received {
					t.Errorf("%d attempts, %d received; want %d and %d", attempts, n, test.attempts, test.received)
				}
			})
		})
	}
}

// What the server gets over a socket: one PUT, however it breaks the connection.
func TestPutOverSocketsIsReceivedOnce(t *testing.T) {
	var received atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPut {
			received.Add(1)
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(`{"total_entries":0,"items":[]}`))
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	client := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey))})
	defer client.Close()
	for range 2 { // over a new connection, and over one that was in use
		if _, err := client.CountDialogs(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := client.UpdateDialog(t.Context(), chatapi.ObjectIDAt(time.Now()), mute()); codeOf(err) != "network" {
			t.Errorf("got %v, want a network error", err)
		}
	}
	if n := received.Load(); n != 2 {
		t.Errorf("two calls were received %d times", n)
	}
}

func TestWrongCertificateIsNotRepeated(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	u, _ := url.Parse(server.URL)
	seen := &recorder{}
	client := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey)), Observer: seen})
	defer client.Close()
	_, err := client.CountDialogs(t.Context())
	e := asError(err)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok || e.Kind != chatapi.KindNetwork || e.Retryable || len(seen.retries) != 0 {
		t.Errorf("got %v, %s; want an error about the certificate, at once", err, seen)
	}
}

// While the API asks for a pause, calls wait for its end if it is near, and
// fail without a request if it is not.
func TestRetryAfterIsObeyedByAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Dialogs: 3, Messages: 3})
		began := time.Now()
		r.server.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 503, RetryAfter: began.Add(20 * time.Second).UTC().Format(http.TimeFormat), Count: 1})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := r.client.CountDialogs(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if _, err := r.client.Lane(chatapi.LaneScan).CountMessages(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if took := time.Since(began); took != 20*time.Second || r.client.PauseLeft() != 0 {
			t.Errorf("the calls ended after %v, want 20s", took)
		}
		if r.seen.waited != 40*time.Second {
			t.Errorf("%v of waiting was reported, want 20s of each call", r.seen.waited)
		}

		r.server.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "600", Count: 1})
		if _, err := r.client.CountDialogs(t.Context()); codeOf(err) != "429" || asError(err).RetryAfter != 10*time.Minute {
			t.Errorf("got %v, want 429 and ten minutes", err)
		}
		time.Sleep(time.Minute)
		r.server.ResetRequests()
		r.seen.requests = nil
		_, err := r.client.CountMessages(t.Context())
		e := asError(err)
		if codeOf(err) != "throttled" || e.RetryAfter != 9*time.Minute || !e.Retryable || !strings.Contains(err.Error(), "retry after 9m0s") {
			t.Errorf("got %v, want nine minutes to wait", err)
		}
		if time.Since(began) != 80*time.Second || len(r.server.Requests()) != 0 || len(r.seen.requests) != 0 {
			t.Errorf("it took until %v and %s", time.Since(began), r.seen)
		}
		time.Sleep(r.client.PauseLeft())
		if _, err := r.client.CountMessages(t.Context()); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// Calls that queue when a long pause begins do not sit it out.
func TestQueuedCallsFailWhenAPauseBegins(t *testing.T) {
	for _, perSecond := range []float64{0, 2} { // queueing for the connection, and for the rate
		synctest.Test(t, func(t *testing.T) {
			testQueuedCalls(t, func(c *chatapi.Config) { c.Concurrency, c.RateLimit = 1, perSecond })
		})
	}
}

func testQueuedCalls(t *testing.T, adjust func(*chatapi.Config)) {
	r := newRig(t, chatapitest.Config{Dialogs: 3}, adjust)
	r.server.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "900"})
	began := time.Now()
	var throttled, refused atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch _, err := r.client.CountDialogs(t.Context()); codeOf(err) {
			case "throttled":
				throttled.Add(1)
			case "429":
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); refused.Load() != 1 || throttled.Load() != 19 || took > time.Second {
		t.Errorf("%d refused, %d throttled in %v; want 1 and 19 at once", refused.Load(), throttled.Load(), took)
	}
	if n := len(r.server.Requests()); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
}

// The effective rate falls with 429s, whatever call meets them, and comes back.
func TestRateFollows429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Dialogs: 3}, func(c *chatapi.Config) { c.RateLimit = 4 })
		r.server.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "2", Count: 1})
		if _, err := r.client.CountDialogs(t.Context()); err != nil || r.client.Rate() != 2 {
			t.Errorf("got %v, rate %g; want 2", err, r.client.Rate())
		}
		if !strings.Contains(r.log.String(), "--api.rate-limit") || !strings.Contains(r.log.String(), "requests_per_second=2 retry_after=2s") {
			t.Errorf("the log does not say so: %s", r.log)
		}
		for range 20 {
			time.Sleep(30 * time.Second)
			if _, err := r.client.CountDialogs(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if r.client.Rate() != 4 {
			t.Errorf("rate %g after ten good minutes, want 4", r.client.Rate())
		}
	})
}

// A call ends with its context, says why, and is nobody's failure.
func TestCallsEndWithTheirContext(t *testing.T) {
	stopped := errors.New("stopped")
	for name, test := range map[string]struct {
		fault    chatapitest.Fault
		observed int // requests and retries
	}{
		"in a request": {chatapitest.Fault{Kind: chatapitest.Hang}, 0},
		"in a body":    {chatapitest.Fault{Kind: chatapitest.Drip}, 0},
		"in a pause":   {chatapitest.Fault{Kind: chatapitest.Status, Status: 503, RetryAfter: "25"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, chatapitest.Config{Dialogs: 3})
				r.server.Inject(test.fault)
				ctx, cancel := context.WithCancelCause(t.Context())
				began := time.Now()
				time.AfterFunc(5*time.Second, func() { cancel(stopped) })
				_, err := r.client.CountDialogs(ctx)
				if !errors.Is(err, stopped) || time.Since(began) != 5*time.Second || len(r.seen.requests) != test.observed || len(r.seen.retries) != test.observed || len(r.seen.calls) != 0 {
					t.Errorf("got %v after %v, %s", err, time.Since(began), r.seen)
				}

				ctx, end := context.WithTimeout(t.Context(), 3*time.Second)
				defer end()
				if _, err := r.client.CountDialogs(ctx); !errors.Is(err, context.DeadlineExceeded) && codeOf(err) != "throttled" {
					t.Errorf("got %v, want the deadline", err)
				}
			})
		})
	}
}

// A call that cannot be served in its time under the rate limit says which
// setting that is.
func TestNoPlaceUnderTheRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Dialogs: 3}, func(c *chatapi.Config) { c.RateLimit = 0.01 })
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := r.client.CountDialogs(ctx)
		if codeOf(err) != "throttled" || !strings.Contains(err.Error(), "--api.rate-limit") {
			t.Errorf("got %v", err)
		}
	})
}

// All tries of a call together stay within the budget that the client names.
func TestCallBudget(t *testing.T) {
	for _, seconds := range []time.Duration{0, 3, 9} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, chatapitest.Config{Dialogs: 3}, func(c *chatapi.Config) {
				c.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
					time.Sleep(seconds * time.Second)
					return nil, io.ErrUnexpectedEOF
				})
			})
			began := time.Now()
			_, err := r.client.CountDialogs(t.Context())
			if took := time.Since(began); codeOf(err) != "network" || took > r.client.CallBudget() {
				t.Errorf("got %v after %v, want an error within %v", err, took, r.client.CallBudget())
			}
		})
	}
}
