package main

import (
	"fmt"
	"strings"
)

// chosen are the matchers of what the variables choose.
const chosen = `job=~"$job",instance=~"$instance",application=~"$application"`

// target are those for metrics of the program, which have no application.
const target = `job=~"$job",instance=~"$instance"`

// query is one question of a panel.
type query struct {
	expr   string
	legend string
}

// of selects a metric of the chosen applications. matchers are written like
// `window="1d"`.
func of(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{chosen}, matchers...), ",") + "}"
}

// process selects a metric that every Go program has, of exporters only.
func process(metric string) string {
	return program(metric) + " and on (job, instance) " + program("connectycube_exporter_build_info")
}

// program selects a metric of the program itself.
func program(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{target}, matchers...), ",") + "}"
}

// latest is the newest value of each step of the graph. What backfill wrote lies
// an hour apart, which a plain selector would find at few steps only.
func latest(metric string, matchers ...string) string {
	return "last_over_time(" + of(metric, matchers...) + "[$__rate_interval])"
}

// weekBefore is the value of a week before, or of up to an hour earlier: by then
// there may be but what backfill wrote.
func weekBefore(metric string, matchers ...string) string {
	return "last_over_time(" + of(metric, matchers...) + "[65m] offset 7d)"
}

// current is the same for single numbers. Grafana moves the end of a range back to
// a multiple of the step, which in a small panel with a week is half an hour ago;
// so it looks one step ahead. The rest is for scrapes that come more seldom than
// the data source says.
func current(metric string, matchers ...string) string {
	selector := of(metric, matchers...)
	return "last_over_time(" + selector + "[$__rate_interval] offset -$__interval) or " + selector
}

func window(name string) string { return fmt.Sprintf("window=%q", name) }

// each gives one value an application, and for each of the labels by: several
// exporters may watch the same one.
func each(expr string, by ...string) string {
	return "max by (" + strings.Join(append([]string{"application"}, by...), ", ") + ") (" + expr + ")"
}

// all adds up applications.
func all(expr string, by ...string) string {
	if len(by) == 0 {
		return "sum(" + expr + ")"
	}
	return "sum by (" + strings.Join(by, ", ") + ") (" + expr + ")"
}

// perSecond is a counter's rate, of all exporters together: each of them asks.
func perSecond(metric, by string, matchers ...string) string {
	return "sum by (" + by + ") (rate(" + of(metric, matchers...) + "[$__rate_interval]))"
}

// The states of whatever can break, the worse the higher.
const (
	unjudged = iota
	well
	low
	broken
)

// chat is the state of each application's chat, by what was last evaluated; the
// alerts wait for a second and a third evaluation.
func chat() string {
	silence, bound := of("connectycube_activity_silence_expected_messages"), of("connectycube_activity_silence_bound_messages")
	messages, least := of("connectycube_activity_messages"), of("connectycube_activity_lower_bound_messages")
	return strings.Join([]string{
		each(fmt.Sprintf("0 * (%s >= %s and %s >= 0) + %d", silence, bound, bound, broken)),
		each(fmt.Sprintf("0 * (%s <= %s and %s >= 0) + %d", messages, least, least, low)),
		each(fmt.Sprintf("0 * (%s >= 0) + %d", least, well)),
		each(fmt.Sprintf("0 * (%s >= 0) + %d", bound, well)),
		each(fmt.Sprintf("0 * %s + %d", least, unjudged)),
	}, "\nor\n")
}

// verdict is the state of each window.
func verdict() string {
	messages, least := of("connectycube_activity_messages"), of("connectycube_activity_lower_bound_messages")
	return strings.Join([]string{
		each(fmt.Sprintf("0 * (%s <= %s and %s >= 0) + %d", messages, least, least, low), "window"),
		each(fmt.Sprintf("0 * (%s >= 0) + %d", least, well), "window"),
		each(fmt.Sprintf("0 * %s + %d", least, unjudged), "window"),
	}, "\nor\n")
}

// api is the state of each application's API. A single failed call among many
// makes connectycube_up 0 for a moment, which is no news. Without the exporter it
// is not known.
func api() string {
	up := of("connectycube_up")
	return fmt.Sprintf("%d - %d * %s", broken, broken-well, each("max_over_time("+up+"[5m]) and "+up))
}

// scraped is the state of each exporter that showed a chosen application in the
// last day: up says nothing of applications, and 0 is all that it says of a dead
// exporter.
func scraped() string {
	return fmt.Sprintf("%d - %d * min by (instance) (%s and on (job, instance) last_over_time(%s[1d]))",
		broken, broken-well, program("up"), of("connectycube_up"))
}

// watched is the state of the exporters of each application.
func watched() string {
	return fmt.Sprintf("%d - %d * %s", broken, broken-well,
		each("0 * last_over_time("+of("connectycube_up")+"[1d]) + on (job, instance) group_left () "+program("up")))
}

// fresh is the state of each application's numbers: late after three refreshes
// missed, with the five minutes that the alert on them allows too.
func fresh() string {
	success := of("connectycube_collector_last_success_timestamp_seconds")
	return each(fmt.Sprintf("%d + (time() - %s > bool 3 * (%s + %s) + 300)\nor\n%d - %s", well, success,
		of("connectycube_collector_interval_seconds"), of("connectycube_collector_duration_seconds"),
		low, of("connectycube_collector_success")))
}

// normal is the share of messages of what is normal, over the applications of
// which both are known.
func normal(name string) string {
	messages := each(current("connectycube_activity_messages", window(name)))
	expected := "(" + each(current("connectycube_activity_expected_messages", window(name))) + " > 0)"
	return fmt.Sprintf("sum(%s and on (application) %s)\n/\nsum(%s and on (application) %s)", messages, expected, expected, messages)
}

// age is the time since the newest message of all.
func age() string {
	return "time() - max(" + of("connectycube_last_message_timestamp_seconds") + ")"
}
