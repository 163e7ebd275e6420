package collector

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const (
	keptPolls    = 20
	keptFailures = 3
	maxStagger   = 2 * time.Second
	partStagger  = time.Millisecond // keeps the order of the first pass
)

// app polls one application.
type app struct {
	target Target
	set    Settings
	logger log.Logger
	client *chatapi.Client
	api    *apiObserver
	proofs *prover
	parts  []part

	scanner   *scanner   // nil: the collector mutes is off
	historian *historian // nil: the collector activity is off
	calendar  *activity.Calendar
	identity  *identity
	unused    map[string]savedPart[json.RawMessage] // what was saved by collectors that are off
	changed   func()                                // says that something came in that should be saved at once

	snap atomic.Pointer[snapshot]

	mu    sync.Mutex // serialises the making of snapshots
	polls []Poll     // newest last

	stop func()
	wg   sync.WaitGroup
}

func newApp(t Target, set Settings, defs []definition, metrics *apiMetrics, changed func(), logger log.Logger) (*app, error) {
	cfg, err := t.ClientConfig()
	if err != nil {
		return nil, err
	}
	a := &app{target: t, set: set, logger: log.With(logger, "application", t.Name), api: metrics.observer(t.Name), changed: changed}
	cfg.UserAgent, cfg.Observer, cfg.Logger = set.UserAgent, a.api, a.logger
	a.client = chatapi.New(cfg)
	a.proofs = newProver(a.client, set.PollInterval, a.logger)
	a.identity = newIdentity(a.client)
	if a.calendar, err = t.Calendar(); err != nil {
		return nil, err
	}
	for _, d := range defs {
		a.parts = append(a.parts, d.parts(a)...)
	}
	a.snap.Store(&snapshot{states: make([]partState, len(a.parts))})
	return a, nil
}

// adopt takes over what an earlier app learnt of the same application.
func (a *app) adopt(old *app) {
	a.client.Adopt(old.client)
	a.api.adopt(old.api)
	a.snap.Store(old.snap.Load())
	a.proofs.adopt(old.proofs)
	a.identity.adopt(old.identity)
	a.unused = old.unused
	if a.scanner != nil {
		a.scanner.adopt(old.scanner)
	}
	if a.historian != nil {
		a.historian.adopt(old.historian)
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	a.polls = slices.Clone(old.polls)
}

// start polls until close is called.
func (a *app) start() {
	ctx, cancel := context.WithCancel(context.Background())
	a.stop = cancel
	a.api.begin()
	first := stagger(a.target.Name, a.set.PollInterval)
	for i := range a.parts {
		a.wg.Go(func() { a.loop(ctx, i, first+time.Duration(i)*partStagger) })
	}
}

func (a *app) close() {
	if a.stop != nil {
		a.stop()
	}
	a.wg.Wait()
	a.client.Close()
}

// stagger spreads the starts of many applications, each always at its place.
func stagger(name string, interval time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return time.Duration(h.Sum32()) % min(interval, maxStagger)
}

// loop runs one part and then sleeps, so that its refreshes cannot overlap.
func (a *app) loop(ctx context.Context, i int, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// Work that was only paused goes on without a sleep.
		for wait = a.run(ctx, i); wait <= 0 && ctx.Err() == nil; {
			wait = a.run(ctx, i)
		}
		timer.Reset(wait)
	}
}

// run refreshes one part and says how long to wait until its next refresh.
func (a *app) run(ctx context.Context, i int) time.Duration {
	p := &a.parts[i]
	start := time.Now()
	var res result
	err := a.confirm(ctx, i)
	if err == nil {
		res, err = p.refresh(ctx, a.snap.Load().states[i].result)
	}
	if ctx.Err() != nil {
		return 0
	}
	end := time.Now()

	a.mu.Lock()
	defer a.mu.Unlock()
	states := slices.Clone(a.snap.Load().states)
	s := &states[i]
	before := s.err
	s.attempt, s.duration, s.err = end, end.Sub(start), err
	wait := p.interval
	if err == nil {
		s.failures = 0
		if p.wait != nil {
			wait = p.wait()
		}
	} else {
		s.failures++
		// A refresh that keeps half succeeding costs its requests each time.
		if res == nil || s.failures < keptFailures {
			wait = p.retryAfter(s.failures, a.set.PollInterval)
		}
	}
	// What is left of a failed refresh takes the place of the last whole one
	// once that would have missed three refreshes.
	if res != nil && (err == nil || s.result == nil || s.failures >= keptFailures) {
		s.result, s.success, s.took, s.restored = res, end, s.duration, false
	}
	s.next = end.Add(wait)
	a.snap.Store(&snapshot{states: states, healthy: a.healthy(p.collector, states, end)})
	if a.polls = append(a.polls, Poll{end, p.collector, p.name, s.duration, errText(err)}); len(a.polls) > keptPolls {
		a.polls = a.polls[1:]
	}
	a.report(i, states, before)
	return wait
}

