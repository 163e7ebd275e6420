package chatapi

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Lane is the precedence of a client's requests: a request waits until no
// earlier lane has one waiting.
type Lane int

// The lanes, first come first. LaneScan gets at most half of the rate limit.
const (
	LaneCount Lane = iota
	LaneHistory
	LaneScan

	lanes = 3
)

const (
	lowerOnce    = time.Second      // 429s this close together are one
	recoverEvery = 30 * time.Second // between two steps up
	recoverStep  = 0.1              // of the configured limit, or of the current one when lifted
	lowestShare  = 1.0 / 16         // of the configured limit
	liftedFloor  = 1.0              // requests per second, when no limit is configured
	liftedCeil   = 1000.0           // where a lowered rate counts as lifted again
	rateSpan     = 10 * time.Second // over which the present rate is measured
)

// limiter shares out one application's requests: a rate, a number in flight,
// a precedence, and pauses that the API asks for.
type limiter struct {
	configured rate.Limit
	slots      chan struct{}
	all, scans *rate.Limiter

	mu        sync.Mutex
	taken     bool // somebody is next in line
	waiting   [lanes][]chan struct{}
	effective rate.Limit
	changed   time.Time
	until     time.Time // no request before this
	starts    []time.Time
}

func newLimiter(perSecond float64, inFlight int) *limiter {
	limit := rate.Limit(perSecond)
	if perSecond <= 0 {
		limit = rate.Inf
	}
	l := &limiter{
		configured: limit,
		effective:  limit,
		slots:      make(chan struct{}, max(1, inFlight)),
		all:        rate.NewLimiter(limit, burst(limit)),
		scans:      rate.NewLimiter(limit/2, burst(limit/2)),
	}
	if limit == rate.Inf {
		l.scans.SetLimit(rate.Inf)
	}
	return l
}

// burst lets high rates survive coarse timers; low ones are spaced evenly.
func burst(limit rate.Limit) int {
	if limit == rate.Inf {
		return 1
	}
	return max(1, int(limit/20))
}

// pausedError is a pause that lasts longer than the caller would wait.
type pausedError struct{ left time.Duration }

func (e *pausedError) Error() string { return "paused for " + e.left.String() }

// acquire waits until a request may be sent, but not through a pause that is
// longer than patience. The caller calls release when the reply has been read.
func (l *limiter) acquire(ctx context.Context, lane Lane, patience time.Duration) (release func(), err error) {
	if left := l.pauseLeft(); left > patience {
		return nil, &pausedError{left}
	}
	if lane == LaneScan {
		if err := l.scans.Wait(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.line(ctx, lane); err != nil {
		return nil, err
	}
	defer l.next()
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := l.clear(ctx, patience); err != nil {
		<-l.slots
		return nil, err
	}
	l.note()
	return func() { <-l.slots }, nil
}

// clear waits out the rate and any pause, also one that begins meanwhile.
func (l *limiter) clear(ctx context.Context, patience time.Duration) error {
	for {
		left := l.pauseLeft()
		if left > patience {
			return &pausedError{left}
		}
		if left > 0 {
			if err := sleep(ctx, left); err != nil {
				return err
			}
			continue
		}
		if err := l.all.Wait(ctx); err != nil {
			return err
		}
		if l.pauseLeft() == 0 {
			return nil
		}
	}
}

// line waits to be the next in line.
func (l *limiter) line(ctx context.Context, lane Lane) error {
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting[lane] = append(l.waiting[lane], turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting[lane], turn)
	if i >= 0 {
		l.waiting[lane] = slices.Delete(l.waiting[lane], i, i+1)
	}
	l.mu.Unlock()
	if i < 0 {
		l.next()
	}
	return context.Cause(ctx)
}

// next hands the place in line on.
func (l *limiter) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lane := range l.waiting {
		if len(l.waiting[lane]) > 0 {
			close(l.waiting[lane][0])
			l.waiting[lane] = l.waiting[lane][1:]
			return
		}
	}
	l.taken = false
}

func (l *limiter) note() {
	if l.configured != rate.Inf {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.starts = append(l.starts, now)
	for len(l.starts) > 0 && now.Sub(l.starts[0]) > rateSpan {
		l.starts = l.starts[1:]
	}
}

// pause stops all requests for d, unless a longer pause is on.
func (l *limiter) pause(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.until) {
		l.until = until
	}
}

func (l *limiter) pauseLeft() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, time.Until(l.until))
}

// lower halves the rate, as a 429 asks for.
func (l *limiter) lower() (now float64, lowered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.changed) < lowerOnce && l.effective < l.configured {
		return float64(l.effective), false
	}
	floor := l.configured * lowestShare
	if l.configured == rate.Inf {
		floor = liftedFloor
	}
	from := l.effective
	if from == rate.Inf {
		from = rate.Limit(float64(len(l.starts)) / rateSpan.Seconds())
	}
	was := l.effective
	l.set(max(floor, from/2))
	return float64(l.effective), l.effective < was
}

// raise takes a step back up, at most one per recoverEvery.
func (l *limiter) raise() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.effective >= l.configured || time.Since(l.changed) < recoverEvery {
		return
	}
	step := l.configured * recoverStep
	if l.configured == rate.Inf {
		if step = l.effective * recoverStep; l.effective+step >= liftedCeil {
			step = rate.Inf
		}
	}
	l.set(min(l.configured, l.effective+step))
}

func (l *limiter) set(limit rate.Limit) {
	l.effective, l.changed = limit, time.Now()
	l.all.SetLimit(limit)
	l.all.SetBurst(burst(limit))
	if limit != rate.Inf {
		limit /= 2
	}
	l.scans.SetLimit(limit)
	l.scans.SetBurst(burst(limit))
}

// rate is the effective limit in requests per second; +Inf when lifted.
func (l *limiter) rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.effective == rate.Inf {
		return math.Inf(1)
	}
	return float64(l.effective)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
