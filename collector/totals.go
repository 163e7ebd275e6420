package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// dialogsEvery is how many poll intervals lie between two counts by type.
const dialogsEvery = 5

// The values of the label dialog_type, with the vendor's codes (Dialog model,
// "type"). All other codes are other; unknown is the total where the API
// cannot filter by type.
var dialogTypes = [...]struct {
	label string
	code  int
}{{"private", 3}, {"group", 2}, {"broadcast", 1}, {"public", 4}}

const (
	typeOther   = "other"
	typeUnknown = "unknown"

	dialogTypeCount = len(dialogTypes) + 1 // with other
)

// typeIndex is a code's place among the dialog types; other is the last.
func typeIndex(code int) int {
	for i, t := range dialogTypes {
		if t.code == code {
			return i
		}
	}
	return len(dialogTypes)
}

func typeLabel(i int) string {
	if i < len(dialogTypes) {
		return dialogTypes[i].label
	}
	return typeOther
}

// totalsCollector counts what is stored now.
type totalsCollector struct {
	dialogs, messages, lastMessage *prometheus.Desc
}

func totals(set Settings) definition {
	c := &totalsCollector{
		dialogs: desc("dialogs",
			"Stored dialogs by type; the sum over dialog_type is the total. Polled in the background every five poll intervals.", "dialog_type"),
		messages: desc("messages",
			"Stored messages. Falls when messages are deleted for good. Polled in the background every poll interval."),
		lastMessage: desc("last_message_timestamp_seconds",
			"created_at of the newest stored message, in unix seconds. Polled in the background every poll interval."),
	}
	return definition{
		name:  "totals",
		descs: []*prometheus.Desc{c.dialogs, c.messages, c.lastMessage},
		parts: func(a *app) []part {
			return []part{
				{collector: "totals", name: "messages", interval: set.PollInterval, refresh: func(ctx context.Context, _ result) (result, error) {
					return c.countMessages(ctx, a)
				}},
				{collector: "totals", name: "dialogs", interval: dialogsEvery * set.PollInterval, refresh: func(ctx context.Context, _ result) (result, error) {
					return c.countDialogs(ctx, a)
				}},
			}
		},
	}
}

// dialogTotals are the stored dialogs by dialog_type.
type dialogTotals struct {
	c      *totalsCollector
	counts []TypeCount
	sum    int64
}

func (r *dialogTotals) add(label string, n int64) {
	r.counts = append(r.counts, TypeCount{label, n})
	r.sum += n
}

func (r *dialogTotals) emit(e *emitter) {
	for _, t := range r.counts {
		e.gauge(r.c.dialogs, float64(t.N), t.Type)
	}
}

func (r *dialogTotals) describe(s *Status) { s.Dialogs = r.counts }

func (c *totalsCollector) countDialogs(ctx context.Context, a *app) (result, error) {
	proven, err := a.proofs.ensure(ctx, chatapi.Dialogs)
	if err != nil {
		return nil, err
	}
	out := &dialogTotals{c: c}
	count := func(where ...chatapi.Cond) (int64, error) {
		if proven.empty {
			return 0, nil
		}
		n, err := a.client.CountDialogs(ctx, where...)
		if err != nil {
			a.proofs.doubt(chatapi.Dialogs, err)
		}
		return n, err
	}
	if usable, err := proven.usable(filterType); err != nil {
		return nil, err
	} else if v := proven.verdicts[filterType]; !usable && !v.known {
		return nil, fmt.Errorf("the filter type is not proven: %s", v.reason)
	} else if !usable {
		n, err := count()
		if err != nil {
			return nil, err
		}
		out.add(typeUnknown, n)
		return out, nil
	}
	var codes []int
	for _, t := range dialogTypes {
		n, err := count(chatapi.Type(chatapi.Eq, t.code))
		if err != nil {
			return nil, err
		}
		out.add(t.label, n)
		codes = append(codes, t.code)
	}
	if proven.empty || proven.supported(filterTypeNin) {
		n, err := count(chatapi.Type(chatapi.Nin, codes...))
		if err == nil {
			out.add(typeOther, n)
			return out, nil
		}
		if hopeless(err) {
			return nil, err
		}
	}
	// The counts are not of one moment, so the rest may come out below zero.
	all, err := count()
	if err != nil {
		return nil, err
	}
	out.add(typeOther, max(0, all-out.sum))
	return out, nil
}

// messageTotals are the stored messages and the newest of them.
type messageTotals struct {
	c      *totalsCollector
	n      int64
	newest int64 // unix seconds; 0: not known, or no message
}

func (r *messageTotals) emit(e *emitter) {
	e.gauge(r.c.messages, float64(r.n))
	if r.newest > 0 {
		e.gauge(r.c.lastMessage, float64(r.newest))
	}
}

func (r *messageTotals) describe(s *Status) {
	s.Messages = Value{r.n, true}
	if r.newest > 0 {
		s.LastMessage = time.Unix(r.newest, 0).UTC()
	}
}

// countMessages asks for the total and the newest message in one request. Two
// rows are asked for, since one proves nothing about the sort.
func (c *totalsCollector) countMessages(ctx context.Context, a *app) (result, error) {
	proven, err := a.proofs.ensure(ctx, chatapi.Messages)
	if err != nil {
		return nil, err
	}
	if proven.empty {
		return &messageTotals{c: c}, nil
	}
	q := chatapi.Query{Limit: 1}
	if proven.supported(sortCreated) {
		q = chatapi.Query{Limit: 2, Sort: chatapi.Sort{Field: filterCreated, Desc: true}}
	}
	page, err := a.client.Messages(ctx, q)
	if err != nil {
		a.proofs.doubt(chatapi.Messages, err)
		return nil, err
	}
	out := &messageTotals{c: c, n: page.Total}
	if q.Sort.Field != "" && len(page.Items) > 0 {
		out.newest = page.Items[0].CreatedAt
	}
	return out, nil
}
