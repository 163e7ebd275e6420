package export_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// TestSixteenAtOnceAreFifteenTimesFaster compares, in simulated time, the export
// at concurrency 16 with the loop of the vendor's documentation, page after page,
// where each reply takes 20 ms. Sixteen times is the limit.
func TestSixteenAtOnceAreFifteenTimesFaster(t *testing.T) {
	t.Parallel()
	const messages = 200_000
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 1000, messages)
		b.slow(20*time.Millisecond, 16)
		loop := func() time.Duration {
			began := time.Now()
			q := chatapi.Query{Sort: chatapi.Sort{Field: "_id", Desc: true}}
			for rows := 0; ; {
				page, err := b.client.Messages(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if rows += len(page.Items); rows == messages {
					return time.Since(began)
				}
				q.Where = []chatapi.Cond{chatapi.ID.Cond(chatapi.Lt, page.Items[len(page.Items)-1].ID)}
			}
		}()
		cfg := b.config("out.ndjson")
		cfg.Workers, cfg.Name = 16, filepath.Join(b.dir, "out.ndjson")
		began := time.Now()
		if result := b.run(cfg); !result.Exact() || result.Rows != messages {
			t.Errorf("%+v", result)
		}
		faster := loop.Seconds() / time.Since(began).Seconds()
		t.Logf("%.1f times faster: %s, not %s", faster, time.Since(began), loop)
		if faster < 15 {
			t.Errorf("only %.1f times faster", faster)
		}
	})
}

// slow gives the bench a client of so many requests in flight, each of which takes
// a time.
func (b *bench) slow(latency time.Duration, concurrency int) {
	b.client = newClient(b.t, b.api, concurrency, roundTrip(func(r *http.Request) (*http.Response, error) {
		time.Sleep(latency)
		return b.api.Transport().RoundTrip(r)
	}))
}
