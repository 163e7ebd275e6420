package collector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// mutesOnly switches all other collectors off.
func mutesOnly(t *testing.T) collector.Settings {
	set := defaults(t)
	set.Collectors = []string{"mutes"}
	return set
}

const crowdSize = 20 // users

// muteFamilies are the metrics that come from reading all dialogs.
var muteFamilies = []string{
	"muted_dialogs", "dialog_mutes", "muting_users", "deleted_dialogs", "dialog_deletions",
	"dialog_members", "encrypted_dialogs", "unused_dialogs",
}

// crowd edits dialogs at random until its context ends: it mutes, unmutes,
// creates, deletes for one and for all, and writes.
type crowd struct {
	api       *chatapitest.Server
	random    *rand.Rand
	dialogs   []string
	noDeletes bool
	wait      time.Duration
}

func (c *crowd) run(ctx context.Context) {
	if c.dialogs == nil {
		for _, d := range c.api.Truth().Dialogs {
			c.dialogs = append(c.dialogs, d.ID)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.wait):
		}
		id := c.dialogs[c.random.IntN(len(c.dialogs))]
		user := int64(1000 + c.random.IntN(crowdSize))
		switch n := c.random.IntN(20); {
		case n < 8:
			c.api.Mute(id, user)
		case n < 12:
			for u := range int64(crowdSize) {
				c.api.Unmute(id, 1000+u)
			}
		case n < 14:
			c.api.DeleteFor(id, user)
		case n < 16:
			spec := chatapitest.DialogSpec{Type: 1 + c.random.IntN(6), Occupants: []int64{user, user + 1}}
			if n == 14 {
				spec.Silent = []int64{user, user, 7}
			}
			c.dialogs = append(c.dialogs, c.api.CreateDialog(spec))
		case n < 18 && !c.noDeletes:
			c.api.DeleteDialog(id)
		default:
			c.api.TouchDialog(id)
		}
	}
}

// while runs a crowd for a time.
func (c *crowd) while(d time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.run(ctx) })
	time.Sleep(d)
	stop()
	wg.Wait()
}

// expectMutes wants the values of mutes, or with all every value, to be what
// the rows say.
func expectMutes(t *testing.T, when string, b *bench, api *chatapitest.Server, all bool) series {
	t.Helper()
	synctest.Wait()
	got, rows := b.scrape(), api.Truth()
	for k, want := range truth(rows, got, nil) {
		name, _, _ := strings.Cut(k, "{")
		switch name {
		case "muted_dialogs", "dialog_mutes", "muting_users":
		case "deleted_dialogs", "dialog_deletions", "dialog_members", "encrypted_dialogs", "unused_dialogs":
			if !all {
				continue
			}
		default:
			continue
		}
		if v, ok := got[k]; !ok || v != want {
			t.Errorf("%s: %s is %v (shown: %v), the rows say %v", when, k, v, ok, want)
		}
	}
	if n := float64(len(rows.Dialogs)); all && got["dialog_scan_rows"] != n {
		t.Errorf("%s: %v rows of %v", when, got["dialog_scan_rows"], n)
	}
	if n, ok := got["dialog_scan_missing_rows"]; !ok || n != 0 {
		t.Errorf("%s: %v rows missing (shown: %v)", when, n, ok)
	}
	return got
}

// TestMutesAreExact lets a crowd loose on the dialogs before, during and after
// full scans, with hard deletes, for servers on which a mute moves updated_at
// and on which it does not. Then every value is what the rows say.
func TestMutesAreExact(t *testing.T) {
	for seed := range uint64(3) {
		for _, moves := range []bool{true, false} {
			t.Run(fmt.Sprintf("seed %d, moves %v", seed, moves), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 3000, Rate: 1, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: moves}})
					b := newBench(t, mutesOnly(t))
					ctx, stop := context.WithCancel(t.Context())
					var traffic sync.WaitGroup
					traffic.Go(func() { api.Run(ctx) })
					b.apply(target("app", api))
					c := &crowd{api: api, random: rand.New(rand.NewPCG(seed, 1)), wait: time.Second}
					c.while(20 * time.Minute)
					if got := b.scrape(); got["dialog_scan_rows"] == 0 || len(c.dialogs) == 3000 {
						t.Fatalf("no full scan under way or ended: %v", got)
					}
					c.while(40 * time.Minute) // deletions bring the second full scan forward
					stop()
					traffic.Wait()
					time.Sleep(90 * time.Minute)
					got := expectMutes(t, "an hour after the last change", b, api, true)
					if got["muted_dialogs{dialog_type=\"group\"}"] == 0 {
						t.Error("nothing is muted, so this proves nothing")
					}
				})
			})
		}
	}
}

