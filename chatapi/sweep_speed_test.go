package chatapi_test

import (
	"fmt"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

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

// Where there are few rows, workers cost hardly any request.
func TestSweepOfFewRows(t *testing.T) {
	for _, test := range []struct{ rows, alone, atOnce int }{
		{0, 1, 2}, {1, 1, 2}, {99, 1, 2}, {100, 1, 2}, {101, 2, 2}, {200, 2, 3}, {350, 4, 4}, {450, 5, 5}, {750, 8, 9}, {1000, 10, 12},
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

// Many rows, side by side with the vendor's loop.
func TestSweepIsFast(t *testing.T) {
	const rows = 200_000
	synctest.Test(t, func(t *testing.T) {
		r := sweepRig(t, chatapitest.Config{Seed: 11, Dialogs: rows}, 64, nil)
		began := time.Now()
		n, requests := oneByOne(t, r.client)
		loop := time.Since(began)
		if n != rows {
			t.Fatalf("the loop got %d rows", n)
		}
		for workers, faster := range map[int]float64{16: 15, 64: 50} {
			r.server.ResetRequests()
			began, n = time.Now(), 0
			s := r.client.SweepDialogs(chatapi.Query{}, chatapi.AllIDs())
			if err := s.Run(t.Context(), workers, time.Time{}, func(page []chatapi.Dialog) { n += len(page) }); err != nil || n != rows {
				t.Fatalf("%d rows, %v", n, err)
			}
			speed := loop.Seconds() / time.Since(began).Seconds()
			extra := r.server.RequestCounts()[chatapitest.Dialogs] - requests
			t.Logf("%d in flight: %.1f times as fast, %+d requests", workers, speed, extra)
			if speed < faster || float64(extra) > 0.03*float64(requests) {
				t.Errorf("%d in flight: %.1f times as fast, %d more requests than %d", workers, speed, extra, requests)
			}
		}
	})
}

// Under a rate limit a scan has half of it, and wastes none.
func TestSweepUnderRateLimit(t *testing.T) {
	const rows, limit = 20_000, 10.0
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
