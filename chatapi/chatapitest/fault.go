package chatapitest

import (
	"encoding/json"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Kind is a way for a request to go wrong.
type Kind int

// Kinds of faults. Those up to Redirect befall any request before the API sees
// it; the others spoil the reply it would have got.
const (
	_            Kind = iota
	Status            // an error of Fault.Status, 500 by default; for 429 and 503 see Fault.RetryAfter
	Reset             // the connection breaks before the reply
	Hang              // no answer until the client goes or ClearFaults is called; then the usual one
	Delay             // the usual answer after Fault.Interval, a second by default
	HTML              // 200 with an HTML page
	Huge              // a valid reply of Fault.Size bytes and more, 16 MiB by default
	Redirect          // to Fault.Location, with Fault.Status or 302
	ResetMidBody      // the connection breaks in the middle of the body
	Drip              // a byte at a time, each after Fault.Interval, a second by default
	Truncated         // a whole reply whose body ends in the middle
	Gzip              // compressed, if the request accepts that
	TotalMissing      // total_entries left out
	TotalNegative
	TotalString
	TotalFloat
	TotalNull
	TotalRaw // total_entries is Fault.RawValue
	ItemsMissing
	ItemsNull
	BadField     // Fault.Field of row Fault.Row is Fault.RawValue, or left out if that is empty
	RepeatedRows // each row comes twice, as many rows as before
	ShortPage    // half of the rows, rounded down
	EmptyPage    // none of the rows
	UnsortedPage // the last row comes first
)

// Fault is something that goes wrong with some requests. The first fault
// injected that matches a request and is not used up befalls it, alone.
type Fault struct {
	Kind     Kind
	Endpoint string                // Dialogs, Messages or Dialog; "" for any request
	Match    func(url.Values) bool // the query it befalls; nil for any
	Skip     int                   // matching requests let pass first
	Count    int                   // requests befallen, then it is used up; 0 for no end
	Until    time.Time             // by the true clock, then it is used up; zero for no end

	Status     int
	Shape      BodyShape // of the error body of Status
	Body       string    // instead of the error body in Shape
	RetryAfter string    // the header, whatever it says; "" for none
	Location   string    // of Redirect
	Interval   time.Duration
	Size       int // of Huge, in bytes

	Row             int // of BadField, counted from 0
	Field, RawValue string
}

// faultList is the script of faults, in order.
type faultList struct {
	mu     sync.Mutex
	script []*Fault
	hung   []chan struct{}
}

// Inject adds faults to those that are there.
func (s *Server) Inject(faults ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range faults {
		s.faults.script = append(s.faults.script, &f)
	}
}

// ClearFaults ends all faults and answers the requests that hang.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.script = nil
	for _, c := range s.faults.hung {
		close(c)
	}
	s.faults.hung = nil
}

// hang returns a channel that ClearFaults closes. It is made by the request
// that waits, so that it belongs to the same testing/synctest bubble.
func (l *faultList) hang() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{})
	l.hung = append(l.hung, c)
	return c
}

func (l *faultList) unhang(c <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hung = slices.DeleteFunc(l.hung, func(h chan struct{}) bool { return h == c })
}

// next picks the fault that befalls a request, as a copy.
func (l *faultList) next(endpoint string, query url.Values, now time.Time) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 0; i < len(l.script); i++ {
		f := l.script[i]
		if !f.Until.IsZero() && !now.Before(f.Until) {
			l.script = slices.Delete(l.script, i, i+1)
			i--
			continue
		}
		if f.Endpoint != "" && f.Endpoint != endpoint || f.Match != nil && !f.Match(query) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		hit := *f
		if f.Count == 1 {
			l.script = slices.Delete(l.script, i, i+1)
		} else if f.Count > 1 {
			f.Count--
		}
		return &hit
	}
	return nil
}

// rows spoils the rows of a page.
func (f *Fault) rows(rows []uint32) []uint32 {
	n := len(rows)
	switch {
	case n == 0:
	case f.Kind == RepeatedRows:
		twice := make([]uint32, 0, 2*n)
		for _, row := range rows {
			twice = append(twice, row, row)
		}
		return twice[:max(n, 2)]
	case f.Kind == ShortPage:
		return rows[:n/2]
	case f.Kind == EmptyPage:
		return nil
	case f.Kind == UnsortedPage:
		return slices.Concat(rows[n-1:], rows[:n-1])
	}
	return rows
}

// total spoils total_entries; "" leaves it out.
func (f *Fault) total(text string) string {
	switch f.Kind {
	case TotalMissing:
		return ""
	case TotalNegative:
		return "-1"
	case TotalString:
		return `"` + text + `"`
	case TotalFloat:
		return text + ".5"
	case TotalNull:
		return "null"
	case TotalRaw:
		return f.RawValue
	}
	return text
}

// field is what BadField makes of which row.
func (f *Fault) field() (row int, spoiled fields) {
	if f.Kind != BadField {
		return -1, nil
	}
	return f.Row, fields{f.Field: json.RawMessage(f.RawValue)}
}
