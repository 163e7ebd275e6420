package main

import (
	"fmt"
	"strings"
)

// The states of whatever can break, the worse the higher: of several the highest
// is shown. That something cannot be judged, or is not known, is no good news.
const (
	well = iota + 1
	unjudged
	low
	broken
)

// The states of an API are finer.
const (
	answers = iota + 1
	failing // just now
	fails
	refuses // the key
	throttles
)

// The verdicts, each with its cause.
const (
	allWell = iota
	notJudged
	numbersOld
	apiFails
	keyRefused
	apiThrottles
	notShown
	exporterDown
	tooFew
	silent
)

const (
	// judgedFor is how long an evaluation counts: three come in that time.
	judgedFor = "900"
	// lateAfter is allowed besides three refreshes, for scrapes and slow replies.
	lateAfter = "60"
)

func either(exprs ...string) string { return strings.Join(exprs, "\nor\n") }

// becomes gives a value to whatever there is of a vector.
func becomes(value int, vector string) string { return fmt.Sprintf("0 * (%s) + %d", vector, value) }

// silences are the applications whose silence is too long.
func silences() string {
	missing, bound := of("connectycube_activity_silence_expected_messages"), of("connectycube_activity_silence_bound_messages")
	return fmt.Sprintf("%s >= %s and %s >= 0 and time() - max without (window) (%s) < %s",
		missing, bound, bound, of("connectycube_activity_window_end_timestamp_seconds"), judgedFor)
}

// judgedWindows are the bounds of windows that were judged of late.
func judgedWindows() string {
	return fmt.Sprintf("%s >= 0 and time() - %s < %s",
		of("connectycube_activity_lower_bound_messages"), of("connectycube_activity_window_end_timestamp_seconds"), judgedFor)
}

// lowWindows are those with too few messages.
func lowWindows() string {
	return of("connectycube_activity_messages") + " <= (" + judgedWindows() + ")"
}

// chat is the state of each application's chat by its latest evaluation; the
// alerts wait for a second and a third one. What is not evaluated any more
// cannot be judged.
func chat() string {
	return either(
		each(becomes(broken, silences())),
		each(becomes(low, lowWindows())),
		each(becomes(well, judgedWindows())),
		each(becomes(well, of("connectycube_activity_silence_bound_messages")+" >= 0 and time() - max without (window) ("+
			of("connectycube_activity_window_end_timestamp_seconds")+") < "+judgedFor)),
		each(becomes(unjudged, watched())),
	)
}

// windowVerdict is the state of each window.
func windowVerdict() string {
	return either(
		each(becomes(low, lowWindows()), "window"),
		each(becomes(well, judgedWindows()), "window"),
		each(becomes(unjudged, of("connectycube_activity_lower_bound_messages")), "window"),
	)
}

// api is the state of each application's API, as the luckier of its exporters
// sees it. A single failed call among many is no news, but is shown.
func api() string {
	up := of("connectycube_up")
	calls := fmt.Sprintf("min by (application) (%d - max_over_time(%s[5m]) - %s)", fails, up, up)
	failed := func(state int, codes string) string {
		return fmt.Sprintf("0 * (%s > %d) + %d and on (application) %s > 0", calls, answers, state,
			perSecond("connectycube_api_requests_total", "application", "code=~\""+codes+"\""))
	}
	return either(failed(refuses, "401|403"), failed(throttles, "429"), calls)
}

// shown is the state of the exporters of each application: well if one shows it,
// low if one runs but does not show it any more.
func shown() string {
	once := "last_over_time(" + of("connectycube_up") + "[1d])"
	return "min by (application) (\n" + either(
		becomes(well, of("connectycube_up")),
		fmt.Sprintf("0 * %s + on (job, instance) group_left () (%d * (%s == 1))", once, low, program("up")),
		becomes(broken, once),
	) + "\n)"
}

// scraped is the state of each exporter that showed a chosen application in the
// last day.
func scraped() string {
	return fmt.Sprintf("%d - %d * min by (instance) (%s and on (job, instance) last_over_time(%s[1d]))",
		broken, broken-well, program("up"), of("connectycube_up"))
}

// fresh is the state of each application's numbers, as its better exporter has
// them: low once three refreshes were missed, from when on values disappear. A
// clock that is wrong makes ages wrong, and is shown elsewhere.
func fresh() string {
	success := of("connectycube_collector_last_success_timestamp_seconds")
	return "min by (application) (\n" +
		"max by (application, job, instance) (\n" + either(
		fmt.Sprintf("%d + %d * (time() - %s > bool 3 * (%s + %s) + %s)", well, low-well, success,
			of("connectycube_collector_interval_seconds"), of("connectycube_collector_duration_seconds"), lateAfter),
		fmt.Sprintf("%d - %d * %s", low, low-well, of("connectycube_collector_success")),
	) + "\n)\nunless abs(" + of("connectycube_api_clock_skew_seconds") + ") > 60\n)"
}

// verdict says of each application in one value what is wrong: the chat, if that
// was judged of late, whatever else fails; else the first thing without which
// nothing is known.
func verdict() string {
	is := func(state int, verdict int, expr string) string {
		return fmt.Sprintf("0 * ((%s) == %d) + %d", expr, state, verdict)
	}
	return either(
		is(broken, silent, chat()), is(low, tooFew, chat()),
		is(broken, exporterDown, shown()), is(low, notShown, shown()),
		is(refuses, keyRefused, api()), is(throttles, apiThrottles, api()), is(fails, apiFails, api()),
		is(low, numbersOld, fresh()),
		is(unjudged, notJudged, chat()),
		is(well, allWell, chat()),
	)
}
