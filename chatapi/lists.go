package chatapi

import (
	"context"
	"fmt"
	"net/http"
)

// Dialogs asks Dialogs List for one page.
//
// A reply is refused with an [Error] of KindDecode unless it proves itself:
// total_entries is a non-negative integer no smaller than the page, the page
// is no longer than asked for and not empty while rows match, every row obeys
// the filters and the sort as far as the fields we read can tell.
func (c *Client) Dialogs(ctx context.Context, q Query) (Page[Dialog], error) {
	return list(ctx, c, Dialogs, dialogsPath, q, decodeDialog, nil)
}

// Messages asks Messages List for one page, and checks it as Dialogs does.
func (c *Client) Messages(ctx context.Context, q Query) (Page[Message], error) {
	return list(ctx, c, Messages, messagesPath, q, decodeMessage, nil)
}

// CountDialogs is the number of dialogs that match all filters: one request
// with limit=1 whose total_entries is the answer.
func (c *Client) CountDialogs(ctx context.Context, where ...Cond) (int64, error) {
	page, err := c.Dialogs(ctx, Query{Where: where, Limit: 1})
	return page.Total, err
}

// CountMessages is CountDialogs for messages.
func (c *Client) CountMessages(ctx context.Context, where ...Cond) (int64, error) {
	page, err := c.Messages(ctx, Query{Where: where, Limit: 1})
	return page.Total, err
}

// list asks for one page. In a walk, spent says whether an empty page is its end
// though total_entries says that rows match; else it is nil.
func list[T any, R interface {
	*T
	row
}](ctx context.Context, c *Client, e Endpoint, path string, q Query, decodeRow func(*decoder, *T) error, spent func(total int64) bool) (Page[T], error) {
	values, err := q.values()
	if err != nil {
		return Page[T]{}, fmt.Errorf("asking for %s: %w", e, err)
	}
	limit := q.Limit
	if limit == 0 {
		limit = MaxLimit
	}
	cks := checks(q.Where)
	var page Page[T]
	err = c.call(ctx, request{
		endpoint: e,
		method:   http.MethodGet,
		path:     path,
		query:    values,
		decode: func(body []byte) (err error) {
			if page, err = decodePage(body, decodeRow); err != nil {
				return err
			}
			n := len(page.Items)
			mayBeEmpty := q.Skip > 0 || spent != nil && spent(page.Total)
			switch {
			case n > limit:
				return &decodeError{Field: "items", Row: -1, Want: "holds more rows than were asked for"}
			case page.Total < int64(n):
				return &decodeError{Field: "total_entries", Row: -1, Want: "is smaller than the number of rows"}
			case n == 0 && page.Total > 0 && !mayBeEmpty:
				return &decodeError{Field: "items", Row: -1, Want: "is empty although rows match"}
			}
			if spent == nil && repeated[T, R](page.Items) {
				return &decodeError{Field: "items", Row: -1, Want: "holds a row twice"}
			}
			if filter, row, found := firstUnfiltered[T, R](page.Items, cks); found {
				return &FilterError{Filter: filter, Row: row, What: "does not match, so the filter was not obeyed"}
			}
			if q.Sort.Field != "" && !sorted[T, R](page.Items, q.Sort) {
				return &FilterError{Filter: "sort by " + q.Sort.Field, Row: -1, What: "was not obeyed"}
			}
			return nil
		},
	})
	if err != nil {
		return Page[T]{}, err
	}
	return page, nil
}
