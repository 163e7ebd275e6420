package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/export"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a sandbox, a client of it, and a directory to export to.
type bench struct {
	t      *testing.T
	api    *chatapitest.Server
	client *chatapi.Client
	dir    string

	mu   sync.Mutex
	hook func(*http.Request) // called before each request
}

// onRequest replaces the hook.
func (b *bench) onRequest(hook func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hook = hook
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newBench(t *testing.T, seed uint64, dialogs, messages int) *bench {
	t.Helper()
	api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: dialogs, Messages: messages})
	b := &bench{t: t, api: api, dir: t.TempDir()}
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		b.mu.Lock()
		if b.hook != nil {
			b.hook(r)
		}
		b.mu.Unlock()
		return api.Transport().RoundTrip(r)
	})
	b.client = newClient(t, api, 4, transport)
	return b
}

func newClient(t *testing.T, api *chatapitest.Server, concurrency int, transport http.RoundTripper) *chatapi.Client {
	t.Helper()
	c := chatapi.New(chatapi.Config{
		URL: &url.URL{Scheme: "https", Host: "api.test"}, Key: chatapi.KeyValue(chatapi.NewSecret(api.Key())), Concurrency: concurrency, Transport: transport,
	})
	t.Cleanup(c.Close)
	return c
}

// config exports messages into a file.
func (b *bench) config(name string) export.Config {
	return export.Config{
		Client: b.client, Workers: 4, Spans: chatapi.AllIDs(), Name: filepath.Join(b.dir, name),
		Spec: export.Spec{Application: "shop", URL: "https://api.test", List: chatapi.Messages, Format: export.NDJSON, Compression: export.CompressionOf(name)},
	}
}

// run exports, and wants it to succeed.
func (b *bench) run(cfg export.Config) export.Result {
	b.t.Helper()
	e, err := export.Prepare(context.Background(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	defer e.Close()
	result, err := e.Run(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// read gives a file without its compression.
func (b *bench) read(path string) []byte {
	b.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	var out bytes.Buffer
	switch export.CompressionOf(path) {
	case export.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			_, err = out.ReadFrom(r)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	case export.Zstd:
		r, err := zstd.NewReader(bytes.NewReader(data))
		if err == nil {
			_, err = out.ReadFrom(r)
			r.Close()
		}
		if err != nil {
			b.t.Fatal(err)
		}
	default:
		return data
	}
	return out.Bytes()
}

// lines are those of a file, each of which must end.
func (b *bench) lines(path string) []string {
	b.t.Helper()
	text := string(b.read(path))
	if text == "" {
		return nil
	}
	if !strings.HasSuffix(text, "\n") {
		b.t.Fatalf("%s ends in the middle of a line", path)
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// stored are the rows of a list as the API would send them.
func (b *bench) stored(list chatapi.Endpoint) []string {
	truth := b.api.Truth()
	var out []string
	if list == chatapi.Dialogs {
		for _, d := range truth.Dialogs {
			out = append(out, string(d.Row))
		}
		return out
	}
	for _, m := range truth.Messages {
		out = append(out, string(m.Row))
	}
	return out
}

// same wants two lists of rows to hold the same ones, in any order.
func (b *bench) same(got, want []string) {
	b.t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	b.t.Errorf("%d rows are exported, %d are stored", len(got), len(want))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			b.t.Fatalf("row %d:\ngot  %s\nwant %s", i, got[i], want[i])
		}
	}
}

// only wants the directory to hold just these files.
func (b *bench) only(names ...string) {
	b.t.Helper()
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		b.t.Errorf("the directory holds %q, want %q", got, names)
	}
}

func idOf(t *testing.T, line string) string {
	t.Helper()
	var row struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return row.ID
}

const never = 24 * time.Hour
