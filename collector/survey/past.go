package survey

import (
	"context"
	"errors"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// Part is a run of whole hours with the number of messages in it.
type Part struct {
	activity.Span
	N int64 // uncounted: it is not known
}

const uncounted = -1

// Past counts a run of whole hours that lie so far back that it does not
// matter when they are counted: it halves what it has to count by the hour,
// asks for the first half, and has the second as the rest. It stops when it is
// time to pause; Rest goes on.
func (s *Survey) Past(ctx context.Context, run activity.Span) error {
	s.Left = append(s.Left, Part{run, uncounted})
	return s.Rest(ctx)
}

// Rest goes on with what Past has left. It gets on by one request at least,
// whatever the time.
func (s *Survey) Rest(ctx context.Context) error {
	for first := true; len(s.Left) > 0; first = false {
		if !first && s.Over() {
			return nil
		}
		p := s.Left[len(s.Left)-1]
		s.Left = s.Left[:len(s.Left)-1]
		if err := s.part(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// part counts one part, or leaves smaller ones. Where the API cannot count as
// much at once, those it left are smaller still when it is asked again.
func (s *Survey) part(ctx context.Context, p Part) (err error) {
	length := (p.To - p.From) / hour
	middle := p.From + length/2*hour
	halves := [2]activity.Span{{From: middle, To: p.To}, {From: p.From, To: middle}}
	if p.N == uncounted {
		if s.Most > 0 && length > s.Most {
			s.Left = append(s.Left, Part{halves[0], uncounted}, Part{halves[1], uncounted})
			return nil
		}
		if p.N, err = s.Count(ctx, p.Span); err != nil {
			s.Left = append(s.Left, p)
			if length > 1 && overtaxed(err) {
				s.Most = length / 2
			}
			return err
		}
	}
	switch {
	case p.N == 0:
		s.Zero(p.Span)
		return nil
	case s.pages(p.N) < length && s.pages(p.N) <= mostPages:
		if err := s.Rows(ctx, p.Span); err != nil {
			s.Left = append(s.Left, p)
			return err
		}
		return nil
	case length == 1:
		s.History.SetHour(p.From, p.N)
		return nil
	}
	n, err := s.Count(ctx, halves[1])
	if err != nil {
		s.Left = append(s.Left, p)
		return err
	}
	s.Left = append(s.Left, Part{halves[0], max(0, p.N-n)}, Part{halves[1], n})
	return nil
}

// overtaxed tells whether an error may be due to how much was asked for.
func overtaxed(err error) bool {
	api, ok := errors.AsType[*chatapi.Error](err)
	return ok && (api.Kind == chatapi.KindTimeout || api.Status >= 500 || api.Invalid())
}
