package chatapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// However rows are spread and however many workers there are, each comes once.
func TestSweepIsExact(t *testing.T) {
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for seed, size := range []int{0, 1, 99, 100, 101, 1000, 3210} {
					r := sweepRig(t, chatapitest.Config{}, 16, nil)
					ids := fill(r.server, shape, size, uint64(seed))
					for _, workers := range []int{1, 4, 16} {
						s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
						if rows, left := s.Progress(); rows != 0 || left != -1 {
							t.Errorf("%d rows and %d left before the start", rows, left)
						}
						v := newVisited(t)
						if err := v.sweep(t.Context(), s, workers, time.Time{}); err != nil {
							t.Fatal(err)
						}
						v.exactly(ids)
						if rows, left := s.Progress(); rows != int64(size) || left != 0 || len(s.Left()) > 0 {
							t.Errorf("%d rows, %d left in %v; want %d and none", rows, left, s.Left(), size)
						}
					}
				}
			})
		})
	}
}

// Filters hold in every page, of messages too.
func TestSweepOfMessages(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			r := sweepRig(t, chatapitest.Config{Seed: seed, Dialogs: 50, Messages: 6000}, 8, nil)
			from := time.Now().Add(-40 * 24 * time.Hour).Unix()
			to := from + 30*86400
			var want, got []string
			for _, m := range r.server.Truth().Messages {
				if from <= m.CreatedAt && m.CreatedAt < to {
					want = append(want, m.ID)
				}
			}
			s := r.client.SweepMessages(chatapi.Query{Where: chatapi.CreatedAt.In(from, to), Limit: 7, Skip: 3}, chatapi.AllIDs())
			err := s.Run(t.Context(), 8, time.Time{}, func(rows []chatapi.Message) {
				for _, m := range rows {
					got = append(got, m.ID.String())
				}
			})
			slices.Sort(got)
			slices.Sort(want)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d rows, %v; want %d", len(got), err, len(want))
			}
		})
	}
}

// Rows that come and go while it reads are its luck; all others come once.
func TestSweepWhileRowsChange(t *testing.T) {
	for seed := range uint64(3) {
		for _, shape := range []string{"even", "half imported"} {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 4))
				var ids []string
				changed := map[string]bool{}
				inserted := 0
				turn := make(chan struct{}, 1) // requests come from many goroutines
				r := sweepRig(t, chatapitest.Config{}, 8, func(s *chatapitest.Server) {
					turn <- struct{}{}
					defer func() { <-turn }()
					for range 5 {
						gone := ids[random.IntN(len(ids))]
						s.DeleteDialog(gone)
						age := time.Duration(random.Int64N(int64(365 * 24 * time.Hour)))
						changed[gone], changed[s.CreateDialog(chatapitest.DialogSpec{CreatedAt: time.Now().Add(-age)})] = true, true
						inserted++
					}
				})
				ids = fill(r.server, shape, 6000, seed)
				v := newVisited(t)
				if err := v.sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs()), 8, time.Time{}); err != nil {
					t.Fatal(err)
				}
				if inserted < 300 {
					t.Errorf("only %d rows were inserted meanwhile", inserted)
				}
				for _, id := range ids {
					if n := v.count[id]; n > 1 || n == 0 && !changed[id] {
						t.Fatalf("a dialog came %d times", n)
					}
				}
				if len(v.count) != v.rows {
					t.Errorf("%d rows, %d of them different", v.rows, len(v.count))
				}
			})
		}
	}
}

// A page that fails ends a run with its error, after the pages in flight; the
// next run goes on, and so does a sweep of what was left in another process.
func TestSweepGoesOn(t *testing.T) {
	faults := map[string]chatapitest.Fault{
		"500":          {Kind: chatapitest.Status, Skip: 7, Count: 30},
		"first page":   {Kind: chatapitest.Status, Status: 422, Count: 1},
		"second page":  {Kind: chatapitest.Status, Status: 422, Skip: 1, Count: 1},
		"bad row":      {Kind: chatapitest.BadField, Row: 2, Field: "_id", RawValue: "null", Skip: 9, Count: 1},
		"empty page":   {Kind: chatapitest.EmptyPage, Skip: 12, Count: 2},
		"unsorted":     {Kind: chatapitest.UnsortedPage, Skip: 20, Count: 1},
		"hang":         {Kind: chatapitest.Hang, Skip: 11, Count: 1},
		"no total":     {Kind: chatapitest.TotalMissing, Skip: 5, Count: 3},
		"last of them": {Kind: chatapitest.Status, Status: 403, Skip: 41, Count: 1},
	}
	for name, fault := range faults {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, restart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := sweepRig(t, chatapitest.Config{Seed: 5, Dialogs: 4200}, 6, nil)
					r.server.Inject(fault)
					s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
					v := newVisited(t)
					errs := 0
					for v.sweep(t.Context(), s, 6, time.Time{}) != nil {
						if errs++; errs > 20 {
							t.Fatal("no end of errors")
						}
						for id := range v.count {
							if oid, _ := chatapi.ParseObjectID(id); !s.Passed(oid) {
								t.Fatal("a row that came is still to come")
							}
						}
						if restart {
							s = r.client.SweepDialogs(chatapi.Query{}, reread(t, s.Left()))
						}
						time.Sleep(time.Minute)
					}
					if errs == 0 {
						t.Error("no error")
					}
					v.exactly(dialogIDs(r.server))
				})
			})
		}
	}
}

