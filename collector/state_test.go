package collector_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

func (b *bench) save() []byte {
	b.t.Helper()
	data, err := b.fleet.Save()
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// restarted is a bench that begins with a saved state.
func restarted(t *testing.T, set collector.Settings, state []byte) *bench {
	t.Helper()
	b := newBench(t, set)
	if err := b.fleet.Restore(state); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestARestartGoesOn stops the exporter for two hours in which much happens.
// The old values are there on the first scrape; then the changes are read, but
// not all dialogs again, and the counters have counted everything once.
func TestARestartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 8000, Messages: 10_000, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: true}})
		first := newBench(t, defaults(t))
		first.apply(target("app", api))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		before := first.scrape()
		first.fleet.Close()
		state := first.save()
		created := before["dialogs_created_total"]

		c := &crowd{api: api, random: rand.New(rand.NewPCG(1, 1)), wait: 30 * time.Second, noDeletes: true}
		c.while(2 * time.Hour)
		created += float64(len(c.dialogs) - 8000)

		api.Inject(chatapitest.Fault{Kind: chatapitest.Hang, Until: time.Now().Add(5 * time.Second)})
		api.ResetRequests()
		second := restarted(t, defaults(t), state)
		second.apply(target("app", api))
		synctest.Wait()
		got := second.scrape()
		for key, v := range before {
			switch name, _, _ := strings.Cut(key, "{"); name {
			case "muted_dialogs", "dialog_mutes", "muting_users", "dialog_members", "dialogs_created_total", "messages_created_total",
				"dialog_scan_last_full_timestamp_seconds", "dialog_scan_rows", "dialog_scan_progress_ratio":
				if w, ok := got[key]; !ok || w != v {
					t.Errorf("%s is %v on the first scrape (shown: %v), was %v", key, w, ok, v)
				}
			}
		}
		if got := got[`collector_last_success_timestamp_seconds{collector="mutes"}`]; got != before[`collector_last_success_timestamp_seconds{collector="mutes"}`] || got == 0 {
			t.Errorf("the age of what was restored is not told: %v", got)
		}
		if n := len(api.Requests()); n > 4 {
			t.Errorf("%d requests before the first scrape", n)
		}

		time.Sleep(10 * time.Minute)
		got = expectMutes(t, "after the restart", second, api, false)
		if got["dialog_scan_last_full_timestamp_seconds"] != before["dialog_scan_last_full_timestamp_seconds"] {
			t.Error("all dialogs were read again")
		}
		if got["dialogs_created_total"] != created {
			t.Errorf("counted %v of %v dialogs", got["dialogs_created_total"], created)
		}
	})
}

// TestAFullScanSurvivesRestarts stops the exporter every minute.
func TestAFullScanSurvivesRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 30_000})
		var state []byte
		for range 9 {
			b := newBench(t, mutesOnly(t))
			if state != nil {
				if err := b.fleet.Restore(state); err != nil {
					t.Fatal(err)
				}
			}
			b.apply(target("app", api))
			time.Sleep(70 * time.Second)
			b.fleet.Close()
			state = b.save()
			if strings.Contains(b.log.String(), "level=warn") {
				t.Fatal(b.log)
			}
		}
		b := restarted(t, mutesOnly(t), state)
		b.apply(target("app", api))
		time.Sleep(10 * time.Second)
		expectMutes(t, "after nine restarts", b, api, true)
	})
}

// TestStatesThatAreNotOurs restores what belongs elsewhere or is damaged: one
// line says so, and everything starts anew.
func TestStatesThatAreNotOurs(t *testing.T) {
	other := func(state []byte) []byte { return state }
	for name, c := range map[string]struct {
		change  func([]byte) []byte
		same    bool // the same application
		refused bool // by Restore as a whole
		says    string
	}{
		"another application":    {change: other, says: "of another application"},
		"another URL":            {change: replace("sandbox.invalid", "elsewhere.invalid"), same: true, says: "of another API"},
		"another name":           {change: replace(`"name":"app"`, `"name":"shop"`), same: true},
		"another version":        {change: replace(`"version":1`, `"version":2`), same: true, refused: true, says: "version 2"},
		"no JSON":                {change: func([]byte) []byte { return []byte("garbage") }, same: true, refused: true},
		"damaged marks":          {change: replace(`"marks":"`, `"marks":"AAAA`), same: true, says: "packed dialogs are damaged"},
		"marks that are missing": {change: replace(`"marks":`, `"other":`), same: true, says: "part"},
		"a counter below zero":   {change: replace(`{"total":`, `{"total":-`), same: true, says: "no count and its time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := defaults(t)
				api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 400, Messages: 900})
				first := newBench(t, set)
				first.apply(target("app", api))
				time.Sleep(2 * time.Minute)
				api.CreateDialog(chatapitest.DialogSpec{LastMessageSent: time.Now()})
				time.Sleep(10 * time.Minute)
				if first.scrape()["dialogs_created_total"] != 1 {
					t.Fatal("the counter has not counted")
				}
				first.fleet.Close()
				state := c.change(first.save())
				if bytes.Equal(state, first.save()) && c.same {
					t.Fatal("the state was not changed")
				}
				if !c.same {
					api = chatapitest.New(chatapitest.Config{Seed: 6, Dialogs: 300, Messages: 700})
				}
				b := newBench(t, set)
				err := b.fleet.Restore(state)
				if (err != nil) != c.refused {
					t.Fatalf("Restore: %v", err)
				}
				if c.refused && !strings.Contains(err.Error(), c.says) {
					t.Error(err)
				}
				b.apply(target("app", api))
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				got := b.scrape()
				want := truth(api.Truth(), got, set.Windows)
				if strings.HasPrefix(name, "damaged") || strings.HasPrefix(name, "marks") {
					want["dialogs_created_total"] = 1 // which is not damaged
				}
				for _, line := range append(wrong(got.business(), want), missing(got, want)...) {
					t.Error(line)
				}
				if n := strings.Count(b.log.String(), "level=warn"); !c.refused && (c.says != "") != (n == 1) && n != 2 {
					t.Errorf("%d warnings: %s", n, b.log)
				}
				if !c.refused && !strings.Contains(b.log.String(), c.says) {
					t.Errorf("the log does not say %q: %s", c.says, b.log)
				}
			})
		})
	}
}

