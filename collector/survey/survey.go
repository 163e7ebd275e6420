// Package survey asks the API for counts of messages in the past, at the
// lowest price: an empty time costs one request, whatever its length; where few
// messages lie, pages of them are cheaper than counts, and tell the minutes
// too; else each hour is counted.
package survey

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const (
	mostPages = 40 // read at once; what is longer is cut first

	bin  = int64(activity.BinSeconds)
	hour = int64(3600)
)

// Survey writes what it learns into a history. Its filter created_at must have
// been proven. It is not safe for concurrent use.
type Survey struct {
	Client  *chatapi.Client // in the lane that the survey has
	History *activity.History
	Sorted  bool      // the sort by created_at is proven
	Until   time.Time // when to pause; zero: never

	// Doubt hears of errors, some of which say that a filter was not obeyed;
	// may be nil.
	Doubt func(error)

	// Left is what Past has begun with, the next part last, and Most the length
	// in hours that the API was seen to count at once; 0: any.
	Left []Part
	Most int64

	// Unpaged: the API does not sort by _id, so that pages cannot be read.
	Unpaged bool

	// Unproven: the list was empty a moment ago, so that no filter is proven.
	// Only counts of 0 are believed.
	Unproven bool

	// Newest is the created_at of the newest message met. Where the API does
	// not sort it is too late, by five minutes at most.
	Newest int64
}

// Over tells whether it is time to pause.
func (s *Survey) Over() bool { return !s.Until.IsZero() && !time.Now().Before(s.Until) }

// Zero notes that there is no message in [run.From, run.To).
func (s *Survey) Zero(run activity.Span) {
	for t := run.From; t < run.To; t += bin {
		s.History.SetBin(t, 0)
	}
}

// Bins counts a run of five minutes, one by one or from their messages.
func (s *Survey) Bins(ctx context.Context, run activity.Span) error {
	if run.To-run.From > bin {
		n, err := s.Count(ctx, run)
		switch {
		case err != nil:
			return err
		case n == 0:
			s.Zero(run)
			return nil
		case s.pages(n) < (run.To-run.From)/bin:
			return s.Rows(ctx, run)
		}
	}
	for t := run.From; t < run.To; t += bin {
		q := chatapi.Query{Where: chatapi.CreatedAt.In(t, t+bin), Limit: 1}
		if s.Sorted {
			q.Sort = chatapi.Sort{Field: string(chatapi.CreatedAt), Desc: true}
		}
		page, err := s.ask(ctx, q)
		if err != nil {
			return err
		}
		s.History.SetBin(t, page.Total)
		if len(page.Items) > 0 {
			newest := t + bin
			if s.Sorted {
				newest = page.Items[0].CreatedAt
			}
			s.Newest = max(s.Newest, newest)
		}
	}
	return nil
}

// Hours counts a run of whole hours, one by one or from their messages.
func (s *Survey) Hours(ctx context.Context, run activity.Span) error {
	if length := (run.To - run.From) / hour; s.Most == 0 || length <= s.Most {
		n, err := s.Count(ctx, run)
		switch {
		case err != nil:
			return err
		case n == 0:
			s.Zero(run)
			return nil
		case s.pages(n) < length:
			return s.Rows(ctx, run)
		case length == 1:
			s.History.SetHour(run.From, n)
			return nil
		}
	}
	for t := run.From; t < run.To; t += hour {
		n, err := s.Count(ctx, activity.Span{From: t, To: t + hour})
		if err != nil {
			return err
		}
		s.History.SetHour(t, n)
	}
	return nil
}

// pages is how many requests it takes to read so many messages. Where the API
// does not sort, only what one page holds can be read.
func (s *Survey) pages(n int64) int64 {
	if n > chatapi.MaxLimit && (!s.Sorted || s.Unpaged) {
		return math.MaxInt64
	}
	return (n + chatapi.MaxLimit - 1) / chatapi.MaxLimit
}

// Rows reads all messages of a run of five minutes, and sorts them into these.
func (s *Survey) Rows(ctx context.Context, run activity.Span) error {
	bins := make([]int64, (run.To-run.From)/bin)
	newest := int64(0)
	for page, err := range s.walk(ctx, chatapi.Query{Where: chatapi.CreatedAt.In(run.From, run.To)}) {
		if err != nil {
			if _, is := errors.AsType[*chatapi.FilterError](err); is && s.Sorted && !s.Unpaged {
				s.Unpaged = true // from now on all is counted
				return fmt.Errorf("reading messages in the order of their _id: %w", err)
			}
			s.doubt(err)
			return err
		}
		for _, m := range page {
			bins[(m.CreatedAt-run.From)/bin]++
			newest = max(newest, m.CreatedAt)
		}
	}
	for i, n := range bins {
		s.History.SetBin(run.From+int64(i)*bin, n)
	}
	s.Newest = max(s.Newest, newest)
	return nil
}

// walk gives all messages that match, page by page: in an order that the API
// keeps, or from one page that holds them all.
func (s *Survey) walk(ctx context.Context, q chatapi.Query) iter.Seq2[[]chatapi.Message, error] {
	if s.Sorted && !s.Unpaged {
		return s.Client.WalkMessages(q).Pages(ctx)
	}
	return func(yield func([]chatapi.Message, error) bool) {
		page, err := s.Client.Messages(ctx, q)
		if err == nil && page.Total > int64(len(page.Items)) {
			err = errors.New("more messages than one page holds, of an API that does not sort")
		}
		yield(page.Items, err)
	}
}

// Count is the number of messages in [run.From, run.To) now.
func (s *Survey) Count(ctx context.Context, run activity.Span) (int64, error) {
	page, err := s.ask(ctx, chatapi.Query{Where: chatapi.CreatedAt.In(run.From, run.To), Limit: 1})
	return page.Total, err
}

// Latest asks for the created_at of the newest message; 0: there is none. The
// API must sort.
func (s *Survey) Latest(ctx context.Context) (int64, error) {
	// One row proves nothing about the sort.
	page, err := s.ask(ctx, chatapi.Query{Limit: 2, Sort: chatapi.Sort{Field: string(chatapi.CreatedAt), Desc: true}})
	if err != nil || len(page.Items) == 0 {
		return 0, err
	}
	return page.Items[0].CreatedAt, nil
}

func (s *Survey) ask(ctx context.Context, q chatapi.Query) (chatapi.Page[chatapi.Message], error) {
	page, err := s.Client.Messages(ctx, q)
	switch {
	case err != nil:
		s.doubt(err)
	case s.Unproven && page.Total > 0:
		err = errors.New("messages have come whose filters are not proven yet")
	}
	return page, err
}

func (s *Survey) doubt(err error) {
	if s.Doubt != nil {
		s.Doubt(err)
	}
}
