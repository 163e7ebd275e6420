package cli

import (
	"bufio"
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
	"github.com/prometheus/common/model"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
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

func (v *labelsValue) String() string     { return "" }
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

// target is the one application that a command works on.
func (s *session) target() (collector.Target, error) {
	targets, err := s.targets()
	if err != nil {
		return collector.Target{}, err
	}
	if s.configFile != "" && s.set("app") {
		targets = slices.DeleteFunc(targets, func(t collector.Target) bool { return t.Name != s.application })
		if len(targets) == 0 {
			return collector.Target{}, usagef("%s is %q, of which the configuration file knows nothing", s.origin("app"), s.application)
		}
	}
	if len(targets) > 1 {
		return collector.Target{}, usagef("the configuration file names %d applications; pick one with --app", len(targets))
	}
	return targets[0], nil
}

// finished gives the labels of the first series of the output if the run to
// resume has ended: the output is there, whole, and no journal. Otherwise nil.
func (f *pastFill) finished() []backfill.Label {
	if !f.resume || f.force || f.output == "" || f.output == "-" {
		return nil
	}
	if _, err := os.Lstat(f.output + journalSuffix); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	info, err := os.Stat(f.output)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := os.Open(f.output)
	if err != nil {
		return nil
	}
	defer file.Close()
	const end = "\n# EOF\n" // of OpenMetrics
	last := make([]byte, len(end))
	if _, err := file.ReadAt(last, info.Size()-int64(len(end))); err != nil || string(last) != end {
		return nil
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			return labelsOf(line)
		}
	}
	return nil
}

var (
	ourSample = regexp.MustCompile(`^connectycube_\w+\{(application="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*)\} `)
	oneLabel  = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
)

// labelsOf reads the labels of a sample that backfill wrote; nil: it is not one.
func labelsOf(line string) (labels []backfill.Label) {
	m := ourSample.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	for _, l := range oneLabel.FindAllStringSubmatch(m[1], -1) {
		labels = append(labels, backfill.Label{Name: l[1], Value: strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(l[2])})
	}
	return labels
}

// differs tells in what a finished output is not what is asked for, by the
// labels of its first series.
func (f *pastFill) differs(done []backfill.Label, application string) error {
	var labels []backfill.Label
	for _, l := range done {
		if l.Name == "application" && l.Value != application {
			return fmt.Errorf("it is of the application %q (--app), not %q", l.Value, application)
		}
		if !slices.Contains(ownLabels, l.Name) {
			labels = append(labels, l)
		}
	}
	if !slices.Equal(labels, f.labels) {
		return fmt.Errorf("it has %s, not %s", spellLabels(labels), spellLabels(f.labels))
	}
	return nil
}