// healthy moves the collector's time forward unless one of its parts failed.
func (a *app) healthy(collector string, states []partState, now time.Time) map[string]time.Time {
	old := a.snap.Load().healthy
	for i := range states {
		if a.parts[i].collector == collector && states[i].err != nil {
			return old
		}
	}
	out := make(map[string]time.Time, len(old)+1)
	maps.Copy(out, old)
	out[collector] = now
	return out
}

// now is the API's clock. Only when its replies cannot tell the time it is this
// machine's; when there was no reply lately, one is asked for.
func (a *app) now(ctx context.Context) (time.Time, error) {
	t, known := a.client.Now()
	if known || a.client.ClockFault() != "" {
		return t, nil
	}
	if _, err := a.client.CountDialogs(ctx); err != nil {
		return time.Time{}, err
	}
	t, _ = a.client.Now()
	return t, nil
}

// sameFailure compares failures but for what changes from one to the next,
// such as the rest of a pause.
func sameFailure(a, b error) bool {
	x, xok := errors.AsType[*chatapi.Error](a)
	y, yok := errors.AsType[*chatapi.Error](b)
	if xok && yok && x.RetryAfter > 0 && y.RetryAfter > 0 {
		return x.Endpoint == y.Endpoint && x.Code() == y.Code()
	}
	return errText(a) == errText(b)
}

// report logs failures when they begin and change, and their end; what many
// parts meet is said once.
func (a *app) report(i int, states []partState, before error) {
	p, s := &a.parts[i], &states[i]
	logger := log.With(a.logger, "collector", p.collector, "part", p.name)
	others := false
	for j, o := range states {
		others = others || j != i && o.err != nil && (s.err == nil || sameFailure(o.err, s.err))
	}
	switch {
	case s.err != nil && !sameFailure(before, s.err) && !others:
		level.Warn(logger).Log("msg", "refresh failed; last values are kept for three intervals", "err", errText(s.err), "next_try", s.next.Sub(s.attempt))
	case s.err != nil:
		level.Debug(logger).Log("msg", "refresh failed", "err", errText(s.err), "failures", s.failures)
	case before != nil && !others:
		level.Info(logger).Log("msg", "refresh succeeds again, as do all others")
	default:
		level.Debug(logger).Log("msg", "refreshed", "took", s.duration)
	}
}

// visible tells whether a part's result is young enough to be shown. What was
// restored is shown until the first refresh has had its three tries.
func (a *app) visible(i int, s *partState, now time.Time) bool {
	if s.result == nil {
		return false
	}
	if s.restored {
		return s.failures < keptFailures
	}
	if e, ok := s.result.(expirer); ok && e.expired(s, now) {
		return false
	}
	return now.Sub(s.success) <= a.parts[i].staleAfter(s, a.client.CallBudget())
}

// collectorState sums the parts of one collector up.
func (a *app) collectorState(name string, snap *snapshot) CollectorStatus {
	out := CollectorStatus{Name: name, Success: true, LastSuccess: snap.healthy[name]}
	var latest, broken time.Time
	for i := range snap.states {
		p, s := &a.parts[i], &snap.states[i]
		if p.collector != name {
			continue
		}
		if out.Interval == 0 || p.interval < out.Interval {
			out.Interval = p.interval
		}
		if s.attempt.IsZero() {
			continue
		}
		out.Attempted = true
		if s.attempt.After(latest) {
			latest, out.Duration = s.attempt, s.duration
		}
		if out.NextRun.IsZero() || s.next.Before(out.NextRun) {
			out.NextRun = s.next
		}
		if s.err != nil {
			out.Success = false
			if s.attempt.After(broken) {
				broken, out.Error = s.attempt, p.name+": "+errText(s.err)
			}
		}
	}
	out.Success = out.Success && out.Attempted
	return out
}
