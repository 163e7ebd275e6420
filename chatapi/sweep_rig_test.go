package chatapi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// slow lets each request take its time, at the end of which meanwhile may
// change things.
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
