package cli

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

// printBacktest writes what a person reads: a line for each alert, the sums,
// and what to make of it.
func printBacktest(w io.Writer, r *backtest.Result, t collector.Target) error {
	b := &bytes.Buffer{}
	zone := zoneOf(t)
	local := func(unix int64) string { return time.Unix(unix, 0).In(zone).Format("Mon 2006-01-02 15:04") }
	fmt.Fprintf(b, "%s, %s to %s (%s), compared with the %d weeks before:\n\n", t.Name, local(r.From), local(r.To), zone, r.Weeks)
	if len(r.Alerts) > 0 {
		printAlerts(b, r, local)
	}
	printSums(b, r, local)
	b.WriteByte('\n')
	advise(b, r)
	_, err := w.Write(b.Bytes())
	return err
}

func printAlerts(b *bytes.Buffer, r *backtest.Result, local func(int64) string) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "Alert\tBegan\tLasted\tWindow\tMessages\tNormal\tBound")
	for _, e := range r.Alerts {
		window, bound := e.Window, human.Count(int64(e.Bound))
		if e.Kind == activity.Silent {
			window, bound = "silence", human.Count(int64(math.Ceil(e.Bound)))
		}
		lasted := human.Took(time.Duration(until(e, r)-e.From) * time.Second)
		if e.To == 0 {
			lasted += ", goes on"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", alertNames[e.Kind].plain, local(e.From), lasted, window,
			human.Count(e.Messages), human.Count(int64(math.Round(e.Expected))), bound)
	}
	_ = tw.Flush() // into memory
	b.WriteByte('\n')
}

func printSums(b *bytes.Buffer, r *backtest.Result, local func(int64) string) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "Alert\tAlerts\tIn 30 days\tTime that could be judged")
	for k, s := range r.Kinds {
		rate := human.Unknown
		if n, known := s.Per30Days(); known {
			rate = strconv.FormatFloat(n, 'f', 1, 64)
		}
		judged := human.Percent(float64(s.Times) / float64(r.Times))
		switch {
		case s.Times == 0:
			judged = "none"
		case s.First > r.From+activity.BinSeconds:
			judged += ", since " + local(s.First)
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\n", alertNames[k].plain, s.Alerts, rate, judged)
	}
	_ = tw.Flush()
}

// advise says how to read the result, and what to do.
func advise(b *bytes.Buffer, r *backtest.Result) {
	silent, drop := r.Kinds[activity.Silent], r.Kinds[activity.Drop]
	switch {
	case silent.Times == 0 && drop.Times == 0:
		fmt.Fprintln(b, "Nothing could be judged, so that no alert does not mean that all was well. An application is judged after three weeks of "+
			"messages, its silences after five; where half of what is normal is hardly a message, or all of the time is a listed holiday, never.")
	case silent.Times < r.Times/2 || drop.Times < r.Times/2:
		fmt.Fprintln(b, "For much of the time nothing could be judged; that no alert fell into it says nothing. An application is judged after three "+
			"weeks of messages, its silences after five.")
	}
	if len(r.Alerts) > 0 {
		fmt.Fprintln(b, "Messages, normal and bound are those of an alert's worst moment. A drop fires at or below its bound; a silence when the messages "+
			"that are normal in its time reach the bound. Each alert fires on for half an hour after its cause has ended.")
		fmt.Fprintln(b, "Was something broken at those times? Then it would have been told. Alerts on single days that are unlike others end with "+
			"a list of these days: --activity.holidays-file. Alerts when a mailing did not come are right. Hours that are off all year: --activity.time-zone.")
	}
	if r.Coarse > 0 {
		fmt.Fprintf(b, "%s of %s hours held about what is normal, as did those beside them, and were not looked at closer: a failure of some ten minutes in them is not seen here.\n",
			human.Count(r.Coarse), human.Count(r.Hours))
	}
	if r.Unlooked > 0 {
		fmt.Fprintf(b, "Of these, %s were low, but less so than others; a shorter time is looked at in all its parts.\n", human.Count(r.Unlooked))
	}
	fmt.Fprintln(b, "Messages deleted since are missing from the past.")
}
