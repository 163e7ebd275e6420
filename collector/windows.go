package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const (
	windowShare     = 30 // a window is counted anew after this part of its length
	slowestWindow   = time.Hour
	shortestWindow  = time.Second
	longestWindow   = 10 * 366 * 24 * time.Hour
	maxWindowsCount = 24
)

// ParseWindows reads a list such as "15m,1h,7d". The labels are the items as
// they are spelled.
func ParseWindows(list string) ([]Window, error) {
	var out []Window
	seen := map[time.Duration]string{}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		d, err := model.ParseDuration(item)
		length := time.Duration(d)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is not a window such as 15m, 1h or 7d", item)
		case length < shortestWindow || length > longestWindow || length%time.Second != 0:
			return nil, fmt.Errorf("the window %q is not between 1s and 10y, in whole seconds", item)
		case seen[length] != "":
			return nil, fmt.Errorf("the window %q is given twice (as %q before)", item, seen[length])
		}
		seen[length] = item
		out = append(out, Window{Label: item, Length: length})
	}
	if len(out) > maxWindowsCount {
		return nil, fmt.Errorf("more than %d windows", maxWindowsCount)
	}
	return out, nil
}

// interval is how often a window is counted: its length divided by 30, but not
// more often than the poll interval nor less often than hourly.
func (w Window) interval(poll time.Duration) time.Duration {
	return max(poll, min(slowestWindow, w.Length/windowShare))
}

// windowsCollector counts what happened in the windows that end now, and what
// was created in the closed windows that adjoin each other.
type windowsCollector struct {
	newDialogs, newMessages         *prometheus.Desc
	updatedDialogs, updatedMessages *prometheus.Desc
	activeDialogs                   *prometheus.Desc
	dialogsRate, messagesRate       *prometheus.Desc
	dialogsRatio, messagesRatio     *prometheus.Desc
	end                             *prometheus.Desc
	dialogsCreated, messagesCreated *prometheus.Desc
}

func windows(set Settings) definition {
	const cadence = " Counted in the background every 1/30 of the window, but at least hourly and at most every poll interval; see connectycube_window_end_timestamp_seconds."
	c := &windowsCollector{
		newDialogs: desc("new_dialogs",
			"Dialogs with created_at in the window that ends now."+cadence, "window"),
		newMessages: desc("new_messages",
			"Stored messages with created_at in the window that ends now."+cadence, "window"),
		updatedDialogs: desc("updated_dialogs",
			"Dialogs with updated_at in the window that ends now: touched in any way."+cadence, "window"),
		updatedMessages: desc("updated_messages",
			"Messages with updated_at in the window that ends now: sent, edited or read."+cadence, "window"),
		activeDialogs: desc("active_dialogs",
			"Dialogs whose last message was sent in the window that ends now."+cadence, "window"),
		dialogsRate: desc("dialogs_growth_per_second",
			"New dialogs in the window divided by its length; deletions do not lower it."+cadence, "window"),
		messagesRate: desc("messages_growth_per_second",
			"New messages in the window divided by its length; deletions do not lower it."+cadence, "window"),
		dialogsRatio: desc("dialogs_growth_ratio",
			"New dialogs in the window over all older ones that still exist. delta(connectycube_dialogs) is the net change instead."+cadence, "window"),
		messagesRatio: desc("messages_growth_ratio",
			"New messages in the window over all older ones that still exist. delta(connectycube_messages) is the net change instead."+cadence, "window"),
		end: desc("window_end_timestamp_seconds",
			"End of the window that the values of this label window were counted for, on the API's clock, in unix seconds.", "window"),
		dialogsCreated: desc("dialogs_created_total",
			"Dialogs created since the exporter first counted, over adjoining closed windows: each counted once. Jumps once after an outage."),
		messagesCreated: desc("messages_created_total",
			"Messages stored since the exporter first counted, over adjoining closed windows: each counted once. Jumps once after an outage."),
	}
	return definition{
		name: "windows",
		descs: []*prometheus.Desc{
			c.newDialogs, c.newMessages, c.updatedDialogs, c.updatedMessages, c.activeDialogs,
			c.dialogsRate, c.messagesRate, c.dialogsRatio, c.messagesRatio, c.end, c.dialogsCreated, c.messagesCreated,
		},
		parts: func(a *app) (parts []part) {
			for _, e := range []chatapi.Endpoint{chatapi.Dialogs, chatapi.Messages} {
				parts = append(parts, c.created(a, e, set.PollInterval))
			}
			for _, w := range set.Windows {
				parts = append(parts, part{collector: "windows", name: w.Label, interval: w.interval(set.PollInterval), refresh: func(ctx context.Context, _ result) (result, error) {
					return c.countWindow(ctx, a, w)
				}})
			}
			return parts
		},
	}
}

