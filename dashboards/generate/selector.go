package main

import (
	"fmt"
	"strings"
)

const (
	// chosen are the matchers of what the variables choose.
	chosen = `job=~"$job",instance=~"$instance",application=~"$application"`
	// target are those for metrics of the program, which have no application.
	target = `job=~"$job",instance=~"$instance"`
)

// query is one question of a panel.
type query struct {
	expr   string
	legend string
}

// of selects what metrics of the chosen applications are at this moment. matchers
// are written like `window="1d"`.
func of(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{chosen}, matchers...), ",") + "}"
}

// program does so for metrics of the program itself.
func program(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{target}, matchers...), ",") + "}"
}

// process is a metric that every Go program has, of exporters only.
func process(metric string) string {
	return program(metric) + " and on (job, instance) " + program("connectycube_exporter_build_info")
}

// past is for charts of what backfill writes too, of which the samples lie an
// hour apart: the newest value of each step, which a plain selector would find
// at few steps only.
func past(metric string, matchers ...string) string {
	return "last_over_time(" + of(metric, matchers...) + "[$__rate_interval])"
}

// current is for single numbers with their past as a line. Grafana moves the end
// of a range back to a multiple of the step, so it looks one step ahead; the rest
// is for scrapes that come more seldom than the data source says.
func current(metric string, matchers ...string) string {
	selector := of(metric, matchers...)
	return "last_over_time(" + selector + "[$__rate_interval] offset -$__interval) or " + selector
}

// weekBefore is the value of a week before, or of up to an hour earlier: by then
// there may be but what backfill wrote.
func weekBefore(metric string, matchers ...string) string {
	return "last_over_time(" + of(metric, matchers...) + "[65m] offset 7d)"
}

func window(name string) string { return fmt.Sprintf("window=%q", name) }

// each gives one value an application, and for each of the labels by: several
// exporters may watch the same one.
func each(expr string, by ...string) string {
	return "max by (" + strings.Join(append([]string{"application"}, by...), ", ") + ") (" + expr + ")"
}

// byType gives one value a type of dialogs in each application.
func byType(expr string) string { return each(expr, "dialog_type") }

// amount adds up the types of each application.
func amount(expr string) string { return "sum by (application) (" + byType(expr) + ")" }

// perSecond is a counter's rate, of all exporters together: each of them asks.
func perSecond(metric, by string, matchers ...string) string {
	return "sum by (" + by + ") (rate(" + of(metric, matchers...) + "[$__rate_interval]))"
}

// watched are the applications that some exporter showed in the last day.
func watched() string { return each("last_over_time(" + of("connectycube_up") + "[1d])") }

// sum adds up applications, with one value of each. It is absent while one that is
// watched has lost a value that it had within a day: what is left would look like
// a fall. lasting selects that value.
func sum(values, lasting string, by ...string) string {
	all := "sum"
	if len(by) > 0 {
		all += " by (" + strings.Join(by, ", ") + ")"
	}
	return fmt.Sprintf("(\n  %s(%s)\n  unless on ()\n  count(%s and on (application) %s) > count(group by (application) (%s))\n)",
		all, values, each("last_over_time("+lasting+"[1d])"), each(of("connectycube_up")), values)
}

// share divides sums over the applications of which both are known.
func share(part, whole, lasting string) string {
	return fmt.Sprintf("%s\n/\n(sum(%s and on (application) %s) > 0)",
		sum(part+" and on (application) "+whole, lasting), whole, part)
}