// reread writes spans to a file and reads them, as it were.
func reread(t *testing.T, spans []chatapi.Span) (out []chatapi.Span) {
	text, err := json.Marshal(spans)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// After a time that it is given, a run begins no page.
func TestSweepPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := sweepRig(t, chatapitest.Config{Seed: 6, Dialogs: 3000}, 4, nil)
		s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
		v := newVisited(t)
		slices := 0
		for ; len(s.Left()) > 0; slices++ {
			until := time.Now().Add(50 * time.Millisecond)
			if err := v.sweep(t.Context(), s, 4, until); err != nil {
				t.Fatal(err)
			}
			if late := time.Since(until); late > 10*time.Millisecond {
				t.Errorf("a page was begun too late, so that it ended %v after the end", late)
			}
		}
		if slices != 3 {
			t.Errorf("done after %d slices, want 3 of 12 pages", slices)
		}
		v.exactly(dialogIDs(r.server))
		if err := v.sweep(t.Context(), s, 4, time.Now()); err != nil || v.rows != 3000 {
			t.Errorf("%d rows, %v, after the end of the time", v.rows, err)
		}
	})
}

// The end of its context ends a run at once, with the cause.
func TestSweepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := sweepRig(t, chatapitest.Config{Seed: 7, Dialogs: 3000}, 4, nil)
		s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
		stopped := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Millisecond, func() { cancel(stopped) })
		v := newVisited(t)
		began := time.Now()
		if err := v.sweep(ctx, s, 4, time.Time{}); !errors.Is(err, stopped) || time.Since(began) != 90*time.Millisecond {
			t.Errorf("%v after %v, want the cause after 90ms", err, time.Since(began))
		}
		if err := v.sweep(ctx, s, 4, time.Time{}); !errors.Is(err, stopped) || v.rows == 0 || v.rows == 3000 {
			t.Errorf("%v, %d rows; want the cause and some rows", err, v.rows)
		}
		if err := v.sweep(t.Context(), s, 4, time.Time{}); err != nil {
			t.Error(err)
		}
		v.exactly(dialogIDs(r.server))
		if err := v.sweep(ctx, s, 4, time.Time{}); err != nil {
			t.Errorf("%v with nothing left to do", err)
		}
	})
}

// Servers that do odd things are read exactly, or with an error: never less
// without one.
func TestSweepOnOddServers(t *testing.T) {
	lte := map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: chatapitest.Dialogs, Field: "_id"}: chatapitest.LtAsLte}
	dropped := map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: chatapitest.Dialogs, Field: "_id"}: chatapitest.Dropped}
	tests := map[string]struct {
		quirks chatapitest.Quirks
		fault  chatapitest.Fault
		wrong  bool
	}{
		"total that ignores the cursor": {quirks: chatapitest.Quirks{TotalIgnoresCursor: true}},
		"lt read as lte":                {quirks: chatapitest.Quirks{Filter: lte}},
		"another order by default":      {quirks: chatapitest.Quirks{DefaultOrder: "updated_at"}},
		"some short pages":              {fault: chatapitest.Fault{Kind: chatapitest.ShortPage, Skip: 1, Count: 9}},
		"some repeated rows":            {fault: chatapitest.Fault{Kind: chatapitest.RepeatedRows, Count: 9}},
		"cursor ignored":                {quirks: chatapitest.Quirks{CursorIgnored: true}, wrong: true},
		"filter by id ignored":          {quirks: chatapitest.Quirks{Filter: dropped}, wrong: true},
		"sort ignored":                  {quirks: chatapitest.Quirks{SortIgnored: true}, wrong: true},
		"an empty page":                 {fault: chatapitest.Fault{Kind: chatapitest.EmptyPage, Skip: 9, Count: 1}, wrong: true},
		"short pages":                   {fault: chatapitest.Fault{Kind: chatapitest.ShortPage}, wrong: true},
		"repeated rows":                 {fault: chatapitest.Fault{Kind: chatapitest.RepeatedRows}, wrong: true},
		"unsorted pages":                {fault: chatapitest.Fault{Kind: chatapitest.UnsortedPage, Skip: 3}, wrong: true},
		"total too small":               {fault: chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "1", Match: many}, wrong: true},
	}
	for name, test := range tests {
		for _, workers := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s/%d", name, workers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := sweepRig(t, chatapitest.Config{Seed: 8, Dialogs: 3000, Quirks: test.quirks}, workers, nil)
					if test.fault.Kind != 0 {
						r.server.Inject(test.fault)
					}
					s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
					v := newVisited(t)
					err := v.sweep(t.Context(), s, workers, time.Time{})
					if (err != nil) != test.wrong {
						t.Fatalf("got %v", err)
					}
					if err == nil {
						v.exactly(dialogIDs(r.server))
					} else if len(s.Left()) == 0 || len(v.count) != v.rows {
						t.Errorf("%d rows, %d different; left are %v", v.rows, len(v.count), s.Left())
					}
				})
			})
		}
	}
}