// windowCounts are the counts of one window; those whose filter the API does
// not have are not known.
type windowCounts struct {
	c      *windowsCollector
	window Window
	end    int64 // unix seconds, the API's clock

	newDialogs, newMessages, updatedDialogs, updatedMessages, activeDialogs Value
}

// countWindow counts a window; its values share one end. With the error it
// returns what could be counted nevertheless, unless that is nothing.
func (c *windowsCollector) countWindow(ctx context.Context, a *app, w Window) (result, error) {
	proven := map[chatapi.Endpoint]*proofs{}
	for _, e := range []chatapi.Endpoint{chatapi.Dialogs, chatapi.Messages} {
		p, err := a.proofs.ensure(ctx, e)
		if err != nil {
			return nil, err
		}
		proven[e] = p
	}
	now, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	out := &windowCounts{c: c, window: w, end: now.Unix()}
	from := out.end - int64(w.Length/time.Second)
	var (
		failed []error
		some   bool
	)
	for _, count := range []struct {
		into     *Value
		endpoint chatapi.Endpoint
		field    chatapi.TimeField
	}{
		{&out.newMessages, chatapi.Messages, chatapi.CreatedAt},
		{&out.newDialogs, chatapi.Dialogs, chatapi.CreatedAt},
		{&out.activeDialogs, chatapi.Dialogs, chatapi.LastMessageDateSent},
		{&out.updatedMessages, chatapi.Messages, chatapi.UpdatedAt},
		{&out.updatedDialogs, chatapi.Dialogs, chatapi.UpdatedAt},
	} {
		n, known, err := a.countIn(ctx, count.endpoint, proven[count.endpoint], count.field, from, out.end)
		if err != nil && hopeless(err) {
			return nil, err
		}
		if err != nil {
			failed = append(failed, err)
		}
		*count.into = Value{n, known}
		some = some || known
	}
	if len(failed) > 0 && !some {
		return nil, failed[0]
	}
	return out, errors.Join(failed...)
}

// countIn counts the rows with from <= field < to, if the filter is proven.
func (a *app) countIn(ctx context.Context, e chatapi.Endpoint, proven *proofs, f chatapi.TimeField, from, to int64) (n int64, known bool, err error) {
	usable, err := proven.usable(string(f))
	if !usable || proven.empty {
		return 0, usable, err
	}
	count := a.client.CountDialogs
	if e == chatapi.Messages {
		count = a.client.CountMessages
	}
	if n, err = count(ctx, f.In(from, to)...); err != nil {
		a.proofs.doubt(e, err)
		return 0, false, err
	}
	return n, true, nil
}

func (r *windowCounts) emit(e *emitter) {
	c, label := r.c, r.window.Label
	e.gauge(c.end, float64(r.end), label)
	for _, m := range []struct {
		d *prometheus.Desc
		v Value
	}{
		{c.newDialogs, r.newDialogs},
		{c.newMessages, r.newMessages},
		{c.updatedDialogs, r.updatedDialogs},
		{c.updatedMessages, r.updatedMessages},
		{c.activeDialogs, r.activeDialogs},
	} {
		if m.v.Known {
			e.gauge(m.d, float64(m.v.N), label)
		}
	}
	if dialogs, ok := fresh[*dialogTotals](e.app, e.snap, e.now); ok {
		r.ratio(e, c.dialogsRatio, r.newDialogs, dialogs.sum)
	}
	if messages, ok := fresh[*messageTotals](e.app, e.snap, e.now); ok {
		r.ratio(e, c.messagesRatio, r.newMessages, messages.n)
	}
	r.rate(e, c.dialogsRate, r.newDialogs)
	r.rate(e, c.messagesRate, r.newMessages)
}

func (r *windowCounts) rate(e *emitter, d *prometheus.Desc, v Value) {
	if v.Known {
		e.gauge(d, float64(v.N)/r.window.Length.Seconds(), r.window.Label)
	}
}

func (r *windowCounts) ratio(e *emitter, d *prometheus.Desc, v Value, total int64) {
	if v.Known && total > v.N {
		e.gauge(d, float64(v.N)/float64(total-v.N), r.window.Label)
	}
}

func (r *windowCounts) describe(s *Status) {
	s.Windows = append(s.Windows, WindowStatus{
		Label:           r.window.Label,
		End:             time.Unix(r.end, 0).UTC(),
		NewDialogs:      r.newDialogs,
		NewMessages:     r.newMessages,
		UpdatedDialogs:  r.updatedDialogs,
		UpdatedMessages: r.updatedMessages,
		ActiveDialogs:   r.activeDialogs,
	})
}
