package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

type statuses []collector.Status

func (s statuses) Status() []collector.Status { return s }

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func testConfig() Config {
	return Config{
		Version: "1.2.3", TelemetryPath: "/metrics", Status: statuses{},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "some metrics") }),
		Ready:   func() error { return nil },
		Now:     func() time.Time { return noon },
		Logger:  log.NewNopLogger(),
	}
}

func ask(t *testing.T, h http.Handler, method, target string) (int, string, http.Header) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, target, nil))
	return rec.Code, rec.Body.String(), rec.Header()
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	plain := testConfig()
	waiting := testConfig()
	waiting.Ready = func() error { return errors.New("it is stopping") }
	open := testConfig()
	open.Reload = func() error { return nil }
	open.Pprof = true
	open.TelemetryPath = "/internal/metrics"
	broken := testConfig()
	broken.Reload = func() error { return errors.New("line 3: unknown key colour") }

	for _, c := range []struct {
		name, method, target string
		cfg                  Config
		code                 int
		body                 string
	}{
		{"the status page", "GET", "/", plain, 200, "<!doctype html>"},
		{"HEAD is answered like GET", "HEAD", "/", plain, 200, ""},
		{"unknown paths are not the status page", "GET", "/nothing", plain, 404, "not found"},
		{"metrics", "GET", "/metrics", plain, 200, "some metrics"},
		{"metrics elsewhere", "GET", "/internal/metrics", open, 200, "some metrics"},
		{"and then not at the usual place", "GET", "/metrics", open, 404, ""},
		{"metrics are read only", "POST", "/metrics", plain, 405, ""},
		{"healthy", "GET", "/-/healthy", waiting, 200, "is healthy"},
		{"ready", "GET", "/-/ready", plain, 200, "is ready"},
		{"not ready", "GET", "/-/ready", waiting, 503, "not ready: it is stopping"},
		{"reload is off by default", "POST", "/-/reload", plain, 403, "--web.enable-lifecycle"},
		{"reload", "POST", "/-/reload", open, 200, "Reloaded"},
		{"reload is not for links", "GET", "/-/reload", open, 405, ""},
		{"nor when it is off", "GET", "/-/reload", plain, 405, ""},
		{"reload that fails", "POST", "/-/reload", broken, 500, "line 3: unknown key colour"},
		{"profiles are off by default", "GET", "/debug/pprof/", plain, 404, ""},
		{"profiles", "GET", "/debug/pprof/", open, 200, "goroutine"},
		{"command line", "GET", "/debug/pprof/cmdline", open, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, body, header := ask(t, New(c.cfg), c.method, c.target)
			if code != c.code || !strings.Contains(body, c.body) {
				t.Errorf("%d %q, want %d with %q", code, body, c.code, c.body)
			}
			if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Content-Security-Policy") == "" {
				t.Errorf("security headers are missing: %v", header)
			}
		})
	}
}

func TestForeignPagesCannotReload(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Reload = func() error {
		t.Error("reloaded")
		return nil
	}
	req := httptest.NewRequest("POST", "/-/reload", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	New(cfg).ServeHTTP(rec, req)
	if rec.Code != http.StatusForbidden {
		t.Errorf("status %d, want 403", rec.Code)
	}
}

func TestTelemetryPath(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"/metrics", "/a/b.c", "/m-1", "/-metrics", "/debug/metrics"} {
		if err := CheckTelemetryPath(p); err != nil {
			t.Errorf("%q: %v", p, err)
			continue
		}
		cfg := testConfig()
		cfg.TelemetryPath, cfg.Pprof = p, true
		if code, body, _ := ask(t, New(cfg), "GET", p); code != 200 || body != "some metrics" {
			t.Errorf("%q: %d %q", p, code, body)
		}
	}
	for _, p := range []string{
		"", "metrics", "/", "//", "/metrics/", "/a//b", "/a/../b", "/-/", "/-", "/-/healthy", "/-/metrics",
		"/debug/pprof", "/debug/pprof/x", "/a b", "/{x}", "/m?x", "/m#x", "/a\nb", "/%2d/", "/é",
	} {
		if err := CheckTelemetryPath(p); err == nil {
			t.Errorf("%q was accepted", p)
		}
	}
}

func TestHeadersOfTheWebConfigurationStay(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	rec.Header().Set("X-Frame-Options", "SAMEORIGIN")
	New(testConfig()).ServeHTTP(rec, httptest.NewRequest("GET", "/-/healthy", nil))
	if got := rec.Header().Get("X-Frame-Options"); got != "SAMEORIGIN" {
		t.Errorf("X-Frame-Options %q, want what was set before", got)
	}
}
