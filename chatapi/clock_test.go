package chatapi

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func dated(t time.Time) http.Header {
	return http.Header{"Date": {t.UTC().Format(http.TimeFormat)}}
}

// wait lets time pass and returns when that began and ended.
func wait(d time.Duration) (from, to time.Time) {
	from = time.Now()
	time.Sleep(d)
	return from, time.Now()
}

// near fails unless the clock's error is at most tolerance.
func near(t *testing.T, c *clock, skew, tolerance time.Duration) {
	t.Helper()
	got, known := c.now()
	if off := got.Sub(time.Now().Round(0)) - skew; !known || off.Abs() > tolerance {
		t.Errorf("the clock is %v off, known %v; want at most %v", off, known, tolerance)
	}
}

// One reply gives the server's clock within half a second and half the round
// trip.
func TestClockOfOneReply(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour, 23 * time.Hour, 300 * time.Millisecond} {
		for _, trip := range []time.Duration{0, 40 * time.Millisecond, 8 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(123 * time.Millisecond)
				c := newClock()
				sent, _ := wait(trip / 2)
				stamp := dated(time.Now().Add(skew))
				_, received := wait(trip / 2)
				if err := c.observe(sent, received, stamp); err != nil {
					t.Fatal(err)
				}
				near(t, c, skew, 500*time.Millisecond+trip/2)
			})
		}
	}
}

// A Date that is exactly in the middle shows that the half of the round trip is
// taken off.
func TestClockTakesHalfTheRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		sent, _ := wait(3 * time.Second)
		stamp := dated(time.Now())
		_, received := wait(3 * time.Second)
		if err := c.observe(sent, received, stamp); err != nil {
			t.Fatal(err)
		}
		near(t, c, 500*time.Millisecond, 0) // the middle of the second that Date names
	})
}

// Many replies give it to a fraction of the second that Date has.
func TestClockConverges(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			skew := time.Duration(random.Int64N(int64(10 * time.Minute)))
			c := newClock()
			for range 100 {
				time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
				sent, _ := wait(time.Duration(random.Int64N(int64(40 * time.Millisecond))))
				stamp := dated(time.Now().Add(skew))
				_, received := wait(time.Duration(random.Int64N(int64(40 * time.Millisecond))))
				if err := c.observe(sent, received, stamp); err != nil {
					t.Fatal(err)
				}
				near(t, c, skew, 540*time.Millisecond)
			}
			near(t, c, skew, 60*time.Millisecond)
			if got, known := c.skew(); !known || (got-skew).Abs() > 60*time.Millisecond {
				t.Errorf("skew %v, want %v", got, skew)
			}
		})
	}
}

// A skew that the replies do not prove is none.
func TestSkewWithinTheDoubtIsZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		if _, known := c.skew(); known {
			t.Error("a skew is known before any reply")
		}
		time.Sleep(300 * time.Millisecond)
		now := time.Now()
		if err := c.observe(now, now, dated(now)); err != nil {
			t.Fatal(err)
		}
		if got, known := c.skew(); !known || got != 0 {
			t.Errorf("skew %v, known %v; want 0", got, known)
		}
	})
}

// A server's clock that jumps is believed when three replies agree on it over
// a minute, and none contradicts them meanwhile; stray replies are not.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		reply := func(skew time.Duration) {
			t.Helper()
			time.Sleep(1700 * time.Millisecond)
			now := time.Now()
			if err := c.observe(now, now, dated(now.Add(skew))); err != nil {
				t.Fatal(err)
			}
		}
		reply(0)
		reply(0)
		near(t, c, 0, 500*time.Millisecond)
		reply(time.Hour) // a stray one
		near(t, c, 0, 500*time.Millisecond)
		reply(0)
		reply(time.Hour)
		reply(time.Hour)
		near(t, c, 0, 500*time.Millisecond)
		reply(2 * time.Hour) // that disagrees with those
		reply(time.Hour)
		reply(time.Hour)
		reply(time.Hour)
		near(t, c, 0, 500*time.Millisecond)
		time.Sleep(time.Minute)
		reply(time.Hour)
		near(t, c, time.Hour, 500*time.Millisecond)
		reply(time.Hour)
		near(t, c, time.Hour, 500*time.Millisecond)
	})
}

// What is settled is never ahead of the slowest clock of the last hour, and at
// most a second and a round trip behind it.
func TestSettledTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		if _, known := c.settled(); known {
			t.Error("known before any reply")
		}
		reply := func(skew time.Duration) {
			t.Helper()
			time.Sleep(17 * time.Second)
			now := time.Now()
			if err := c.observe(now.Add(-time.Second), now, dated(now.Add(skew))); err != nil {
				t.Fatal(err)
			}
		}
		behind := func(skew time.Duration) {
			t.Helper()
			got, known := c.settled()
			if lag := time.Now().Add(skew).Sub(got); !known || lag < 0 || lag > 2*time.Second {
				t.Errorf("settled is %v behind a clock %v off, known %v", lag, skew, known)
			}
		}
		reply(0)
		behind(0)
		for range 20 { // two machines answer, one of them ten minutes fast
			reply(10 * time.Minute)
			reply(0)
			behind(0)
		}
		for range 150 { // 42 minutes: the slow one still has its say
			reply(10 * time.Minute)
		}
		behind(0)
		for range 150 {
			reply(10 * time.Minute)
		}
		behind(10 * time.Minute)
		reply(-time.Minute)
		behind(-time.Minute)
	})
}

