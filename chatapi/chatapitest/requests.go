package chatapitest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// requestsKept is how many requests Requests remembers.
const requestsKept = 8192

// Request is a request as the server received it.
type Request struct {
	Time     time.Time // by the true clock
	Method   string
	Path     string
	Endpoint string // Dialogs, Messages, Dialog, or "" for an unknown path
	Query    url.Values
	Header   http.Header
	Body     []byte // of a PUT
	Status   int    // 0 while unanswered, and when the connection was broken
}

// requestLog is a ring of the last requests and exact counts of all.
type requestLog struct {
	mu       sync.Mutex
	ring     []Request
	received int // since the last reset
	from     int // sequence number of the first since the last reset
	counts   map[string]int
	inFlight int
	most     int
}

func (l *requestLog) begin(r Request) (seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	if len(l.ring) < requestsKept {
		l.ring = append(l.ring, r)
	} else {
		l.ring[l.received%requestsKept] = r
	}
	seq = l.from + l.received
	l.received++
	l.counts[r.Endpoint]++
	l.inFlight++
	l.most = max(l.most, l.inFlight)
	return seq
}

// answer notes the status, unless the request is forgotten by now.
func (l *requestLog) answer(seq, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := seq - l.from; n >= 0 && n >= l.received-requestsKept {
		l.ring[n%requestsKept].Status = status
	}
}

func (l *requestLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
}

// Requests returns the latest requests, at most 8192, oldest first.
func (s *Server) Requests() []Request {
	l := &s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < requestsKept {
		return slices.Clone(l.ring)
	}
	at := l.received % requestsKept
	return slices.Concat(l.ring[at:], l.ring[:at])
}

// RequestCounts returns how many requests came in by endpoint, all of them
// since the last reset; unknown paths are under "".
func (s *Server) RequestCounts() map[string]int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	counts := maps.Clone(s.log.counts)
	if counts == nil {
		counts = map[string]int{}
	}
	return counts
}

// MostInFlight returns how many requests were ever in flight at once.
func (s *Server) MostInFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.most
}

// ResetRequests forgets all requests and counts; those in flight stay so.
func (s *Server) ResetRequests() {
	l := &s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from += l.received
	l.ring, l.received, l.counts, l.most = nil, 0, nil, l.inFlight
}
