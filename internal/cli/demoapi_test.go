package cli

import (
	"bufio"
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

// welcomed runs the demo until it has said its welcome, and leaves it running.
func welcomed(t *testing.T, args ...string) (welcome string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, w := io.Pipe()
	var code int
	var running sync.WaitGroup
	running.Go(func() {
		args = append([]string{"demo", "--demo.dialogs=50", "--demo.messages=500", "--demo.weeks=2", "--demo.rate=0", "--web.listen-address=127.0.0.1:0"}, args...)
		code = Run(ctx, args, w, io.Discard)
		_ = w.Close()
	})
	stop = sync.OnceValue(func() int {
		cancel()
		_ = stdout.Close()
		running.Wait()
		return code
	})
	t.Cleanup(func() { stop() })
	var text strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			return text.String(), stop
		}
	}
	t.Fatalf("no welcome; it ended with code %d", stop())
	return "", nil
}

// askForDialogs asks the API for their number.
func askForDialogs(t *testing.T, root, key string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, root+"/admin/chat/list?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("CB-Administration-API-Key", key)
	}
	resp, err := http.DefaultClient.Do(req) // keeps the connection: the end must not wait for it
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

func TestDemoServesItsAPI(t *testing.T) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	welcome, stop := welcomed(t, "--demo.api-listen-address=127.0.0.1:0")
	m := regexp.MustCompile(`Sandbox API +(http://(\S+)) +with the key (\S+)\n`).FindStringSubmatch(welcome)
	if m == nil {
		t.Fatalf("the welcome does not tell where the API is:\n%s", welcome)
	}
	root, address, key := m[1], m[2], m[3]
	if code, body := askForDialogs(t, root, key); code != http.StatusOK || !strings.Contains(body, `"total_entries":50`) {
		t.Errorf("with the key: %d\n%s", code, body)
	}
	if code, _ := askForDialogs(t, root, ""); code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", code)
	}

	// The command line of the welcome works, word for word.
	m = regexp.MustCompile(keyVariable + `=(\S+) ` + Name + ` (check .*)\n`).FindStringSubmatch(welcome)
	if m == nil || m[1] != chatapitest.DefaultKey {
		t.Fatalf("the welcome tells no command to try:\n%s", welcome)
	}
	t.Setenv(keyVariable, m[1])
	if code, stdout, stderr := execute(t, append(strings.Fields(m[2]), "--api.rate-limit=0")...); code != exitDone || !strings.Contains(stdout, "500") {
		t.Errorf("%s: code %d\n%s%s", m[2], code, stdout, stderr)
	}

	if code := stop(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("the API is served after the end")
	}
}

func TestDemoKeepsItsAPIToItself(t *testing.T) {
	t.Parallel()
	if welcome, _ := welcomed(t); strings.Contains(welcome, "Sandbox API") || strings.Contains(welcome, chatapitest.DefaultKey) || strings.Contains(welcome, "\n\n\n") {
		t.Errorf("the welcome speaks of an API that is not served:\n%s", welcome)
	}
}

func TestPortOfTheDemoAPIInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, stdout, stderr := execute(t, "demo", "--web.listen-address=127.0.0.1:0", "--demo.api-listen-address="+l.Addr().String())
	if code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--demo.api-listen-address") || !strings.Contains(stderr, l.Addr().String()) {
		t.Errorf("code %d, %q", code, stderr)
	}
}

func TestAddressOfTheDemoAPI(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":10426", "127.0.0.1:0", "localhost:65535", "[::1]:10426"} {
		if got, err := parseAPIAddress(address); err != nil || got != address {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	for _, address := range []string{"localhost:99999", "localhost:65536", ":-1", ":+1", "localhost:http", "localhost:", "10426", ":1.5", ": 1"} {
		code, stdout, stderr := execute(t, "demo", "--demo.api-listen-address="+address)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "--demo.api-listen-address must look like :10426") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %q", address, code, stderr)
		}
	}
}
