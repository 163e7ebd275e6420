package chatapi_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// collect drives a walk to its end and returns the ids in the order they came.
// Between pages it calls meanwhile, if that is given.
func collect[T any](ctx context.Context, w *chatapi.Walk[T], id func(T) chatapi.ObjectID, meanwhile func()) (ids []string, err error) {
	for rows, err := range w.Pages(ctx) {
		if err != nil {
			return ids, err
		}
		for _, row := range rows {
			ids = append(ids, id(row).String())
		}
		if meanwhile != nil {
			meanwhile()
		}
	}
	return ids, nil
}

func dialogID(d chatapi.Dialog) chatapi.ObjectID   { return d.ID }
func messageID(m chatapi.Message) chatapi.ObjectID { return m.ID }

// choice is a random query and the same thing said of the truth.
type choice struct {
	query chatapi.Query
	has   func(id string, created, updated int64, kind int, dialog string) bool
}

// choose draws filters that all must hold: a window, a bound of _id, a type or
// a dialog, each or none of them.
func choose(r *rand.Rand, truth *chatapitest.Truth, messages bool) choice {
	now := time.Now().Unix()
	from := now - r.Int64N(13*7*86400)
	to := from + r.Int64N(30*86400)
	bound := truth.Dialogs[r.IntN(len(truth.Dialogs))].ID
	home := truth.Messages[r.IntN(len(truth.Messages))].DialogID
	if messages {
		bound = truth.Messages[r.IntN(len(truth.Messages))].ID
	}
	kind := 2 + r.IntN(2)
	window, above, narrow := r.IntN(3), r.IntN(3), r.IntN(3) == 0

	c := choice{query: chatapi.Query{Limit: 1 + r.IntN(100), Sort: chatapi.Sort{Desc: r.IntN(2) == 0}}}
	boundID, _ := chatapi.ParseObjectID(bound)
	homeID, _ := chatapi.ParseObjectID(home)
	switch window {
	case 1:
		c.query.Where = append(c.query.Where, chatapi.CreatedAt.In(from, to)...)
	case 2:
		c.query.Where = append(c.query.Where, chatapi.UpdatedAt.In(from, to)...)
	}
	switch above {
	case 1:
		c.query.Where = append(c.query.Where, chatapi.ID.Cond(chatapi.Gte, boundID))
	case 2:
		c.query.Where = append(c.query.Where, chatapi.ID.Cond(chatapi.Lt, boundID))
	}
	switch {
	case narrow && messages:
		c.query.Where = append(c.query.Where, chatapi.ChatDialogID.Cond(chatapi.Eq, homeID))
	case narrow:
		c.query.Where = append(c.query.Where, chatapi.Type(chatapi.Eq, kind))
	}
	c.has = func(id string, created, updated int64, k int, dialog string) bool {
		return (window != 1 || from <= created && created < to) && (window != 2 || from <= updated && updated < to) &&
			(above != 1 || id >= bound) && (above != 2 || id < bound) &&
			(!narrow || messages && dialog == home || !messages && k == kind)
	}
	return c
}

// expected are the ids that a walk should give, in its order.
func (c choice) expected(truth *chatapitest.Truth, messages bool) (ids []string) {
	if messages {
		for _, m := range truth.Messages {
			if c.has(m.ID, m.CreatedAt, m.UpdatedAt, 0, m.DialogID) {
				ids = append(ids, m.ID)
			}
		}
	} else {
		for _, d := range truth.Dialogs {
			if c.has(d.ID, d.CreatedAt, d.UpdatedAt, d.Type, "") {
				ids = append(ids, d.ID)
			}
		}
	}
	slices.Sort(ids)
	if c.query.Sort.Desc {
		slices.Reverse(ids)
	}
	return ids
}

