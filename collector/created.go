package collector

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// closeAfter is how long after its end a window counts as closed.
const closeAfter = 60 // seconds

// createdCount is a counter over adjoining closed windows.
type createdCount struct {
	desc   *prometheus.Desc
	hidden bool  // cannot be counted now; the state is kept
	total  int64 // rows created since the counter began
	end    int64 // of the latest closed window, unix seconds on the API's clock; 0: none yet
}

// savedCount is how a createdCount survives a restart.
type savedCount struct {
	Total int64 `json:"total"`
	End   int64 `json:"end"`
}

// created is the part that counts what is created at one endpoint.
func (c *windowsCollector) created(a *app, e chatapi.Endpoint, every time.Duration) part {
	counter := c.dialogsCreated
	if e == chatapi.Messages {
		counter = c.messagesCreated
	}
	return part{
		collector: "windows", name: "created " + string(e), interval: every,
		refresh: func(ctx context.Context, prev result) (result, error) {
			return c.countCreated(ctx, a, e, counter, prev)
		},
		save: func(r result) any {
			if count, ok := r.(*createdCount); ok && count.end > 0 {
				return savedCount{count.total, count.end}
			}
			return nil
		},
		restore: func(raw json.RawMessage) (result, error) {
			var in savedCount
			if err := json.Unmarshal(raw, &in); err != nil || in.Total < 0 || in.End <= 0 {
				return nil, errors.New("it is no count and its time")
			}
			return &createdCount{desc: counter, total: in.Total, end: in.End}, nil
		},
	}
}

// countCreated closes the window that began where the one before ended. It
// closes by the settled clock: were a window closed before its time, what is
// created in it later would be lost.
func (c *windowsCollector) countCreated(ctx context.Context, a *app, e chatapi.Endpoint, counter *prometheus.Desc, prev result) (result, error) {
	proven, err := a.proofs.ensure(ctx, e)
	if err != nil {
		return nil, err
	}
	usable, err := proven.usable(filterCreated)
	if err != nil {
		return nil, err
	}
	if _, err := a.now(ctx); err != nil {
		return nil, err
	}
	out := &createdCount{desc: counter}
	if before, ok := prev.(*createdCount); ok {
		out.total, out.end = before.total, before.end
	}
	settled, known := a.client.Settled()
	end := settled.Unix() - closeAfter
	switch {
	case !known || !usable:
		out.hidden = true
	case out.end == 0:
		out.end = end
	case end > out.end:
		n, _, err := a.countIn(ctx, e, proven, chatapi.CreatedAt, out.end, end)
		if err != nil {
			return nil, err
		}
		out.total, out.end = out.total+n, end
	}
	return out, nil
}

func (r *createdCount) emit(e *emitter) {
	if !r.hidden {
		e.counter(r.desc, float64(r.total))
	}
}

func (r *createdCount) describe(*Status) {}
