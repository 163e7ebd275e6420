package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

type fakeFleet struct {
	applied [][]collector.Target
	reread  int
	err     error
}

func (f *fakeFleet) Apply(t []collector.Target) error {
	f.applied = append(f.applied, t)
	return f.err
}

func (f *fakeFleet) RereadKeys() { f.reread++ }

func TestReloadAppliesTheFileAndSaysWhen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet, targets := &fakeFleet{}, []collector.Target{{Name: "shop", URL: "https://h", KeyFile: "/nowhere"}}
		var loadErr error
		r := newReloader(fleet, func() ([]collector.Target, error) { return targets, loadErr }, log.NewNopLogger())
		expect := func(successful float64, stamp time.Time) {
			t.Helper()
			if got := testutil.ToFloat64(r.successful); got != successful {
				t.Errorf("successful %v, want %v", got, successful)
			}
			if got := testutil.ToFloat64(r.timestamp); got != float64(stamp.Unix()) {
				t.Errorf("timestamp %v, want %v", got, stamp.Unix())
			}
		}
		start := time.Now()
		expect(1, start)

		time.Sleep(time.Minute)
		loadErr = errors.New("line 3: unknown key colour")
		if err := r.reload(); !errors.Is(err, loadErr) {
			t.Errorf("error %v", err)
		}
		expect(0, start)
		if len(fleet.applied) != 0 {
			t.Error("a file with an error was applied")
		}

		time.Sleep(time.Minute)
		loadErr = nil
		if err := r.reload(); err != nil {
			t.Error(err)
		}
		expect(1, start.Add(2*time.Minute))
		if len(fleet.applied) != 1 || !reflect.DeepEqual(fleet.applied[0], targets) || fleet.reread != 1 {
			t.Errorf("applied %v, keys read again %d times", fleet.applied, fleet.reread)
		}

		fleet.err = errors.New("no")
		if err := r.reload(); !errors.Is(err, fleet.err) {
			t.Errorf("error %v", err)
		}
		expect(0, start.Add(2*time.Minute))
	})
}

func TestReloadWithoutAFileReadsTheKeyAgain(t *testing.T) {
	t.Parallel()
	fleet := &fakeFleet{}
	r := newReloader(fleet, nil, log.NewNopLogger())
	if err := r.reload(); err != nil || fleet.reread != 1 || len(fleet.applied) != 0 {
		t.Errorf("error %v, keys read again %d times, applied %v", err, fleet.reread, fleet.applied)
	}
}

// Polling that is started after the stop would never be stopped.
func TestNoReloadWhileStopping(t *testing.T) {
	t.Parallel()
	fleet := &fakeFleet{}
	r := newReloader(fleet, func() ([]collector.Target, error) { return nil, nil }, log.NewNopLogger())
	r.close()
	if err := r.reload(); err == nil || len(fleet.applied) != 0 {
		t.Errorf("error %v, applied %v", err, fleet.applied)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		target collector.Target
		want   string // "": nothing is logged
	}{
		"all well":             {collector.Target{URL: "https://h", KeyFile: key}, ""},
		"plain http":           {collector.Target{URL: "http://chat.example.com", KeyFile: key}, "plain text"},
		"plain http, loopback": {collector.Target{URL: "http://127.0.0.1:1", KeyFile: key}, ""},
		"no key file":          {collector.Target{URL: "https://h", KeyFile: "/nowhere"}, "no usable key"},
	} {
		var buf bytes.Buffer
		c.target.Name = "shop"
		warn(log.NewLogfmtLogger(&buf), []collector.Target{c.target})
		if c.want == "" && buf.Len() > 0 {
			t.Errorf("%s: %s", name, buf.String())
		}
		if c.want != "" && (!strings.Contains(buf.String(), c.want) || !strings.Contains(buf.String(), "application=shop") || !strings.Contains(buf.String(), "level=warn")) {
			t.Errorf("%s: %q lacks %q", name, buf.String(), c.want)
		}
	}
}
