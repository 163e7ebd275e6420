package chatapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Sweep visits every row that matches a query, several pages at a time, by
// keyset paging on _id. Rows that exist throughout are visited exactly once;
// of those that are inserted or deleted meanwhile, each at most once.
//
// Its methods may be called from any goroutine, but only one Run at a time.
type Sweep[T any] struct {
	query Query
	fetch fetch[T]
	id    func(*T) ObjectID

	mu    sync.Mutex // guards what follows
	queue *backlog
	rows  int64
}

// SweepDialogs starts a sweep over the dialogs that match and are in the spans
// left: [AllIDs], or what another sweep's Left gave, in this process or an
// earlier one. The query may have any filters but bounds of _id; its sort,
// limit and skip are not used.
func (c *Client) SweepDialogs(q Query, left []Span) *Sweep[Dialog] {
	return newSweep(q, left, func(ctx context.Context, q Query, spent func(int64) bool) (Page[Dialog], error) {
		return list(ctx, c, Dialogs, dialogsPath, q, decodeDialog, spent)
	}, (*Dialog).id)
}

// SweepMessages starts a sweep over the messages that match, as SweepDialogs.
func (c *Client) SweepMessages(q Query, left []Span) *Sweep[Message] {
	return newSweep(q, left, func(ctx context.Context, q Query, spent func(int64) bool) (Page[Message], error) {
		return list(ctx, c, Messages, messagesPath, q, decodeMessage, spent)
	}, (*Message).id)
}

func newSweep[T any](q Query, left []Span, fetch fetch[T], id func(*T) ObjectID) *Sweep[T] {
	q.Sort, q.Limit, q.Skip = Sort{Field: string(ID)}, MaxLimit, 0
	return &Sweep[T]{query: q, fetch: fetch, id: id, queue: newBacklog(left)}
}

// Run reads until nothing is left, with up to so many pages in flight as there
// are workers. It begins no page at or after until, unless that is zero, nor
// once ctx has ended or a page has failed, after the client's own tries. Then
// it returns when the pages in flight have ended: nil if it was for the time,
// else the cause of ctx or the first error. It may be called again and goes on.
//
// visit gets the new rows of each page, ascending by _id, from the goroutine
// that called Run; by then they are passed. It may keep them.
func (s *Sweep[T]) Run(ctx context.Context, workers int, until time.Time, visit func(rows []T)) (err error) {
	workers = max(1, workers)
	replies := make(chan reading[T], workers)
	flying := 0
	var rows []T
	for {
		for err == nil && flying < workers {
			r := s.begin(ctx, workers-flying, until)
			if r == nil {
				break
			}
			flying++
			go func() { replies <- s.read(ctx, r) }()
		}
		if len(rows) > 0 {
			visit(rows)
		}
		if flying == 0 {
			break
		}
		reply := <-replies
		flying--
		rows = s.end(reply)
		if err == nil {
			err = reply.err
		}
	}
	if err == nil && ctx.Err() != nil && len(s.Left()) > 0 {
		err = context.Cause(ctx)
	}
	return err
}

// reading is a read with its reply.
type reading[T any] struct {
	*read
	rows  []T // ascending by _id, each once
	total int64
	err   error
}

// begin picks the next read; nil: there is none now.
func (s *Sweep[T]) begin(ctx context.Context, free int, until time.Time) *read {
	if ctx.Err() != nil || !until.IsZero() && !time.Now().Before(until) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.next(free)
}

// read asks for a page. An empty one is the end of its span on one proof only,
// that no rows match.
func (s *Sweep[T]) read(ctx context.Context, r *read) reading[T] {
	q := s.query
	q.Where = slices.Concat(q.Where, r.where())
	q.Sort.Desc = r.down
	page, err := s.fetch(ctx, q, func(int64) bool { return false })
	rows := slices.CompactFunc(page.Items, func(a, b T) bool { return s.id(&a) == s.id(&b) })
	if r.down {
		slices.Reverse(rows)
	}
	return reading[T]{r, rows, page.Total, err}
}

// end takes in a reply and gives the rows of it that no other had.
func (s *Sweep[T]) end(r reading[T]) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.err != nil {
		s.queue.fail(r.read)
		return nil
	}
	ids := make([]ObjectID, len(r.rows))
	for i := range r.rows {
		ids[i] = s.id(&r.rows[i])
	}
	rows := slices.DeleteFunc(r.rows, func(row T) bool { return s.queue.passed(s.id(&row)) })
	s.rows += int64(len(rows))
	s.queue.done(r.read, ids, r.total)
	return rows
}

// Left is what is still to be read, ascending and without overlaps; empty when
// all is done. While Run is at work, rows that it is about to visit are no
// longer in it.
func (s *Sweep[T]) Left() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.left()
}

// Passed tells whether an id is in none of the spans left.
func (s *Sweep[T]) Passed(id ObjectID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.passed(id)
}

// Progress tells how many rows were visited, and about how many are left; -1:
// not known yet.
func (s *Sweep[T]) Progress() (rows, left int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows, s.queue.rows()
}
