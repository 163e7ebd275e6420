package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// quick is a cadence at which tests need not wait long.
var quick = []string{"--poll.interval=1s", "--api.rate-limit=0"}

func TestTwoInstancesOnOnePort(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	key := write(t, t.TempDir(), "key", "k")
	first := serve(t, "--api.url="+url, "--api.key-file="+key)
	address := strings.TrimPrefix(first.root, "http://")
	code, _, stderr := runProgram(t, nil, "--api.url="+url, "--api.key-file="+key, "--web.listen-address="+address)
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "address already in use") || !strings.Contains(stderr, "--web.listen-address") {
		t.Errorf("code %d, %q", code, stderr)
	}
	if code, _ := first.get("/-/ready"); code != http.StatusOK {
		t.Errorf("the first instance answers %d", code)
	}
}

func TestTheKeyIsRotatedInItsFile(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t, "first-key")
	dir := t.TempDir()
	key := write(t, dir, "key", "first-key\n")
	p := serve(t, append(quick, "--api.url="+url, "--api.key-file="+key, "--app=shop", "--log.level=debug")...)
	up := func() string { return p.metric(`connectycube_up{application="shop"}`) }
	eventually(t, "up", func() bool { return up() == "1" })

	api.SetKey("second-key")
	eventually(t, "down, since the key is refused", func() bool { return up() == "0" })
	if code, _ := p.get("/-/ready"); code != http.StatusOK {
		t.Errorf("ready answers %d while the vendor refuses the key", code)
	}

	write(t, dir, "key", "second-key\n")
	eventually(t, "up with the new key", func() bool { return up() == "1" })

	_, metrics := p.get("/metrics")
	_, page := p.get("/")
	for what, text := range map[string]string{"metrics": metrics, "status page": page, "log": p.logged()} {
		if strings.Contains(text, "first-key") || strings.Contains(text, "second-key") {
			t.Errorf("the %s shows the key", what)
		}
	}
}

func TestTheVendorIsDeadAtTheStart(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t, "k")
	api.Inject(chatapitest.Fault{Kind: chatapitest.Reset})
	key := write(t, t.TempDir(), "key", "k")
	p := serve(t, append(quick, "--api.url="+url, "--api.key-file="+key, "--app=shop")...)
	up := func() string { return p.metric(`connectycube_up{application="shop"}`) }
	eventually(t, "a request that failed", func() bool { return len(api.Requests()) > 0 })
	for path, want := range map[string]int{"/-/healthy": 200, "/-/ready": 200, "/": 200, "/metrics": 200} {
		if code, body := p.get(path); code != want {
			t.Errorf("%s answers %d:\n%s", path, code, body)
		}
	}
	if up() != "0" {
		t.Error("up, although the vendor is dead")
	}
	if got := p.metric(`connectycube_messages{application="shop"}`); got != "" {
		t.Errorf("%s messages, of which nothing can be known", got)
	}

	api.ClearFaults()
	eventually(t, "up", func() bool { return up() == "1" })
	eventually(t, "messages", func() bool { return p.metric(`connectycube_messages{application="shop"}`) == "400" })
}

func TestTheProgramEndsWhileTheAPIHangs(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		api, url := sandbox(t, "k")
		api.Inject(chatapitest.Fault{Kind: chatapitest.Hang})
		key := write(t, t.TempDir(), "key", "k")
		p := serve(t, append(quick, "--api.url="+url, "--api.key-file="+key, "--api.timeout=1h")...)
		eventually(t, "a request that hangs", func() bool { return len(api.Requests()) > 0 })

		start := time.Now()
		p.signal(s)
		<-p.ended
		if code, took := p.stop(), time.Since(start); code != 0 || took > 10*time.Second {
			t.Errorf("%v: exit code %d after %v", s, code, took)
		}
	}
}

func TestTheEnvironmentConfigures(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "env-key")
	cmd := exec.Command(binary)
	cmd.Env = []string{"CONNECTYCUBE_API_KEY=env-key", "CONNECTYCUBE_EXPORTER_API_URL=" + url, "CONNECTYCUBE_EXPORTER_APP=shop",
		"CONNECTYCUBE_EXPORTER_WEB_LISTEN_ADDRESS=127.0.0.1:0", "CONNECTYCUBE_EXPORTER_LOG_FORMAT=logfmt"}
	p := serveCommand(t, cmd)
	eventually(t, "up", func() bool { return p.metric(`connectycube_up{application="shop"}`) == "1" })
}

func TestTheDemoMoves(t *testing.T) {
	t.Parallel()
	start := time.Now()
	p := serve(t, "demo", "--demo.rate=20", "--demo.messages=5000", "--demo.dialogs=200")
	t.Logf("serving after %v", time.Since(start))
	messages := func() string { return p.metric(`connectycube_messages{application="demo"}`) }
	eventually(t, "messages", func() bool { return messages() != "" })
	before := messages()
	eventually(t, "more messages", func() bool { return messages() != before })
	code, body := p.get("/?refresh=5")
	if code != http.StatusOK || !strings.Contains(body, "Generated data") {
		t.Errorf("the page answers %d:\n%s", code, body)
	}
}

// Wrong settings are tried one by one in internal/cli; here is what only the
// binary can show.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	key := write(t, t.TempDir(), "key", "k")
	for name, c := range map[string]struct {
		env    []string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"version":                       {nil, []string{"--version"}, 0, "connectycube_exporter, version ", ""},
		"help":                          {nil, []string{"--help"}, 0, "usage: connectycube_exporter", ""},
		"nothing configured":            {nil, nil, 2, "", "connectycube_exporter demo"},
		"@file is not read":             {nil, []string{"@" + key}, 2, "", "unexpected argument"},
		"a wrong variable":              {[]string{"CONNECTYCUBE_EXPORTER_POLL_INTERVAL=0s"}, nil, 2, "", "CONNECTYCUBE_EXPORTER_POLL_INTERVAL"},
		"an image that has its version": {[]string{"CONNECTYCUBE_EXPORTER_VERSION=1.2.3"}, []string{"--version"}, 0, "connectycube_exporter, version ", ""},
		"a missing key file":            {nil, []string{"--api.key-file=/nowhere"}, 2, "", "/nowhere"},
		"a missing configuration":       {nil, []string{"--config.file=/nowhere"}, 2, "", "/nowhere"},
		"nobody to be healthy":          {nil, []string{"healthcheck", "--web.listen-address=127.0.0.1:1"}, 1, "", "not healthy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runProgram(t, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, want %d\nstdout %q\nstderr %q", code, c.code, stdout, stderr)
			}
			if c.code == 0 && stderr != "" || c.code != 0 && (stdout != "" || strings.Count(stderr, "\n") != 1) {
				t.Errorf("stdout %q\nstderr %q", stdout, stderr)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "right-key")
	dir := t.TempDir()
	right, wrong := write(t, dir, "right", "right-key"), write(t, dir, "wrong", "wrong-key")
	for name, c := range map[string]struct {
		url, key string
		code     int
		want     []string
	}{
		"right key": {url, right, 0, []string{"GOOD", "400, the newest", "proven on known rows"}},
		"wrong key": {url, wrong, 1, []string{"FAILED", "401", "--api.key-file"}},
		"dead host": {"http://127.0.0.1:1", right, 1, []string{"FAILED", "connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runProgram(t, nil, "check", "--api.url="+c.url, "--api.key-file="+c.key, "--api.rate-limit=0")
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
			if all := stdout + stderr; strings.Contains(all, "right-key") || strings.Contains(all, "wrong-key") {
				t.Errorf("the key is shown:\n%s", all)
			}
		})
	}
}
