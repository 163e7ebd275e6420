package cli

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

func answer(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func TestHealthByStatus(t *testing.T) {
	t.Parallel()
	for code, healthy := range map[int]bool{
		http.StatusOK:                  true,
		http.StatusUnauthorized:        true, // it asks for a password, so it lives
		http.StatusTooManyRequests:     true, // the rate limit of the web configuration
		http.StatusFound:               false,
		http.StatusNotFound:            false,
		http.StatusInternalServerError: false,
	} {
		srv := httptest.NewServer(answer(code))
		status, stdout, stderr := execute(t, "healthcheck", "--web.listen-address="+srv.Listener.Addr().String())
		srv.Close()
		if (status == exitDone) != healthy || (status == exitFailed) == healthy {
			t.Errorf("%d: exit code %d", code, status)
		}
		if lines := strings.Count(stdout+stderr, "\n"); lines != 1 {
			t.Errorf("%d: %d lines: %q %q", code, lines, stdout, stderr)
		}
	}
}

func TestHealthOfNobody(t *testing.T) {
	t.Parallel()
	code, _, stderr := execute(t, "healthcheck", "--web.listen-address="+nobody)
	if code != exitFailed || !strings.Contains(stderr, "not healthy: ") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

func TestHealthOfOneWhoNeverAnswers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := askHealth(ctx, &toolkit.Config{}, srv.URL); err == nil {
		t.Error("healthy")
	}
}

// The certificate names other hosts, and the client has none of its own.
func TestHealthOverTLS(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]tls.ClientAuthType{
		"":                           tls.NoClientCert,
		"RequireAnyClientCert":       tls.RequireAnyClientCert,
		"RequireAndVerifyClientCert": tls.RequireAndVerifyClientCert,
	} {
		srv := httptest.NewUnstartedServer(answer(http.StatusOK))
		srv.Config.ErrorLog = quiet()
		srv.TLS = &tls.Config{ClientAuth: auth}
		srv.StartTLS()
		cfg := &toolkit.Config{TLSConfig: toolkit.TLSConfig{TLSCert: "set", ClientAuth: name}}
		verdict, err := askHealth(t.Context(), cfg, srv.URL)
		srv.Close()
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if wants := strings.Contains(verdict, "client certificate"); wants != (auth != tls.NoClientCert) {
			t.Errorf("%q: %s", name, verdict)
		}
	}
}

// A TLS alert proves that a server is there only where clients must show a
// certificate; otherwise it is a failure.
func TestAlertsAreNotHealthInGeneral(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(answer(http.StatusOK))
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.StartTLS()
	defer srv.Close()
	cfg := &toolkit.Config{TLSConfig: toolkit.TLSConfig{TLSCert: "set"}}
	if verdict, err := askHealth(t.Context(), cfg, srv.URL); err == nil {
		t.Error(verdict)
	}
}

func TestWhereTheServerIs(t *testing.T) {
	t.Parallel()
	plain, secure := &toolkit.Config{}, &toolkit.Config{TLSConfig: toolkit.TLSConfig{TLSCertPath: "c"}}
	for _, c := range []struct {
		cfg           *toolkit.Config
		address, want string
	}{
		{plain, ":10425", "http://here:10425"},
		{plain, "0.0.0.0:1", "http://here:1"},
		{plain, "[::]:1", "http://here:1"},
		{plain, "10.1.2.3:1", "http://10.1.2.3:1"},
		{secure, "[fe80::1]:1", "https://[fe80::1]:1"},
		{secure, "host.example:443", "https://host.example:443"},
	} {
		if got, err := rootURL(c.cfg, c.address, "here"); err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", c.address, got, err, c.want)
		}
	}
}
