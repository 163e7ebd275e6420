package cli

import (
	"bytes"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

// fakeFile notes what is written.
type fakeFile struct {
	sync.Mutex
	content  []byte
	readErr  error
	written  []string
	writeErr error
	hang     chan struct{} // writes wait for its end
}

func (f *fakeFile) Read() ([]byte, error) { return f.content, f.readErr }

func (f *fakeFile) Write(payload []byte) error {
	if f.hang != nil {
		<-f.hang
	}
	f.Lock()
	defer f.Unlock()
	if f.writeErr == nil {
		f.written = append(f.written, string(payload))
	}
	return f.writeErr
}

func (f *fakeFile) writes() []string {
	f.Lock()
	defer f.Unlock()
	return slices.Clone(f.written)
}

func (f *fakeFile) SetAside() (string, error) { return f.Path() + ".unusable", nil }

func (f *fakeFile) Path() string { return "/var/lib/exporter/state" }

// fakeState is a fleet's.
type fakeState struct {
	sync.Mutex
	restored   string
	restoreErr error
	state      string
	saveErr    error
	changed    chan struct{}
}

func (f *fakeState) Restore(data []byte) error {
	f.restored = string(data)
	return f.restoreErr
}

func (f *fakeState) Save() ([]byte, error) {
	f.Lock()
	defer f.Unlock()
	return []byte(f.state), f.saveErr
}

func (f *fakeState) Changed() <-chan struct{} { return f.changed }

// set changes what l guards.
func set[T any](l sync.Locker, target *T, value T) {
	l.Lock()
	defer l.Unlock()
	*target = value
}

// gauges are the values of what a collector shows, by the end of their names.
func gauges(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		out[strings.TrimPrefix(f.GetName(), Name+"_state_last_write_")] = f.GetMetric()[0].GetGauge().GetValue()
	}
	return out
}

func TestTheStateIsWrittenWhenItChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, fleet := &fakeFile{content: []byte("as before")}, &fakeState{state: "as before", changed: make(chan struct{}, 1)}
		k := newKeeper(file, fleet, log.NewNopLogger())
		expect := func(what string, written ...string) {
			t.Helper()
			synctest.Wait()
			if got := file.writes(); !slices.Equal(got, written) {
				t.Errorf("%s: written %q, want %q", what, got, written)
			}
		}
		k.restore()
		if fleet.restored != "as before" {
			t.Errorf("restored %q", fleet.restored)
		}
		k.start()
		time.Sleep(10*time.Minute + time.Second)
		expect("nothing new")
		if got := gauges(t, k); len(got) != 0 {
			t.Errorf("before the first write: %v", got)
		}

		set(fleet, &fleet.state, "one")
		time.Sleep(58 * time.Second)
		expect("before a minute is over")
		time.Sleep(time.Second)
		expect("after a minute", "one")

		set(fleet, &fleet.state, "two")
		fleet.changed <- struct{}{}
		expect("what took long", "one", "two")
		fleet.changed <- struct{}{}
		expect("the same again", "one", "two")

		set(fleet, &fleet.state, "three")
		k.stop()
		expect("at the end", "one", "two", "three")
		if got := gauges(t, k); got["successful"] != 1 || got["success_timestamp_seconds"] != float64(time.Now().UnixMilli())/1e3 {
			t.Errorf("after a write: %v", got)
		}
	})
}

func TestWritesThatFailAreLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		file, fleet := &fakeFile{writeErr: errors.New("no space left on device")}, &fakeState{state: "one"}
		k := newKeeper(file, fleet, log.NewLogfmtLogger(&buf))
		k.start()
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if log := buf.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=warn") || !strings.Contains(log, "no space left") || !strings.Contains(log, file.Path()) {
			t.Errorf("it logged %q", log)
		}
		if got := gauges(t, k); len(got) != 1 || got["successful"] != 0 {
			t.Errorf("while it fails: %v", got)
		}

		buf.Reset()
		set(file, &file.writeErr, nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if log := buf.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=info") {
			t.Errorf("it logged %q", log)
		}
		at := gauges(t, k)["success_timestamp_seconds"]
		if got := gauges(t, k)["successful"]; got != 1 || math.Abs(at-float64(time.Now().Add(-4*time.Minute).Unix())) > 2 {
			t.Errorf("successful %v at %v", got, at)
		}

		buf.Reset()
		set(fleet, &fleet.saveErr, errors.New("not a number"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := gauges(t, k); got["successful"] != 0 || got["success_timestamp_seconds"] != at || !strings.Contains(buf.String(), "not a number") {
			t.Errorf("while it cannot be saved: %v, %q", got, buf.String())
		}
		k.stop()
		if got := file.writes(); len(got) != 1 {
			t.Errorf("written %q", got)
		}
	})
}

