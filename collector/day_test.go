package collector_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// perHour runs an exporter at its defaults for a day and tells how many
// requests an hour it sent after its first hour, and during the first.
func perHour(t *testing.T, collectors ...string) (first, steady float64) {
	synctest.Test(t, func(t *testing.T) {
		set := defaults(t)
		set.Collectors = collectors
		api := chatapitest.New(chatapitest.Config{Seed: 8, Dialogs: 200, Messages: 3000})
		b := newBench(t, set)
		b.apply(target("app", api))
		total := func() (n int) {
			for _, c := range api.RequestCounts() {
				n += c
			}
			return n
		}
		time.Sleep(time.Hour)
		hour := total()
		time.Sleep(24 * time.Hour)
		first, steady = float64(hour), float64(total()-hour)/24
		if got := b.scrape(); got["up"] != 1 {
			t.Error("not up after a day")
		}
	})
	return first, steady
}

// TestRequestsPerHour measures the price of an application at the defaults and
// holds the README's table against it.
func TestRequestsPerHour(t *testing.T) {
	var table strings.Builder
	table.WriteString("| collector | first hour | every hour after |\n| --- | ---: | ---: |\n")
	row := func(name string, first, steady float64) {
		// To five, since what happens at the same moment has no fixed order.
		fmt.Fprintf(&table, "| %s | %.0f | %.0f |\n", name, 5*math.Round(first/5), 5*math.Round(steady/5))
	}
	first, steady := perHour(t, "totals")
	row("totals", first, steady)
	first, steady = perHour(t, "windows")
	row("windows", first, steady)
	first, steady = perHour(t, "mutes")
	row("mutes", first, steady)
	first, steady = perHour(t, "activity")
	row("activity", first, steady)
	first, steady = perHour(t)
	row("all", first, steady)
	if steady > 850 {
		t.Errorf("%v requests an hour after the first: more than 850", steady)
	}
	if *update {
		rewriteTable(t, "../README.md", "requests-per-hour", table.String())
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md does not hold this table (go test ./collector -run RequestsPerHour -update):\n%s", &table)
	}
}

// rewriteTable replaces the table after the marker <!-- name -->.
func rewriteTable(t *testing.T, path, name, table string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	marker := "<!-- " + name + " -->\n"
	before, after, ok := strings.Cut(string(text), marker)
	if !ok {
		t.Fatalf("%s has no marker %s", path, marker)
	}
	lines := strings.SplitAfter(after, "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "|") {
		lines = lines[1:]
	}
	if err := os.WriteFile(path, []byte(before+marker+table+strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCountersAddUp creates rows at a steady pace for a day in which the API is
// away for two hours. Between any two scrapes the counters grow by exactly
// what was created in the windows they closed.
func TestCountersAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := chatapitest.New(chatapitest.Config{Seed: 9, Dialogs: 20, Messages: 100})
		b := newBench(t, defaults(t))
		b.apply(target("app", api))
		time.Sleep(2 * time.Minute)
		start := time.Now()
		dialog := api.CreateDialog(chatapitest.DialogSpec{Type: 2})
		messages, dialogs := 0.0, 1.0
		outage := start.Add(8 * time.Hour)
		jumps := 0
		var last, lastAt float64
		for tick := 0; time.Since(start) < 24*time.Hour; tick++ {
			time.Sleep(7 * time.Second)
			api.CreateMessage(chatapitest.MessageSpec{DialogID: dialog})
			messages++
			if tick%9 == 0 {
				api.CreateDialog(chatapitest.DialogSpec{Type: 2})
				dialogs++
			}
			if tick == int(outage.Sub(start)/(7*time.Second)) {
				api.Inject(chatapitest.Fault{Kind: chatapitest.Reset, Until: time.Now().Add(2 * time.Hour)})
			}
			if tick%60 == 0 {
				now, shown := b.scrape()["messages_created_total"]
				if !shown {
					continue // the outage
				}
				if now < last {
					t.Fatalf("the counter fell from %v to %v", last, now)
				}
				if now-last > 300 && lastAt > 0 {
					jumps++
				}
				if now > last {
					last, lastAt = now, float64(time.Now().Unix())
				}
			}
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got := b.scrape()
		for name, created := range map[string]float64{"messages": messages, "dialogs": dialogs} {
			if n := got[name+"_created_total"]; n != created {
				t.Errorf("%s_created_total is %v, created were %v", name, n, created)
			}
		}
		if jumps != 1 {
			t.Errorf("%d jumps after one outage", jumps)
		}
	})
}
