//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// slowSandbox is a sandbox whose replies take their time.
func slowSandbox(t *testing.T, latency time.Duration, cfg chatapitest.Config) (*chatapitest.Server, string) {
	t.Helper()
	api := chatapitest.New(cfg)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return api, srv.URL
}

// TestExportKilledAtRandomMoments kills exports fifty times, while messages are
// created and deleted, and resumes them each time. In the end each message that
// was there all the time is in the file once, with the bytes that are stored.
func TestExportKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file     string
		args     []string
		messages int
		kills    int
	}{
		{"messages.ndjson", nil, 180_000, 35},
		{"messages.ndjson.gz", []string{"--sort=-created_at"}, 40_000, 15},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			killExport(t, test.file, test.args, test.messages, test.kills)
		})
	}
}

func killExport(t *testing.T, file string, args []string, messages, kills int) {
	api, url := slowSandbox(t, 20*time.Millisecond, chatapitest.Config{Seed: 9, Dialogs: 300, Messages: messages})
	before := api.Truth()
	gone := map[string]bool{}
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if victim := before.Messages[rand.IntN(len(before.Messages))].ID; i%2 == 0 && !gone[victim] {
				gone[victim] = true
				api.DeleteMessage(victim)
			} else {
				api.CreateMessage(chatapitest.MessageSpec{DialogID: before.Dialogs[0].ID, CreatedAt: time.Now()})
			}
		}
	})
	dir := t.TempDir()
	out := filepath.Join(dir, file)
	export := func() *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"export", "messages", "--api.url=" + url, "--api.rate-limit=0", "--api.concurrency=1", "--output=" + out, "--resume"}, args...)...)
		cmd.Env = []string{"CONNECTYCUBE_API_KEY=" + api.Key()}
		return cmd
	}
	for range kills {
		cmd := export()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(1400 * time.Millisecond))
		_ = cmd.Process.Kill() // or it has ended
		_ = cmd.Wait()
	}
	if said, err := export().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	close(stop)
	traffic.Wait()

	stored := map[string][]byte{}
	for _, m := range before.Messages {
		stored[m.ID] = m.Row
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(unpacked(t, out)) {
		var row struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if seen[row.ID] {
			t.Fatalf("%s came twice", row.ID)
		}
		seen[row.ID] = true
		if want, ok := stored[row.ID]; ok && !bytes.Equal(bytes.TrimSuffix(line, []byte("\n")), want) {
			t.Fatalf("%s is %s, not %s", row.ID, line, want)
		}
	}
	for id := range stored {
		if !gone[id] && !seen[id] {
			t.Errorf("%s is missing", id)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, left over: %v", err, entries)
	}
}

// unpacked is what the standard library makes of a file.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	if !strings.HasSuffix(path, ".gz") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExportTakesLittleMemory holds the whole program to 64 MiB, sorted or not,
// with many pages in flight and many more rows than would fit.
func TestExportTakesLittleMemory(t *testing.T) {
	t.Parallel()
	api, url := slowSandbox(t, 0, chatapitest.Config{Seed: 1, Dialogs: 1000, Messages: 500_000})
	for _, args := range [][]string{{"--output=plain.ndjson"}, {"--output=packed.csv.zst", "--format=csv"}, {"--output=sorted.ndjson.gz", "--sort=-created_at"}} {
		cmd := exec.Command(binary, append([]string{"export", "messages", "--api.url=" + url, "--api.rate-limit=0", "--api.concurrency=16"}, args...)...)
		cmd.Env, cmd.Dir = []string{"CONNECTYCUBE_API_KEY=" + api.Key()}, t.TempDir()
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		most, err := peak(cmd.Process.Pid, ended)
		if err != nil || !strings.Contains(said.String(), "as many as the API counts") {
			t.Fatalf("%v: %s", err, &said)
		}
		if t.Logf("%v took %d MiB", args, most>>20); most > 64<<20 || most == 0 {
			t.Errorf("%v took %d MiB", args, most>>20)
		}
	}
}

// peak watches the memory of a process until it has ended. (What the system says
// of it afterwards holds that of the process that started it, too.)
func peak(pid int, ended <-chan error) (most int64, err error) {
	high := regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
	for {
		select {
		case err := <-ended:
			return most, err
		case <-time.After(10 * time.Millisecond):
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if m := high.FindSubmatch(status); m != nil {
				kilobytes, _ := strconv.ParseInt(string(m[1]), 10, 64)
				most = max(most, kilobytes<<10)
			}
		}
	}
}
