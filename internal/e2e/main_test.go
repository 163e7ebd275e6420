package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// patience is how long a test waits for what must come. It is spent only when
// the test fails.
const patience = 60 * time.Second

var binary string // of the program, built once

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectycube_exporter")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "connectycube_exporter")
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", binary, "../..")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// sandbox is an API with some history on a port of its own.
func sandbox(t *testing.T, key string) (*chatapitest.Server, string) {
	t.Helper()
	api := chatapitest.New(chatapitest.Config{Seed: 11, Dialogs: 40, Messages: 400, Weeks: 2, Key: key})
	srv := httptest.NewServer(api)
	t.Cleanup(func() {
		api.ClearFaults()
		srv.CloseClientConnections()
		srv.Close()
	})
	return api, srv.URL
}

// write puts a file into a directory of the test.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environment is that of the tests without settings of the program.
func environment(more ...string) []string {
	var out []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "CONNECTYCUBE_") {
			out = append(out, entry)
		}
	}
	return append(out, more...)
}

// runProgram runs the program to its end.
func runProgram(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, environment(env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// program is one that serves.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	root    string       // URL
	client  *http.Client // for root
	address chan string
	ended   chan struct{}
	killed  bool // by the test

	mu  sync.Mutex
	log bytes.Buffer // standard error
}

// serve starts the program on a free port and waits until it serves. It must
// end well when the test does.
func serve(t *testing.T, args ...string) *program {
	t.Helper()
	return serveCommand(t, exec.Command(binary, append(args, "--web.listen-address=127.0.0.1:0")...))
}

func serveCommand(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{
		t: t, cmd: cmd, address: make(chan string, 1), ended: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience},
	}
	cmd.Env = environment(cmd.Env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		if code := p.stop(); code != 0 && !p.killed {
			t.Errorf("the program ended with code %d", code)
		}
		if t.Failed() {
			t.Logf("the program logged:\n%s", p.logged())
		}
	})
	select {
	case a := <-p.address:
		p.root = "http://" + a
	case <-p.ended:
		t.Fatalf("the program ended:\n%s", p.logged())
	case <-time.After(patience):
		t.Fatal("the program does not serve")
	}
	return p
}

func (p *program) read(stderr io.Reader) {
	defer close(p.ended)
	serving := regexp.MustCompile(`msg="polling and serving".* addresses=(\S+)`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		p.mu.Lock()
		fmt.Fprintln(&p.log, lines.Text())
		p.mu.Unlock()
		if m := serving.FindStringSubmatch(lines.Text()); m != nil {
			p.address <- m[1]
		}
	}
}

func (p *program) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stop asks the program to end and gives its exit code. It may be called again.
func (p *program) stop() int {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
		<-p.ended
		_ = p.cmd.Wait()
		late.Stop()
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the program with no time to do anything.
func (p *program) kill() {
	p.t.Helper()
	p.killed = true
	p.signal(syscall.SIGKILL)
	<-p.ended
	_ = p.cmd.Wait()
}

// get asks for a page.
func (p *program) get(path string) (int, string) {
	p.t.Helper()
	return p.ask(http.MethodGet, path, nil)
}

func (p *program) ask(method, path string, change func(*http.Request)) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.root+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric finds a line of /metrics and gives its value, or "" without one.
func (p *program) metric(series string) string {
	p.t.Helper()
	_, body := p.get("/metrics")
	return value(body, series)
}

func value(metrics, series string) string {
	for line := range strings.Lines(metrics) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// eventually waits for what the program does in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("this did not come to be: " + what)
		}
	}
}
