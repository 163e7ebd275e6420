package collector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const (
	proofLife     = 24 * time.Hour // then a filter is proven anew
	weakProofLife = time.Hour      // when no row could tell created_at from updated_at
	pendingPolls  = 5              // poll intervals until what is not supported is tried again
	longestRetry  = time.Hour      // between two tries of a filter that stays unsupported
	maxCandidates = 3              // rows tried, since rows may change during a proof
)

// The capabilities that are proven of an endpoint. The first four are the
// values of the label filter.
const (
	filterCreated     = string(chatapi.CreatedAt)
	filterUpdated     = string(chatapi.UpdatedAt)
	filterType        = "type"
	filterLastMessage = string(chatapi.LastMessageDateSent)
	filterTypeNin     = "type[nin]"
	sortCreated       = SortByCreation
)

// verdict is what a proof found. A filter that is neither supported nor
// unsupported is unknown: there was no row to prove it on, or no answer.
type verdict struct {
	known     bool
	supported bool
	reason    string // unless supported
	err       error  // the answer was an error

	due   time.Time // when it is tried again; zero: with all others
	tries int       // without success
}

// proofs are the verdicts on one endpoint; they never change.
type proofs struct {
	empty    bool // the endpoint has no rows: every count is 0, filters or not
	verdicts map[string]verdict
	until    time.Time // when all is to be proven anew
	rows     []candidate
}

func (p *proofs) supported(filter string) bool { return p.verdicts[filter].supported }

// usable tells whether counts by the filter can be had, and why not if that is
// a failure.
func (p *proofs) usable(filter string) (bool, error) {
	v := p.verdicts[filter]
	return p.empty || v.supported, v.err
}

func (p *proofs) current(now time.Time) bool {
	for _, v := range p.verdicts {
		if !v.due.IsZero() && !now.Before(v.due) {
			return false
		}
	}
	return now.Before(p.until)
}

// prover proves the filters of one application's list endpoints on known rows,
// before any number is taken from them, and again once a day.
type prover struct {
	client *chatapi.Client
	poll   time.Duration
	logger log.Logger
	lists  map[chatapi.Endpoint]*provenList
}

type provenList struct {
	turn    chan struct{} // a lock whose waiters can be cancelled
	state   atomic.Pointer[proofs]
	doubted atomic.Pointer[time.Time]

	// A failure is shared by all who need the proof, until it is tried again.
	failed   error
	failedAt time.Time
}

func newProver(c *chatapi.Client, poll time.Duration, logger log.Logger) *prover {
	p := &prover{client: c, poll: poll, logger: logger, lists: map[chatapi.Endpoint]*provenList{}}
	for _, e := range []chatapi.Endpoint{chatapi.Dialogs, chatapi.Messages} {
		p.lists[e] = &provenList{turn: make(chan struct{}, 1)}
		p.lists[e].state.Store(&proofs{})
	}
	return p
}

func (p *prover) adopt(old *prover) {
	for e, list := range p.lists {
		list.state.Store(old.lists[e].state.Load())
	}
}

// peek gives the latest verdicts without asking the API.
func (p *prover) peek(e chatapi.Endpoint) *proofs { return p.lists[e].state.Load() }

