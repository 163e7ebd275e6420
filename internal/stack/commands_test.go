package stack

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

const patience = time.Minute

// program is the exporter, built of the sources as they are.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "connectycube_exporter")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	cmd.Dir, cmd.Env = repository, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// command is a container's, on this machine: it listens where there is room,
// and has no other environment than that of its service.
func command(ctx context.Context, binary string, args []string, service types.ServiceConfig, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = []string{"CONNECTYCUBE_EXPORTER_WEB_LISTEN_ADDRESS=127.0.0.1:0"}
	for name, v := range service.Environment {
		if v != nil {
			cmd.Env = append(cmd.Env, name+"="+*v)
		}
	}
	cmd.Env = append(cmd.Env, more...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}

// replace gives a flag, which must be there, another value, and returns the one
// that it had.
func replace(t *testing.T, args []string, name, value string) (was string) {
	t.Helper()
	i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+name+"=") })
	if i < 0 {
		t.Fatalf("%q has no --%s", args, name)
	}
	was = strings.TrimPrefix(args[i], "--"+name+"=")
	args[i] = "--" + name + "=" + value
	return was
}

// serving runs a server until it has said what matches last, and leaves it
// running. It must end well when the test has ended, and not be killed by it.
func serving(t *testing.T, cmd *exec.Cmd, last string) (said string) {
	t.Helper()
	out, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		_ = w.Close()
	}()
	wanted := regexp.MustCompile(last)
	var text strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if !wanted.MatchString(lines.Text()) {
			continue
		}
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			_, _ = io.Copy(io.Discard, out)
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Signal(os.Interrupt)
			if err := <-ended; err != nil {
				t.Errorf("%s ended: %v", cmd, err)
			}
			<-drained
		})
		return text.String()
	}
	t.Fatalf("%s: %v\n%s", cmd, <-ended, text.String())
	return ""
}

