package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

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

// unfinished adds how to go on.
func (f *pastFill) unfinished(run *backfill.Backfill, err error) error {
	if n := run.Kept(); n > 0 {
		return fmt.Errorf("%w; %d answers are kept in %s: give the same command with --resume to go on", err, n, f.output+journalSuffix)
	}
	return err
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
