package export

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// fullDisk takes so many bytes, and the beginning of what does not fit.
type fullDisk struct {
	w    io.Writer
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.w.Write(p)
	}
	n, err := d.w.Write(p[:d.room])
	d.room = 0
	return n, errors.Join(err, &os.PathError{Op: "write", Path: "out", Err: syscall.ENOSPC})
}

// TestAFullDisk ends with one error, keeps what was written whole, and goes on
// from there once there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 100, Messages: 12_000})
		client := chatapi.New(chatapi.Config{
			URL: &url.URL{Scheme: "https", Host: "api.test"}, Key: chatapi.KeyValue(chatapi.NewSecret(api.Key())), Transport: api.Transport(),
		})
		t.Cleanup(client.Close)
		cfg := Config{
			Client: client, Workers: 3, Spans: chatapi.AllIDs(), Name: filepath.Join(t.TempDir(), name), Resume: true, Checkpoint: 1,
			Spec: Spec{List: chatapi.Messages, Format: NDJSON, Compression: CompressionOf(name)},
		}
		full := 0
		for {
			e, err := Prepare(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			e.output.count.w = &fullDisk{w: e.part, room: 300_000}
			result, err := e.Run(t.Context())
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				if !result.Exact() || result.Rows != 12_000 {
					t.Errorf("%s: %+v", name, result)
				}
				break
			}
			var failed WriteError
			if !errors.As(err, &failed) || !errors.Is(err, syscall.ENOSPC) || strings.Count(err.Error(), "no space left") != 1 {
				t.Fatalf("%s: %v", name, err)
			}
			if full++; full > 100 {
				t.Fatal("no progress")
			}
		}
		if full == 0 {
			t.Errorf("%s: the disk was never full", name)
		}
	}
}
