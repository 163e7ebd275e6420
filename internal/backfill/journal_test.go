package backfill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
)

// TestResume interrupts a run at random moments, cuts its journal as a kill
// might, and goes on hours later: the result has the same bytes, and no question
// was put again whose answer the journal held.
func TestResume(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 2000, Messages: 9000, Weeks: 6})
				cfg := config(t, api)
				cfg.Windows = windows(t, "1h,7d")
				want := fill(t, cfg)

				cfg.Journal, cfg.Resume = filepath.Join(t.TempDir(), "past.om.part"), true
				breaks, cut, most := 0, 0, 0
				for {
					ctx, cancel := context.WithCancel(t.Context())
					stop, known := 1+random.Int64N(120), kept(t, cfg.Journal)
					most = max(most, len(known))
					cfg.Target.Transport = &after{next: api.Transport(), do: func(n int64, r *http.Request) {
						if known[asked(r)] {
							t.Errorf("asked although it was answered: %s", r.URL)
						}
						if n == stop {
							cancel()
						}
					}}
					cfg.Target.Concurrency = 1 + random.IntN(5)
					got, err := try(ctx, cfg)
					cancel()
					if err == nil {
						if got.text != want.text || got.manifest != want.manifest {
							t.Error("the result of the resumed run differs")
						}
						break
					}
					if !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
					breaks++
					time.Sleep(5 * time.Hour)
					if data, err := os.ReadFile(cfg.Journal); err == nil && random.IntN(2) == 0 {
						cut++ // the line after the last whole one
						if err := os.WriteFile(cfg.Journal, append(data, `{"list":"messages","fro`...), 0o644); err != nil {
							t.Fatal(err)
						}
					}
				}
				if breaks < 2 || cut == 0 || most < 100 {
					t.Fatalf("%d interruptions, %d cut lines, %d answers at most: this proves little", breaks, cut, most)
				}
				if _, err := os.Stat(cfg.Journal); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the journal is left: %v", err)
				}
			})
		})
	}
}

// askedFor tells the questions about bins apart.
type askedFor struct{ list, from, to, limit, kind string }

func asked(r *http.Request) askedFor {
	list := chatapitest.Dialogs
	if strings.Contains(r.URL.Path, "/messages/") {
		list = chatapitest.Messages
	}
	q := r.URL.Query()
	return askedFor{list, q.Get("created_at[gte]"), q.Get("created_at[lt]"), q.Get("limit"), q.Get("type")}
}

// kept reads the questions that a journal holds the answers to.
func kept(t *testing.T, journal string) map[askedFor]bool {
	t.Helper()
	data, err := os.ReadFile(journal)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	out := map[askedFor]bool{}
	for line := range bytes.Lines(data) {
		var q struct {
			List     string
			From, To int64
			Rows     bool
			Type     int
		}
		if json.Unmarshal(line, &q) != nil || q.List == "" {
			continue // the header, or a line that was cut off
		}
		a := askedFor{q.List, fmt.Sprint(q.From), fmt.Sprint(q.To), "1", ""}
		if q.Rows {
			a.limit = "100"
		}
		if q.Type != 0 {
			a.kind = fmt.Sprint(q.Type)
		}
		out[a] = true
	}
	return out
}

// TestFailureKeepsAnswers ends a run when the API fails for good, and goes on
// when it is back.
func TestFailureKeepsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 900, Messages: 9000, Weeks: 6})
		cfg := config(t, api)
		cfg.Windows, cfg.Journal = windows(t, "1h"), filepath.Join(t.TempDir(), "past.om.part")
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500, Skip: 150})
		run, err := backfill.Prepare(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Count(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
			t.Error(err)
		}
		kept := run.Kept()
		if err := run.Close(); err != nil || kept < 50 {
			t.Errorf("%d answers kept, %v", kept, err)
		}
		api.ClearFaults()

		_, err = try(t.Context(), cfg)
		if err == nil || !errors.As(err, new(backfill.UsageError)) || !strings.Contains(err.Error(), "--resume") || !strings.Contains(err.Error(), "--force") {
			t.Errorf("a run that did not finish is not replaced unasked: %v", err)
		}
		cfg.Resume = true
		got := fill(t, cfg)
		if got.estimate.Answered != int64(kept) || !strings.Contains(strings.Join(got.notes, " "), fmt.Sprintf("holds %d answers", kept)) {
			t.Errorf("estimate %+v, notes %q", got.estimate, got.notes)
		}
		same(t, parse(t, got.text), truth(api.Truth(), got.grid, cfg.Windows))
	})
}

