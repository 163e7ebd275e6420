package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// CheckTarget refreshes every part of one application once, except those that
// may take hours. The error joins
// what failed; the status holds what was learnt nevertheless. Where the API
// cannot be reached or refuses the key, one call is enough to say so.
func CheckTarget(ctx context.Context, set Settings, t Target, logger log.Logger) (Status, error) {
	if err := t.validate(); err != nil {
		return Status{Name: t.Name}, err
	}
	defs := definitions(set)
	a, err := newApp(t, set, defs, newAPIMetrics(), func() {}, logger)
	if err != nil {
		return Status{Name: t.Name}, err
	}
	defer a.close()
	if _, err := a.client.CountDialogs(ctx); hopeless(err) {
		return a.status(defs), err
	}
	var wg sync.WaitGroup
	for i := range a.parts {
		if !a.parts[i].long {
			wg.Go(func() { a.run(ctx, i) })
		}
	}
	wg.Wait()
	if ctx.Err() != nil {
		return a.status(defs), context.Cause(ctx)
	}
	var failed []error
	said := map[string]bool{}
	for i, s := range a.snap.Load().states {
		if s.err != nil && !said[s.err.Error()] {
			said[s.err.Error()] = true
			failed = append(failed, fmt.Errorf("%s, %s: %w", a.parts[i].collector, a.parts[i].name, s.err))
		}
	}
	return a.status(defs), errors.Join(failed...)
}

// status gathers what a person wants to see of an application.
func (a *app) status(defs []definition) Status {
	now, snap := time.Now(), a.snap.Load()
	s := Status{
		Name:      a.target.Name,
		URL:       a.target.URL,
		Up:        a.api.up(),
		RateLimit: a.client.Rate(),
		Requests:  a.api.lastHour(now),
		Paused:    a.client.PauseLeft(),
	}
	s.ClockSkew, s.ClockKnown = a.client.Skew()
	for i := range snap.states {
		if state := &snap.states[i]; a.visible(i, state, now) {
			state.result.describe(&s)
		}
	}
	if a.scanner != nil {
		if live := a.scanner.live.Load(); live != nil {
			p := live.progress()
			s.Scan = &p
		}
	}
	for _, def := range defs {
		s.Collectors = append(s.Collectors, a.collectorState(def.name, snap))
	}
	s.Filters = a.filters()
	a.mu.Lock()
	s.Polls = slices.Clone(a.polls)
	a.mu.Unlock()
	slices.Reverse(s.Polls)
	return s
}

// filters lists every verdict of the proofs, those of sorts and operators
// included.
func (a *app) filters() (out []FilterStatus) {
	add := func(e chatapi.Endpoint, filter string, v verdict) {
		f := FilterStatus{string(e), filter, "unknown", v.reason}
		switch {
		case v.supported:
			f.State = "supported"
		case v.known:
			f.State = "unsupported"
		case a.proofs.peek(e).empty:
			f.Reason = "there are no " + string(e) + " yet"
		}
		out = append(out, f)
	}
	for _, f := range provenFilters {
		add(f.endpoint, f.filter, a.proofs.peek(f.endpoint).verdicts[f.filter])
	}
	for _, f := range []struct {
		e      chatapi.Endpoint
		filter string
	}{{chatapi.Dialogs, filterTypeNin}, {chatapi.Messages, sortCreated}} {
		if v := a.proofs.peek(f.e).verdicts[f.filter]; v.known {
			add(f.e, f.filter, v)
		}
	}
	return out
}
