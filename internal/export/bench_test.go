package export_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/export"
)

const benchRows = 500_000

// benchServer is a sandbox behind a real connection, whose replies take latency.
func benchServer(b *testing.B, latency time.Duration) (client func(concurrency int) *chatapi.Client) {
	b.Helper()
	api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 1000, Messages: benchRows})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		api.ServeHTTP(w, r)
	}))
	b.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		b.Fatal(err)
	}
	return func(concurrency int) *chatapi.Client {
		c := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(api.Key())), Concurrency: concurrency, Timeout: time.Minute})
		b.Cleanup(c.Close)
		return c
	}
}

func exportOnce(b *testing.B, client *chatapi.Client, workers int, name string) {
	b.Helper()
	cfg := export.Config{
		Client: client, Workers: workers, Spans: chatapi.AllIDs(), Name: name, Force: true,
		Spec: export.Spec{List: chatapi.Messages, Format: export.NDJSON, Compression: export.CompressionOf(name)},
	}
	e, err := export.Prepare(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	if result, err := e.Run(b.Context()); err != nil || result.Rows != benchRows {
		b.Fatalf("%+v: %v", result, err)
	}
}

// oneByOne is the loop of the vendor's documentation, as it would write the rows.
func oneByOne(b *testing.B, client *chatapi.Client, name string) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	q := chatapi.Query{Sort: chatapi.Sort{Field: "_id", Desc: true}}
	for rows := 0; rows < benchRows; {
		page, err := client.RawMessages(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range page.Items {
			_, _ = out.Write(append(row.JSON, '\n'))
		}
		rows += len(page.Items)
		q.Where = []chatapi.Cond{chatapi.ID.Cond(chatapi.Lt, page.Items[len(page.Items)-1].ID)}
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSideBySide compares, in one run, the export at concurrency 16 with
// reading page after page, where each reply takes 20 ms. Some two minutes.
func BenchmarkSideBySide(b *testing.B) {
	client := benchServer(b, 20*time.Millisecond)
	dir := b.TempDir()
	for b.Loop() {
		began := time.Now()
		exportOnce(b, client(16), 16, filepath.Join(dir, "many"))
		many := time.Since(began)
		began = time.Now()
		oneByOne(b, client(1), filepath.Join(dir, "one"))
		b.ReportMetric(time.Since(began).Seconds()/many.Seconds(), "times-faster")
		b.ReportMetric(benchRows/many.Seconds(), "rows/s")
	}
}

// BenchmarkExport has no latency: what the program itself takes. The heap is
// that of the sandbox, too, which is taken away.
func BenchmarkExport(b *testing.B) {
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		b.Run(name, func(b *testing.B) {
			client := benchServer(b, 0)
			dir := b.TempDir()
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			peak := watchHeap(b)
			for b.Loop() {
				exportOnce(b, client(16), 16, filepath.Join(dir, name))
			}
			b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(peak()-before.HeapAlloc)/(1<<20), "MiB-peak")
		})
	}
}

// watchHeap looks at the heap until the peak is asked for.
func watchHeap(b *testing.B) (peak func() uint64) {
	b.Helper()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	var most uint64
	watching.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	return func() uint64 {
		close(stop)
		watching.Wait()
		return most
	}
}