func replace(old, by string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(by)) }
}

// TestStateOfAnEmptyApplication belongs to no application that has dialogs.
func TestStateOfAnEmptyApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newBench(t, defaults(t))
		first.apply(target("app", chatapitest.New(chatapitest.Config{})))
		time.Sleep(10 * time.Minute)
		first.fleet.Close()
		api := small(1)
		b := restarted(t, defaults(t), first.save())
		b.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		expectMutes(t, "on an application with dialogs", b, api, true)
	})
}

// TestRestoredValuesExpire restarts into an outage: what was restored stays
// for the first three tries, and is kept for when the API is back.
func TestRestoredValuesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 3000, Messages: 900})
		first := newBench(t, defaults(t))
		first.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		first.fleet.Close()
		state := first.save()

		time.Sleep(48 * time.Hour)
		api.Inject(chatapitest.Fault{Kind: chatapitest.Reset})
		b := restarted(t, defaults(t), state)
		b.apply(target("app", api))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if _, shown := b.scrape()["muting_users"]; !shown {
			t.Error("gone after the first try")
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		for _, key := range []string{"muting_users", "dialogs_created_total"} {
			if _, shown := b.scrape()[key]; shown {
				t.Errorf("%s is still shown after three tries", key)
			}
		}
		if !bytes.Contains(b.save(), []byte(`"marks"`)) {
			t.Error("the outage wiped the state out")
		}
		api.ClearFaults()
		time.Sleep(11 * time.Minute)
		expectMutes(t, "after the outage", b, api, false)
		if n := b.scrape()["dialogs_created_total"]; n != 0 {
			t.Errorf("counted %v dialogs", n)
		}
	})
}

// TestStateOfWhatIsAway starts once without an application and without a
// collector, and removes one by a reload: their state waits for their return.
func TestStateOfWhatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set, fewer := defaults(t), defaults(t)
		fewer.Collectors = []string{"totals", "windows"}
		one, two := small(1), small(2)
		run := func(state []byte, set collector.Settings, targets ...collector.Target) (*bench, []byte) {
			b := newBench(t, set)
			if state != nil {
				if err := b.fleet.Restore(state); err != nil {
					t.Fatal(err)
				}
			}
			b.apply(targets...)
			time.Sleep(10 * time.Minute)
			b.fleet.Close()
			return b, b.save()
		}
		_, state := run(nil, set, target("app", one), target("two", two))
		_, state = run(state, fewer, target("app", one))
		both := []collector.Target{target("app", one), target("two", two)}
		b := restarted(t, set, state)
		one.Inject(chatapitest.Fault{Kind: chatapitest.Hang})
		two.Inject(chatapitest.Fault{Kind: chatapitest.Hang})
		b.apply(both...)
		wanted := []string{"muting_users", `muting_users{application="two"}`, `dialogs_created_total{application="two"}`}
		for _, key := range wanted {
			if _, shown := b.scrape()[key]; !shown {
				t.Errorf("%s did not wait", key)
			}
		}
		b.apply(both[:1]...)
		b.apply(both...)
		for _, key := range wanted {
			if _, shown := b.scrape()[key]; !shown {
				t.Errorf("after a reload without it: %s did not wait", key)
			}
		}
		b.apply(both[:1]...)
		b.fleet.Close()
		state = b.save()
		time.Sleep(31 * 24 * time.Hour)
		if late := restarted(t, set, state); bytes.Contains(late.save(), []byte(`"two"`)) {
			t.Error("a month later it is still there")
		}
	})
}

