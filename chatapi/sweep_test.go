package chatapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// slow lets each request take its time, in which meanwhile may change things.
func slow(rt http.RoundTripper, latency time.Duration, meanwhile func()) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(latency):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
		if meanwhile != nil {
			meanwhile()
		}
		return rt.RoundTrip(req)
	})
}

// sweepRig is a rig for so many requests of 20 ms in flight.
func sweepRig(t *testing.T, sandbox chatapitest.Config, workers int, meanwhile func(*chatapitest.Server)) *rig {
	t.Helper()
	var r *rig
	r = newRig(t, sandbox, func(c *chatapi.Config) {
		c.Concurrency = workers
		c.Transport = slow(c.Transport, 20*time.Millisecond, func() {
			if meanwhile != nil {
				meanwhile(r.server)
			}
		})
	})
	return r
}

// visited is what a sweep gave.
type visited struct {
	t     *testing.T
	count map[string]int
	rows  int
}

// sweep runs a sweep and holds each page to its promise.
func (v *visited) sweep(ctx context.Context, s *chatapi.Sweep[chatapi.Dialog], workers int, until time.Time) error {
	v.t.Helper()
	visiting := false
	return s.Run(ctx, workers, until, func(rows []chatapi.Dialog) {
		if visiting || len(rows) == 0 {
			v.t.Error("visited twice at once, or without rows")
		}
		visiting = true
		for i, row := range rows {
			if i > 0 && row.ID.Compare(rows[i-1].ID) <= 0 {
				v.t.Error("the rows of a page are not in order")
			}
			if !s.Passed(row.ID) {
				v.t.Error("a row is not passed")
			}
			v.count[row.ID.String()]++
			v.rows++
		}
		visiting = false
	})
}

// exactly fails the test unless just these rows came, once each.
func (v *visited) exactly(ids []string) {
	v.t.Helper()
	if v.rows != len(ids) || len(v.count) != len(ids) {
		v.t.Errorf("%d rows, %d different ones; want %d", v.rows, len(v.count), len(ids))
	}
	for _, id := range ids {
		if v.count[id] != 1 {
			v.t.Fatalf("a dialog came %d times", v.count[id])
		}
	}
}

func newVisited(t *testing.T) *visited { return &visited{t: t, count: map[string]int{}} }

// shapes are ways for creation to be spread over a year before now, as ids.
var shapes = map[string]func(r *rand.Rand, n int, now int64) []string{
	"even":            func(r *rand.Rand, n int, now int64) []string { return spread(r, n, now-year, year) },
	"in one second":   func(r *rand.Rand, n int, now int64) []string { return spread(r, n, now-year/3, 1) },
	"consecutive ids": func(r *rand.Rand, n int, now int64) []string { return consecutive(n, now-year/2) },
	"half imported": func(r *rand.Rand, n int, now int64) []string {
		return slices.Concat(spread(r, n-n/2, now-year, year), spread(r, n/2, now-year/5, 1))
	},
	"half imported, consecutive": func(r *rand.Rand, n int, now int64) []string {
		return slices.Concat(spread(r, n-n/2, now-year, year), consecutive(n/2, now-year/5))
	},
	"ten clusters": func(r *rand.Rand, n int, now int64) (ids []string) {
		for i := range 10 {
			ids = append(ids, spread(r, n/10, now-year+r.Int64N(year), []int64{1, 60, 86400}[i%3])...)
		}
		return append(ids, spread(r, n%10, now-year, year)...)
	},
	"abandoned": func(r *rand.Rand, n int, now int64) []string {
		return slices.Concat(spread(r, n-n/20, now-year, year/12), spread(r, n/20, now-year, year))
	},
	"new": func(r *rand.Rand, n int, now int64) []string {
		return slices.Concat(spread(r, n/20, now-year, year), spread(r, n-n/20, now-86400, 86400))
	},
}

const year = 365 * 86400

func spread(r *rand.Rand, n int, from, width int64) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08x%016x", from+r.Int64N(width), r.Uint64())
	}
	return ids
}

func consecutive(n int, at int64) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08xc0ffee4b1d%06x", at, 0xa51000+i)
	}
	return ids
}

// fill puts dialogs of a shape into a sandbox and returns their ids.
func fill(s *chatapitest.Server, shape string, n int, seed uint64) []string {
	ids := shapes[shape](rand.New(rand.NewPCG(seed, 3)), n, time.Now().Unix())
	for _, id := range ids {
		oid, _ := chatapi.ParseObjectID(id)
		s.CreateDialog(chatapitest.DialogSpec{ID: id, CreatedAt: oid.Time()})
	}
	return ids
}

// dialogIDs are the ids that there are.
func dialogIDs(s *chatapitest.Server) (ids []string) {
	for _, d := range s.Truth().Dialogs {
		ids = append(ids, d.ID)
	}
	return ids
}

