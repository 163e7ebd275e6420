package cli

import (
	"math"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// document is what check --format=json prints. What is not known is null.
type document struct {
	Version      string            `json:"version"`
	Good         bool              `json:"good"`
	Applications []applicationJSON `json:"applications"`
}

type applicationJSON struct {
	Name               string           `json:"name"`
	URL                string           `json:"url"`
	Good               bool             `json:"good"`
	Errors             []string         `json:"errors"`
	Dialogs            map[string]int64 `json:"dialogs"` // by dialog_type
	Messages           *int64           `json:"messages"`
	LastMessage        *time.Time       `json:"last_message"`
	ClockSkewSeconds   *float64         `json:"clock_skew_seconds"`
	RequestsPerSecond  *float64         `json:"rate_limit_requests_per_second"` // null: no limit
	RequestsOfTheCheck int64            `json:"api_requests"`
	Windows            []windowJSON     `json:"windows"`
	Filters            []filterJSON     `json:"filters"`
}

type windowJSON struct {
	Window          string     `json:"window"`
	End             *time.Time `json:"end"`
	NewMessages     *int64     `json:"new_messages"`
	NewDialogs      *int64     `json:"new_dialogs"`
	ActiveDialogs   *int64     `json:"active_dialogs"`
	UpdatedMessages *int64     `json:"updated_messages"`
	UpdatedDialogs  *int64     `json:"updated_dialogs"`
}

type filterJSON struct {
	Endpoint string `json:"endpoint"`
	Filter   string `json:"filter"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
}

func newDocument(results []checked) document {
	doc := document{Version: programVersion(), Good: true, Applications: []applicationJSON{}}
	for _, r := range results {
		doc.Good = doc.Good && r.err == nil
		doc.Applications = append(doc.Applications, newApplicationJSON(r))
	}
	return doc
}

func newApplicationJSON(r checked) applicationJSON {
	s := r.status
	out := applicationJSON{
		Name: s.Name, URL: s.URL, Good: r.err == nil, Errors: []string{},
		Messages: known(s.Messages), LastMessage: moment(s.LastMessage), RequestsOfTheCheck: s.Requests,
		Windows: []windowJSON{}, Filters: []filterJSON{},
	}
	if r.err != nil {
		out.Errors = strings.Split(r.err.Error(), "\n")
	}
	for _, d := range s.Dialogs {
		if out.Dialogs == nil {
			out.Dialogs = map[string]int64{}
		}
		out.Dialogs[d.Type] = d.N
	}
	if s.ClockKnown {
		skew := s.ClockSkew.Seconds()
		out.ClockSkewSeconds = &skew
	}
	if !math.IsInf(s.RateLimit, 1) {
		out.RequestsPerSecond = &s.RateLimit
	}
	for _, w := range s.Windows {
		out.Windows = append(out.Windows, windowJSON{
			w.Label, moment(w.End), known(w.NewMessages), known(w.NewDialogs),
			known(w.ActiveDialogs), known(w.UpdatedMessages), known(w.UpdatedDialogs),
		})
	}
	for _, f := range s.Filters {
		out.Filters = append(out.Filters, filterJSON{f.Endpoint, f.Filter, f.State, f.Reason})
	}
	return out
}

func known(v collector.Value) *int64 {
	if !v.Known {
		return nil
	}
	return &v.N
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