// TestATimeInTheFuture restores what was saved under a clock that was a month
// ahead. Full scans come nevertheless.
func TestATimeInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := small(3)
		first := newBench(t, mutesOnly(t))
		first.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		first.fleet.Close()
		state := bytes.ReplaceAll(first.save(), []byte("2000-01-01T"), []byte("2000-02-01T"))
		b := restarted(t, mutesOnly(t), state)
		b.apply(target("app", api))
		time.Sleep(7 * time.Hour)
		if n := strings.Count(b.log.String(), "full scan of the dialogs ended"); n != 1 {
			t.Errorf("%d full scans in seven hours", n)
		}
		if at := b.scrape()["dialog_scan_last_full_timestamp_seconds"]; at > float64(time.Now().Unix()) {
			t.Error("the latest full scan is to come")
		}
	})
}

// TestTheOldestDialogsAreDeleted removes the dialogs that rested longest, as a
// job that cleans up does: the state is known all the same.
func TestTheOldestDialogsAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 3000, Messages: 20_000})
		first := newBench(t, defaults(t))
		first.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		first.fleet.Close()
		rows := api.Truth().Dialogs
		slices.SortFunc(rows, func(a, b chatapitest.TruthDialog) int { return cmp.Compare(a.UpdatedAt, b.UpdatedAt) })
		for _, d := range rows[:1500] {
			api.DeleteDialog(d.ID)
		}
		b := restarted(t, defaults(t), first.save())
		b.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		if strings.Contains(b.log.String(), "another application") {
			t.Error("taken for another application")
		}
	})
}

// TestSavingWhilePolling saves all the time.
func TestSavingWhilePolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 8000, Messages: 900, Rate: 5})
		b := newBench(t, defaults(t))
		b.save()
		b.apply(target("app", api), target("second", small(2)))
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(1700 * time.Millisecond):
				}
				fresh := newBench(t, defaults(t))
				if err := fresh.fleet.Restore(b.save()); err != nil {
					t.Error(err)
					return
				}
			}
		})
		time.Sleep(6 * time.Minute)
		close(stop)
		wg.Wait()
	})
}

// TestChangedTellsOfAFullScan waits for the signal to save.
func TestChangedTellsOfAFullScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, mutesOnly(t))
		b.apply(target("app", small(1)))
		<-b.fleet.Changed()
		if !bytes.Contains(b.save(), []byte(`"marks"`)) {
			t.Error("the signal comes before there is something to save")
		}
	})
}

// TestStateIsPrivate looks for the key and for what users wrote.
func TestStateIsPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 5, Dialogs: 500, Messages: 900, Canary: canary, Key: canary + "-key"})
		b := newBench(t, defaults(t))
		b.apply(target("app", api))
		time.Sleep(10 * time.Minute)
		state := b.save()
		if len(state) < 1000 {
			t.Fatalf("a state of %d bytes", len(state))
		}
		for _, secret := range []string{canary, fmt.Sprint(chatapitest.CanaryUserBase)[:4] + "000"} {
			if bytes.Contains(state, []byte(secret)) {
				t.Errorf("the state holds %q", secret)
			}
		}
	})
}

// TestKilledAtRandomMoments stops the exporter fifty times without a last
// save, so that it goes on from a state that is seconds or minutes old, while
// dialogs and messages are created and muted all the time. In the end each is
// counted once, and every mute is right.
func TestKilledAtRandomMoments(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 50))
			api := chatapitest.New(chatapitest.Config{Seed: seed, Dialogs: 3000, Messages: 500, Quirks: chatapitest.Quirks{MuteMovesUpdatedAt: true}})
			start := newBench(t, defaults(t))
			start.apply(target("app", api))
			time.Sleep(3 * time.Minute)
			state := start.save()
			start.fleet.Close()

			c := &crowd{api: api, random: rand.New(rand.NewPCG(seed, 51)), wait: 700 * time.Millisecond, noDeletes: true}
			stop, wrote := make(chan struct{}), 0
			var busy sync.WaitGroup
			ctx, quiet := context.WithCancel(t.Context())
			busy.Go(func() { c.run(ctx) })
			busy.Go(func() {
				dialog := api.Truth().Dialogs[0].ID
				for {
					select {
					case <-stop:
						return
					case <-time.After(300 * time.Millisecond):
						api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog})
						wrote++
					}
				}
			})
			var counted float64
			for range 50 {
				b := restarted(t, defaults(t), state)
				b.apply(target("app", api))
				for range random.IntN(4) {
					time.Sleep(time.Duration(random.IntN(90_000)) * time.Millisecond)
					if random.IntN(3) > 0 {
						state = b.save()
						synctest.Wait()
						counted = b.scrape()["messages_created_total"]
					}
				}
				time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
				synctest.Wait()
				if now := b.scrape()["messages_created_total"]; now < counted {
					t.Fatalf("the counter fell from %v, when it was last saved, to %v", counted, now)
				}
				b.fleet.Close()
			}
			close(stop)
			quiet()
			busy.Wait()
			last := restarted(t, defaults(t), state)
			last.apply(target("app", api))
			time.Sleep(10 * time.Minute)
			got := expectMutes(t, "after fifty kills", last, api, false)
			if n := got["messages_created_total"]; n != float64(wrote) {
				t.Errorf("counted %v of %d messages", n, wrote)
			}
			if n, made := got["dialogs_created_total"], len(c.dialogs)-3000; n != float64(made) {
				t.Errorf("counted %v of %d dialogs", n, made)
			}
		})
	}
}