// One reply from a clock that is hours slow holds nothing up; a clock that was
// set back for good does count.
func TestSettledTimeWantsProofOfSlowClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		reply := func(skew time.Duration) {
			t.Helper()
			time.Sleep(17 * time.Second)
			now := time.Now()
			if err := c.observe(now, now, dated(now.Add(skew))); err != nil {
				t.Fatal(err)
			}
		}
		lag := func() time.Duration {
			settled, _ := c.settled()
			return time.Since(settled)
		}
		reply(0)
		reply(-23 * time.Hour)
		reply(0)
		if got := lag(); got > 2*time.Second {
			t.Errorf("one stray reply holds settled time back by %v", got)
		}
		for range 8 {
			reply(-2 * time.Hour)
		}
		if got := lag(); got < 2*time.Hour {
			t.Errorf("settled time is only %v behind, the clock was set back two hours", got)
		}
	})
}

// Retries are earned: an API that is down is soon asked once a call.
func TestRetryBudget(t *testing.T) {
	var b retryBudget
	granted := 0
	for range 100 {
		if b.spend() {
			granted++
		}
	}
	if granted != maxRetriesSpent {
		t.Errorf("%d retries without a success, want %d", granted, maxRetriesSpent)
	}
	for range int(1.5 / retriesEarned) {
		b.earn()
	}
	if !b.spend() || b.spend() {
		t.Error("successes should have earned one retry")
	}
}

// A reply that comes late, after a younger one, does no harm.
func TestClockOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		sent, _ := wait(time.Second)
		early := dated(time.Now())
		_, received := wait(20 * time.Second)
		for range 3 {
			now := time.Now()
			if err := c.observe(now, now, dated(now)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
		}
		if err := c.observe(sent, received, early); err != nil {
			t.Fatal(err)
		}
		near(t, c, 0, 500*time.Millisecond)
	})
}

// An estimate that nothing confirms any more is dropped.
func TestClockAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		now := time.Now()
		if err := c.observe(now, now, dated(now.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(clockAge)
		near(t, c, time.Hour, 500*time.Millisecond)
		time.Sleep(time.Second)
		if got, known := c.now(); known || !got.Equal(time.Now()) {
			t.Errorf("the clock is %v, known %v; want this machine's", got, known)
		}
	})
}

func TestUselessDates(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		says   string
	}{
		"missing":           {http.Header{}, "no Date"},
		"empty":             {http.Header{"Date": {""}}, "no Date"},
		"garbage":           {http.Header{"Date": {"zanzibar"}}, "not a date"},
		"a number":          {http.Header{"Date": {"1669549000"}}, "not a date"},
		"the epoch":         {http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}, "more than a day off"},
		"the far future":    {http.Header{"Date": {"Fri, 31 Dec 9999 23:59:59 GMT"}}, "more than a day off"},
		"more than a day":   {dated(time.Date(2000, 1, 2, 0, 0, 2, 0, time.UTC)), "more than a day off"},
		"cached":            {http.Header{"Date": {"Sat, 01 Jan 2000 00:00:00 GMT"}, "Age": {"0"}}, "cache"},
		"second in a cache": {http.Header{"Date": {"Sat, 01 Jan 2000 00:00:00 GMT"}, "Age": {"600"}}, "cache"},
	}
	for name, test := range tests {
		synctest.Test(t, func(t *testing.T) { // it is midnight, 2000-01-01
			c := newClock()
			err := c.observe(time.Now(), time.Now(), test.header)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "zanzibar") {
				t.Errorf("%s: got %v, want %q", name, err, test.says)
			}
			if got, known := c.now(); known || !got.Equal(time.Now()) {
				t.Errorf("%s: the clock is %v, known %v; want this machine's", name, got, known)
			}
		})
	}
}

// No Date, however strange, makes the clock believe more than a day's skew.
func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"", "Sat, 01 Jan 2000 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT", "Sat Jan  1 00:00:00 2000", "Fri, 31 Dec 1999 00:00:01 GMT",
		"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 +9999", "Sat, 01 Jan 2000 24:00:00 GMT", "\x00",
	} {
		f.Add(s, int64(0), int64(0))
		f.Add(s, int64(time.Second), int64(2*time.Second))
	}
	f.Fuzz(func(t *testing.T, text string, before, trip int64) {
		base := time.Date(2000, 1, 1, 0, 0, 30, 0, time.UTC)
		c := &clock{base: base}
		sent := base.Add(time.Duration(before % int64(time.Hour)))
		received := sent.Add(time.Duration(trip % int64(time.Minute)).Abs())
		err := c.observe(sent, received, http.Header{"Date": {text}})
		if err != nil {
			if !c.est.at.IsZero() {
				t.Errorf("%q was refused and believed: %v", text, err)
			}
			return
		}
		if c.est.lo > c.est.hi || (c.est.lo+c.est.hi).Abs() > 2*(maxSkew+time.Hour+time.Minute+time.Second) {
			t.Errorf("%q gives bounds from %v to %v", text, c.est.lo, c.est.hi)
		}
	})
}
