package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

const checksAtOnce = 8

// check looks at every application once.
type check struct{ format string }

func newCheck(app *kingpin.Application) command {
	c := &check{}
	clause := app.Command("check", "Look at every application once: is the key good, which filters does the API have, what are the totals? Exits 1 if anything fails.")
	clause.Flag("format", "Format of the result. One of table, json.").Default("table").
		SetValue(&value[string]{name: "format", target: &c.format, parse: oneOf([]string{"table", "json"})})
	return command{clause, c.run}
}

// checked is the result for one application.
type checked struct {
	status collector.Status
	err    error
}

func (c *check) run(ctx context.Context, s *session) error {
	logger, settings, err := s.prepare()
	if err != nil {
		return err
	}
	targets, err := s.targets()
	if err != nil {
		return err
	}
	if s.configFile != "" && s.set("app") {
		one := slices.IndexFunc(targets, func(t collector.Target) bool { return t.Name == s.application })
		if one < 0 {
			return usagef("%s is %q, of which the configuration file knows nothing", s.origin("app"), s.application)
		}
		targets = targets[one : one+1]
	}
	warnInsecure(logger, targets)
	if text := expectation(targets); text != "" && c.format == "table" {
		fmt.Fprintln(s.stderr, text)
	}
	results := checkAll(ctx, settings, targets, logger)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	if err := c.print(s.stdout, results); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if slices.ContainsFunc(results, func(r checked) bool { return r.err != nil }) {
		return errReported
	}
	return nil
}

// expectation says what is going on while a check takes its time: half a minute
// at the default rate limit.
func expectation(targets []collector.Target) string {
	const requests = 60
	var longest time.Duration
	for _, t := range targets {
		if t.RateLimit > 0 {
			longest = max(longest, time.Duration(requests/t.RateLimit*float64(time.Second)))
		}
	}
	if longest < 5*time.Second {
		return ""
	}
	return fmt.Sprintf("Asking the API: about %d requests for each application, %s at its rate limit (--api.rate-limit).",
		requests, longest.Round(time.Second))
}

func checkAll(ctx context.Context, settings collector.Settings, targets []collector.Target, logger log.Logger) []checked {
	results := make([]checked, len(targets))
	slots := make(chan struct{}, checksAtOnce)
	var wg sync.WaitGroup
	for i, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i].status, results[i].err = collector.CheckTarget(ctx, settings, t, logger)
		})
	}
	wg.Wait()
	return results
}

func (c *check) print(w io.Writer, results []checked) error {
	if c.format == "table" {
		return printTables(w, results)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(newDocument(results))
}
