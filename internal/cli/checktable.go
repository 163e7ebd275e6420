package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

// printTables writes what a person reads at a glance: one block for each
// application, and a last line when there are several.
func printTables(w io.Writer, results []checked) error {
	var b bytes.Buffer
	good := 0
	for i, r := range results {
		if i > 0 {
			b.WriteByte('\n')
		}
		printTable(&b, r, time.Now())
		if r.err == nil {
			good++
		}
	}
	if len(results) > 1 {
		fmt.Fprintf(&b, "\n%d of %d applications are good.\n", good, len(results))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func printTable(b *bytes.Buffer, r checked, now time.Time) {
	s := r.status
	verdict := "GOOD"
	if r.err != nil {
		verdict = "FAILED"
	}
	fmt.Fprintf(b, "%s  %s  %s\n", verdict, s.Name, s.URL)
	if r.err != nil {
		for line := range strings.Lines(r.err.Error()) {
			fmt.Fprintf(b, "  ! %s\n", strings.TrimSpace(line))
		}
	}

	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  Dialogs\t%s\n", dialogs(s))
	fmt.Fprintf(tw, "  Messages\t%s\n", messages(s, now))
	fmt.Fprintf(tw, "  API clock\t%s\n", human.Skew(s))
	fmt.Fprintf(tw, "  API requests\t%s for this check\n", human.Count(s.Requests))
	fmt.Fprintf(tw, "  Filters\t%s\n", filters(s))
	for _, c := range s.Collectors {
		switch {
		case c.Attempted:
		case c.Name == "mutes":
			fmt.Fprintf(tw, "  Mutes\tnot checked: they take a scan of all dialogs\n")
		case c.Name == "activity":
			fmt.Fprintf(tw, "  Activity\tnot checked: it takes a look at the past weeks; see backtest\n")
		}
	}
	_ = tw.Flush() // into memory
	for _, f := range s.Filters {
		if f.State == "unsupported" || f.Reason != "" {
			fmt.Fprintf(b, "    %s of %s is %s%s\n", f.Filter, f.Endpoint, f.State, reason(f.Reason))
		}
	}
	if len(s.Windows) > 0 {
		b.WriteByte('\n')
		printWindows(b, s.Windows)
	}
}

func printWindows(b *bytes.Buffer, windows []collector.WindowStatus) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "  Window\tNew messages\tNew dialogs\tActive dialogs\tUpdated messages\tUpdated dialogs\t")
	for _, w := range windows {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\t\n", w.Label, human.Value(w.NewMessages), human.Value(w.NewDialogs),
			human.Value(w.ActiveDialogs), human.Value(w.UpdatedMessages), human.Value(w.UpdatedDialogs))
	}
	_ = tw.Flush()
}

func dialogs(s collector.Status) string {
	if len(s.Dialogs) == 0 {
		return human.Unknown
	}
	var sum int64
	var parts []string
	for _, d := range s.Dialogs {
		sum += d.N
		parts = append(parts, d.Type+" "+human.Count(d.N))
	}
	return human.Count(sum) + " (" + strings.Join(parts, ", ") + ")"
}

func messages(s collector.Status, now time.Time) string {
	text := human.Value(s.Messages)
	if !s.LastMessage.IsZero() {
		text += ", the newest " + human.Ago(now, s.LastMessage)
	}
	return text
}

// filters sums up what the proofs found.
func filters(s collector.Status) string {
	proven := 0
	for _, f := range s.Filters {
		if f.State == "supported" {
			proven++
		}
	}
	switch {
	case proven == 0:
		return "none proven yet"
	case proven == len(s.Filters):
		return fmt.Sprintf("all %d proven on known rows", proven)
	default:
		return fmt.Sprintf("%d of %d proven on known rows; values that need the others are left out", proven, len(s.Filters))
	}
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