// TestMutesBetweenFullScans wants mutes to be right at the next look for
// changes, where they move updated_at; where they do not, the next full scan
// says how many it found.
func TestMutesBetweenFullScans(t *testing.T) {
	for _, moves := range []bool{true, false} {
		t.Run(fmt.Sprint("moves ", moves), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 1000, Messages: 5000, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: moves}})
				b := newBench(t, mutesOnly(t))
				b.apply(target("app", api))
				time.Sleep(10 * time.Minute)
				before := expectMutes(t, "after the first full scan", b, api, true)
				if _, shown := before["dialog_scan_drift_dialogs"]; shown {
					t.Error("one full scan alone knows of a drift")
				}
				rows, changed := api.Truth().Dialogs, 0
				for i, d := range rows {
					switch i % 10 {
					case 3:
						api.Mute(d.ID, 4242)
						changed++
					case 5:
						for _, u := range d.Silent {
							api.Unmute(d.ID, u)
						}
						if len(d.Silent) > 0 {
							changed++
						}
					case 7:
						api.TouchDialog(d.ID)
					}
				}
				time.Sleep(6 * time.Minute)
				if moves {
					expectMutes(t, "one look later", b, api, true)
				} else if got := b.scrape(); got["muting_users"] != before["muting_users"] {
					t.Error("mutes that do not move updated_at were seen without a full scan")
				}
				time.Sleep(6 * time.Hour)
				got := expectMutes(t, "after the second full scan", b, api, true)
				want := float64(changed)
				if moves {
					want = 0
				}
				if drift, shown := got["dialog_scan_drift_dialogs"]; !shown || drift != want {
					t.Errorf("drift %v (shown: %v), changed without a trace were %v", drift, shown, want)
				}
			})
		})
	}
}

// TestDeletionsBringAFullScanForward deletes one dialog, and hides that by
// creating others.
func TestDeletionsBringAFullScanForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 1000, Messages: 5000})
		b := newBench(t, mutesOnly(t))
		b.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		first := expectMutes(t, "at first", b, api, true)["dialog_scan_last_full_timestamp_seconds"]

		time.Sleep(time.Hour)
		for range 5 {
			api.CreateDialog(chatapitest.DialogSpec{Type: 2})
		}
		time.Sleep(time.Hour)
		if b.scrape()["dialog_scan_last_full_timestamp_seconds"] != first {
			t.Error("dialogs that were created brought a full scan forward")
		}
		var muted string
		for _, d := range api.Truth().Dialogs {
			if len(d.Silent) > 0 {
				muted = d.ID
			}
		}
		api.DeleteDialog(muted)
		for range 3 {
			api.CreateDialog(chatapitest.DialogSpec{Type: 2})
		}
		late := api.CreateDialog(chatapitest.DialogSpec{Type: 2, Silent: []int64{9, 10}})
		time.Sleep(25 * time.Minute)
		second := expectMutes(t, "after the deletion", b, api, true)["dialog_scan_last_full_timestamp_seconds"]
		if second == first {
			t.Error("no full scan")
		}
		later := api.CreateDialog(chatapitest.DialogSpec{Type: 2, Silent: []int64{9, 10}})
		time.Sleep(20 * time.Minute)
		api.DeleteDialog(late)
		api.DeleteDialog(later)
		time.Sleep(80 * time.Minute)
		third := expectMutes(t, "after the deletion of late comers", b, api, true)["dialog_scan_last_full_timestamp_seconds"]
		if third == second {
			t.Error("no full scan")
		}
		late = api.CreateDialog(chatapitest.DialogSpec{Type: 2, Silent: []int64{9, 10}})
		time.Sleep(20 * time.Minute)
		api.DeleteDialog(late) // which no full scan has seen
		time.Sleep(80 * time.Minute)
		expectMutes(t, "after another deletion", b, api, true)
		time.Sleep(time.Minute)
		late = api.CreateDialog(chatapitest.DialogSpec{Type: 2, Silent: []int64{9, 10}})
		time.Sleep(6 * time.Minute)
		api.DeleteDialog(late) // which only one look for changes has seen
		time.Sleep(80 * time.Minute)
		expectMutes(t, "after the deletion of a short-lived dialog", b, api, true)
		for range 8 { // no more than one an hour
			api.DeleteDialog(api.Truth().Dialogs[0].ID)
			time.Sleep(15 * time.Minute)
		}
		if n := strings.Count(b.log.String(), "full scan of the dialogs ended"); n < 6 || n > 8 {
			t.Errorf("%d full scans in less than ten hours", n)
		}
	})
}