// A query may not have bounds of its own where the sweep's are.
func TestSweepRefusesBoundsOfID(t *testing.T) {
	r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 3})
	for _, op := range []chatapi.Op{chatapi.Gt, chatapi.Lte} {
		s := r.client.SweepDialogs(chatapi.Query{Where: []chatapi.Cond{chatapi.ID.Cond(op, chatapi.ObjectID{1})}}, chatapi.AllIDs())
		if err := newVisited(t).sweep(t.Context(), s, 2, time.Time{}); err == nil {
			t.Errorf("a bound %s of _id is taken", op)
		}
	}
}

// As many pages are in flight as there are workers, and never more.
func TestSweepKeepsItsWorkersBusy(t *testing.T) {
	for _, workers := range []int{-1, 1, 2, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			var flying, most atomic.Int32
			r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 4000}, func(c *chatapi.Config) {
				c.Concurrency = 100
				late := slow(c.Transport, 20*time.Millisecond, nil)
				c.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
					defer flying.Add(-1)
					most.Store(max(most.Load(), flying.Add(1)))
					return late.RoundTrip(req)
				})
			})
			if err := newVisited(t).sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs()), workers, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if n := int(most.Load()); n != max(1, workers) {
				t.Errorf("%d pages in flight, want %d", n, max(1, workers))
			}
		})
	}
}

// Only the spans it is given are read.
func TestSweepOfSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := sweepRig(t, chatapitest.Config{Seed: 9, Dialogs: 2000}, 4, nil)
		ids := dialogIDs(r.server)
		slices.Sort(ids)
		at := func(i int) chatapi.ObjectID {
			id, _ := chatapi.ParseObjectID(ids[i])
			return id
		}
		spans := []chatapi.Span{{After: at(1500), To: at(1700), Rows: -1}, {After: at(99), To: at(999), Rows: -1}}
		v := newVisited(t)
		if err := v.sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, spans), 4, time.Time{}); err != nil {
			t.Fatal(err)
		}
		v.exactly(slices.Concat(ids[100:1000], ids[1501:1701]))
		if err := v.sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, nil), 4, time.Time{}); err != nil || v.rows != 1100 {
			t.Errorf("no spans gave %d rows, %v", v.rows-1100, err)
		}

		spans = nil
		for i := range 30 {
			spans = append(spans, chatapi.Span{After: at(50 * i), To: at(50*i + 50), Rows: -1})
		}
		r.server.ResetRequests()
		v = newVisited(t)
		if err := v.sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, spans), 4, time.Time{}); err != nil {
			t.Fatal(err)
		}
		v.exactly(ids[1:1501])
		if n := r.server.RequestCounts()[chatapitest.Dialogs]; n > 33 {
			t.Errorf("30 spans of a page each cost %d requests", n)
		}
	})
}

// Others may watch while it runs.
func TestSweepIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := sweepRig(t, chatapitest.Config{Seed: 10, Dialogs: 5000}, 8, nil)
		s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
		done := make(chan struct{})
		go func() {
			defer close(done)
			seen := int64(-1)
			for len(s.Left()) > 0 {
				time.Sleep(7 * time.Millisecond)
				rows, left := s.Progress()
				if rows < seen {
					t.Errorf("%d rows after %d", rows, seen)
				}
				seen = rows
				if off := rows + left - 5000; (rows == 0) != (left < 0) || left >= 0 && max(off, -off) > 1000 {
					t.Errorf("%d rows visited, about %d left, of 5000", rows, left)
				}
			}
		}()
		if err := newVisited(t).sweep(t.Context(), s, 8, time.Time{}); err != nil {
			t.Error(err)
		}
		<-done
	})
}
