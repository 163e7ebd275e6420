package export

import (
	"context"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// row is a dialog or a message.
type row struct {
	id               chatapi.ObjectID
	created, updated int64 // unix seconds
	json             []byte
}

// sweep is a chatapi.Sweep of either list.
type sweep interface {
	run(ctx context.Context, workers int, visit func([]row)) error
	Left() []chatapi.Span
	Progress() (rows, left int64)
}

func newSweep(c *chatapi.Client, list chatapi.Endpoint, where []chatapi.Cond, left []chatapi.Span) sweep {
	q := chatapi.Query{Where: where}
	if list == chatapi.Dialogs {
		return &swept[chatapi.RawDialog]{c.SweepRawDialogs(q, left), func(d *chatapi.RawDialog) row {
			return row{d.ID, d.CreatedAt, d.UpdatedAt, d.JSON}
		}}
	}
	return &swept[chatapi.RawMessage]{c.SweepRawMessages(q, left), func(m *chatapi.RawMessage) row {
		return row{m.ID, m.CreatedAt, m.UpdatedAt, m.JSON}
	}}
}

type swept[T any] struct {
	*chatapi.Sweep[T]
	row func(*T) row
}

func (s *swept[T]) run(ctx context.Context, workers int, visit func([]row)) error {
	var rows []row
	return s.Run(ctx, workers, time.Time{}, func(page []T) {
		rows = rows[:0]
		for i := range page {
			rows = append(rows, s.row(&page[i]))
		}
		visit(rows)
	})
}