// parses tells whether the program serves with the arguments, with files of the
// test in place of those of the container.
func parses(t *testing.T, args []string, files map[string]string) {
	t.Helper()
	api := httptest.NewServer(chatapitest.New(chatapitest.Config{Dialogs: 5, Messages: 50}))
	t.Cleanup(api.Close)
	args = slices.Clone(args)
	for name, want := range files {
		path := filepath.Join(t.TempDir(), "file")
		if name == "api.key-file" {
			if err := os.WriteFile(path, []byte(chatapitest.DefaultKey), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if was := replace(t, args, name, path); was != want {
			t.Errorf("--%s is %s, want %s", name, was, want)
		}
	}
	serving(t, command(context.WithoutCancel(t.Context()), program(t), args, types.ServiceConfig{}, "CONNECTYCUBE_EXPORTER_API_URL="+api.URL), "polling and serving")
}

// pastOf runs a backfill as its service does, twice.
func pastOf(t *testing.T, binary string, args []string, service types.ServiceConfig, more ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "past.om")
	if was := replace(t, args, "output", output); was != "/data/past.om" {
		t.Errorf("the past is written to %s, and awaited in /data/past.om", was)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if out, err := command(ctx, binary, args, service, more...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	past, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(ctx, binary, args, service, more...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "nothing to resume") {
		t.Errorf("the second time: %v\n%s", err, out)
	}
	return string(past)
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// wait asks for the metrics until one is there.
func wait(t *testing.T, url, metric string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(get(t, url), metric); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s never showed %s", url, metric)
		}
	}
}

// The commands of the demo, on this machine: the exporter serves its API, and
// backfill writes the past of the application that the exporter shows.
func TestCommandsOfTheDemo(t *testing.T) {
	p, binary := projects(t)["demo"], program(t)
	exporter, fill := p.Services["exporter"], p.Services["backfill"]
	args := slices.Concat(exporter.Command, []string{"--demo.dialogs=300", "--demo.messages=9000"})
	_, port, _ := strings.Cut(replace(t, args, "demo.api-listen-address", "127.0.0.1:0"), ":")
	said := serving(t, command(context.WithoutCancel(t.Context()), binary, args, exporter), "^Ctrl-C")
	m := regexp.MustCompile(`(?s)Metrics +(http://\S+).*Sandbox API +(http://\S+)`).FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("it does not say where it listens:\n%s", said)
	}
	wait(t, m[1], `connectycube_messages{application="demo"}`)

	args = slices.Clone(fill.Command)
	if was := replace(t, args, "api.url", m[2]); was != "http://exporter:"+port {
		t.Errorf("backfill asks %s, the exporter serves its API at the port %s", was, port)
	}
	if past := pastOf(t, binary, args, fill); !strings.Contains(past, `connectycube_messages{application="demo",instance="exporter:10425",job="connectycube"} `) {
		t.Errorf("the past is of something else: %.300s", past)
	}
}

// The same with a key. What a user may set for both is in the environment of
// both.
func TestCommandsWithAKey(t *testing.T) {
	api := httptest.NewServer(chatapitest.New(chatapitest.Config{Dialogs: 50, Messages: 900}))
	t.Cleanup(api.Close)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(chatapitest.DefaultKey), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := load(t, []string{
		keyFile + "=" + key, "CONNECTYCUBE_EXPORTER_APP=shop", "CONNECTYCUBE_EXPORTER_API_URL=" + api.URL,
		"CONNECTYCUBE_EXPORTER_ACTIVITY_TIME_ZONE=Europe/Kyiv", "CONNECTYCUBE_EXPORTER_API_RATE_LIMIT=1000",
	}, "compose.yaml", "compose.real.yaml")
	if err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	exporter, fill := p.Services["exporter"], p.Services["backfill"]
	const variable = "CONNECTYCUBE_EXPORTER_API_KEY_FILE"
	for _, s := range []types.ServiceConfig{exporter, fill} {
		if v := s.Environment[variable]; v == nil || hostPath(p, s, *v) != key {
			t.Errorf("%s: the key is read from %v", s.Name, v)
		}
		s.Environment[variable] = &key
	}
	if limit := exporter.Environment["CONNECTYCUBE_EXPORTER_API_RATE_LIMIT"]; limit == nil || *limit != "1000" || flagOf(t, fill, "api.rate-limit") != "1000" {
		t.Errorf("of a rate limit of 1000, the exporter has %v, backfill %s", limit, flagOf(t, fill, "api.rate-limit"))
	}
	if limit := flagOf(t, projects(t)["real"].Services["backfill"], "api.rate-limit"); limit != "1" {
		t.Errorf("backfill asks %s times a second, beside the exporter", limit)
	}

	// docker compose run --rm exporter check
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if out, err := command(ctx, binary, []string{"check"}, exporter).CombinedOutput(); err != nil || !strings.Contains(string(out), "900") {
		t.Errorf("check: %v\n%s", err, out)
	}
	if was := replace(t, exporter.Command, "state.file", filepath.Join(t.TempDir(), "state")); !strings.HasPrefix(was, "/data/") {
		t.Errorf("the state is kept in %s", was)
	}
	said := serving(t, command(context.WithoutCancel(t.Context()), binary, exporter.Command, exporter), "polling and serving")
	m := regexp.MustCompile(`addresses=(\S+)`).FindStringSubmatch(said)
	if m == nil {
		t.Fatal(said)
	}
	wait(t, "http://"+m[1]+"/metrics", `connectycube_messages{application="shop"}`)
	if past := pastOf(t, binary, fill.Command, fill); !strings.Contains(past, `connectycube_messages{application="shop",instance="exporter:10425",job="connectycube"} `) {
		t.Errorf("the past is of something else: %.300s", past)
	}
}

// The script of the service history waits for the past, takes it in whole, and
// does so once.
func TestHistory(t *testing.T) {
	root := t.TempDir()
	data, tsdb := filepath.Join(root, "data"), filepath.Join(root, "prometheus")
	s := projects(t)["demo"].Services["history"]
	if len(s.Command) != 1 || !slices.Equal(s.Entrypoint, []string{"/bin/sh", "-euc"}) {
		t.Fatalf("it runs %q %q", s.Entrypoint, s.Command)
	}
	script := s.Command[0]
	for in, out := range map[string]string{"/data/": data + "/", "/prometheus/": tsdb + "/"} {
		if !strings.Contains(script, in) {
			t.Errorf("the script does not know %s", in)
		}
		script = strings.ReplaceAll(script, in, out)
	}
	left := filepath.Join(tsdb, "history", "01ARZ3NDEKTSV4RRFFQ69G5FAV") // of a run that was interrupted
	for _, dir := range []string{data, left} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, s.Entrypoint[0], append(s.Entrypoint[1:], script)...)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(promtool.Path(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
		return cmd
	}
	first := run()
	var out strings.Builder
	first.Stdout, first.Stderr = &out, &out
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if entries, err := os.ReadDir(tsdb); err != nil || len(entries) != 1 {
		t.Errorf("it does not wait: %v, %v", entries, err)
	}
	past := "# TYPE a gauge\na 1 1700000000\na 2 1700003600\n# EOF\n"
	if err := os.WriteFile(filepath.Join(data, "past.tmp"), []byte(past), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(data, "past.tmp"), filepath.Join(data, "past.om")); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	names := func() (names []string) {
		t.Helper()
		entries, err := os.ReadDir(tsdb)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	after := names()
	if len(after) != 2 || !regexp.MustCompile(`^[0-9A-Z]{26}$`).MatchString(after[0]) || after[0] == filepath.Base(left) || after[1] != "history.done" {
		t.Errorf("it leaves %q\n%s", after, out.String())
	}
	if _, err := os.Stat(filepath.Join(tsdb, after[0], "meta.json")); err != nil {
		t.Error(err)
	}
	text, err := run().CombinedOutput()
	if again := names(); err != nil || !slices.Equal(again, after) || !strings.Contains(string(text), "already") {
		t.Errorf("the second time: %v, %q\n%s", err, again, text)
	}

	// A past that was written since is taken in beside it.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(data, "past.om"), later, later); err != nil {
		t.Fatal(err)
	}
	text, err = run().CombinedOutput()
	if again := names(); err != nil || len(again) != 3 || !slices.Contains(again, after[0]) {
		t.Errorf("written anew: %v, %q\n%s", err, again, text)
	}
}
