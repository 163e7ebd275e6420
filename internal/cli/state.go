package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

const (
	stateInterval = time.Minute
	stateTimeout  = 3 * time.Second // of the write at the end: a hanging disk must not hinder it
)

// openState locks the file of --state.file, or gives nil without the flag.
func (f *flags) openState() (*statefile.File, error) {
	if f.stateFile == "" {
		if *f.given["state.file"] {
			return nil, usagef("--state.file needs the name of a file")
		}
		return nil, nil
	}
	file, err := statefile.Open(f.stateFile)
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, statefile.ErrLocked):
		return nil, fmt.Errorf("%s: cannot use %s: %w; give each exporter a file of its own", f.origin("state.file"), f.stateFile, err)
	case errors.Is(err, statefile.ErrNotFile), errors.Is(err, fs.ErrNotExist):
		return nil, usagef("%s: cannot use %s: %w", f.origin("state.file"), f.stateFile, err)
	default:
		return nil, fmt.Errorf("%s: cannot use %s: %w", f.origin("state.file"), f.stateFile, err)
	}
}

// stored is where a state outlives the process.
type stored interface {
	Read() ([]byte, error)
	Write([]byte) error
	SetAside() (string, error)
	Path() string
}

// stateful is what has a state.
type stateful interface {
	Restore([]byte) error
	Save() ([]byte, error)
	Changed() <-chan struct{}
}

// keeper keeps the fleet's state in a file, and tells Prometheus how that
// goes.
type keeper struct {
	file   stored
	fleet  stateful
	logger log.Logger

	cancel context.CancelFunc
	done   chan struct{}

	written [sha256.Size]byte // checksum of what is in the file, if it is good

	mu             sync.Mutex
	tried, failing bool
	succeeded      time.Time // zero: never

	successful, timestamp *prometheus.Desc
}

func newKeeper(file stored, fleet stateful, logger log.Logger) *keeper {
	return &keeper{
		file: file, fleet: fleet, logger: log.With(logger, "file", file.Path()),
		successful: prometheus.NewDesc(Name+"_state_last_write_successful",
			"1 if the latest write of the state file succeeded, 0 if it failed. Absent before the first.", nil, nil),
		timestamp: prometheus.NewDesc(Name+"_state_last_write_success_timestamp_seconds",
			"When a write of the state file last succeeded, in unix seconds. Nothing is written while nothing changes. Absent before the first.", nil, nil),
	}
}

// restore hands the fleet what the file holds. A file that cannot be used is
// no reason not to start, but it may be of a newer version, or somebody else's,
// and so is kept under another name.
func (k *keeper) restore() {
	data, err := k.file.Read()
	if err == nil && data == nil {
		level.Info(k.logger).Log("msg", "there is no state file yet; all starts anew")
		return
	}
	if err == nil {
		err = k.fleet.Restore(data)
	}
	if err != nil {
		kept, failed := k.file.SetAside()
		if failed != nil {
			kept = "not possible: " + failed.Error()
		}
		level.Warn(k.logger).Log("msg", "the state file cannot be used, and all starts anew; check --state.file", "err", err, "set_aside", kept)
		return
	}
	k.written = sha256.Sum256(data)
}

// start writes the state from time to time, until stop.
func (k *keeper) start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel, k.done = cancel, make(chan struct{})
	go func() {
		defer close(k.done)
		k.run(ctx)
	}()
}

func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(stateInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-k.fleet.Changed():
		case <-ctx.Done():
			k.write()
			return
		}
		k.write()
	}
}

// stop writes a last time. It is called when polling has stopped.
func (k *keeper) stop() {
	k.cancel()
	select {
	case <-k.done:
	case <-time.After(stateTimeout):
		level.Warn(k.logger).Log("msg", "the last write of the state file takes too long and is left; what was written before stands", "timeout", stateTimeout)
	}
}

// write saves the state if it has changed. It logs when that begins to fail,
// and when it succeeds again.
func (k *keeper) write() {
	data, err := k.fleet.Save()
	if err == nil {
		sum := sha256.Sum256(data)
		if sum == k.written {
			return
		}
		if err = k.file.Write(data); err == nil {
			k.written = sum
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	failed := k.failing
	k.tried, k.failing = true, err != nil
	if err == nil {
		k.succeeded = time.Now()
	}
	switch {
	case k.failing && !failed:
		level.Warn(k.logger).Log("msg", "the state cannot be written and would be lost in a restart; it is tried again every minute", "err", err)
	case failed && !k.failing:
		level.Info(k.logger).Log("msg", "the state can be written again")
	}
}

// Describe and Collect make the keeper a prometheus.Collector.
func (k *keeper) Describe(ch chan<- *prometheus.Desc) {
	ch <- k.successful
	ch <- k.timestamp
}

func (k *keeper) Collect(ch chan<- prometheus.Metric) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tried {
		v := 1.0
		if k.failing {
			v = 0
		}
		ch <- prometheus.MustNewConstMetric(k.successful, prometheus.GaugeValue, v)
	}
	if !k.succeeded.IsZero() {
		ch <- prometheus.MustNewConstMetric(k.timestamp, prometheus.GaugeValue, float64(k.succeeded.UnixMilli())/1e3)
	}
}
