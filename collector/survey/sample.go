package survey

import (
	"context"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// Sample asks for what hours alone do not tell of [from, to), whole hours that
// are known: silences, and how far quarters of hours stray. Where one page
// shows all messages of an hour, it is asked for; of others, every second one's
// last quarter is counted. It tells whether nothing is left to ask for.
func (s *Survey) Sample(ctx context.Context, from, to int64) (done bool, err error) {
	for t := from; t < to; t += hour {
		if !LacksSample(s.History, t) {
			continue
		}
		if s.Over() {
			return false, nil
		}
		if n, _ := s.History.Hour(t); n > chatapi.MaxLimit {
			tail := activity.Span{From: t + hour - activity.TailSeconds, To: t + hour}
			n, err := s.Count(ctx, tail)
			if err != nil {
				return false, err
			}
			s.History.SetTail(t, n)
			continue
		}
		end := s.onePage(t, to)
		if err := s.Rows(ctx, activity.Span{From: t, To: end}); err != nil {
			return false, err
		}
		t = end - hour
	}
	return true, nil
}

// onePage is the end of the hours from t on whose messages one page shows.
func (s *Survey) onePage(t, to int64) int64 {
	sum := int64(0)
	for end := t; ; end += hour {
		n, _ := s.History.Hour(end)
		if sum += n; end > t && (sum > chatapi.MaxLimit || !LacksSample(s.History, end)) || end >= to {
			return end
		}
	}
}

// LacksSample tells whether Sample would ask for something of the hour at t.
func LacksSample(h *activity.History, t int64) bool {
	n, known := h.Hour(t)
	if !known {
		return false // first things first
	}
	if n <= chatapi.MaxLimit {
		return len(h.MissingBins(t, t+hour)) > 0
	}
	_, known = h.Tail(t)
	return !known && t/hour%2 == 0
}
