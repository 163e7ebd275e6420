package export_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/export"
)

// TestRoundTrip holds what is exported against what is stored, byte for byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
			for _, list := range []chatapi.Endpoint{chatapi.Dialogs, chatapi.Messages} {
				b := newBench(t, seed, 700, 2500)
				cfg := b.config(name)
				cfg.Spec.List = list
				result := b.run(cfg)
				want := b.stored(list)
				b.same(b.lines(cfg.Name), want)
				if !result.Exact() || result.Rows != int64(len(want)) {
					t.Errorf("%+v, want exactly %d rows", result, len(want))
				}
				info, err := os.Stat(cfg.Name)
				if err != nil || info.Mode().Perm() != 0o600 || info.Size() != result.Size {
					t.Errorf("%v: mode %v, size %d, told %d", err, info.Mode(), info.Size(), result.Size)
				}
				b.only(name)
			}
		}
	}
}

func TestNothingToExport(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 0, 0)
	cfg := b.config("out.csv")
	cfg.Spec.Format = export.CSV
	if result := b.run(cfg); !result.Exact() || result.Rows != 0 {
		t.Errorf("%+v", result)
	}
	if lines := b.lines(cfg.Name); len(lines) != 1 || !strings.HasPrefix(lines[0], "_id,chat_dialog_id,") {
		t.Errorf("the file holds %q", lines)
	}
}

// TestResumeAfterAnyInterruption stops at random pages, and sometimes tears the
// file or loses what was written after the last checkpoint, as a kill may.
func TestResumeAfterAnyInterruption(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for i, name := range []string{"out.ndjson", "out.ndjson.gz", "out.csv.zst"} {
			b := newBench(t, seed+3*uint64(i), 100, 4000)
			r := rand.New(rand.NewPCG(seed, 1))
			cfg := b.config(name)
			if strings.Contains(name, "csv") {
				cfg.Spec.Format, cfg.Spec.Fields = export.CSV, []string{"_id"}
			}
			cfg.Resume, cfg.Checkpoint = true, time.Nanosecond
			if seed == 2 {
				cfg.Checkpoint = never // nothing is kept but at a stop in good order
			}
			stops := 0
			for {
				ctx, stop := context.WithCancel(t.Context())
				pages := 1 + r.IntN(4)
				b.onRequest(func(*http.Request) {
					if pages--; pages < 0 {
						stop()
					}
				})
				e, err := export.Prepare(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				_, err = e.Run(ctx)
				stop()
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				if err == nil {
					break
				}
				if stops++; stops > 500 {
					t.Fatal("no progress")
				}
				tear(t, r, cfg.Name+".part")
			}
			if stops < 10 {
				t.Errorf("only %d stops", stops)
			}
			b.onRequest(nil)
			var want, got []string
			for _, row := range b.stored(chatapi.Messages) {
				want = append(want, idOf(t, row))
			}
			for i, line := range b.lines(cfg.Name) {
				switch {
				case cfg.Spec.Format == export.CSV && i == 0:
					if line != "_id" {
						t.Errorf("the head is %q", line)
					}
				case cfg.Spec.Format == export.CSV:
					got = append(got, line)
				default:
					got = append(got, idOf(t, line))
				}
			}
			b.same(got, want)
			b.only(name)
		}
	}
}

// tear leaves what a kill in the middle of a write may leave.
func tear(t *testing.T, r *rand.Rand, part string) {
	t.Helper()
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r.IntN(2) == 0 {
		if _, err := f.WriteString(`{"_id":"torn`); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRowsThatComeAndGo exports while rows are made and deleted: each row that is
// there all the time comes once, no other comes twice, and the difference is told.
func TestRowsThatComeAndGo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		b := newBench(t, seed, 200, 5000)
		before := b.api.Truth()
		r := rand.New(rand.NewPCG(seed, 2))
		gone := map[string]bool{}
		cfg := b.config("out.ndjson")
		cfg.Workers = 1
		e, err := export.Prepare(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		b.onRequest(func(*http.Request) {
			victim := before.Messages[r.IntN(len(before.Messages))]
			if !gone[victim.ID] && r.IntN(2) == 0 {
				gone[victim.ID] = true
				b.api.DeleteMessage(victim.ID)
			}
			b.api.CreateMessage(chatapitest.MessageSpec{DialogID: before.Dialogs[r.IntN(len(before.Dialogs))].ID, CreatedAt: time.Now()})
		})
		result, err := e.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.onRequest(nil)
		seen := map[string]int{}
		for _, line := range b.lines(cfg.Name) {
			seen[idOf(t, line)]++
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", id, n)
			}
		}
		for _, m := range before.Messages {
			if !gone[m.ID] && seen[m.ID] != 1 {
				t.Errorf("%s is missing", m.ID)
			}
		}
		if result.Exact() || result.Before != int64(len(before.Messages)) || result.After != int64(len(b.api.Truth().Messages)) || result.Rows != int64(len(seen)) {
			t.Errorf("told %+v of %d rows, %d before and %d after", result, len(seen), len(before.Messages), len(b.api.Truth().Messages))
		}
	}
}

