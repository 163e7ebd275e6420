package chatapi

import (
	"context"
	"iter"
	"slices"
)

// Walk visits every row that matches a query, page by page, by keyset paging
// on _id: the rows' own order, so that inserts and deletes do not shift pages.
type Walk[T any] struct {
	// Promised is total_entries of the first page; -1 before it.
	Promised int64
	// Rows is how many rows came; it may differ from Promised by what was
	// inserted and deleted meanwhile.
	Rows int64
	// Repeated is how many rows the API gave twice; they are yielded once.
	Repeated int64

	query  Query
	fetch  fetch[T]
	id     func(*T) ObjectID
	cursor ObjectID
	done   bool
}

// fetch asks for a page; spent judges an empty one by its total_entries.
type fetch[T any] func(ctx context.Context, q Query, spent func(total int64) bool) (Page[T], error)

// WalkDialogs starts a walk over the dialogs that match. The query's sort may
// only be by _id; Limit is the page size, Skip is not used.
func (c *Client) WalkDialogs(q Query) *Walk[Dialog] {
	return newWalk(q, func(ctx context.Context, q Query, spent func(int64) bool) (Page[Dialog], error) {
		return list(ctx, c, Dialogs, dialogsPath, q, decodeDialog, spent)
	}, (*Dialog).id)
}

// WalkMessages starts a walk over the messages that match, as WalkDialogs.
func (c *Client) WalkMessages(q Query) *Walk[Message] {
	return newWalk(q, func(ctx context.Context, q Query, spent func(int64) bool) (Page[Message], error) {
		return list(ctx, c, Messages, messagesPath, q, decodeMessage, spent)
	}, (*Message).id)
}

func newWalk[T any](q Query, fetch fetch[T], id func(*T) ObjectID) *Walk[T] {
	q.Sort.Field, q.Skip = string(ID), 0
	return &Walk[T]{Promised: -1, query: q, fetch: fetch, id: id}
}

// Pages yields the rows, each once, page by page. It ends without an error on
// proof only: total_entries under the cursor no larger than the page, or an
// empty page, unless its total_entries says that there are rows left. A page
// that the cursor did not shape is an error. After an error Pages may be called
// again and goes on after the last row it yielded.
func (w *Walk[T]) Pages(ctx context.Context) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for !w.done {
			page, err := w.fetch(ctx, w.next(), w.spent)
			if err != nil {
				yield(nil, err)
				return
			}
			if w.Promised < 0 {
				w.Promised = page.Total
			}
			rows := w.accept(page.Items)
			w.done = page.Total <= int64(len(rows))
			if len(rows) == 0 {
				w.done = true
				return
			}
			if !yield(rows, nil) {
				return
			}
		}
	}
}

// spent tells whether an empty page ends the walk though total_entries says
// that rows match: only if that figure takes no notice of the cursor, and so is
// nearer to what was promised for the whole than to what is left of it. A first
// page has a cursor only in the query's own bounds.
func (w *Walk[T]) spent(total int64) bool {
	if w.cursor.IsZero() {
		return slices.ContainsFunc(w.query.Where, func(c Cond) bool { return c.Field == string(ID) })
	}
	whole, left := total-w.Promised, total-(w.Promised-w.Rows)
	return max(whole, -whole) < max(left, -left)
}

// accept drops rows that the page repeats and moves the cursor. That all rows
// are beyond the cursor and in order was checked when the page was read.
func (w *Walk[T]) accept(items []T) []T {
	rows := slices.CompactFunc(items, func(a, b T) bool { return w.id(&a) == w.id(&b) })
	w.Repeated += int64(len(items) - len(rows))
	w.Rows += int64(len(rows))
	if len(rows) > 0 {
		w.cursor = w.id(&rows[len(rows)-1])
	}
	return rows
}

// next is the query for the page after the cursor, which replaces the bound
// that the query itself may have on that side.
func (w *Walk[T]) next() Query {
	q := w.query
	if w.cursor.IsZero() {
		return q
	}
	op, other := Gt, Gte
	if q.Sort.Desc {
		op, other = Lt, Lte
	}
	q.Where = slices.DeleteFunc(slices.Clone(q.Where), func(c Cond) bool {
		return c.Field == string(ID) && (c.Op == op || c.Op == other)
	})
	q.Where = append(q.Where, ID.Cond(op, w.cursor))
	return q
}
