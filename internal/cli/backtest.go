package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

// lookBack tells when the alerts on activity would have fired.
type lookBack struct {
	from, to timeFlag
	format   string
}

func newBacktest(app *kingpin.Application) command {
	l := &lookBack{}
	clause := app.Command("backtest", "When would the alerts on activity have fired in the past of this very application? "+
		"Judges it as the exporter would have done, to tune before being paged. Takes the history from --state.file, and adds to it.")
	clause.Flag("from", "Begin of the time to look at: RFC 3339, unix seconds, or an age.").Default("28d").
		SetValue(&value[timeFlag]{name: "from", target: &l.from, parse: parseTime})
	clause.Flag("to", "End of the time to look at.").Default("now").
		SetValue(&value[timeFlag]{name: "to", target: &l.to, parse: parseTime})
	clause.Flag("format", "Format of the result. One of table, json.").Default("table").
		SetValue(&value[string]{name: "format", target: &l.format, parse: oneOf([]string{"table", "json"})})
	return command{clause, l.run}
}

func (l *lookBack) run(ctx context.Context, s *session) error {
	logger, settings, err := s.prepare()
	if err != nil {
		return err
	}
	now := time.Now()
	if err := backtest.CheckRange(l.from.unix(now), l.to.unix(now), now.Unix()); err != nil {
		return usageError{err}
	}
	target, err := s.target()
	if err != nil {
		return err
	}
	state, err := s.borrowState(target)
	if err != nil {
		return err
	}
	warnInsecure(logger, []collector.Target{target})
	if text := takes(backtest.ProofRequests, target.RateLimit); text != "" {
		fmt.Fprintf(s.stderr, "Proving the API's filters on known rows: about %d requests, %s.\n", backtest.ProofRequests, text)
	}
	run, err := backtest.Prepare(ctx, backtest.Config{
		Target: target, Weeks: settings.ActivityWeeks, From: l.from.unix, To: l.to.unix, Saved: state.saved,
		UserAgent: settings.UserAgent, Logger: logger,
	})
	if err != nil {
		var usage backtest.UsageError
		if errors.As(err, &usage) {
			return usageError{fmt.Errorf("backtest: %w", err)}
		}
		return interrupted(ctx, err)
	}
	defer run.Close()
	l.announce(s.stderr, run, state, target)
	began := time.Now()
	result, err := l.ask(ctx, s.stderr, run)
	kept := state.keep(target, run)
	if err != nil {
		return unfinished(interrupted(ctx, err), state, kept)
	}
	fmt.Fprintf(s.stderr, "Asked with %s requests in %s.%s\n", human.Count(run.Progress().Requests), human.Took(time.Since(began)), kept.sentence(state))
	if err := l.print(s.stdout, result, target); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return kept.failure()
}

// announce tells what is to come before it is begun.
func (l *lookBack) announce(w io.Writer, run *backtest.Backtest, state *borrowedState, target collector.Target) {
	if state.readOnly != "" {
		fmt.Fprintf(w, "%s is only read, and what is learnt is not kept: %s.\n", state.path, state.readOnly)
	}
	for _, note := range run.Notes() {
		fmt.Fprintln(w, note)
	}
	e := run.Estimate()
	if e.AtMost == 0 {
		fmt.Fprintln(w, "All is known already: no API requests.")
		return
	}
	fmt.Fprintf(w, "To look at: about %s API requests, at most %s.", human.Count(e.About), human.Count(e.AtMost))
	if text := takes(e.About, target.RateLimit); text != "" {
		fmt.Fprintf(w, " That takes %s at the rate limit of %g per second (--api.rate-limit).", text, target.RateLimit)
		if state.path == "" {
			fmt.Fprint(w, " With --state.file the answers are kept.")
		}
	}
	fmt.Fprintln(w)
}

// ask runs the backtest, and shows how far it is.
func (l *lookBack) ask(ctx context.Context, w io.Writer, run *backtest.Backtest) (*backtest.Result, error) {
	began := time.Now()
	shown := showProgress(w, func() string {
		p := run.Progress()
		about := max(p.About, p.Requests)
		text := fmt.Sprintf("%s: %s of about %s requests", p.Phase, human.Count(p.Requests), human.Count(about))
		if p.Requests > 0 && p.Requests < about {
			left := float64(time.Since(began)) / float64(p.Requests) * float64(about-p.Requests)
			text += ", about " + human.Took(time.Duration(left)) + " left"
		}
		return text
	})
	defer shown.stop()
	return run.Run(ctx)
}

// unfinished adds how to go on.
func unfinished(err error, state *borrowedState, k keeping) error {
	switch {
	case k.written:
		return fmt.Errorf("%w; what was learnt is kept in %s: give the same command to go on", err, state.path)
	case k.err != nil:
		return fmt.Errorf("%w; %w", err, k.err)
	}
	return err
}

func (l *lookBack) print(w io.Writer, r *backtest.Result, target collector.Target) error {
	if l.format == "table" {
		return printBacktest(w, r, target)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(newBacktestJSON(r, target))
}
