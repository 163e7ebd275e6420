package collector

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// definition is one collector: its metrics, and the parts that refresh them
// for one application.
type definition struct {
	name  string
	descs []*prometheus.Desc
	parts func(a *app) []part
	live  func(e *emitter) // shows what is no part's result; may be nil
}

// definitions are all collectors that the settings enable, in the order in
// which an application's first pass runs them.
func definitions(set Settings) []definition {
	all := []definition{
		totals(set),
		windows(set),
		mutes(set),
		activities(set),
	}
	if set.Collectors == nil {
		return all
	}
	return slices.DeleteFunc(all, func(d definition) bool { return !slices.Contains(set.Collectors, d.name) })
}

// Names lists all collectors, for the flags that switch them.
func Names() []string {
	var names []string
	for _, d := range definitions(Settings{PollInterval: time.Minute}) {
		names = append(names, d.name)
	}
	return names
}

// part is what is refreshed as one: all of it, or nothing.
type part struct {
	collector string
	name      string
	interval  time.Duration // from the end of a refresh to the start of the next

	// refresh asks the API. prev is what the last good refresh returned, nil
	// before the first; results are never changed once returned.
	// No result and no error means that there is nothing new to show yet.
	refresh func(ctx context.Context, prev result) (result, error)

	long bool                 // it may take hours, so that check leaves it out
	wait func() time.Duration // after a good refresh, until the next; nil: interval

	// What survives a restart; save may give nil, restore no result, and all
	// may be nil. save is called at any time, restore before the first
	// refresh, forget between two.
	save    func(r result) any
	restore func(raw json.RawMessage) (result, error)
	forget  func()
}

// result is what a refresh learnt.
type result interface {
	emit(e *emitter)
	describe(s *Status)
}

// snapshot is the state of all parts of an application; it never changes.
type snapshot struct {
	states []partState

	// healthy says for each collector when a refresh last ended that left
	// none of its parts failed.
	healthy map[string]time.Time
}

type partState struct {
	result   result
	success  time.Time     // when result came in
	took     time.Duration // of the refresh that gave result
	attempt  time.Time     // end of the latest refresh, zero: none yet
	duration time.Duration // of the latest refresh
	next     time.Time     // when the next refresh starts, at the earliest
	failures int           // since the last success
	err      error         // of the latest refresh
	restored bool          // result is from before the restart; failures count from there
}

// expirer is a result that can be too old for a reason of its own.
type expirer interface {
	expired(s *partState, now time.Time) bool
}

// staleAfter is the age at which a result disappears: three refreshes missed,
// each counted with the time that one takes, and a fourth not yet due.
func (p *part) staleAfter(s *partState, callBudget time.Duration) time.Duration {
	return 3*(p.interval+s.took) + min(callBudget, p.interval)
}

// longestBackoff is the longest wait after a failure, in poll intervals.
const longestBackoff = 10

// retryAfter is the wait after a failure: short at first, so that rare parts
// recover soon after the API does, and never longer than the part's interval.
func (p *part) retryAfter(failures int, poll time.Duration) time.Duration {
	wait, longest := poll, min(p.interval, longestBackoff*poll)
	for range failures - 1 {
		if wait *= 2; wait >= longest {
			break
		}
	}
	return min(wait, longest)
}

// emitter turns results into metrics for one scrape of one application.
type emitter struct {
	ch   chan<- prometheus.Metric
	app  *app
	snap *snapshot
	now  time.Time
}

func (e *emitter) gauge(d *prometheus.Desc, v float64, labels ...string) {
	e.metric(d, prometheus.GaugeValue, v, labels)
}

func (e *emitter) counter(d *prometheus.Desc, v float64, labels ...string) {
	e.metric(d, prometheus.CounterValue, v, labels)
}

func (e *emitter) metric(d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	values := make([]string, 1, 4)
	values[0] = e.app.target.Name
	e.ch <- prometheus.MustNewConstMetric(d, t, v, append(values, labels...)...)
}

// fresh finds the result of type T, unless it is too old to be shown.
func fresh[T result](a *app, s *snapshot, now time.Time) (found T, ok bool) {
	for i := range s.states {
		if r, is := s.states[i].result.(T); is && a.visible(i, &s.states[i], now) {
			return r, true
		}
	}
	return found, false
}

// desc makes a descriptor whose first label is application.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("connectycube_"+name, help, append([]string{"application"}, labels...), nil)
}

// errText is the text of an error in one line, or nothing.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