// ensure gives the verdicts on an endpoint, proving what is not proven yet.
// An error means that nothing was learnt.
func (p *prover) ensure(ctx context.Context, e chatapi.Endpoint) (*proofs, error) {
	list := p.lists[e]
	select {
	case list.turn <- struct{}{}:
		defer func() { <-list.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	now, known := time.Now(), list.state.Load()
	if known.current(now) {
		return known, nil
	}
	if list.failed != nil && now.Sub(list.failedAt) < p.poll/2 {
		return nil, list.failed
	}
	out := &proofs{verdicts: map[string]verdict{}, until: now.Add(proofLife)}
	if now.Before(known.until) {
		out.until, out.rows = known.until, known.rows
		for filter, v := range known.verdicts {
			if v.supported || now.Before(v.due) {
				out.verdicts[filter] = v
			} else if !v.known && v.err == nil {
				out.rows = nil // there may be better ones by now
			}
		}
	}
	prove := p.proveDialogs
	if e == chatapi.Messages {
		prove = p.proveMessages
	}
	if err := prove(ctx, out); err != nil {
		list.failed, list.failedAt = fmt.Errorf("proving the filters of %s: %w", e, err), time.Now()
		return nil, list.failed
	}
	list.failed = nil
	for filter, v := range out.verdicts {
		if !v.supported && !now.Before(v.due) {
			v.tries = known.verdicts[filter].tries + 1
			v.due = time.Now().Add(p.retryIn(v))
			out.verdicts[filter] = v
		}
	}
	p.report(e, known, out)
	list.state.Store(out)
	return out, nil
}

// retryIn is short after an error, which may pass, and grows for a filter that
// stays unsupported.
func (p *prover) retryIn(v verdict) time.Duration {
	if v.err != nil {
		return time.Duration(min(v.tries, pendingPolls)) * p.poll
	}
	wait := pendingPolls * p.poll
	for i := 1; v.known && i < v.tries && wait < longestRetry; i++ {
		wait *= 2
	}
	return min(wait, max(longestRetry, p.poll))
}

// doubt makes the next ensure prove the endpoint anew if err says that a
// filter was refused or not obeyed, but not all the time.
func (p *prover) doubt(e chatapi.Endpoint, err error) {
	list := p.lists[e]
	last := list.doubted.Load()
	if disproof(err) == "" || last != nil && time.Since(*last) < pendingPolls*p.poll {
		return
	}
	now := time.Now()
	list.doubted.Store(&now)
	list.state.Store(&proofs{verdicts: list.state.Load().verdicts})
}

func (p *prover) report(e chatapi.Endpoint, before, now *proofs) {
	for filter, v := range now.verdicts {
		old := before.verdicts[filter]
		switch {
		case v.known && !v.supported && old.reason != v.reason:
			level.Warn(p.logger).Log("msg", "the API does not honour a filter; values that need it are absent", "endpoint", e, "filter", filter, "reason", v.reason)
		case v.supported && old.known && !old.supported:
			level.Info(p.logger).Log("msg", "the API honours a filter again", "endpoint", e, "filter", filter)
		}
	}
}

// candidate is a row to prove filters on.
type candidate struct {
	id               chatapi.ObjectID
	created, updated int64
	lastMessage      int64 // 0: none
	code             int
}

func (p *prover) proveDialogs(ctx context.Context, out *proofs) error {
	t := &trial{count: p.client.CountDialogs}
	t.list = func(ctx context.Context, q chatapi.Query) (rows []candidate, err error) {
		page, err := p.client.Dialogs(ctx, q)
		for _, d := range page.Items {
			rows = append(rows, candidate{d.ID, d.CreatedAt, d.UpdatedAt, d.LastMessageDateSent, d.Type})
		}
		return rows, err
	}
	enough := func(rows []candidate) bool {
		return slices.ContainsFunc(rows, hasMessage) && slices.ContainsFunc(rows, moved)
	}
	if err := t.candidates(ctx, out, enough, chatapi.Sort{Field: filterUpdated}, chatapi.Sort{Field: filterUpdated, Desc: true},
		chatapi.Sort{Field: filterCreated}, chatapi.Sort{Field: filterCreated, Desc: true}); err != nil || out.empty {
		return err
	}
	best := preferring(out.rows, moved)
	talked := slices.DeleteFunc(slices.Clone(best), func(c candidate) bool { return !hasMessage(c) })
	for _, f := range []struct {
		name      string
		rows      []candidate
		questions func(candidate) []question
	}{
		{filterCreated, best, timeQuestions(chatapi.CreatedAt)},
		{filterUpdated, best, timeQuestions(chatapi.UpdatedAt)},
		{filterLastMessage, talked, timeQuestions(chatapi.LastMessageDateSent)},
		{filterType, best, typeQuestions},
		{filterTypeNin, best, ninQuestions},
	} {
		if f.name == filterTypeNin && !out.supported(filterType) {
			continue
		}
		if err := t.filter(ctx, out, f.name, f.rows, f.questions); err != nil {
			return err
		}
	}
	return nil
}

func (p *prover) proveMessages(ctx context.Context, out *proofs) error {
	t := &trial{count: p.client.CountMessages}
	t.list = func(ctx context.Context, q chatapi.Query) (rows []candidate, err error) {
		page, err := p.client.Messages(ctx, q)
		for _, m := range page.Items {
			rows = append(rows, candidate{id: m.ID, created: m.CreatedAt, updated: m.UpdatedAt})
		}
		return rows, err
	}
	enough := func(rows []candidate) bool { return slices.ContainsFunc(rows, moved) }
	if _, proven := out.verdicts[sortCreated]; !proven {
		out.rows = nil // the first page is the proof of the sort
	}
	if err := t.candidates(ctx, out, enough, chatapi.Sort{Field: filterCreated, Desc: true}, chatapi.Sort{Field: filterUpdated, Desc: true},
		chatapi.Sort{Field: filterUpdated}, chatapi.Sort{Field: filterCreated}); err != nil || out.empty {
		return err
	}
	best := preferring(out.rows, moved)
	for _, f := range []chatapi.TimeField{chatapi.CreatedAt, chatapi.UpdatedAt} {
		if err := t.filter(ctx, out, string(f), best, timeQuestions(f)); err != nil {
			return err
		}
	}
	return nil
}

func moved(c candidate) bool      { return c.created != c.updated }
func hasMessage(c candidate) bool { return c.lastMessage != 0 }

// preferring puts the rows that have the property first, and among equals the
// one that has rested longest: it will hold still during the proof.
func preferring(all []candidate, has func(candidate) bool) []candidate {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b candidate) int {
		if has(a) != has(b) {
			if has(a) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.updated, b.updated)
	})
	return out
}
