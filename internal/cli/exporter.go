package cli

import (
	"context"
	"errors"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/logging"
	"github.com/connectycube-exporter/connectycube_exporter/internal/web"
)

const (
	maxScrapes   = 40 // at the same time
	drainTimeout = 5 * time.Second
)

// exporter polls applications and serves what it finds. It is what serve and
// demo have in common.
type exporter struct {
	flags    *flags
	logger   log.Logger
	settings collector.Settings
	targets  []collector.Target
	load     func() ([]collector.Target, error) // for a reload; nil: only keys can be read again
	notice   string                             // for the status page
	serving  func(addresses []net.Addr)         // called when all runs; may be nil
}

// run serves until ctx ends. The listener is up before the first poll, and no
// failing application ever ends it.
func (e *exporter) run(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	fleet := collector.NewFleet(e.settings, e.logger)
	file, err := e.flags.openState()
	if err != nil {
		return err
	}
	var state *keeper
	if file != nil {
		defer file.Close()
		state = newKeeper(file, fleet, e.logger)
	}
	listeners, err := listen(e.flags.web)
	if err != nil {
		return err
	}
	// What was restored is there on the first scrape: those that come earlier
	// wait in the listener.
	if state != nil {
		state.restore()
	}
	warn(e.logger, e.targets)
	if err := fleet.Apply(e.targets); err != nil {
		closeAll(listeners)
		return usageError{err}
	}
	reloader := newReloader(fleet, e.load, e.logger)
	var stopping atomic.Bool
	server := e.start(listeners, e.handler(fleet, newRegistry(fleet, reloader, state), reloader, func() error {
		if stopping.Load() {
			return errors.New("it is stopping")
		}
		return nil
	}))
	// The end comes in the reverse order: polling stops, the state is written,
	// scrapes are drained.
	defer server.stop()
	if state != nil {
		state.start()
		defer state.stop()
	}
	defer fleet.Close()
	defer reloader.close()
	var addresses []net.Addr
	for _, l := range listeners {
		addresses = append(addresses, l.Addr())
	}
	level.Info(e.logger).Log("msg", "polling and serving", "version", programVersion(), "applications", len(e.targets),
		"poll_interval", e.settings.PollInterval, "addresses", joinAddrs(addresses))
	if e.serving != nil {
		e.serving(addresses)
	}
	for {
		select {
		case <-hangup:
			_ = reloader.reload() // logs its errors
		case err := <-server.failed:
			return err
		case <-ctx.Done():
			level.Info(e.logger).Log("msg", "stopping")
			stopping.Store(true)
			return nil
		}
	}
}

// newRegistry holds all metrics of the exporter. state may be nil.
func newRegistry(fleet *collector.Fleet, r *reloader, state *keeper) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		fleet, r,
		version.NewCollector(Name),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	if state != nil {
		registry.MustRegister(state)
	}
	return registry
}

func (e *exporter) handler(fleet *collector.Fleet, registry *prometheus.Registry, r *reloader, ready func() error) http.Handler {
	cfg := web.Config{
		Version:       programVersion(),
		Notice:        e.notice,
		Status:        fleet,
		TelemetryPath: e.flags.telemetryPath,
		Ready:         ready,
		Pprof:         e.flags.pprof,
		Logger:        e.logger,
		// An application whose metrics cannot be shown must not hide the others:
		// what is wrong is left out and logged.
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{
			ErrorLog:            stdlog.New(log.NewStdlibAdapter(level.Error(e.logger)), "", 0),
			ErrorHandling:       promhttp.ContinueOnError,
			EnableOpenMetrics:   true,
			MaxRequestsInFlight: maxScrapes,
		}),
	}
	if e.flags.lifecycle {
		cfg.Reload = r.reload
	}
	return web.New(cfg)
}

// server answers on any number of listeners.
type server struct {
	servers []*http.Server
	failed  chan error
	wg      sync.WaitGroup
}

// start serves the handler on the listeners, through exporter-toolkit's TLS
// and authentication. The toolkit changes the http.Server it is given, so each
// listener has its own.
func (e *exporter) start(listeners []net.Listener, handler http.Handler) *server {
	logger := logging.Slog(e.logger)
	s := &server{failed: make(chan error, len(listeners))}
	for _, l := range listeners {
		srv := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      2 * time.Minute, // room for a profile
			IdleTimeout:       5 * time.Minute, // more than most scrape intervals
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		}
		s.servers = append(s.servers, srv)
		s.wg.Go(func() {
			defer l.Close()
			if err := toolkit.Serve(l, srv, e.flags.web, logger); !errors.Is(err, http.ErrServerClosed) {
				s.failed <- err
			}
		})
	}
	return s
}

// stop lets running requests end, within limits, and waits for the servers.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, srv := range s.servers {
		s.wg.Go(func() {
			if srv.Shutdown(ctx) != nil {
				_ = srv.Close()
			}
		})
	}
	s.wg.Wait()
}

func joinAddrs(addrs []net.Addr) string {
	var s string
	for i, a := range addrs {
		if i > 0 {
			s += ","
		}
		s += a.String()
	}
	return s
}
