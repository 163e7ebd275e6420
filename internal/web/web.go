// Package web serves the exporter's pages: metrics, status, health, readiness
// and reload. None of them asks the vendor for anything.
package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"path"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// StatusSource tells what the status page shows; collector.Fleet is one.
type StatusSource interface {
	Status() []collector.Status
}

// Config is what New needs.
type Config struct {
	Version       string
	Notice        string // a sentence above the applications; empty: none
	Status        StatusSource
	Metrics       http.Handler
	TelemetryPath string       // as CheckTelemetryPath wants it
	Ready         func() error // nil: ready; else why it is not
	Reload        func() error // nil: reloading is off
	Pprof         bool
	Now           func() time.Time // nil: time.Now
	Logger        log.Logger
}

// New makes the handler of all pages.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	status := newStatusPage(cfg)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", status)
	mux.Handle("GET "+cfg.TelemetryPath, cfg.Metrics)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "connectycube_exporter is healthy.")
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := cfg.Ready(); err != nil {
			text(w, http.StatusServiceUnavailable, "connectycube_exporter is not ready: "+err.Error()+".")
			return
		}
		text(w, http.StatusOK, "connectycube_exporter is ready.")
	})
	// Pages of other sites must not be able to have a visitor's browser reload.
	mux.Handle("POST /-/reload", http.NewCrossOriginProtection().Handler(reload(cfg)))
	if cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return secure(mux, status.policy)
}

// CheckTelemetryPath tells whether p can be the path of the metrics.
func CheckTelemetryPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return errors.New("must start with /")
	case p == "/":
		return errors.New("must not be /, where the status page is")
	case p != path.Clean(p) || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("{}?#%\\", r) }):
		return errors.New("must be a plain path such as /metrics")
	case p == "/-" || strings.HasPrefix(p, "/-/"):
		return errors.New("must not begin with /-/, where the exporter's own pages are")
	case p == "/debug/pprof" || strings.HasPrefix(p, "/debug/pprof/"):
		return errors.New("must not begin with /debug/pprof, where --web.enable-pprof puts its pages")
	default:
		return nil
	}
}

func reload(cfg Config) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if cfg.Reload == nil {
			text(w, http.StatusForbidden, "Reloading over HTTP is off. Start the exporter with --web.enable-lifecycle, or send it SIGHUP.")
			return
		}
		level.Info(cfg.Logger).Log("msg", "reload asked for over HTTP", "remote", r.RemoteAddr)
		if err := cfg.Reload(); err != nil {
			text(w, http.StatusInternalServerError, fmt.Sprintf("Not reloaded, the old configuration goes on: %v", err))
			return
		}
		text(w, http.StatusOK, "Reloaded.")
	}
}

func text(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body+"\n")
}

// secure sets what keeps a browser from doing more than showing the pages,
// unless --web.config.file has set a header of its own.
func secure(next http.Handler, policy string) http.Handler {
	headers := map[string]string{
		"Content-Security-Policy":      policy,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range headers {
			if h.Get(name) == "" {
				h.Set(name, value)
			}
		}
		next.ServeHTTP(w, r)
	})
}
