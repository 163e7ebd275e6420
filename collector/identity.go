package collector

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// sampleSize is how many dialogs stand for an application.
const sampleSize = 16

// identity tells whether a saved state is of the application that the key opens.
// The API gives no id of the application, so a few of its dialogs stand for it.
type identity struct {
	client *chatapi.Client
	turn   chan struct{} // a lock whose waiters can be cancelled

	mu      sync.Mutex
	dialogs []chatapi.ObjectID
	learnt  bool      // dialogs are a fair sample
	asked   time.Time // for dialogs, where no collector meets any
	pending bool      // the state waits for its confirmation
}

func newIdentity(c *chatapi.Client) *identity {
	return &identity{client: c, turn: make(chan struct{}, 1)}
}

// expect makes the next confirm look for the dialogs.
func (d *identity) expect(dialogs []chatapi.ObjectID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dialogs, d.pending = dialogs, true
}

func (d *identity) adopt(old *identity) {
	old.mu.Lock()
	defer old.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dialogs, d.learnt, d.pending = old.dialogs, old.learnt, old.pending
}

// learn takes a fair sample of all dialogs.
func (d *identity) learn(dialogs []chatapi.ObjectID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dialogs, d.learnt = dialogs, true
}

// ensure asks for some dialogs, if no collector that is on meets any; where there
// are none, now and then.
func (d *identity) ensure(ctx context.Context, p *prover) error {
	d.mu.Lock()
	known := !d.asked.IsZero() && time.Since(d.asked) < time.Hour || d.pending || len(d.dialogs) > 0 || len(p.peek(chatapi.Dialogs).rows) > 0
	d.mu.Unlock()
	if known {
		return nil
	}
	page, err := d.client.Dialogs(ctx, chatapi.Query{Limit: sampleSize})
	if err != nil {
		return fmt.Errorf("looking for dialogs to know the application by: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = time.Now()
	for _, dialog := range page.Items {
		d.dialogs = append(d.dialogs, dialog.ID)
	}
	return nil
}

// sample gives dialogs to know the application by: a fair sample if there is
// one, or some of those that proofs were made on.
func (d *identity) sample(p *prover) []chatapi.ObjectID {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := p.peek(chatapi.Dialogs).rows
	if d.pending || d.learnt || len(rows) == 0 {
		return d.dialogs
	}
	ids := make([]chatapi.ObjectID, len(rows))
	for i := range rows {
		ids[i] = rows[i].id
	}
	slices.SortFunc(ids, chatapi.ObjectID.Compare)
	ids = slices.Compact(ids)
	d.dialogs = nil
	for i := range min(sampleSize, len(ids)) {
		d.dialogs = append(d.dialogs, ids[i*len(ids)/min(sampleSize, len(ids))])
	}
	return d.dialogs
}

func (d *identity) waits() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending
}

// confirm looks for the dialogs. One that is there is enough: others may have
// been deleted. An application that had none has none still, or cannot be told
// from others.
func (d *identity) confirm(ctx context.Context) (same bool, err error) {
	for _, id := range d.dialogs {
		n, err := d.client.CountDialogs(ctx, chatapi.ID.Only(id)...)
		if err != nil {
			return false, err
		}
		if n == 1 {
			return true, nil
		}
	}
	if len(d.dialogs) > 0 {
		return false, nil
	}
	n, err := d.client.CountDialogs(ctx)
	return n == 0, err
}

// confirm makes sure, before a restored part is refreshed, that what was
// restored is of this application; if not, it is dropped.
func (a *app) confirm(ctx context.Context, i int) error {
	d := a.identity
	if !a.snap.Load().states[i].restored || !d.waits() {
		return nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !d.waits() {
		return nil
	}
	same, err := d.confirm(ctx)
	if err != nil {
		return fmt.Errorf("looking whether the saved state is of this application: %w", err)
	}
	if !same {
		level.Warn(a.logger).Log("msg", "the saved state is of another application: the API knows none of its dialogs; it is not used, and all starts anew", "dialogs", len(d.dialogs))
		a.forget()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = false
	return nil
}
