package cli

import (
	"errors"
	"net/url"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// fleet is what a reload changes.
type fleet interface {
	Apply([]collector.Target) error
	RereadKeys()
}

// reloader takes over changes of the configuration file while the exporter
// runs, and tells Prometheus how that went.
type reloader struct {
	fleet  fleet
	load   func() ([]collector.Target, error) // nil: there is no file
	logger log.Logger

	mu     sync.Mutex
	closed bool

	successful, timestamp prometheus.Gauge
}

// newReloader counts the start as the first successful load.
func newReloader(f fleet, load func() ([]collector.Target, error), logger log.Logger) *reloader {
	r := &reloader{
		fleet: f, load: load, logger: logger,
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: Name + "_config_last_reload_successful",
			Help: "1 if the latest load of the configuration succeeded, 0 if an older one goes on.",
		}),
		timestamp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: Name + "_config_last_reload_success_timestamp_seconds",
			Help: "When a load of the configuration last succeeded, in unix seconds.",
		}),
	}
	r.succeeded()
	return r
}

func (r *reloader) succeeded() {
	r.successful.Set(1)
	r.timestamp.SetToCurrentTime()
}

// reload reads the configuration file, or only the keys where there is none.
// On an error, which it logs, everything goes on as before.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("the exporter is stopping")
	}
	if r.load == nil {
		r.fleet.RereadKeys()
		level.Info(r.logger).Log("msg", "key read again, for want of a configuration file")
		r.succeeded()
		return nil
	}
	targets, err := r.load()
	if err == nil {
		err = r.fleet.Apply(targets)
	}
	if err != nil {
		level.Error(r.logger).Log("msg", "reload failed, the old configuration goes on", "err", err)
		r.successful.Set(0)
		return err
	}
	// The files of unchanged applications may hold new keys.
	r.fleet.RereadKeys()
	warn(r.logger, targets)
	level.Info(r.logger).Log("msg", "configuration reloaded", "applications", len(targets))
	r.succeeded()
	return nil
}

// close makes later reloads fail: they would start polling again.
func (r *reloader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Describe and Collect make the reloader a prometheus.Collector.
func (r *reloader) Describe(ch chan<- *prometheus.Desc) {
	r.successful.Describe(ch)
	r.timestamp.Describe(ch)
}

func (r *reloader) Collect(ch chan<- prometheus.Metric) {
	r.successful.Collect(ch)
	r.timestamp.Collect(ch)
}

// warn logs what is wrong with single applications but keeps none from being
// polled.
func warn(logger log.Logger, targets []collector.Target) {
	warnInsecure(logger, targets)
	for _, t := range targets {
		if t.KeyFile == "" {
			continue
		}
		if _, err := chatapi.KeyFile(t.KeyFile).Key(); err != nil {
			level.Warn(logger).Log("msg", "the application has no usable key; its file is read again with each poll", "application", t.Name, "err", err)
		}
	}
}

// warnInsecure logs which keys would cross a network in plain text.
func warnInsecure(logger log.Logger, targets []collector.Target) {
	for _, t := range targets {
		if u, err := url.Parse(t.URL); err == nil && chatapi.IsInsecure(u) {
			level.Warn(logger).Log("msg", "the key crosses the network in plain text: the URL begins with http://", "application", t.Name, "url", t.URL)
		}
	}
}