func spellLabels(labels []backfill.Label) string {
	if len(labels) == 0 {
		return "no --label"
	}
	words := make([]string, len(labels))
	for i, l := range labels {
		words[i] = shellWord("--label=" + l.Name + "=" + l.Value)
	}
	return strings.Join(words, " ")
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

// announce tells what is to come before it is begun.
func (f *pastFill) announce(s *session, run *backfill.Backfill, settings collector.Settings, target collector.Target) {
	for _, note := range run.Notes() {
		fmt.Fprintln(s.stderr, note)
	}
	g, e := run.Grid(), run.Estimate()
	fmt.Fprintf(s.stderr, "From %s to %s every %s: about %s API requests, at most %s", clock(g.First), clock(g.Last), model.Duration(f.step),
		human.Count(e.About), human.Count(e.AtMost))
	if e.Answered > 0 {
		fmt.Fprintf(s.stderr, ", besides %s that are answered already", human.Count(e.Answered))
	}
	fmt.Fprint(s.stderr, ".")
	if text := takes(e.About, target.RateLimit); text != "" {
		fmt.Fprintf(s.stderr, " That takes %s at the rate limit of %g per second (--api.rate-limit).", text, target.RateLimit)
	}
	fmt.Fprintln(s.stderr)
	if e.Activity > 0 && e.Answered == 0 {
		fmt.Fprintf(s.stderr, "About %s of them are for activity, which looks back %d weeks (--activity.weeks). --no-collector.activity leaves it out.\n",
			human.Count(e.Activity), settings.ActivityWeeks)
	}
	if odd := f.odd(settings); len(odd) > 0 {
		fmt.Fprintf(s.stderr, "Windows that are no multiple of --step cost as much again: %s. --windows picks others.\n", strings.Join(odd, ", "))
	}
	if len(f.labels) == 0 {
		fmt.Fprintln(s.stderr, "No --label: if Prometheus adds labels to the live series, such as job and instance, these will be other series.")
	}
}

// odd are the windows that ask for bins of their own. What activity asks for
// anyway costs nothing.
func (f *pastFill) odd(settings collector.Settings) (labels []string) {
	if !slices.Contains(settings.Collectors, "windows") {
		return nil
	}
	judged := slices.Contains(settings.Collectors, "activity") && f.step%(activity.BinSeconds*time.Second) == 0
	for _, w := range settings.Windows {
		free := judged && slices.ContainsFunc(activity.Windows[:], func(a activity.Window) bool {
			return time.Duration(a.Seconds)*time.Second == w.Length
		})
		if w.Length%f.step != 0 && !free {
			labels = append(labels, w.Label)
		}
	}
	return labels
}

func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// takes says how long so many requests take; empty: not worth saying.
func takes(requests int64, perSecond float64) string {
	if perSecond <= 0 {
		return ""
	}
	d := time.Duration(float64(requests) / perSecond * float64(time.Second))
	if d < 5*time.Second {
		return ""
	}
	return human.Took(d)
}

// count counts, and shows how far it is.
func (f *pastFill) count(ctx context.Context, w io.Writer, run *backfill.Backfill) error {
	began := time.Now()
	shown := showProgress(w, func() string {
		p := run.Progress()
		if p.Bins == 0 {
			return "Counting."
		}
		text := fmt.Sprintf("%s counted, %s requests", human.Percent(float64(p.Done)/float64(p.Bins)), human.Count(p.Requests))
		if took := time.Since(began); p.Done > 0 && p.Done < p.Bins {
			text += ", about " + human.Took(time.Duration(float64(took)/float64(p.Done)*float64(p.Bins-p.Done))) + " left"
		}
		return text
	})
	defer shown.stop()
	return run.Count(ctx)
}

// interrupted puts the cause first where the user stopped the work.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return err
}

// unfinished adds how to go on.
func (f *pastFill) unfinished(run *backfill.Backfill, err error) error {
	if n := run.Kept(); n > 0 {
		return fmt.Errorf("%w; %d answers are kept in %s: give the same command with --resume to go on", err, n, f.output+journalSuffix)
	}
	return err
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

// summarize tells what was written and what to do with it.
func (f *pastFill) summarize(w io.Writer, m backfill.Manifest) {
	file := f.output
	if file == "-" {
		file = "FILE"
	}
	fmt.Fprintf(w, "%s: %d series, %d samples, from %s to %s.\n%s\n\n", file, m.Series, m.Samples, m.First.Format(time.RFC3339), m.Last.Format(time.RFC3339), pastless)
	longest := ""
	switch span := m.Last.Sub(m.First); {
	case span > 30*24*time.Hour:
		longest = " --max-block-duration=168h"
	case span > 2*24*time.Hour:
		longest = " --max-block-duration=24h"
	}
	fmt.Fprintf(w, "Make blocks of it, then move them into the directory that Prometheus has as --storage.tsdb.path:\n\n"+
		"  promtool tsdb create-blocks-from openmetrics%s %s ./blocks\n\n", longest, shellWord(file))
	if longest != "" {
		fmt.Fprintln(w, "Longer blocks are made faster, and go as a whole when the retention ends.")
	}
	fmt.Fprintln(w, "What is older than the retention (storage.tsdb.retention.time in its configuration) is dropped; where Prometheus has live samples already, end --to before the first of them.")
	if f.step > lookback {
		fmt.Fprintf(w, "Samples %s apart leave gaps in instant queries, which look back 5m: ask for last_over_time(connectycube_messages[%s]).\n",
			model.Duration(f.step), model.Duration(f.step+lookback))
	}
}

// shellWord quotes a path where the shell would take it apart.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+=:,@%", r)
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
