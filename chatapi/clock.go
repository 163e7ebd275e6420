package chatapi

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	maxSkew    = 24 * time.Hour   // a Date further off than this is not believed
	clockAge   = 24 * time.Hour   // an estimate that was not confirmed for so long is dropped
	clockDrift = 1e-4             // how fast two honest clocks may part
	jumpProof  = 3                // replies that must agree before a jump is believed,
	jumpTime   = time.Minute      // over at least this time
	floorTime  = time.Hour        // replies of the last hour have a say in the floor,
	floorDepth = 15 * time.Minute // unless they are this far below the estimate
)

// clock estimates the server's clock. Each Date header bounds it: the server
// stamped the reply between our sending and our receiving, and Date cuts the
// second off. The bounds of successive replies are intersected, so that the
// estimate gets finer than a second. All is anchored to the monotonic clock:
// steps of the local clock do not move the estimate.
type clock struct {
	base time.Time

	mu    sync.Mutex
	est   bounds
	jump  bounds    // replies that contradict est, and agree with each other
	runs  int       // how many such replies
	since time.Time // the first of them

	// floor holds the lowest lower bounds of this half of floorTime and of the
	// one before.
	floor   [2]time.Duration
	floorAt time.Time // when this half began
}

// bounds hold the server's time at base, as an offset from base.
type bounds struct {
	lo, hi time.Duration
	at     time.Time // zero: no bounds
}

func newClock() *clock { return &clock{base: time.Now()} }

// observe takes in one reply. The error says why its Date is of no use.
func (c *clock) observe(sent, received time.Time, h http.Header) error {
	text := h.Get("Date")
	if text == "" {
		return errors.New("the reply has no Date header")
	}
	if h.Get("Age") != "" {
		return errors.New("the reply comes from a cache, its Date is old")
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return errors.New("the Date header is not a date")
	}
	if skew := date.Sub(received.Round(0)); skew.Abs() > maxSkew {
		return errors.New("the Date header is more than a day off this machine's clock")
	}
	base := c.base.Round(0)
	b := bounds{
		lo: date.Sub(base) - received.Sub(c.base),
		hi: date.Add(time.Second).Sub(base) - sent.Sub(c.base),
		at: received,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lowerFloor(b)
	if c.est.at.IsZero() {
		c.est = b
		return nil
	}
	if both, ok := c.est.and(b); ok {
		c.est, c.runs = both, 0
		return nil
	}
	if both, ok := c.jump.and(b); ok && c.runs > 0 {
		c.jump, c.runs = both, c.runs+1
	} else {
		c.jump, c.runs, c.since = b, 1, received
	}
	if c.runs >= jumpProof && received.Sub(c.since) >= jumpTime {
		c.est, c.runs = c.jump, 0
		c.lowerFloor(c.est)
	}
	return nil
}

func (c *clock) lowerFloor(b bounds) {
	if !c.est.at.IsZero() && c.est.lo-b.lo > floorDepth {
		return // not without proof: it would hold up all that waits for settled time
	}
	switch half := floorTime / 2; {
	case c.floorAt.IsZero() || b.at.Sub(c.floorAt) >= 2*half:
		c.floor, c.floorAt = [2]time.Duration{b.lo, b.lo}, b.at
	case b.at.Sub(c.floorAt) >= half:
		c.floor, c.floorAt = [2]time.Duration{b.lo, c.floor[0]}, b.at
	default:
		c.floor[0] = min(c.floor[0], b.lo)
	}
}

// settled is the latest time that has passed for sure, were the slowest clock
// seen in the last hour the right one.
func (c *clock) settled() (t time.Time, known bool) {
	if _, known := c.now(); !known {
		return time.Time{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Round(0).Add(time.Since(c.base) + min(c.floor[0], c.floor[1])), true
}

// and intersects the older bounds, widened by drift, with newer ones.
func (b bounds) and(newer bounds) (bounds, bool) {
	drift := time.Duration(float64(newer.at.Sub(b.at)) * clockDrift)
	out := bounds{lo: max(b.lo-drift, newer.lo), hi: min(b.hi+drift, newer.hi), at: newer.at}
	return out, !b.at.IsZero() && out.lo <= out.hi
}

// now is the server's time, or this machine's when nothing is known of it.
func (c *clock) now() (t time.Time, known bool) {
	local := time.Now()
	c.mu.Lock()
	est := c.est
	c.mu.Unlock()
	if est.at.IsZero() || local.Sub(est.at) > clockAge {
		return local.Round(0), false
	}
	return c.base.Round(0).Add(local.Sub(c.base) + est.lo + (est.hi-est.lo)/2), true
}

// skew is server minus local; 0 when the bounds do not exclude it.
func (c *clock) skew() (skew time.Duration, known bool) {
	local := time.Now()
	server, known := c.now()
	if !known {
		return 0, false
	}
	c.mu.Lock()
	half := (c.est.hi - c.est.lo) / 2
	c.mu.Unlock()
	skew = server.Sub(local.Round(0))
	if skew.Abs() <= half {
		return 0, true
	}
	return skew, true
}