// Whatever is asked for, a walk yields exactly the rows that match, in order,
// also from servers that do odd but honest things.
func TestWalkYieldsWhatMatches(t *testing.T) {
	servers := map[string]struct {
		quirks chatapitest.Quirks
		faults []chatapitest.Fault
	}{
		"right":                         {},
		"total that ignores the cursor": {quirks: chatapitest.Quirks{TotalIgnoresCursor: true}},
		"short pages in the middle":     {faults: []chatapitest.Fault{{Kind: chatapitest.ShortPage, Skip: 1, Count: 2, Match: many}}},
		"repeated rows":                 {faults: []chatapitest.Fault{{Kind: chatapitest.RepeatedRows, Skip: 1, Count: 2, Match: many}}},
		"a passing error":               {faults: []chatapitest.Fault{{Kind: chatapitest.Status, Status: 502, Skip: 1, Count: 2}}},
	}
	for name, server := range servers {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, chatapitest.Config{Seed: seed, Dialogs: 230, Messages: 400, Quirks: server.quirks})
					truth := r.server.Truth()
					random := rand.New(rand.NewPCG(seed, 1))
					for range 12 {
						messages := random.IntN(2) == 0
						c := choose(random, truth, messages)
						r.server.ClearFaults()
						r.server.Inject(server.faults...)
						var got []string
						var err error
						var promised, rows int64
						if messages {
							w := r.client.WalkMessages(c.query)
							got, err = collect(t.Context(), w, messageID, nil)
							promised, rows = w.Promised, w.Rows
						} else {
							w := r.client.WalkDialogs(c.query)
							got, err = collect(t.Context(), w, dialogID, nil)
							promised, rows = w.Promised, w.Rows
						}
						want := c.expected(truth, messages)
						if err != nil || !slices.Equal(got, want) {
							t.Fatalf("%+v: got %d rows, %v; want %d", c.query, len(got), err, len(want))
						}
						if n := int64(len(want)); rows != n || promised != n && !server.quirks.TotalIgnoresCursor {
							t.Errorf("%+v: %d rows, %d promised; want %d", c.query, rows, promised, n)
						}
					}
				})
			})
		}
	}
}

// many matches requests for more than one row, of which a fault can leave some.
func many(q url.Values) bool { return q.Get("limit") != "1" }

// Rows that come and go during a walk are its luck; all others come once.
func TestWalkWhileRowsChange(t *testing.T) {
	for seed := range uint64(3) {
		for _, desc := range []bool{false, true} {
			for _, ignores := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, chatapitest.Config{Seed: seed, Dialogs: 300, Quirks: chatapitest.Quirks{TotalIgnoresCursor: ignores}})
					before := r.server.Truth().Dialogs
					random := rand.New(rand.NewPCG(seed, 2))
					changed := map[string]bool{}
					w := r.client.WalkDialogs(chatapi.Query{Limit: 20, Sort: chatapi.Sort{Desc: desc}})
					got, err := collect(t.Context(), w, dialogID, func() {
						for range 3 {
							gone := before[random.IntN(len(before))].ID
							r.server.DeleteDialog(gone)
							age := time.Duration(random.Int64N(int64(90 * 24 * time.Hour)))
							changed[gone], changed[r.server.CreateDialog(chatapitest.DialogSpec{CreatedAt: time.Now().Add(-age)})] = true, true
						}
					})
					if err != nil {
						t.Fatal(err)
					}
					came := map[string]int{}
					for _, id := range got {
						came[id]++
					}
					for _, d := range before {
						if !changed[d.ID] && came[d.ID] != 1 {
							t.Errorf("dialog %s came %d times", d.ID, came[d.ID])
						}
					}
					for id, n := range came {
						if n != 1 {
							t.Errorf("dialog %s came %d times", id, n)
						}
					}
					if w.Promised != int64(len(before)) || w.Rows != int64(len(got)) {
						t.Errorf("%d promised, %d rows; want %d and %d", w.Promised, w.Rows, len(before), len(got))
					}
				})
			}
		}
	}
}