// However rows are spread and however many workers there are, each comes once.
func TestSweepIsExact(t *testing.T) {
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for seed, size := range []int{0, 1, 99, 100, 101, 200, 1000, 4321} {
					r := sweepRig(t, chatapitest.Config{}, 16, nil)
					ids := fill(r.server, shape, size, uint64(seed))
					for _, workers := range []int{1, 2, 4, 16} {
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
						if len(s.Left()) == 0 {
							t.Error("an error though nothing is left")
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
				if (rows == 0) != (left < 0) || left >= 0 && rows+left != 5000 {
					t.Errorf("%d rows visited, %d left, of 5000", rows, left)
				}
			}
		}()
		if err := newVisited(t).sweep(t.Context(), s, 8, time.Time{}); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// oneByOne is the loop of the vendor's documentation: downwards, until a page
// is short.
func oneByOne(t *testing.T, c *chatapi.Client) (rows, requests int) {
	t.Helper()
	q := chatapi.Query{Sort: chatapi.Sort{Field: "_id", Desc: true}}
	for {
		page, err := c.Dialogs(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		rows, requests = rows+len(page.Items), requests+1
		if len(page.Items) < chatapi.MaxLimit {
			return rows, requests
		}
		q.Where = []chatapi.Cond{chatapi.ID.Cond(chatapi.Lt, page.Items[len(page.Items)-1].ID)}
	}
}

// few is a sweep's cost where there are few rows.
func TestSweepOfFewRows(t *testing.T) {
	for _, test := range []struct{ rows, alone, atOnce int }{
		{0, 1, 2}, {1, 1, 2}, {99, 1, 2}, {100, 1, 2}, {101, 2, 2}, {200, 2, 3}, {300, 3, 4}, {1000, 10, 12},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := sweepRig(t, chatapitest.Config{Seed: 1, Dialogs: test.rows}, 64, nil)
			for _, workers := range []int{1, 2, 4, 16, 64} {
				most := test.atOnce
				if workers == 1 {
					most = test.alone
				}
				r.server.ResetRequests()
				if err := newVisited(t).sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs()), workers, time.Time{}); err != nil {
					t.Fatal(err)
				}
				if n := r.server.RequestCounts()[chatapitest.Dialogs]; n > most {
					t.Errorf("%d rows cost %d requests with %d workers, want %d at most", test.rows, n, workers, most)
				}
			}
		})
	}
}

// many rows, side by side with the vendor's loop.
func TestSweepIsFast(t *testing.T) {
	const rows = 200_000
	sandboxes := map[string]func(*chatapitest.Server){"the sandbox's": nil}
	for _, shape := range []string{"even", "half imported", "ten clusters", "new", "half imported, consecutive"} {
		sandboxes[shape] = func(s *chatapitest.Server) { fill(s, shape, rows, 11) }
	}
	for name, fill := range sandboxes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := chatapitest.Config{Seed: 11}
				if fill == nil {
					cfg.Dialogs = rows
				}
				r := sweepRig(t, cfg, 64, nil)
				if fill != nil {
					fill(r.server)
				}
				began := time.Now()
				n, requests := oneByOne(t, r.client)
				loop := time.Since(began)
				if n != rows {
					t.Fatalf("%d rows", n)
				}
				for workers, faster := range map[int]float64{4: 3.9, 16: 15, 64: 50} {
					r.server.ResetRequests()
					began = time.Now()
					v := newVisited(t)
					if err := v.sweep(t.Context(), r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs()), workers, time.Time{}); err != nil || v.rows != rows || len(v.count) != rows {
						t.Fatalf("%d rows, %d different, %v", v.rows, len(v.count), err)
					}
					speed, extra := loop.Seconds()/time.Since(began).Seconds(), r.server.RequestCounts()[chatapitest.Dialogs]-requests
					t.Logf("%d in flight: %.1f times as fast, %+d requests", workers, speed, extra)
					if speed < faster || float64(extra) > 0.03*float64(requests) || r.server.MostInFlight() > workers {
						t.Errorf("%d in flight, %d at most: %.1f times as fast, %d more requests than %d", workers, r.server.MostInFlight(), speed, extra, requests)
					}
				}
			})
		})
	}
}

// Under a rate limit a scan has half of it, and wastes none.
func TestSweepUnderRateLimit(t *testing.T) {
	const rows, limit = 50_000, 10.0
	synctest.Test(t, func(t *testing.T) {
		for _, shape := range []string{"even", "half imported", "ten clusters"} {
			r := newRig(t, chatapitest.Config{}, func(c *chatapi.Config) {
				c.RateLimit, c.Concurrency = limit, 4
				c.Transport = slow(c.Transport, 20*time.Millisecond, nil)
			})
			fill(r.server, shape, rows, 12)
			began := time.Now()
			v := newVisited(t)
			if err := v.sweep(t.Context(), r.client.Lane(chatapi.LaneScan).SweepDialogs(chatapi.Query{}, chatapi.AllIDs()), 4, time.Time{}); err != nil || v.rows != rows {
				t.Fatalf("%d rows, %v", v.rows, err)
			}
			took, best := time.Since(began).Seconds(), rows/100/(limit/2)
			t.Logf("%s: %.1f s, at best %.1f s", shape, took, best)
			if took > 1.03*best {
				t.Errorf("%s: %.1f s, at best %.1f s", shape, took, best)
			}
		}
	})
}

func BenchmarkSweep(b *testing.B) {
	server := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 20_000})
	client := chatapi.New(chatapi.Config{
		URL:         &url.URL{Scheme: "https", Host: "api.test"},
		Key:         chatapi.KeyValue(chatapi.NewSecret(chatapitest.DefaultKey)),
		Transport:   server.Transport(),
		Concurrency: 16,
	})
	for _, workers := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			rows := 0
			for b.Loop() {
				if err := client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs()).Run(b.Context(), workers, time.Time{}, func(page []chatapi.Dialog) { rows += len(page) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
