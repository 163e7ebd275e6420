package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// running is a program that serves.
type running struct {
	root   string // URL
	stdout *bytes.Buffer
	stop   func() int // ends it and gives its exit code
}

// serveInBackground runs the program until it says where it listens, and
// leaves it running.
func serveInBackground(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	logs, w := io.Pipe()
	r := &running{stdout: &bytes.Buffer{}}
	address := make(chan string, 1)
	var log bytes.Buffer
	var wg sync.WaitGroup
	wg.Go(func() {
		started := regexp.MustCompile(`msg="polling and serving".* addresses=(\S+)`)
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if m := started.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		close(address)
	})
	var code int
	wg.Go(func() {
		code = Run(ctx, append(args, "--web.listen-address=127.0.0.1:0"), r.stdout, w)
		_ = w.Close()
	})
	r.stop = sync.OnceValue(func() int {
		cancel()
		wg.Wait()
		return code
	})
	t.Cleanup(func() { r.stop() })
	a, ok := <-address
	if !ok {
		t.Fatalf("it ended with code %d:\n%s", r.stop(), log.String())
	}
	r.root = "http://" + a
	return r
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServe(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t)
	key := write(t, "key", chatapitest.DefaultKey)
	r := serveInBackground(t, "--api.url="+url, "--api.key-file="+key, "--app=shop", "--web.telemetry-path=/prom")
	for path, want := range map[string]string{
		"/":          "shop",
		"/prom":      `connectycube_up{application="shop"}`,
		"/-/healthy": "is healthy",
		"/-/ready":   "is ready",
	} {
		if code, body := get(t, r.root+path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q:\n%s", path, code, want, body)
		}
	}
	if code := r.stop(); code != exitDone {
		t.Errorf("exit code %d after the stop", code)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := write(t, "key", "k")
	free := "127.0.0.1:0"
	code, _, stderr := execute(t, "--api.key-file="+key, "--web.listen-address="+free, "--web.listen-address="+l.Addr().String())
	if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--web.listen-address") || !strings.Contains(stderr, l.Addr().String()) {
		t.Errorf("code %d, %q", code, stderr)
	}
}

func TestDemoSaysWhereToLook(t *testing.T) {
	t.Parallel()
	r := serveInBackground(t, "demo", "--demo.dialogs=50", "--demo.messages=500", "--demo.weeks=2", "--demo.seed=3")
	_, page := get(t, r.root+"/")
	if !strings.Contains(page, "Generated data") || !strings.Contains(page, ">demo ") {
		t.Errorf("the page does not say that it is a demo:\n%s", page)
	}
	if code := r.stop(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	welcome := r.stdout.String()
	for _, want := range []string{r.root + "/", r.root + "/metrics", "50 dialogs", "500 messages", "2 weeks", "1. ", "2. ", "3. ", "Ctrl-C"} {
		if !strings.Contains(welcome, want) {
			t.Errorf("%q is not in the welcome:\n%s", want, welcome)
		}
	}
}

// The demo's cadence is its own, unless the user wants another.
func TestDemoKeepsWhatTheUserSet(t *testing.T) {
	t.Parallel()
	r := serveInBackground(t, "demo", "--demo.dialogs=50", "--demo.messages=500", "--demo.weeks=2", "--poll.interval=7m", "--scan.interval=90s", "--api.rate-limit=9", "--app=mine")
	_, metrics := get(t, r.root+"/metrics")
	for _, want := range []string{
		`connectycube_collector_interval_seconds{application="mine",collector="totals"} 420`,
		`connectycube_collector_interval_seconds{application="mine",collector="mutes"} 90`,
		`connectycube_api_rate_limit_requests_per_second{application="mine"} 9`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
}
