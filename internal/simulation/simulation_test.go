package main

import (
	"bytes"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

func find(t *testing.T, section, name string) *row {
	t.Helper()
	for _, r := range rows() {
		if r.section == section && r.name == name {
			return r
		}
	}
	t.Fatalf("no row %s %s", section, name)
	return nil
}

// TestTheStatisticHolds would fail if the statistic broke: it finds outages
// as fast as in RESULTS.md, and hardly ever without one.
func TestTheStatisticHolds(t *testing.T) {
	for _, section := range []string{"Main table, long running", "Main table, just armed"} {
		r := find(t, section, "300, 6")
		s := sum(run([]*row{r}, []int{4}, 1, 2)[0])
		t.Logf("%s: %d alerts in %.1f months, %v, %v", section, s.alerts, s.months, s.measure.seen[full], s.measure.seen[drop])
		if s.months < 8 || s.alerts > 2 {
			t.Errorf("%d false alerts in %.1f months", s.alerts, s.months)
		}
		if q := s.measure.seen[full]; q.share < 1 || q.median > 40 || q.p90 > 4*60 || q.median < 10 {
			t.Errorf("full outages: %v", q)
		}
		if q := s.measure.seen[drop]; q.share < 0.85 || q.median > 5*60 || q.median < 20 {
			t.Errorf("70 %% drops: %v", q)
		}
		if s.judged[0] < 0.99 || s.judged[1] < 0.99 {
			t.Errorf("judged: %v", s.judged)
		}
	}
}

// TestTheJudgeSeesNoFuture: what is said of a time does not change when more
// is known of the time after it.
func TestTheJudgeSeesNoFuture(t *testing.T) {
	r := find(t, "Main table, long running", "50, 6")
	r.days = 3
	now := int64(20600 * day)
	w := newWorld(r, 9, now-r.history*day, now+r.days*day, now)
	calendar, err := activity.NewCalendar(r.zone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &simulation{row: r, world: w, calendar: calendar, now: now}
	all := activity.NewJudge(s.known(w.end), calendar, activity.DefaultWeeks)
	judged := 0
	for at := now; at < w.end; at += 7 * bin {
		last := newest(&w.all, w.start, now-3*day, at)
		alone := activity.NewJudge(s.known(at), calendar, activity.DefaultWeeks).At(at, last)
		if got := all.At(at, last); got != alone {
			t.Fatalf("%d: %+v with what came later, %+v without", at, got, alone)
		}
		if alone.Silence.Bound >= 0 && alone.Windows[2].Bound >= 0 {
			judged++
		}
	}
	if judged < 50 {
		t.Errorf("only %d times could be judged", judged)
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	some := []*row{find(t, "300/h", "c the two weeks after"), find(t, "50/h", "f history 3 weeks")}
	one, three := run(some, []int{2, 1}, 5, 1), run(some, []int{2, 1}, 5, 3)
	if !reflect.DeepEqual(one, three) {
		t.Errorf("%+v and %+v", one, three)
	}
	if reflect.DeepEqual(one[0][0], one[0][1]) {
		t.Error("two seeds give the same")
	}
}

// TestNobodyIsPagedForNothing in an application of which too little is known.
func TestNobodyIsPagedForNothing(t *testing.T) {
	r := find(t, "300/h", "f history 10 days")
	s := sum(run([]*row{r}, []int{2}, 1, 2)[0])
	if s.alerts > 0 || s.judged != [2]float64{} || s.measure.seen[full].share > 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatAnExporterKnowsThatWasArmedJustNow(t *testing.T) {
	r := find(t, "Main table, just armed", "300, 6")
	now := int64(20600*day) + 7*bin
	w := newWorld(r, 9, activity.Floor(now-r.history*day, hour), activity.Floor(now+day, hour), now)
	s := &simulation{row: r, world: w, now: now}
	h := s.known(now)
	var bins, hours, tails int
	for at := w.start; at < activity.Floor(now, hour); at += hour {
		n, known := h.Hour(at)
		if at < now-recalled*day {
			continue
		}
		if !known || n != w.count(at, at+hour) {
			t.Fatalf("hour %d: %d %t, want %d", at, n, known, w.count(at, at+hour))
		}
		_, fine := h.Bin(at)
		if fine != (n <= pageSize || at >= activity.Floor(now-day, hour)) {
			t.Fatalf("%d messages %d hours ago, known by five minutes: %t", n, (now-at)/hour, fine)
		}
		_, tail := h.Exact(at+hour-activity.TailSeconds, at+hour)
		switch {
		case fine:
			bins++
		case tail && at < now-poolDays*day:
			t.Fatal("a quarter of an hour that is not asked for")
		case tail:
			tails++
		default:
			hours++
		}
	}
	if bins < 300 || tails < 100 || hours < 500 {
		t.Errorf("%d hours by five minutes, %d with the last quarter, %d", bins, tails, hours)
	}
	if _, known := h.Bin(now); known {
		t.Error("the future is known")
	}
	if n, known := h.Exact(now-day, now); !known || n != w.count(now-day, now) {
		t.Error("the last day is not known")
	}
}

func TestInterval(t *testing.T) {
	// Garwood's intervals, as tables have them.
	for cases, want := range map[float64][2]float64{0: {0, 3.69}, 1: {0.03, 5.57}, 10: {4.80, 18.39}, 40: {28.58, 54.47}} {
		low, high := interval(cases, 1)
		if math.Abs(low-want[0]) > 0.01 || math.Abs(high-want[1]) > 0.01 {
			t.Errorf("%v cases: %.3f to %.3f", cases, low, high)
		}
	}
	if low, high := interval(10, 100); math.Abs(low-0.048) > 0.001 || math.Abs(high-0.184) > 0.001 {
		t.Errorf("of a hundred months: %v to %v", low, high)
	}
}

func TestHalf(t *testing.T) {
	for _, n := range []int64{0, 1, 63, 64, 65, 10_000} {
		sum := 0.0
		for at := range int64(2000) {
			left := half(n, at)
			if left < 0 || left > n {
				t.Fatalf("%d of %d", left, n)
			}
			sum += float64(left)
		}
		if want := float64(n) / 2; math.Abs(sum/2000-want) > 0.06*math.Sqrt(float64(n)) {
			t.Errorf("%v of %d on average", sum/2000, n)
		}
	}
}

func TestReportMarksWhatIsWorse(t *testing.T) {
	r := &row{section: "300/h", name: "x", months: 100, want: figures{0.1, [outages]quantiles{says("20m 1.0h"), says("90% 2.0h")}}}
	good := summary{months: 100, alerts: 10, measure: figures{0.1, [outages]quantiles{says("20m 1.0h"), says("90% 2.0h")}}}
	bad := summary{months: 100, alerts: 40, measure: figures{0.4, [outages]quantiles{says("25m 1.0h"), says("80% 2.0h")}}}
	for i := range good.delays {
		good.delays[i], bad.delays[i] = make([]float64, 600), make([]float64, 600)
	}
	if got := compare(r, &good); got != [3]string{} {
		t.Errorf("%q", got)
	}
	want := [3]string{"0.40 false alerts, over 0.3", "full outage median 25 m, not 20 m", "70 % drop 80 % seen, not 90 %"}
	if got := compare(r, &bad); got != want {
		t.Errorf("%q", got)
	}
	var b bytes.Buffer
	write(&b, []*row{r, r}, []summary{good, bad}, 1)
	if n := strings.Count(b.String(), "**!**"); n != 3 {
		t.Errorf("%d marks in %s", n, b.String())
	}
}

// TestResultsAreThisPrograms as far as can be told without a long run.
func TestResultsAreThisPrograms(t *testing.T) {
	b, err := os.ReadFile("RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, method) || !strings.Contains(text, remarks) {
		t.Error("RESULTS.md has other words")
	}
	for _, r := range rows() {
		if !strings.Contains(text, "| "+r.name) {
			t.Errorf("RESULTS.md lacks %s", r.name)
		}
	}
}

// TestRows: each has a name of its own, and traffic as its name says.
func TestRows(t *testing.T) {
	names := map[string]bool{}
	for _, r := range rows() {
		if key := r.section + r.name; names[key] {
			t.Errorf("%s twice", key)
		} else {
			names[key] = true
		}
		if r.days <= 0 || r.history <= 0 || r.months <= 0 || r.perHour <= 0 {
			t.Errorf("%s: %+v", r.name, r)
		}
	}
	if len(names) < 2*12+3*25 {
		t.Errorf("%d rows", len(names))
	}
	bot := find(t, "50/h", "i bot 1/min goes on, humans stop")
	if !bot.goesOn(full, &chatapitest.TrafficMessage{Bot: true}) || bot.goesOn(full, &chatapitest.TrafficMessage{}) ||
		!bot.goesOn(drop, &chatapitest.TrafficMessage{Rank: 0.29}) || bot.goesOn(drop, &chatapitest.TrafficMessage{Rank: 0.3}) {
		t.Error("the bot does not go on")
	}
}

func BenchmarkRow(b *testing.B) {
	r := mainRows()[6]
	r.history, r.days, r.warm, r.outages = 70, 80, 1, [outages]int{10, 10}
	for b.Loop() {
		simulate(r, 1)
	}
}
