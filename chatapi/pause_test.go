package chatapi

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A 429 halves the rate, once a second, down to a sixteenth; it comes back by a
// tenth of the limit every half minute.
func TestLowerAndRaise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(8, 4)
		is := func(want float64) {
			t.Helper()
			if got := l.rate(); math.Abs(got-want) > 1e-9 {
				t.Errorf("rate %g, want %g", got, want)
			}
		}
		is(8)
		for _, want := range []float64{4, 2, 1, 0.5, 0.5} {
			l.lower()
			is(want)
			for range 3 { // the other requests in flight
				l.lower()
			}
			is(want)
			time.Sleep(time.Second)
		}
		l.raise()
		is(0.5)
		time.Sleep(recoverEvery)
		for range 3 {
			l.raise()
		}
		is(1.3)
		for range 20 {
			time.Sleep(recoverEvery)
			l.raise()
		}
		is(8)
	})
}

// Without a limit, a 429 sets one at half of what was being sent.
func TestLowerAndRaiseLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0, 4)
		for range 400 {
			release, err := l.acquire(t.Context(), LaneScan, patient)
			if err != nil {
				t.Fatal(err)
			}
			release()
			time.Sleep(25 * time.Millisecond)
		}
		if !math.IsInf(l.rate(), 1) {
			t.Errorf("rate %g, want none", l.rate())
		}
		if now, lowered := l.lower(); !lowered || now != 20 || l.rate() != 20 {
			t.Errorf("lowered %v to %g, rate %g; want 20", lowered, now, l.rate())
		}
		began := time.Now()
		for range 11 {
			release, err := l.acquire(t.Context(), LaneCount, patient)
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		if took := time.Since(began); took < 450*time.Millisecond {
			t.Errorf("11 requests at 20 a second took %v", took)
		}
		steps := 0
		for ; !math.IsInf(l.rate(), 1) && steps < 100; steps++ {
			time.Sleep(recoverEvery)
			l.raise()
		}
		if steps < 10 || steps == 100 {
			t.Errorf("the limit was lifted again after %d steps", steps)
		}
	})
	if now, _ := newLimiter(0, 1).lower(); now != liftedFloor {
		t.Errorf("an idle client is lowered to %g, want %g", now, liftedFloor)
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0.5, 1)
		began := time.Now()
		turn := func(patience time.Duration) error {
			release, err := l.acquire(t.Context(), LaneCount, patience)
			if err == nil {
				release()
			}
			return err
		}
		lasted := func(want time.Duration) {
			t.Helper()
			if got := time.Since(began); got != want {
				t.Errorf("it is %v, want %v", got, want)
			}
		}
		l.pause(10 * time.Second)
		l.pause(5 * time.Second) // the longer one holds
		if err := turn(10 * time.Second); err != nil {
			t.Error(err)
		}
		lasted(10 * time.Second)

		var wg sync.WaitGroup
		wg.Go(func() { // waits for the rate until second 12 when the next pause begins
			if err := turn(patient); err != nil {
				t.Error(err)
			}
			lasted(20 * time.Second)
		})
		time.Sleep(time.Second)
		l.pause(9 * time.Second)
		wg.Wait()

		l.pause(time.Minute)
		for range 3 { // nor do scans wait for their share first
			if _, err := l.acquire(t.Context(), LaneScan, time.Second); err == nil {
				t.Error("a scan got a turn in the pause")
			}
		}
		paused, ok := errors.AsType[*pausedError](turn(59 * time.Second))
		if !ok || paused.left != time.Minute {
			t.Errorf("got %v, want the minute that is too long", paused)
		}
		lasted(20 * time.Second)

		time.Sleep(58 * time.Second)
		wg.Go(func() {
			if _, ok := errors.AsType[*pausedError](turn(30 * time.Second)); !ok {
				t.Error("a pause that grew too long while it was waited for should end the waiting")
			}
		})
		synctest.Wait()
		l.pause(time.Minute)
		wg.Wait()
		lasted(80 * time.Second)
	})
}

// Whatever happens, the limiter keeps its promises.
func TestLimiterPromises(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			const limit, inFlight = 20.0, 3
			l := newLimiter(limit, inFlight)
			var mu sync.Mutex
			var starts []time.Time
			var pauses [][2]time.Time
			var scans, now int
			var wg sync.WaitGroup
			began := time.Now()
			for worker := range 12 {
				random := rand.New(rand.NewPCG(seed, uint64(worker)))
				wg.Go(func() {
					for range 40 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(3000))*time.Millisecond)
						lane := Lane(random.IntN(lanes))
						release, err := l.acquire(ctx, lane, patient)
						if err == nil {
							mu.Lock()
							starts = append(starts, time.Now())
							if now++; now > inFlight {
								t.Errorf("%d in flight", now)
							}
							if lane == LaneScan {
								scans++
							}
							mu.Unlock()
							time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
							switch random.IntN(40) {
							case 0:
								l.lower()
							case 1:
								mu.Lock()
								d := time.Duration(random.IntN(2000)) * time.Millisecond
								l.pause(d)
								pauses = append(pauses, [2]time.Time{time.Now(), time.Now().Add(d)})
								mu.Unlock()
							default:
								l.raise()
							}
							mu.Lock()
							now--
							mu.Unlock()
							release()
						}
						cancel()
					}
				})
			}
			wg.Wait()
			slices.SortFunc(starts, time.Time.Compare)
			for i, from := range starts {
				for n, to := range starts[i:] {
					if most := to.Sub(from).Seconds()*limit + 1 + float64(burst(limit)); float64(n) > most {
						t.Fatalf("%d requests in %v at %g a second", n, to.Sub(from), limit)
					}
				}
				for _, p := range pauses {
					if from.After(p[0]) && from.Before(p[1]) {
						t.Errorf("a request at %v in the pause from %v to %v", from.Sub(began), p[0].Sub(began), p[1].Sub(began))
					}
				}
			}
			if most := time.Since(began).Seconds()*limit/2 + 1 + float64(burst(limit/2)); float64(scans) > most {
				t.Errorf("%d scans, want at most %g", scans, most)
			}
			time.Sleep(max(l.pauseLeft(), time.Second))
			if release, err := l.acquire(t.Context(), LaneScan, patient); err != nil {
				t.Errorf("afterwards: %v", err)
			} else {
				release()
			}
			if len(l.slots) != 0 || l.taken {
				t.Errorf("%d slots in use, taken %v", len(l.slots), l.taken)
			}
		})
	}
}