// TestDeletionsDuringAFullScan deletes dialogs that the scan has read already.
func TestDeletionsDuringAFullScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 20_000})
		rows := api.Truth().Dialogs
		b := newBench(t, mutesOnly(t))
		b.apply(target("app", api))
		time.Sleep(3 * time.Minute)
		deleted := 0
		for _, d := range rows {
			if len(d.Silent) > 0 && deleted < 500 {
				api.DeleteDialog(d.ID)
				deleted++
			}
		}
		time.Sleep(5 * time.Minute)
		if n := b.scrape()["dialog_scan_missing_rows"]; n != 0 {
			t.Errorf("%v rows missing", n)
		}
		time.Sleep(65 * time.Minute)
		expectMutes(t, "an hour later", b, api, true)
	})
}

// TestAScanGoesOnAfterFailures breaks the API in the middle of the first full
// scan. Nothing is published until it is complete, and no row is read twice.
func TestAScanGoesOnAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 30_000})
		b := newBench(t, mutesOnly(t))
		b.apply(target("app", api))
		time.Sleep(2 * time.Minute)
		for range 3 {
			api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500, Until: time.Now().Add(2 * time.Minute)})
			time.Sleep(150 * time.Second)
			synctest.Wait()
			got := b.scrape()
			if _, shown := got["muting_users"]; shown {
				t.Fatal("mutes are shown in the middle of the first full scan")
			}
			if p := got["dialog_scan_progress_ratio"]; p <= 0.2 || p >= 1 {
				t.Errorf("progress %v", p)
			}
		}
		time.Sleep(10 * time.Minute)
		got := expectMutes(t, "after it all", b, api, true)
		if got["dialog_scan_progress_ratio"] != 1 || got[`collector_success{collector="mutes"}`] != 1 {
			t.Error("not well at the end")
		}
		pages := 0
		for _, r := range api.Requests() {
			if r.Status == 200 && r.Query.Get("sort_asc") == "_id" && !r.Query.Has("updated_at[gte]") {
				pages++
			}
		}
		if pages > 305 {
			t.Errorf("%d pages answered, of 300", pages)
		}
	})
}

// TestAnOldPassDoesNotUndoAScan breaks a look for changes in its middle, while a
// full scan finds that all mutes have ended, without a trace in updated_at.
func TestAnOldPassDoesNotUndoAScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 3000})
		b := newBench(t, mutesOnly(t))
		b.apply(target("app", api))
		time.Sleep(5*time.Hour + 50*time.Minute)
		rows := api.Truth().Dialogs
		api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: 500, Match: func(q url.Values) bool { return q.Has("updated_at[gte]") && q.Has("_id[gt]") }, Skip: 5})
		for _, d := range rows {
			api.TouchDialog(d.ID)
		}
		time.Sleep(6 * time.Minute)
		for _, d := range rows {
			for _, u := range d.Silent {
				api.Unmute(d.ID, u)
			}
		}
		time.Sleep(40 * time.Minute)
		api.ClearFaults()
		time.Sleep(20 * time.Minute)
		expectMutes(t, "after the look for changes", b, api, false)
	})
}

// TestMutesWithoutATellingClock reads changes from an API that tells no time
// and lives hours behind or ahead.
func TestMutesWithoutATellingClock(t *testing.T) {
	for _, skew := range []time.Duration{-50 * time.Hour, -time.Hour, 0, 50 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			api := chatapitest.New(chatapitest.Config{Seed: 7, Dialogs: 1000, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: true, NoDate: true, Skew: skew}})
			b := newBench(t, mutesOnly(t))
			b.apply(target("app", api))
			c := &crowd{api: api, random: rand.New(rand.NewPCG(1, 3)), wait: 10 * time.Second, noDeletes: true}
			c.while(2 * time.Hour)
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			if got, want := b.scrape()["muting_users"], float64(api.Truth().MutingUsers()); got != want {
				t.Errorf("%v off: %v muting users, the rows say %v", skew, got, want)
			}
		})
	}
}

// TestMutesWithoutCounts breaks the counts by created_at, with which a full
// scan is checked. It ends all the same, but nothing says that rows are not
// missing.
func TestMutesWithoutCounts(t *testing.T) {
	for _, kind := range []chatapitest.Kind{chatapitest.Status, chatapitest.Hang} {
		synctest.Test(t, func(t *testing.T) { mutesWithoutCounts(t, kind) })
	}
}

