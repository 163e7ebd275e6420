package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
	"github.com/connectycube-exporter/connectycube_exporter/internal/config"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

const (
	journalSuffix = ".part"
	lookback      = 5 * time.Minute // of Prometheus' instant queries
)

// pastless is what no count of today can tell of the past.
const pastless = "Updated and active counts and mutes have no past: each change overwrites what they are counted by. " +
	"Nor do silences: counts do not tell when the newest message of a past moment had come. Rows deleted since are missing."

// ownLabels are those that the series have without a scrape.
var ownLabels = []string{"application", "window", "dialog_type"}

// pastFill writes what an application held in the past.
type pastFill struct {
	from, to      timeFlag
	step          time.Duration
	output        string
	labels        []backfill.Label
	resume, force bool
}

func newBackfill(app *kingpin.Application) command {
	f := &pastFill{}
	clause := app.Command("backfill", "Write past values of the gauges as OpenMetrics, for promtool tsdb create-blocks-from openmetrics: "+
		"totals, all that tells of new dialogs and messages, for the windows of --windows, and activity. "+pastless)
	clause.Flag("from", "First time to fill: RFC 3339, unix seconds, or an age.").Default("30d").
		SetValue(&value[timeFlag]{name: "from", target: &f.from, parse: parseTime})
	clause.Flag("to", "Last time to fill. The last three hours are left out.").Default("now").
		SetValue(&value[timeFlag]{name: "to", target: &f.to, parse: parseTime})
	clause.Flag("step", "Time between two samples, 1m to 1d; the samples lie on its multiples.").Default("1h").
		SetValue(&value[time.Duration]{name: "step", target: &f.step, parse: parseStep})
	clause.Flag("output", "File to write; - is standard output, which cannot be resumed.").PlaceHolder("FILE").
		SetValue(&value[string]{name: "output", target: &f.output, parse: parseOutput})
	clause.Flag("label", "Label that the live scrape adds to every series, such as job=connectycube. Repeatable.").PlaceHolder("K=V").
		SetValue(&labelsValue{&f.labels})
	clause.Flag("resume", "Go on with a run that did not finish; if it did, there is nothing to do.").
		SetValue(&boolValue{value[bool]{name: "resume", target: &f.resume, parse: parseBool}})
	clause.Flag("force", "Replace what is there: the output, and without --resume an unfinished run.").
		SetValue(&boolValue{value[bool]{name: "force", target: &f.force, parse: parseBool}})
	return command{clause, f.run}
}

func parseOutput(s string) (string, error) {
	if s == "" {
		return "", errors.New("must name a file; - is standard output")
	}
	return s, nil
}

func parseStep(s string) (time.Duration, error) {
	d, err := config.ParseDuration(s)
	switch {
	case err != nil:
		return 0, err
	case d < backfill.LeastStep || d > backfill.LongestStep || d%time.Second != 0:
		return 0, errors.New("must be between 1m and 1d, in whole seconds")
	}
	return d, nil
}