// A walk that ended in an error goes on where it stopped.
func TestWalkResumes(t *testing.T) {
	faults := map[string]chatapitest.Fault{
		"500":        {Kind: chatapitest.Status, Skip: 2, Count: 4},
		"hang":       {Kind: chatapitest.Hang, Skip: 3, Count: 1},
		"bad row":    {Kind: chatapitest.BadField, Row: 2, Field: "_id", RawValue: "null", Skip: 1, Count: 1},
		"empty page": {Kind: chatapitest.EmptyPage, Skip: 2, Count: 1},
		"first page": {Kind: chatapitest.EmptyPage, Count: 1},
		"unsorted":   {Kind: chatapitest.UnsortedPage, Skip: 2, Count: 1},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 95})
				r.server.Inject(fault)
				w := r.client.WalkDialogs(chatapi.Query{Limit: 10, Sort: chatapi.Sort{Desc: true}})
				got, err := collect(t.Context(), w, dialogID, nil)
				if err == nil || len(got) != 10*fault.Skip {
					t.Fatalf("got %d rows, %v; want %d and an error", len(got), err, 10*fault.Skip)
				}
				rest, err := collect(t.Context(), w, dialogID, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := choice{query: chatapi.Query{Sort: chatapi.Sort{Desc: true}}, has: func(string, int64, int64, int, string) bool { return true }}.
					expected(r.server.Truth(), false)
				if !slices.Equal(append(got, rest...), want) || w.Rows != 95 || w.Promised != 95 {
					t.Errorf("got %d and %d rows of %d, %d promised", len(got), len(rest), w.Rows, w.Promised)
				}
			})
		})
	}
}

// Who breaks off may go on with the next page.
func TestWalkBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 50})
		w := r.client.WalkDialogs(chatapi.Query{Limit: 20})
		for rows, err := range w.Pages(t.Context()) {
			if err != nil || len(rows) != 20 {
				t.Fatalf("got %d rows, %v", len(rows), err)
			}
			break
		}
		rest, err := collect(t.Context(), w, dialogID, nil)
		if err != nil || len(rest) != 30 || w.Rows != 50 {
			t.Errorf("got %d more rows of %d, %v", len(rest), w.Rows, err)
		}
		if again, err := collect(t.Context(), w, dialogID, nil); len(again) != 0 || err != nil {
			t.Errorf("a finished walk gave %d rows, %v", len(again), err)
		}
	})
}

// A cursor that does not do its work ends the walk with an error, before any
// row comes twice.
func TestWalkOnWrongServers(t *testing.T) {
	lte := map[chatapitest.FilterKey]chatapitest.FilterMode{{Endpoint: chatapitest.Dialogs, Field: "_id"}: chatapitest.LtAsLte}
	tests := map[string]struct {
		quirks chatapitest.Quirks
		desc   bool
		filter string
		rows   int
	}{
		"cursor ignored":             {quirks: chatapitest.Quirks{CursorIgnored: true}, filter: "_id[gt]", rows: 20},
		"cursor ignored, descending": {quirks: chatapitest.Quirks{CursorIgnored: true}, desc: true, filter: "_id[lt]", rows: 20},
		"lt read as lte":             {quirks: chatapitest.Quirks{Filter: lte}, desc: true, filter: "_id[lt]", rows: 20},
		"sort ignored":               {quirks: chatapitest.Quirks{SortIgnored: true}, filter: "sort by _id"},
		"sorted by another field":    {quirks: chatapitest.Quirks{SortIgnored: true, DefaultOrder: "updated_at"}, desc: true, filter: "sort by _id"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 60, Quirks: test.quirks})
				w := r.client.WalkDialogs(chatapi.Query{Limit: 20, Sort: chatapi.Sort{Desc: test.desc}})
				got, err := collect(t.Context(), w, dialogID, nil)
				wrong, ok := errors.AsType[*chatapi.FilterError](err)
				if !ok || wrong.Filter != test.filter || len(got) != test.rows {
					t.Errorf("got %d rows, %v; want %d and an error about %s", len(got), err, test.rows, test.filter)
				}
			})
		})
	}
}

func TestWalkEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 60})
		stopped := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		w := r.client.WalkDialogs(chatapi.Query{Limit: 20})
		got, err := collect(ctx, w, dialogID, func() { cancel(stopped) })
		if !errors.Is(err, stopped) || len(got) != 20 {
			t.Errorf("got %d rows, %v; want 20 and the cause", len(got), err)
		}
	})
}

// The repeats of a page are counted, and no row is lost to them, not even when
// they fill the page.
func TestWalkCountsRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 2})
		r.server.Inject(chatapitest.Fault{Kind: chatapitest.RepeatedRows, Count: 1})
		w := r.client.WalkDialogs(chatapi.Query{})
		got, err := collect(t.Context(), w, dialogID, nil)
		if err != nil || len(got) != 2 || w.Repeated != 1 || w.Rows != 2 {
			t.Errorf("got %d rows, %d repeated, %v; want 2 and 1", len(got), w.Repeated, err)
		}
	})
}
