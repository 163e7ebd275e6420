package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const (
	stateGood  = "connectycube_exporter_state_last_write_successful"
	stateTime  = "connectycube_exporter_state_last_write_success_timestamp_seconds"
	mutingShop = `connectycube_muting_users{application="shop"}`
)

// stateSettings are those of an exporter with a state file in a directory.
func stateSettings(t *testing.T, dir, url, key string) (file string, settings []string) {
	t.Helper()
	file = filepath.Join(dir, "state")
	return file, append([]string{
		"--state.file=" + file, "--api.url=" + url, "--api.key-file=" + write(t, t.TempDir(), "key", key), "--app=shop",
	}, quick...)
}

// readState wants the file to be whole and gives its payload.
func readState(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, payload, _ := strings.Cut(string(content), "\n")
	if !regexp.MustCompile(fmt.Sprintf(`^connectycube_exporter state 1 sha256=[0-9a-f]{64} bytes=%d$`, len(payload))).MatchString(head) {
		t.Errorf("the file begins with %q, and %d bytes follow", head, len(payload))
	}
	return payload
}

func TestTheStateOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t, "state-key")
	file, settings := stateSettings(t, t.TempDir(), url, "state-key")
	first := serve(t, settings...)
	eventually(t, "a full scan, and its state", func() bool { return first.metric(mutingShop) != "" && first.metric(stateGood) == "1" })
	if first.metric(stateTime) == "" {
		t.Error("no time of the write")
	}
	muting := first.metric(mutingShop)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	polled := func() string {
		return first.metric(`connectycube_collector_last_success_timestamp_seconds{application="shop",collector="totals"}`)
	}
	before := polled()
	eventually(t, "a poll that is news for the state", func() bool { return polled() != before })
	if code := first.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	payload := readState(t, file) // SIGTERM wrote it
	if !strings.Contains(payload, url) || strings.Contains(payload, "state-key") {
		t.Errorf("the state: %s", payload)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}

	api.Inject(chatapitest.Fault{Kind: chatapitest.Reset})
	second := serve(t, settings...)
	if got := second.metric(mutingShop); got != muting {
		t.Errorf("%q muting users on the first scrape, although the API is dead, want %s", got, muting)
	}
	if log := second.logged(); strings.Contains(log, "anew") {
		t.Errorf("the state was not taken in: %s", log)
	}
}

func TestTwoInstancesWithOneState(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	file, settings := stateSettings(t, t.TempDir(), url, "k")
	first := serve(t, settings...)
	code, _, stderr := runProgram(t, nil, append(settings, "--web.listen-address=127.0.0.1:0")...)
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--state.file: cannot use "+file+": another process uses the file") {
		t.Errorf("code %d, %q", code, stderr)
	}
	// A check beside a running exporter is what people do.
	if code, _, stderr := runProgram(t, nil, append([]string{"check"}, settings...)...); code != 0 {
		t.Errorf("check: code %d, %q", code, stderr)
	}
	// The lock goes with the process, however that ends.
	first.kill()
	serve(t, settings...)
}

func TestAStateThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	for name, content := range map[string]string{
		"empty":           "",
		"damaged":         "connectycube_exporter state 1 sha256=00 bytes=2\n{}",
		"another version": "connectycube_exporter state 9 zstd\n\x28\xb5\x2f\xfd",
		"another file":    "apps:\n- name: shop\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, settings := stateSettings(t, dir, url, "k")
			write(t, dir, "state", content)
			p := serve(t, settings...)
			eventually(t, "a full scan, and its state", func() bool { return p.metric(mutingShop) != "" && p.metric(stateGood) == "1" })
			warnings := regexp.MustCompile(`(?m)^level=warn .*$`).FindAllString(p.logged(), -1)
			if len(warnings) != 1 || !strings.Contains(warnings[0], "the state file cannot be used") || !strings.Contains(warnings[0], file) {
				t.Errorf("warnings: %q", warnings)
			}
			readState(t, file)
			if aside, err := os.ReadFile(file + ".unusable"); err != nil || string(aside) != content {
				t.Errorf("set aside: %q, %v", aside, err)
			}
		})
	}
}

// A disk that fails costs the state and nothing else, and heals.
func TestAStateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file, settings := stateSettings(t, dir, url, "k")
	p := serve(t, append(settings, "--scan.interval=1s", "--scan.full-interval=1s")...)
	eventually(t, "a state", func() bool { return p.metric(stateGood) == "1" })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a write that fails", func() bool { return p.metric(stateGood) == "0" })
	if p.metric(mutingShop) == "" || p.metric(stateTime) == "" {
		t.Error("values are gone with the disk")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a state again", func() bool { return p.metric(stateGood) == "1" })
	if n := strings.Count(p.logged(), "the state cannot be written"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	readState(t, file)
}

func TestNoStateWithoutItsFlag(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	p := serve(t, append(quick, "--api.url="+url, "--api.key-file="+write(t, t.TempDir(), "key", "k"))...)
	if _, metrics := p.get("/metrics"); strings.Contains(metrics, "connectycube_exporter_state_") {
		t.Error("it has metrics of a state file")
	}
}
