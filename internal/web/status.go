package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-kit/log/level"

	"github.com/prometheus/common/model"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

//go:embed status.html
var statusHTML string

//go:embed status.css
var statusCSS string

// refreshEvery is the interval of the page that reloads itself.
const refreshEvery = 10

// statusPage is what a person looks at first. It needs no script; all that it
// shows is escaped.
type statusPage struct {
	cfg     Config
	started time.Time
	tmpl    *template.Template
	policy  string // the Content-Security-Policy under which the page works
}

func newStatusPage(cfg Config) *statusPage {
	hash := sha256.Sum256([]byte(statusCSS))
	return &statusPage{
		cfg:     cfg,
		started: cfg.Now(),
		tmpl:    template.Must(template.New("status").Funcs(helpers()).Parse(statusHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

func helpers() template.FuncMap {
	return template.FuncMap{
		"num":     human.Value,
		"group":   human.Count,
		"ago":     human.Ago,
		"until":   human.Until,
		"took":    human.Took,
		"skew":    human.Skew,
		"rate":    human.Rate,
		"percent": human.Percent,
		"whole":   func(f float64) string { return human.Count(int64(math.Round(f))) },
		"every":   func(d time.Duration) string { return model.Duration(d).String() },
		"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05") },
	}
}

// view is the data of status.html.
type view struct {
	Version, Notice, TelemetryPath string
	Style                          template.CSS
	Now, Started                   time.Time
	Pprof                          bool
	Refresh, RefreshEvery          int // seconds; Refresh 0: the page stays as it is
	Apps                           []appView
}

type appView struct {
	collector.Status
	Anchor       string
	State, Class string // in words, and as a CSS class
	Total        collector.Value
	Doubts       []collector.FilterStatus // the filters that are not proven
	Proven       int
	Unproven     bool // nothing is known about any filter
	Now          time.Time
}

func (p *statusPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.cfg.Now()
	v := view{
		Version: p.cfg.Version, Notice: p.cfg.Notice, TelemetryPath: p.cfg.TelemetryPath, Pprof: p.cfg.Pprof,
		Style: template.CSS(statusCSS), Now: now, Started: p.started, RefreshEvery: refreshEvery,
	}
	// Any other value leaves the page still: it may be somebody else's link.
	if n, err := strconv.Atoi(r.URL.Query().Get("refresh")); err == nil && n > 0 && n <= 3600 {
		v.Refresh = n
	}
	for i, s := range p.cfg.Status.Status() {
		v.Apps = append(v.Apps, newAppView(s, i, now))
	}
	var page bytes.Buffer
	if err := p.tmpl.Execute(&page, v); err != nil {
		level.Error(p.cfg.Logger).Log("msg", "the status page cannot be made", "err", err)
		http.Error(w, "The status page cannot be made; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes())
}

func newAppView(s collector.Status, i int, now time.Time) appView {
	v := appView{Status: s, Now: now, Anchor: "app-" + strconv.Itoa(i+1)}
	attempted, failing := false, false
	for _, c := range s.Collectors {
		attempted = attempted || c.Attempted
		failing = failing || c.Attempted && !c.Success
	}
	switch {
	case !attempted:
		v.State, v.Class = "first poll pending", "wait"
	case !s.Up:
		v.State, v.Class = "down", "bad"
	case failing:
		v.State, v.Class = "up, in part", "warn"
	default:
		v.State, v.Class = "up", "good"
	}
	for _, d := range s.Dialogs {
		v.Total = collector.Value{N: v.Total.N + d.N, Known: true}
	}
	v.Unproven = true
	for _, f := range s.Filters {
		v.Unproven = v.Unproven && f.State == "unknown"
		if f.State == "supported" {
			v.Proven++
		} else {
			v.Doubts = append(v.Doubts, f)
		}
	}
	return v
}
