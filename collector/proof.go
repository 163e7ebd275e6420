package collector

import (
	"cmp"
	"context"
	"errors"
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
	unknownPolls  = 5              // poll intervals until an unknown filter is tried again
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
	sortCreated       = "sort_desc=created_at"
)

// verdict is what a proof found. A filter that is neither supported nor
// unsupported is unknown: there was no row to prove it on.
type verdict struct {
	known     bool
	supported bool
	reason    string // unless supported
}

// proofs are the verdicts on one endpoint; they never change.
type proofs struct {
	empty    bool // the endpoint has no rows: every count is 0, filters or not
	verdicts map[string]verdict
	until    time.Time // when all is to be proven anew
	retry    time.Time // when what is unknown is to be tried again; zero: all is known
}

func (p *proofs) supported(filter string) bool { return p.verdicts[filter].supported }

func (p *proofs) current(now time.Time) bool {
	return now.Before(p.until) && (p.retry.IsZero() || now.Before(p.retry))
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
// An error means that nothing was learnt; the next call tries again.
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
	out := &proofs{verdicts: map[string]verdict{}, until: now.Add(proofLife)}
	if now.Before(known.until) {
		out.until = known.until
		for filter, v := range known.verdicts {
			if v.known {
				out.verdicts[filter] = v
			}
		}
	}
	prove := p.proveDialogs
	if e == chatapi.Messages {
		prove = p.proveMessages
	}
	if err := prove(ctx, out); err != nil {
		return nil, fmt.Errorf("proving the filters of %s: %w", e, err)
	}
	for _, v := range out.verdicts {
		if !v.known {
			out.retry = now.Add(unknownPolls * p.poll)
		}
	}
	p.report(e, known, out)
	list.state.Store(out)
	return out, nil
}

// doubt makes the next ensure prove the endpoint anew if err says that a
// filter was refused or not obeyed, but not all the time.
func (p *prover) doubt(e chatapi.Endpoint, err error) {
	list := p.lists[e]
	last := list.doubted.Load()
	if disproof(err) == "" || last != nil && time.Since(*last) < weakProofLife {
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
	all, _, err := t.page(ctx, chatapi.Sort{Field: filterUpdated})
	if err != nil || len(all) == 0 {
		return out.begin(all, err)
	}
	if !slices.ContainsFunc(all, hasMessage) || !slices.ContainsFunc(all, moved) {
		more, _, err := t.page(ctx, chatapi.Sort{Field: filterUpdated, Desc: true})
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	_ = out.begin(all, nil)
	best := preferring(all, moved)
	talked := slices.DeleteFunc(slices.Clone(best), func(c candidate) bool { return !hasMessage(c) })
	return errors.Join(
		t.timeFilter(ctx, out, chatapi.CreatedAt, best),
		t.timeFilter(ctx, out, chatapi.UpdatedAt, best),
		t.timeFilter(ctx, out, chatapi.LastMessageDateSent, talked),
		t.typeFilters(ctx, out, all),
	)
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
	all, sortReason, err := t.page(ctx, chatapi.Sort{Field: filterCreated, Desc: true})
	if err != nil || len(all) == 0 {
		return out.begin(all, err)
	}
	if !slices.ContainsFunc(all, moved) {
		more, _, err := t.page(ctx, chatapi.Sort{Field: filterUpdated, Desc: true})
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	_ = out.begin(all, nil)
	out.verdicts[sortCreated] = verdict{known: true, supported: sortReason == "", reason: sortReason}
	best := preferring(all, moved)
	return errors.Join(
		t.timeFilter(ctx, out, chatapi.CreatedAt, best),
		t.timeFilter(ctx, out, chatapi.UpdatedAt, best),
	)
}

// begin notes what the rows are good for: none leave everything unknown, to be
// asked again at once, and rows that never moved make a weak proof.
func (p *proofs) begin(rows []candidate, err error) error {
	if len(rows) == 0 {
		p.empty, p.until = true, time.Time{}
	} else if weak := time.Now().Add(weakProofLife); !slices.ContainsFunc(rows, moved) && weak.Before(p.until) {
		p.until = weak
	}
	return err
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
