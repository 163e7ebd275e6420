package chatapitest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// inBubble runs a test with a server and a client in a synctest bubble, which
// itself fails if a goroutine is left.
func inBubble(t *testing.T, test func(t *testing.T, s *Server, client *http.Client)) {
	t.Helper()
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Seed: 1, Dialogs: 20, Messages: 100})
		test(t, s, &http.Client{Transport: s.Transport()})
	})
}

const anyHost = "http://sandbox.test"

func TestTransportAnswersLikeAListener(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		resp, body, err := fetch(t.Context(), s, client, base+dialogsPath+"?limit=2&_id[gt]=000000000000000000000000")
		if err != nil {
			t.Fatal(err)
		}
		if resp.Status != "200 OK" || resp.ContentLength != int64(len(body)) || !json.Valid([]byte(body)) ||
			resp.Header.Get("Date") == "" || resp.Request.URL.Path != dialogsPath {
			t.Errorf("%+v %s", resp, body)
		}
		got := s.Requests()[0]
		if got.Path != dialogsPath || got.Query.Get("limit") != "2" || got.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("received %+v", got)
		}
	})
}

func TestTransportSendsBodies(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		r, err := http.NewRequestWithContext(t.Context(), "PUT", base+"/admin/chat/"+group(s), strings.NewReader(`{"name":"Ops"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(keyHeader, s.Key())
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Contains(body, []byte(`"name":"Ops"`)) {
			t.Errorf("%v %s", err, body)
		}
	})
}

func TestTransportLeavesGzipToAClientThatAsksForIt(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, base string) {
		s.Inject(Fault{Kind: Gzip})
		for _, asks := range []bool{false, true} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", base+dialogsPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(keyHeader, s.Key())
			if asks {
				r.Header.Set("Accept-Encoding", "gzip")
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			reader := io.Reader(resp.Body)
			if asks {
				if reader, err = gzip.NewReader(resp.Body); err != nil {
					t.Fatal(err)
				}
			}
			body, err := io.ReadAll(reader)
			if err != nil || !json.Valid(body) || resp.Uncompressed == asks {
				t.Errorf("asked %v: %v, uncompressed %v, %.80q", asks, err, resp.Uncompressed, body)
			}
		}
	})
}

func TestTransportEndsWithTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s.Inject(Fault{Kind: Hang, Count: 1})
		began := time.Now()
		if _, _, err := fetch(ctx, s, client, anyHost+dialogsPath); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hang: %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if _, _, err := fetch(ctx, s, client, anyHost+dialogsPath); !errors.Is(err, context.DeadlineExceeded) || len(s.Requests()) != 1 {
			t.Errorf("with a context that has ended: %v, %d requests", err, len(s.Requests()))
		}
	})
}

func TestTransportEndsWithTheContextInTheMiddleOfABody(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, client *http.Client) {
		for _, kind := range []Kind{Drip, Huge} { // one waits between writes, one in a write
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			s.Inject(Fault{Kind: kind, Count: 1})
			r, err := http.NewRequestWithContext(ctx, "GET", anyHost+dialogsPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(keyHeader, s.Key())
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			synctest.Wait() // the server is done although nobody reads or closes
			s.log.mu.Lock()
			if s.log.inFlight > 0 {
				t.Errorf("kind %d: the server is still at it", kind)
			}
			s.log.mu.Unlock()
			if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("reading on: %v", err)
			}
			cancel()
		}
	})
}

func TestTransportEndsWithTheClientsTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, client *http.Client) {
		client.Timeout = 2 * time.Second
		s.Inject(Fault{Kind: Drip})
		var timeout interface{ Timeout() bool }
		if _, _, err := fetch(t.Context(), s, client, anyHost+dialogsPath); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v", err)
		}
	})
}

func TestTransportEndsWhenTheBodyIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, client *http.Client) {
		for _, kind := range []Kind{Drip, Huge} {
			s.Inject(Fault{Kind: kind, Count: 1})
			r, err := http.NewRequestWithContext(t.Context(), "GET", anyHost+messagesPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(keyHeader, s.Key())
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, 3)); err != nil {
				t.Error(err)
			}
			began := time.Now()
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("closing took %v", took)
			}
			if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
				t.Error("read from a closed body")
			}
		}
	})
}

func TestTransportReportsBrokenConnections(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, client *http.Client) {
		s.Inject(Fault{Kind: Reset, Count: 1})
		if _, _, err := fetch(t.Context(), s, client, anyHost+dialogsPath); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v", err)
		}
		if got := s.Requests()[0].Status; got != 0 {
			t.Errorf("logged as %d", got)
		}
		broken := errors.New("disk on fire")
		r, err := http.NewRequestWithContext(t.Context(), "PUT", anyHost+"/admin/chat/1", iotest.ErrReader(broken))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(r); !errors.Is(err, broken) {
			t.Errorf("%v %v", resp, err)
		}
	})
}
