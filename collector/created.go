package collector

import (
	"context"

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

// countCreated closes the window that began where the one before ended.
func (c *windowsCollector) countCreated(ctx context.Context, a *app, e chatapi.Endpoint, prev result) (result, error) {
	proven, err := a.proofs.ensure(ctx, e)
	if err != nil {
		return nil, err
	}
	out := &createdCount{desc: c.dialogsCreated}
	count := a.client.CountDialogs
	if e == chatapi.Messages {
		out.desc, count = c.messagesCreated, a.client.CountMessages
	}
	if before, ok := prev.(*createdCount); ok {
		out.total, out.end = before.total, before.end
	}
	// Windows closed by another clock than the API's could overlap or leave gaps.
	now, known := a.client.Now()
	if !known || !proven.empty && !proven.supported(filterCreated) {
		out.hidden = true
		return out, nil
	}
	end := now.Unix() - closeAfter
	switch {
	case out.end == 0:
		out.end = end
	case end > out.end:
		if !proven.empty {
			n, err := count(ctx, chatapi.CreatedAt.In(out.end, end)...)
			if err != nil {
				a.proofs.doubt(e, err)
				return nil, err
			}
			out.total += n
		}
		out.end = end
	}
	return out, nil
}

func (r *createdCount) emit(e *emitter) {
	if !r.hidden {
		e.counter(r.desc, float64(r.total))
	}
}

func (r *createdCount) describe(*Status) {}