// labelsValue collects labels.
type labelsValue struct{ target *[]backfill.Label }

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (v *labelsValue) Set(text string) error {
	name, val, found := strings.Cut(text, "=")
	wrong := func(format string, args ...any) error {
		return &valueError{"label", fmt.Errorf(format, args...)}
	}
	switch {
	case !found || val == "":
		return wrong("must look like job=connectycube, not %q", text)
	case !labelName.MatchString(name) || strings.HasPrefix(name, "__"):
		return wrong("has a name that Prometheus does not allow: %q", name)
	case slices.Contains(ownLabels, name):
		return wrong("cannot be %s, which the series have themselves", name)
	case slices.ContainsFunc(*v.target, func(l backfill.Label) bool { return l.Name == name }):
		return wrong("is given twice for %s", name)
	case !utf8.ValidString(val) || strings.ContainsFunc(val, unicode.IsControl):
		return wrong("must be text without control characters (%s)", name)
	}
	*v.target = append(*v.target, backfill.Label{Name: name, Value: val})
	slices.SortFunc(*v.target, func(a, b backfill.Label) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (v *labelsValue) String() string { return "" }

func (v *labelsValue) IsCumulative() bool { return true }

func (f *pastFill) run(ctx context.Context, s *session) error {
	logger, settings, err := s.prepare()
	if err != nil {
		return err
	}
	if err := backfill.CheckCollectors(settings.Collectors); err != nil {
		return usageError{fmt.Errorf("backfill: %w", err)}
	}
	done := f.finished()
	if err := f.check(done != nil); err != nil {
		return err
	}
	target, err := s.target()
	if err != nil {
		return err
	}
	if done != nil {
		if err := f.differs(done, target.Name); err != nil {
			return usagef("--resume: %s is complete, but %w; name another file, or replace it with --force without --resume", f.output, err)
		}
		fmt.Fprintf(s.stdout, "%s is complete: there is nothing to resume. --force without --resume begins anew.\n", f.output)
		return nil
	}
	warnInsecure(logger, []collector.Target{target})

	cfg := backfill.Config{
		Target: target, Collectors: settings.Collectors, Windows: settings.Windows, Weeks: settings.ActivityWeeks,
		Labels: f.labels, From: f.from.bound(), To: f.to.bound(), Step: f.step,
		Resume: f.resume, Force: f.force, UserAgent: settings.UserAgent, Logger: logger,
	}
	if f.output != "-" {
		cfg.Journal = f.output + journalSuffix
	}
	if text := takes(backfill.ProofRequests, target.RateLimit); text != "" {
		fmt.Fprintf(s.stderr, "Proving the API's filters on known rows: about %d requests, %s.\n", backfill.ProofRequests, text)
	}
	run, err := backfill.Prepare(ctx, cfg)
	if err != nil {
		var usage backfill.UsageError
		if errors.As(err, &usage) {
			return usageError{fmt.Errorf("backfill: %w", err)}
		}
		return interrupted(ctx, err)
	}
	defer run.Close() // does nothing once it is finished
	f.announce(s, run, settings, target)
	began := time.Now()
	if err := f.count(ctx, s.stderr, run); err != nil {
		return f.unfinished(run, interrupted(ctx, err))
	}
	fmt.Fprintf(s.stderr, "Counted with %s requests in %s.\n", human.Count(run.Progress().Requests), human.Took(time.Since(began)))
	manifest, err := f.write(s.stdout, run)
	if err != nil {
		return f.unfinished(run, fmt.Errorf("writing %s: %w", f.output, err))
	}
	if err := run.Finish(); err != nil {
		return fmt.Errorf("%s is written, but its journal cannot be removed: %w", f.output, err)
	}
	said := s.stdout
	if f.output == "-" {
		said = s.stderr
	}
	f.summarize(said, manifest)
	return nil
}

// bound is the time as the package backfill takes it.
func (m timeFlag) bound() backfill.Bound {
	if m.at.IsZero() {
		return backfill.Bound{Ago: int64(m.ago / time.Second)}
	}
	return backfill.Bound{At: m.at.Unix()}
}

// check finds what can be found wrong before the API is asked. A finished output
// is left to differs.
func (f *pastFill) check(finished bool) error {
	now := time.Now()
	if err := backfill.CheckRange(f.from.unix(now), f.to.unix(now), now.Add(-backfill.HeadAge).Unix(), int64(f.step/time.Second)); err != nil {
		return usageError{err}
	}
	switch f.output {
	case "":
		return usagef("--output must name the file to write, such as past.om; - is standard output")
	case "-":
		if f.resume {
			return usagef("--resume is not for --output=-, which keeps nothing to go on from")
		}
		return nil
	}
	info, err := os.Stat(f.output)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return usagef("--output: %s is not a regular file", f.output)
	case err == nil && !f.force && !finished:
		return usagef("--output: %s exists; name another file, or replace it with --force", f.output)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usagef("--output: %w", err)
	}
	if info, err := os.Stat(filepath.Dir(f.output)); err != nil || !info.IsDir() {
		return usagef("--output: there is no directory %s", filepath.Dir(f.output))
	}
	return nil
}

// write puts the whole result in its place, or leaves what was there.
func (f *pastFill) write(stdout io.Writer, run *backfill.Backfill) (m backfill.Manifest, err error) {
	if f.output == "-" {
		return run.Write(stdout)
	}
	dir, name := filepath.Split(f.output)
	tmp := filepath.Join(dir, "."+name+".tmp")
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	m, err = run.Write(out)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return m, err
	}
	return m, os.Rename(tmp, f.output)
}