// unfinished leaves a journal.
func unfinished(t *testing.T, cfg backfill.Config) {
	t.Helper()
	run, err := backfill.Prepare(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil || run.Kept() == 0 {
		t.Fatalf("%d answers kept, %v", run.Kept(), err)
	}
}

// TestResumeWithOtherSettings refuses a journal that is of other work.
func TestResumeWithOtherSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 400})
		begun := config(t, api)
		begun.Journal = filepath.Join(t.TempDir(), "past.om.part")
		begun.Labels = []backfill.Label{{Name: "job", Value: "a"}}
		unfinished(t, begun)
		begun.Resume = true
		for want, change := range map[string]func(*backfill.Config){
			`application "shop" (--app), not "shed"`: func(c *backfill.Config) { c.Target.Name = "shed" },
			"https://sandbox.invalid (--api.url)":    func(c *backfill.Config) { c.Target.URL = "https://other.invalid" },
			"--step=1h, not 5m":                      func(c *backfill.Config) { c.Step = 5 * time.Minute },
			"--from=30d, not 20d":                    func(c *backfill.Config) { c.From.Ago = 20 * 24 * 3600 },
			"--to=now, not 1999-12-31T00:00:00Z":     func(c *backfill.Config) { c.To.At = 946598400 },
			"other --windows":                        func(c *backfill.Config) { c.Windows = c.Windows[1:] },
			"another --label":                        func(c *backfill.Config) { c.Labels = nil },
			"for the collectors totals, windows, activity, not totals, windows": func(c *backfill.Config) { c.Collectors = []string{"totals", "windows"} },
			"--activity.weeks=6, not 8":                                         func(c *backfill.Config) { c.Weeks = 8 },
		} {
			cfg := begun
			change(&cfg)
			_, err := try(t.Context(), cfg)
			if err == nil || !errors.As(err, new(backfill.UsageError)) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		begun.Weeks, begun.Collectors = activity.DefaultWeeks, []string{"mutes", "activity", "windows", "totals"} // the same in other words
		fill(t, begun)                                                                                            // it is still good for what it was made for
	})
}

// TestDamagedJournals are refused by name, and never read in part.
func TestDamagedJournals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 400})
		cfg := config(t, api)
		cfg.Journal = filepath.Join(t.TempDir(), "past.om.part")
		unfinished(t, cfg)
		good, err := os.ReadFile(cfg.Journal)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Resume = true
		for name, c := range map[string]struct {
			data []byte
			want string
		}{
			"another file":     {[]byte("hello\n"), "does not begin like a journal"},
			"another program":  {[]byte(`{"format":"x"}` + "\n"), "does not begin like a journal"},
			"another version":  {bytes.Replace(good, []byte(`"version":2`), []byte(`"version":1`), 1), "version 1, and this program knows version 2"},
			"negative count":   {append(bytes.Clone(good), `{"list":"messages","from":1,"to":2,"total":-4}`+"\n"...), "line 4 is damaged"},
			"rows that lack":   {append(bytes.Clone(good), `{"list":"messages","from":1,"to":2,"rows":true,"total":4,"whole":true}`+"\n"...), "line 4 is damaged"},
			"rows out of time": {append(bytes.Clone(good), `{"list":"messages","from":1,"to":2,"rows":true,"total":1,"whole":true,"cells":[{"bin":2,"n":1}]}`+"\n"...), "line 4 is damaged"},
			"zeros":            {append(bytes.Clone(good), "\x00\x00\x00\n"...), "line 4 is damaged"},
			"two in a line":    {append(bytes.Clone(good), `{"list":"messages","from":1,"to":2,"total":4}{}`+"\n"...), "line 4 is damaged"},
		} {
			if err := os.WriteFile(cfg.Journal, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := try(t.Context(), cfg)
			if err == nil || !errors.As(err, new(backfill.UsageError)) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), cfg.Journal) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		// A kill before the first line was whole leaves nothing to go on from.
		for _, data := range [][]byte{nil, good[:20]} {
			if err := os.WriteFile(cfg.Journal, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if got := fill(t, cfg); !strings.Contains(strings.Join(got.notes, " "), "nothing to resume") {
				t.Errorf("notes %q", got.notes)
			}
		}
	})
}

// TestForce begins anew in the place of a run that did not finish.
func TestForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 400})
		cfg := config(t, api)
		cfg.Journal = filepath.Join(t.TempDir(), "past.om.part")
		unfinished(t, cfg)
		cfg.Force, cfg.Step = true, 6*time.Hour
		if got := fill(t, cfg); got.estimate.Answered != 0 || got.grid.Step != 6*3600 {
			t.Errorf("%+v", got.estimate)
		}
	})
}
