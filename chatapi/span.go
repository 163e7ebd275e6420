package chatapi

import (
	"math/big"
	"slices"
)

// Span is a range of ids of which all rows are still to be read: those with
// After < _id <= To.
type Span struct {
	After, To ObjectID
	// Rows is about how many rows are left in it, as the latest replies said;
	// -1: not known. Nothing but the order of work depends on it.
	Rows int64
}

var (
	firstID ObjectID
	lastID  = ObjectID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// AllIDs is one span that holds every id but the zero one, which is none.
func AllIDs() []Span { return []Span{{After: firstID, To: lastID, Rows: -1}} }

// IDsBetween is one span that holds the ids above after and below before; a zero
// id is no bound.
func IDsBetween(after, before ObjectID) []Span {
	s := Span{After: after, To: lastID, Rows: -1}
	if !before.IsZero() {
		s.To = before.before()
	}
	return tidy([]Span{s})
}

func (s Span) empty() bool { return s.After.Compare(s.To) >= 0 }

func (s Span) holds(id ObjectID) bool { return s.After.Compare(id) < 0 && id.Compare(s.To) <= 0 }

// where bounds a query to the span, on both sides, so that total_entries is the
// number of rows in just this span (api-facts 2).
func (s Span) where() []Cond { return []Cond{ID.Cond(Gt, s.After), ID.Cond(Lte, s.To)} }

// cut divides a span into n spans of equal width, or into fewer if it holds
// fewer ids. Of the rows, each gets an equal guess.
func (s Span) cut(n int) []Span {
	after, width := new(big.Int).SetBytes(s.After[:]), new(big.Int).SetBytes(s.To[:])
	width.Sub(width, after)
	out := make([]Span, 0, n)
	for i := range n {
		part := Span{After: s.After, Rows: s.Rows / int64(n)}
		if len(out) > 0 {
			part.After = out[len(out)-1].To
		}
		at := new(big.Int).Mul(width, big.NewInt(int64(i+1)))
		at.Quo(at, big.NewInt(int64(n))).Add(at, after).FillBytes(part.To[:])
		if !part.empty() {
			out = append(out, part)
		}
	}
	return out
}

// tidy sorts spans and takes away what is in two of them, as it may be in spans
// from a file.
func tidy(spans []Span) (out []Span) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int { return a.After.Compare(b.After) })
	for _, s := range spans {
		if n := len(out); n > 0 && s.After.Compare(out[n-1].To) < 0 {
			s.After, s.Rows = out[n-1].To, -1
		}
		if !s.empty() {
			out = append(out, s)
		}
	}
	return out
}

// before is the greatest id below one that is not zero.
func (id ObjectID) before() ObjectID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]--
		if id[i] != 0xff {
			break
		}
	}
	return id
}