// One line says what is wrong, and the next write makes it good, even if
// nothing changes any more.
func TestAFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file  *fakeFile
		fleet *fakeState
		want  []string
	}{
		"none yet":          {&fakeFile{}, &fakeState{}, []string{"level=info", "no state file yet"}},
		"damaged":           {&fakeFile{readErr: statefile.ErrDamaged}, &fakeState{}, []string{"level=warn", "starts anew", "--state.file", ".unusable", statefile.ErrDamaged.Error()}},
		"another version":   {&fakeFile{readErr: statefile.ErrVersion}, &fakeState{}, []string{"level=warn", "starts anew", statefile.ErrVersion.Error()}},
		"no state of ours":  {&fakeFile{content: []byte("{}")}, &fakeState{state: "{}", restoreErr: errors.New("not a state")}, []string{"level=warn", "starts anew", "not a state"}},
		"an empty payload":  {&fakeFile{content: []byte{}}, &fakeState{restoreErr: errors.New("not a state")}, []string{"level=warn", "not a state"}},
		"nothing was wrong": {&fakeFile{content: []byte("{}")}, &fakeState{state: "{"}, nil},
	} {
		var buf bytes.Buffer
		k := newKeeper(c.file, c.fleet, log.NewLogfmtLogger(&buf))
		k.restore()
		if strings.Count(buf.String(), "\n") != min(len(c.want), 1) {
			t.Errorf("%s: it logged %q", name, buf.String())
		}
		for _, want := range c.want {
			if !strings.Contains(buf.String(), want) || !strings.Contains(buf.String(), c.file.Path()) {
				t.Errorf("%s: %q lacks %q", name, buf.String(), want)
			}
		}
		k.write()
		if got := c.file.writes(); !slices.Equal(got, []string{c.fleet.state}) {
			t.Errorf("%s: written %q", name, got)
		}
	}
}

// A disk that hangs must not keep the program from ending.
func TestAWriteThatHangsAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		file := &fakeFile{hang: make(chan struct{})}
		k := newKeeper(file, &fakeState{state: "one"}, log.NewLogfmtLogger(&buf))
		k.start()
		start := time.Now()
		k.stop()
		if took := time.Since(start); took != stateTimeout || !strings.Contains(buf.String(), "takes too long") {
			t.Errorf("it stopped after %v and logged %q", took, buf.String())
		}
		close(file.hang)
	})
}

// The sentence about the file comes before that about the port, which a second
// exporter lacks, too.
func TestTheStateFileIsLockedBeforeTheListenerIsUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	file, err := statefile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	args := []string{"--api.key-file=" + write(t, "key", "k"), "--state.file=" + path, "--web.listen-address=" + l.Addr().String()}
	code, _, stderr := execute(t, args...)
	if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--state.file: cannot use "+path) || !strings.Contains(stderr, "another process") {
		t.Errorf("code %d, %q", code, stderr)
	}

	// Whoever does not get the port gives the file back, as it was.
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = execute(t, args...)
	if code != exitFailed || !strings.Contains(stderr, "--web.listen-address") {
		t.Errorf("code %d, %q", code, stderr)
	}
	if file, err = statefile.Open(path); err != nil {
		t.Fatal(err)
	}
	if data, err := file.Read(); data != nil || err != nil {
		t.Errorf("read %q, error %v", data, err)
	}
}

// Only serve has a state: check and healthcheck work beside it, and the demo
// does not touch what the environment names.
func TestWhoLeavesTheStateFileAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	t.Setenv(envName("state.file"), path)
	_, url := sandbox(t)
	key := write(t, "key", "wrong key")
	if code, _, stderr := execute(t, "check", "--api.url="+url, "--api.key-file="+key); code == exitDone || strings.Contains(stderr, "state") {
		t.Errorf("check: code %d, %q", code, stderr)
	}
	if code, _, stderr := execute(t, "healthcheck", "--web.listen-address="+nobody); code != exitFailed || strings.Contains(stderr, "state") {
		t.Errorf("healthcheck: code %d, %q", code, stderr)
	}
	r := serveInBackground(t, "demo", "--demo.dialogs=50", "--demo.messages=500", "--demo.weeks=2")
	_, metrics := get(t, r.root+"/metrics")
	if strings.Contains(metrics, Name+"_state_") {
		t.Error("demo: it has metrics of a state file")
	}
	if !strings.Contains(metrics, `connectycube_collector_interval_seconds{application="demo",collector="mutes"} 15`) {
		t.Error("demo: it does not scan every 15 seconds")
	}
	if code := r.stop(); code != exitDone {
		t.Errorf("demo: code %d", code)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the directory has %v, error %v", entries, err)
	}
}
