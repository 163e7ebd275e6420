package backfill

import (
	"cmp"
	"slices"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// family is one metric family, under the name, type (gauge) and labels that the
// live exporter gives it.
type family struct {
	name, help string
	label      string // beside application; empty: none
	series     []series
}

// series is made of counts alone: sample is asked only for counts at the times
// that reads names, and for verdicts.
type series struct {
	value    string                             // of the family's label
	endpoint chatapi.Endpoint                   // whose counts it needs; empty: none
	reads    func(t int64, need func(at int64)) // nil: none
	sample   func(c *counts, t int64) (v float64, ok bool)
}

// The values of the label dialog_type, with the vendor's codes (Dialog model,
// "type"), as the live exporter has them.
var dialogTypes = [...]struct {
	label string
	code  int
}{{"private", 3}, {"group", 2}, {"broadcast", 1}, {"public", 4}}

const (
	typeOther   = "other"
	typeUnknown = "unknown"
	kinds       = len(dialogTypes) + 1 // with other
)

// kindOf is the place of a type's code among the kinds.
func kindOf(code int) int {
	for i, t := range dialogTypes {
		if t.code == code {
			return i
		}
	}
	return len(dialogTypes)
}

// families lists all that is written, sorted by name, and in each the series by
// label value. byType: dialogs can be told apart by type.
func families(cfg Config, byType bool) []family {
	var out []family
	if cfg.fills(collectorTotals) {
		out = append(out, totals(byType)...)
	}
	if cfg.fills(collectorWindows) {
		out = append(out, created(cfg.Windows)...)
	}
	if cfg.fills(collectorActivity) {
		out = append(out, activities()...)
	}
	slices.SortFunc(out, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	for _, f := range out {
		slices.SortFunc(f.series, func(a, b series) int { return cmp.Compare(a.value, b.value) })
	}
	return out
}

func totals(byType bool) []family {
	return []family{
		{
			name: "connectycube_dialogs", label: "dialog_type",
			help:   "Dialogs by type that existed then and still do; the sum over dialog_type is the total.",
			series: dialogsByType(byType),
		},
		{
			name:   "connectycube_messages",
			help:   "Stored messages that existed then and still do.",
			series: []series{total(chatapi.Messages, "", all)},
		},
	}
}

// created tells of the rows that were created in each window.
func created(windows []collector.Window) []family {
	var out []family
	for _, list := range []struct {
		endpoint  chatapi.Endpoint
		name, row string
	}{
		{chatapi.Dialogs, "dialogs", "Dialogs that still exist"},
		{chatapi.Messages, "messages", "Stored messages that still exist"},
	} {
		created := func(c *counts, t, length int64) int64 {
			return c.before(list.endpoint, all, t) - c.before(list.endpoint, all, t-length)
		}
		out = append(out,
			windowed("connectycube_new_"+list.name, list.row+" with created_at in the window that ends then.", windows, list.endpoint,
				func(c *counts, t, length int64) (float64, bool) { return float64(created(c, t, length)), true }),
			windowed("connectycube_"+list.name+"_growth_per_second", list.row+", new in the window that ends then, divided by its length.", windows, list.endpoint,
				func(c *counts, t, length int64) (float64, bool) {
					return float64(created(c, t, length)) / float64(length), true
				}),
			windowed("connectycube_"+list.name+"_growth_ratio", list.row+", new in the window that ends then, over all older ones.", windows, list.endpoint,
				func(c *counts, t, length int64) (float64, bool) {
					older := c.before(list.endpoint, all, t-length)
					return float64(created(c, t, length)) / float64(older), older > 0
				}),
		)
	}
	return append(out, windowed("connectycube_window_end_timestamp_seconds", "End of the window that the values of this label window were counted for, in unix seconds.", windows, "",
		func(_ *counts, t, _ int64) (float64, bool) { return float64(t), true }))
}

func dialogsByType(byType bool) []series {
	if !byType {
		return []series{total(chatapi.Dialogs, typeUnknown, all)}
	}
	out := []series{total(chatapi.Dialogs, typeOther, len(dialogTypes))}
	for kind, t := range dialogTypes {
		out = append(out, total(chatapi.Dialogs, t.label, kind))
	}
	return out
}

// total is the number of rows of a kind that had been created.
func total(e chatapi.Endpoint, label string, kind int) series {
	return series{
		value: label, endpoint: e,
		reads:  func(t int64, need func(int64)) { need(t) },
		sample: func(c *counts, t int64) (float64, bool) { return float64(c.before(e, kind, t)), true },
	}
}

// windowed has a series for each window; of gets its length in seconds.
func windowed(name, help string, windows []collector.Window, e chatapi.Endpoint, of func(c *counts, t, length int64) (float64, bool)) family {
	f := family{name: name, help: help, label: "window"}
	for _, w := range windows {
		length := int64(w.Length / time.Second)
		f.series = append(f.series, series{
			value: w.Label, endpoint: e,
			reads: func(t int64, need func(int64)) {
				need(t - length)
				need(t)
			},
			sample: func(c *counts, t int64) (float64, bool) { return of(c, t, length) },
		})
	}
	return f
}
