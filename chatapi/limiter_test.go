package chatapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const patient = time.Hour

func TestRate(t *testing.T) {
	tests := map[string]struct {
		limit  float64
		n      int
		atMost time.Duration
		least  time.Duration
	}{
		"evenly spaced":           {limit: 2, n: 11, least: 5 * time.Second, atMost: 5 * time.Second},
		"less than one a second":  {limit: 0.1, n: 4, least: 30 * time.Second, atMost: 30 * time.Second},
		"a small burst if faster": {limit: 100, n: 105, least: time.Second, atMost: time.Second + 10*time.Millisecond},
		"lifted":                  {limit: 0, n: 1000},
	}
	for name, test := range tests {
		for _, lane := range []Lane{LaneCount, LaneHistory} {
			t.Run(fmt.Sprintf("%s/%d", name, lane), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLimiter(test.limit, 1)
					began := time.Now()
					for range test.n {
						release, err := l.acquire(t.Context(), lane, patient)
						if err != nil {
							t.Fatal(err)
						}
						release()
					}
					if took := time.Since(began); took < test.least || took > test.atMost {
						t.Errorf("%d requests at %g a second took %v, want %v to %v", test.n, test.limit, took, test.least, test.atMost)
					}
				})
			})
		}
	}
}

func TestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0, 3)
		began := time.Now()
		var now, most int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				release, err := l.acquire(t.Context(), LaneCount, patient)
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
			})
		}
		wg.Wait()
		if took := time.Since(began); most != 3 || took != 4*time.Second {
			t.Errorf("at most %d in flight, in %v; want 3 in 4s", most, took)
		}
	})
}

// Counts go before history and history before scans, whoever came first; within
// a lane it is first come first served.
func TestPrecedence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0, 1)
		hold := func() func() {
			release, err := l.acquire(t.Context(), LaneCount, patient)
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		release := hold()
		var wg sync.WaitGroup
		wg.Go(func() { hold()() }) // next in line: who comes later queues
		synctest.Wait()
		var order []string
		for i := range 3 {
			for _, lane := range []Lane{LaneScan, LaneHistory, LaneCount} {
				wg.Go(func() {
					release, err := l.acquire(t.Context(), lane, patient)
					if err != nil {
						t.Error(err)
						return
					}
					order = append(order, fmt.Sprint(lane, i)) // only one at a time is in flight
					release()
				})
				synctest.Wait()
			}
		}
		release()
		wg.Wait()
		want := []string{"0 0", "0 1", "0 2", "1 0", "1 1", "1 2", "2 0", "2 1", "2 2"}
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

func TestScansTakeAtMostHalf(t *testing.T) {
	scans := []Lane{LaneScan, LaneScan, LaneScan}
	tests := map[string]struct {
		lanes   []Lane
		limit   float64
		lowered bool
		scans   int // in 100 seconds, at most
		all     int // nearly
	}{
		"alone":                   {scans, 4, false, 200, 200},
		"alone, rate lowered":     {scans, 8, true, 200, 200},
		"alone, at a high rate":   {scans, 100, false, 5000, 5000},
		"beside one count a time": {append(scans, LaneCount), 4, false, 200, 400},
		"beside many counts":      {append(scans, LaneCount, LaneCount, LaneCount), 4, false, 200, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(test.limit, 4)
				if test.lowered {
					l.lower()
				}
				got := work(t, l, test.lanes, 100*time.Second)
				slack := 1 + burst(l.configured)
				if got[LaneScan] > test.scans+slack {
					t.Errorf("%d scans, want at most %d", got[LaneScan], test.scans)
				}
				if all := got[LaneScan] + got[LaneCount]; all > test.all+slack || all < test.all-test.all/50 {
					t.Errorf("%d requests, want nearly %d", all, test.all)
				}
			})
		})
	}
}

// work has a worker for each of the lanes ask for one turn after another, and
// counts the turns.
func work(t *testing.T, l *limiter, lanes []Lane, d time.Duration) map[Lane]int {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	got := map[Lane]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, lane := range lanes {
		wg.Go(func() {
			for {
				release, err := l.acquire(ctx, lane, patient)
				if err != nil {
					return
				}
				mu.Lock()
				got[lane]++
				mu.Unlock()
				release()
			}
		})
	}
	wg.Wait()
	return got
}

// Whoever gives up, wherever it waits, does not keep others waiting.
func TestCancelledWaiters(t *testing.T) {
	gone := errors.New("gone")
	places := map[string]func(l *limiter) (free func()){
		"for a slot": func(l *limiter) func() {
			release, _ := l.acquire(context.Background(), LaneCount, patient)
			return release
		},
		"for the rate": func(l *limiter) func() {
			release, _ := l.acquire(context.Background(), LaneScan, patient)
			release()
			return func() {}
		},
		"for a pause": func(l *limiter) func() { l.pause(10 * time.Second); return func() {} },
	}
	for name, occupy := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(0.2, 1)
				free := occupy(l)
				ctx, cancel := context.WithCancelCause(t.Context())
				var wg sync.WaitGroup
				for i := range 9 { // the first is next in line, the others queue
					wg.Go(func() {
						if _, err := l.acquire(ctx, Lane(i%lanes), patient); err == nil {
							t.Error("got a turn, want the cancellation")
						} else if !errors.Is(err, gone) && !errors.Is(err, context.Canceled) {
							t.Errorf("got %v", err)
						}
					})
				}
				synctest.Wait()
				stays := make(chan error, 1)
				wg.Go(func() {
					release, err := l.acquire(t.Context(), LaneScan, patient)
					stays <- err
					if err == nil {
						release()
					}
				})
				synctest.Wait()
				cancel(gone)
				synctest.Wait()
				free()
				wg.Wait()
				if err := <-stays; err != nil {
					t.Errorf("who stayed got %v", err)
				}
			})
		})
	}
}