func mutesWithoutCounts(t *testing.T, kind chatapitest.Kind) {
	api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 9000})
	b := newBench(t, mutesOnly(t))
	b.apply(target("app", api))
	time.Sleep(time.Minute)
	api.Inject(chatapitest.Fault{Kind: kind, Status: 500, Match: func(q url.Values) bool { return q.Has("created_at[lt]") && !q.Has("_id[gte]") }})
	time.Sleep(12 * time.Hour)
	synctest.Wait()
	got := b.scrape()
	for k, want := range truth(api.Truth(), got, nil) {
		if name, _, _ := strings.Cut(k, "{"); slices.Contains(muteFamilies, name) && got[k] != want {
			t.Errorf("%s is %v, not %v", k, got[k], want)
		}
	}
	if n, shown := got["dialog_scan_missing_rows"]; shown {
		t.Errorf("%v rows missing", n)
	}
	if n := strings.Count(b.log.String(), "full scan of the dialogs ended"); n < 2 || n > 3 {
		t.Errorf("%d full scans in twelve hours", n)
	}
}

// TestMutesOfOddDialogs looks at rows that are not as documented.
func TestMutesOfOddDialogs(t *testing.T) {
	for name, fill := range map[string]func(api *chatapitest.Server){
		"none": func(*chatapitest.Server) {},
		"one":  func(api *chatapitest.Server) { api.CreateDialog(chatapitest.DialogSpec{Silent: []int64{3}}) },
		"one hundred in a second": func(api *chatapitest.Server) {
			for i := range int64(100) {
				api.CreateDialog(chatapitest.DialogSpec{CreatedAt: time.Now().Add(-time.Hour), Silent: []int64{i}})
			}
		},
		"odd rows": func(api *chatapitest.Server) {
			raw := func(s string) map[string]json.RawMessage {
				return map[string]json.RawMessage{"silent_ids": json.RawMessage(s)}
			}
			for i, spec := range []chatapitest.DialogSpec{
				{Type: 9, Silent: []int64{1}},
				{Type: 5, Deleted: []int64{1, 2}},
				{Type: 2, Extra: raw("null")},
				{Type: 2, Extra: raw("")},
				{Type: 2, Extra: raw("[]")},
				{Type: 2, Extra: raw("[8,8,9,8]")},
				{Type: 2, Occupants: []int64{1, 2}, Silent: []int64{77, 78}}, // who left
				{Type: 4, Extra: map[string]json.RawMessage{"occupants_ids": json.RawMessage("null"), "deleted_ids": json.RawMessage("null")}},
			} {
				spec.CreatedAt = time.Now().Add(-time.Duration(i) * time.Hour)
				api.CreateDialog(spec)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := chatapitest.New(chatapitest.Config{Seed: 1})
				fill(api)
				b := newBench(t, mutesOnly(t))
				b.apply(target("app", api))
				time.Sleep(5 * time.Minute)
				got := expectMutes(t, "at first", b, api, true)
				if got[`collector_success{collector="mutes"}`] != 1 {
					t.Errorf("no success: %s", b.log)
				}
				time.Sleep(13 * time.Hour)
				expectMutes(t, "after two more full scans", b, api, true)
			})
		})
	}
}

// TestMutesDuringAFullScan lets a crowd mute and unmute while the first full
// scan is under way, with many looks for changes in the middle of it; and again
// during the second. One look after the crowd is gone, with no other full scan,
// every mute is right, and none is taken for one that left no trace.
func TestMutesDuringAFullScan(t *testing.T) {
	for seed, every := range []time.Duration{7 * time.Second, 20 * time.Second, 100 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			seed := uint64(seed)
			api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 8000, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: true}})
			set := mutesOnly(t)
			set.ScanInterval, set.FullScanInterval = every, time.Hour
			b := newBench(t, set)
			app := target("app", api)
			app.RateLimit = 1.2 // so that the scan outlasts the interval
			b.apply(app)
			ended := 0.0
			for range 2 {
				c := &crowd{api: api, random: rand.New(rand.NewPCG(seed, 2)), wait: 700 * time.Millisecond, noDeletes: true}
				for b.scrape()["dialog_scan_last_full_timestamp_seconds"] == ended {
					c.while(10 * time.Second)
				}
				time.Sleep(every + 90*time.Second)
				got := expectMutes(t, "after a full scan in a crowd", b, api, false)
				if drift := got["dialog_scan_drift_dialogs"]; drift != 0 {
					t.Errorf("drift %v although every mute moves updated_at", drift)
				}
				ended = got["dialog_scan_last_full_timestamp_seconds"]
			}
			if n := strings.Count(b.log.String(), "full scan of the dialogs ended"); n != 2 {
				t.Errorf("%d full scans", n)
			}
		})
	}
}