// TestFaults exports from an API of which every fourth request fails.
func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 200, 5000)
		request := 0
		b.onRequest(func(*http.Request) {
			request++
			b.api.ClearFaults()
			switch request % 12 {
			case 0:
				b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusInternalServerError, Count: 1})
			case 4:
				b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusTooManyRequests, RetryAfter: "1", Count: 1})
			case 8:
				b.api.Inject(chatapitest.Fault{Kind: chatapitest.ResetMidBody, Count: 1})
			}
		})
		cfg := b.config("out.ndjson")
		cfg.Workers = 1
		b.run(cfg)
		b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
	})
}

func TestExact(t *testing.T) {
	t.Parallel()
	for r, want := range map[export.Result]bool{
		{Rows: 5, Before: 5, After: 5}: true, {Rows: 5, Before: 5, After: 6}: false,
		{Rows: 5, Before: 4, After: 5}: false, {Rows: 4, Before: 5, After: 5}: false,
	} {
		if r.Exact() != want {
			t.Errorf("%+v: %t", r, !want)
		}
	}
}

// TestPatienceBeginsAnewWithEachRow exports from an API that fails far more often
// than it is borne without a row, but never so often in a row.
func TestPatienceBeginsAnewWithEachRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 200, 2000)
		cfg := b.config("out.ndjson")
		cfg.Workers = 1
		e, err := export.Prepare(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		request := 0
		b.onRequest(func(*http.Request) {
			b.api.ClearFaults()
			if request++; request%5 != 0 {
				b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusBadGateway, Count: 1})
			}
		})
		if _, err := e.Run(t.Context()); err != nil {
			t.Error(err)
		}
		b.onRequest(nil)
		b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
	})
}

// TestPause exports from an API that asks for a pause too long for one call: the
// export waits for its end.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 200, 2000)
		request := 0
		b.onRequest(func(*http.Request) {
			if request++; request == 5 {
				b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusTooManyRequests, RetryAfter: "600", Count: 1})
			}
		})
		began := time.Now()
		cfg := b.config("out.ndjson")
		b.run(cfg)
		b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
		if took := time.Since(began); took < 10*time.Minute || took > 20*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// TestAnAPIThatStaysAway is given up after some minutes, and the part is kept.
func TestAnAPIThatStaysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, 200, 2000)
		cfg := b.config("out.ndjson")
		e, err := export.Prepare(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusBadGateway, Skip: 6})
		began := time.Now()
		if _, err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "502") {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 10*time.Minute {
			t.Errorf("gave up after %s", took)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		b.api.ClearFaults()
		cfg.Resume = true
		b.run(cfg)
		b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
	})
}

func TestSorted(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 300, 9000)
	truth, stored := b.api.Truth(), b.stored(chatapi.Messages)
	for _, field := range []string{"_id", "created_at", "updated_at"} {
		for _, desc := range []bool{false, true} {
			for _, name := range []string{"out.ndjson", "out.ndjson.gz"} {
				cfg := b.config(name)
				cfg.Spec.Order, cfg.Force = export.Order{Field: field, Desc: desc}, true
				if result := b.run(cfg); !result.Exact() {
					t.Errorf("%+v", result)
				}
				lines := b.lines(cfg.Name)
				b.same(lines, stored)
				keys := make([]string, len(lines))
				at := map[string]string{}
				for _, m := range truth.Messages {
					at[m.ID] = time.Unix(map[string]int64{"_id": 0, "created_at": m.CreatedAt, "updated_at": m.UpdatedAt}[field], 0).UTC().Format(time.RFC3339)
				}
				for i, line := range lines {
					id := idOf(t, line)
					keys[i] = at[id] + id
				}
				if desc {
					slices.Reverse(keys)
				}
				if !slices.IsSorted(keys) {
					t.Errorf("not sorted by %s, descending %t", field, desc)
				}
			}
		}
	}
	b.only("out.ndjson", "out.ndjson.gz")
}

func TestStream(t *testing.T) {
	t.Parallel()
	for _, order := range []export.Order{{}, {Field: "_id"}} {
		b := newBench(t, 5, 100, 2500)
		var out strings.Builder
		cfg := b.config("")
		cfg.Name, cfg.Stream, cfg.Spec.Order = "", &out, order
		cfg.Spec.Compression = export.Plain
		b.run(cfg)
		b.same(strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), b.stored(chatapi.Messages))
		b.only()
	}
}
