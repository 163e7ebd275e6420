package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Fleet polls any number of applications, each isolated from the others, and
// is the one prometheus.Collector that shows what they found.
type Fleet struct {
	set    Settings
	logger log.Logger
	defs   []definition
	api    *apiMetrics
	self   *selfDescs

	changed chan struct{}

	mu     sync.Mutex // serialises Apply, Restore and Close
	closed bool
	saved  map[source]savedApp[json.RawMessage] // of applications that are not there
	apps   atomic.Pointer[[]*app]
}

// NewFleet makes a fleet without applications. It does no I/O.
func NewFleet(set Settings, logger log.Logger) *Fleet {
	f := &Fleet{set: set, logger: logger, defs: definitions(set), api: newAPIMetrics(), self: newSelfDescs(), changed: make(chan struct{}, 1), saved: map[source]savedApp[json.RawMessage]{}}
	f.apps.Store(&[]*app{})
	return f
}

// Apply starts polling the targets. Those that did not change run on
// undisturbed; one whose limits alone changed keeps its values; those that are
// gone are stopped. On an error nothing has changed.
func (f *Fleet) Apply(targets []Target) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("the exporter is shutting down")
	}
	running := map[string]*app{}
	for _, a := range *f.apps.Load() {
		running[a.target.Name] = a
	}
	var next, started, stopped []*app
	seen := map[string]bool{}
	for _, t := range targets {
		if err := t.validate(); err != nil {
			return fmt.Errorf("application %q: %w", t.Name, err)
		}
		if seen[t.Name] {
			return fmt.Errorf("application %q is configured twice", t.Name)
		}
		seen[t.Name] = true
		if old := running[t.Name]; old != nil && old.target == t {
			next = append(next, old)
			continue
		}
		a, err := newApp(t, f.set, f.defs, f.api, f.signal, f.logger)
		if err != nil {
			return fmt.Errorf("application %q: %w", t.Name, err)
		}
		next, started = append(next, a), append(started, a)
	}
	for name, old := range running {
		if !seen[name] {
			stopped = append(stopped, old)
		}
	}
	for _, a := range started {
		old := running[a.target.Name]
		if old == nil {
			level.Info(a.logger).Log("msg", "application added", "url", a.target.URL)
			f.takeSaved(a)
			continue
		}
		old.close()
		if old.target.sameSource(a.target) {
			a.adopt(old)
		} else {
			f.setAside(old)
			f.takeSaved(a)
		}
		level.Info(a.logger).Log("msg", "application changed", "url", a.target.URL)
	}
	f.apps.Store(&next)
	for _, a := range started {
		a.start()
	}
	for _, a := range stopped {
		a.close()
		f.setAside(a)
		f.api.forget(a.target.Name)
		level.Info(a.logger).Log("msg", "application removed")
	}
	return nil
}

// Close stops all polling and waits for it.
func (f *Fleet) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	var wg sync.WaitGroup
	for _, a := range *f.apps.Load() {
		wg.Go(a.close)
	}
	wg.Wait()
}

// RereadKeys makes every application read its key again.
func (f *Fleet) RereadKeys() {
	for _, a := range *f.apps.Load() {
		if err := a.client.RereadKey(); err != nil {
			level.Warn(a.logger).Log("msg", "the key cannot be read again; the old one stays", "err", err)
		}
	}
}

func (f *Fleet) signal() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// Describe implements prometheus.Collector.
func (f *Fleet) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range f.defs {
		for _, desc := range d.descs {
			ch <- desc
		}
	}
	f.self.describe(ch)
	for _, c := range f.api.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector from the snapshots.
func (f *Fleet) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, a := range *f.apps.Load() {
		snap := a.snap.Load()
		e := &emitter{ch: ch, app: a, snap: snap, now: now}
		for i := range snap.states {
			if s := &snap.states[i]; a.visible(i, s, now) {
				s.result.emit(e)
			}
		}
		for _, d := range f.defs {
			if d.live != nil {
				d.live(e)
			}
		}
		f.self.emit(e, f.defs)
	}
	for _, c := range f.api.all() {
		c.Collect(ch)
	}
}

// Status shows the applications in the order of the configuration.
func (f *Fleet) Status() []Status {
	var out []Status
	for _, a := range *f.apps.Load() {
		out = append(out, a.status(f.defs))
	}
	return out
}

// validate repeats what Prometheus and the client need, whoever made t.
func (t Target) validate() error {
	switch {
	case t.Name == "":
		return errors.New("has no name")
	case !utf8.ValidString(t.Name):
		return errors.New("the name is not valid UTF-8")
	case t.Transport != nil && !reflect.TypeOf(t.Transport).Comparable():
		return errors.New("the transport cannot be compared; use a pointer")
	case t.RateLimit < 0 || t.RateLimit != t.RateLimit:
		return errors.New("the rate limit is not a number of at least 0")
	}
	if _, err := t.Calendar(); err != nil {
		return err
	}
	_, err := chatapi.ParseURL(t.URL)
	return err
}

// sameSource tells whether both name the same application at the same API.
func (t Target) sameSource(o Target) bool {
	return t.URL == o.URL && t.KeyFile == o.KeyFile && t.Key == o.Key && t.Transport == o.Transport
}
