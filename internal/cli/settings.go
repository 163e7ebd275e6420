package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/config"
	"github.com/connectycube-exporter/connectycube_exporter/internal/web"
)

const (
	leastPollInterval   = time.Second
	longestPollInterval = 24 * time.Hour
	leastScanInterval   = time.Second
	longestScanInterval = 30 * 24 * time.Hour
)

// settings are what all applications have in common.
func (f *flags) settings() (collector.Settings, error) {
	set := collector.Settings{
		PollInterval: f.pollInterval, ScanInterval: f.scanInterval, FullScanInterval: f.fullScanInterval,
		ActivityWeeks: f.weeks,
		UserAgent:     Name + "/" + programVersion(),
	}
	if f.pollInterval > longestPollInterval {
		return set, f.wrong("poll.interval", errors.New("must be at most 1d"))
	}
	if f.pollInterval < leastPollInterval {
		return set, f.wrong("poll.interval", fmt.Errorf("must be at least %s", leastPollInterval))
	}
	if err := f.checkScan(); err != nil {
		return set, err
	}
	if f.weeks < activity.LeastWeeks || f.weeks > activity.MostWeeks {
		return set, f.wrong("activity.weeks", fmt.Errorf("must be between %d and %d", activity.LeastWeeks, activity.MostWeeks))
	}
	windows, err := collector.ParseWindows(f.windows)
	if err != nil {
		return set, usagef("%s: %w", f.origin("windows"), err)
	}
	set.Windows = windows
	for _, name := range collector.Names() {
		if *f.collectors[name] {
			set.Collectors = append(set.Collectors, name)
		}
	}
	if len(set.Collectors) == 0 {
		return set, usagef("every collector is switched off; leave one of --collector.%s on", strings.Join(collector.Names(), ", --collector."))
	}
	return set, nil
}

// checkScan tells whether the two intervals of the dialog scan go together.
func (f *flags) checkScan() error {
	for _, interval := range []struct {
		flag  string
		value time.Duration
	}{{"scan.interval", f.scanInterval}, {"scan.full-interval", f.fullScanInterval}} {
		if interval.value > longestScanInterval {
			return f.wrong(interval.flag, errors.New("must be at most 30d"))
		}
		if interval.value < leastScanInterval {
			return f.wrong(interval.flag, fmt.Errorf("must be at least %s", leastScanInterval))
		}
	}
	if f.fullScanInterval < f.scanInterval {
		return f.wrong("scan.full-interval", fmt.Errorf("must not be below --scan.interval, which is %s", model.Duration(f.scanInterval)))
	}
	return nil
}

// base is an application as the flags describe it, but for its key.
func (f *flags) base() (collector.Target, error) {
	t := collector.Target{Name: f.application, Timeout: f.timeout, RateLimit: f.rateLimit, Concurrency: f.concurrency, TimeZone: f.timeZone}
	for _, check := range []struct {
		flag string
		err  error
	}{
		{"app", config.CheckName(f.application)},
		{"api.timeout", config.CheckTimeout(f.timeout)},
		{"api.rate-limit", config.CheckRateLimit(f.rateLimit)},
		{"api.concurrency", config.CheckConcurrency(f.concurrency)},
		{"activity.time-zone", config.CheckTimeZone(f.timeZone)},
	} {
		if check.err != nil {
			return t, f.wrong(check.flag, check.err)
		}
	}
	u, err := chatapi.ParseURL(f.apiURL)
	if err != nil {
		return t, usagef("%s: %w", f.origin("api.url"), err)
	}
	t.URL = u.String()
	if f.holidaysFile != "" {
		holidays, err := config.Holidays(f.holidaysFile)
		if err != nil {
			return t, usagef("%s: %w", f.origin("activity.holidays-file"), err)
		}
		t.Holidays = collector.JoinHolidays(holidays)
	}
	return t, nil
}

// targets are the applications to work on: those of the configuration file, or
// the one that flags and environment describe.
func (f *flags) targets() ([]collector.Target, error) {
	base, err := f.base()
	if err != nil {
		return nil, err
	}
	if f.configFile != "" {
		for _, name := range []string{"api.url", "api.key-file"} {
			if f.set(name) {
				return nil, usagef("%s cannot stand beside --config.file; write it into the file", f.origin(name))
			}
		}
		targets, err := config.Load(f.configFile, base)
		if err != nil {
			return nil, usagef("%s: %w", f.origin("config.file"), err)
		}
		return targets, nil
	}
	if f.keyFile != "" {
		base.KeyFile = f.keyFile
		if _, err := chatapi.KeyFile(f.keyFile).Key(); err != nil {
			return nil, usagef("%s: %w", f.origin("api.key-file"), err)
		}
		return []collector.Target{base}, nil
	}
	base.Key = chatapi.NewSecret(os.Getenv(keyVariable))
	if base.Key.IsZero() {
		return nil, usagef("no application is configured: set --api.key-file, or the environment variable %s, or --config.file; "+
			"to see the exporter without a key, run %s demo", keyVariable, Name)
	}
	if _, err := chatapi.KeyValue(base.Key).Key(); err != nil {
		return nil, usagef("the environment variable %s: %w", keyVariable, err)
	}
	return []collector.Target{base}, nil
}

// checkWeb tells whether the server can be set up as the flags want it.
func (f *flags) checkWeb() error {
	if err := web.CheckTelemetryPath(f.telemetryPath); err != nil {
		return f.wrong("web.telemetry-path", err)
	}
	if !*f.web.WebSystemdSocket {
		for _, address := range *f.web.WebListenAddresses {
			if err := checkAddress(address); err != nil {
				return f.wrong("web.listen-address", err)
			}
		}
	}
	if err := toolkit.Validate(*f.web.WebConfigFile); err != nil {
		return usagef("%s: %w", f.origin("web.config.file"), err)
	}
	return nil
}

func checkAddress(address string) error {
	if strings.HasPrefix(address, vsockScheme) {
		_, err := vsockPort(address)
		return err
	}
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return errors.New("must look like :10425 or 127.0.0.1:10425")
	}
	return nil
}
