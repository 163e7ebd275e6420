package main

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// row is one row of the reference's tables, and what the reference says of it.
type row struct {
	section string
	name    string
	note    string // why it may differ

	perHour, talk, growth float64

	traffic func(t *chatapitest.Traffic, now int64, chance *rand.Rand) // sets what else is special
	start   func(chance *rand.Rand) int64                              // of the time that is looked at, if not any
	local   *time.Location                                             // that the exporter is set to, UTC if nil
	erased  func(n, at int64) int64                                    // what is left of counts older than 30 days
	bot     bool                                                       // goes on in an outage

	mode       mode
	history    int64        // days before now
	from, days int64        // that are looked at, since now
	warm       int64        // days that the exporter has run before them
	outages    [outages]int // for each seed

	months float64 // of evidence in the reference
	want   figures
}

// figures are what is measured of a row; NaN where nothing is known.
type figures struct {
	alerts float64 // false, in 30 days
	seen   [outages]quantiles
}

// quantiles are of the minutes until an outage is seen.
type quantiles struct {
	share       float64 // seen within two days
	median, p90 float64
}

var none = quantiles{math.NaN(), math.NaN(), math.NaN()}

func (r *row) zone() *time.Location {
	if r.local == nil {
		return time.UTC
	}
	return r.local
}

// seed makes a seed the row's own, so that one bad luck is not that of all
// rows.
func (r *row) seed(n uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, r.name, r.perHour, n)
	return h.Sum64()
}

func (r *row) goesOn(kind outage, m *chatapitest.TrafficMessage) bool {
	switch {
	case kind == drop:
		return m.Rank < dropShare
	case m.Bot:
		return r.bot
	}
	return false
}

// moment draws when the exporter is looked at.
func (r *row) moment(chance *rand.Rand) int64 {
	if r.start != nil {
		return r.start(chance)
	}
	return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).Unix() + chance.Int64N(52*7*24)*hour
}

// rows gives all of them.
func rows() []*row {
	var all []*row
	add := func(section string, m mode, rows []*row) {
		for _, r := range rows {
			r.section, r.mode, r.history, r.days, r.warm, r.outages, r.months = section, m, 70, 80, 1, [outages]int{10, 10}, 160
			all = append(all, r)
		}
	}
	add("Main table, long running", longRunning, mainRows())
	add("Main table, just armed", justArmed, mainRows())
	for _, perHour := range []float64{50, 300, 3000} {
		for _, r := range attacks(perHour) {
			r.section, r.perHour, r.talk = fmt.Sprintf("%g/h", perHour), perHour, 6
			if r.days == 0 {
				r.days = 80
			}
			if r.history == 0 {
				r.history, r.warm = 70, 1
			}
			r.outages = [outages]int{12, 4}
			seeds := 36.0
			if perHour == 3000 {
				seeds = 12
			}
			r.months = seeds * float64(r.days) / 30
			all = append(all, r)
		}
	}
	add("Not in the reference", longRunning, moreRows())
	return all
}

// moreRows are some of the main table's with narrower peaks of the day.
func moreRows() (more []*row) {
	for _, r := range mainRows() {
		if r.growth == 0 && r.talk < 20 {
			r.name += ", narrower peaks"
			r.traffic = set(func(t *chatapitest.Traffic) { t.Steep = true })
			r.want = figures{math.NaN(), [outages]quantiles{none, none}}
			more = append(more, r)
		}
	}
	return more
}

// says reads what the reference says of an outage: the share seen in per cent,
// 100 if not given, the median and the 90th percentile, minutes unless an h
// follows.
func says(text string) quantiles {
	q := quantiles{1, math.NaN(), math.NaN()}
	times := []*float64{&q.median, &q.p90}
	for word := range strings.FieldsSeq(text) {
		var x float64
		unit := ""
		if _, err := fmt.Sscanf(word, "%g%s", &x, &unit); err != nil {
			panic(word)
		}
		switch unit {
		case "%":
			q.share = x / 100
		case "h":
			*times[0], times = x*60, times[1:]
		case "m":
			*times[0], times = x, times[1:]
		}
	}
	return q
}

func mainRows() []*row {
	with := func(perHour, talk, growth, alerts float64, outage, drop string) *row {
		name := fmt.Sprintf("%g, %g", perHour, talk)
		if growth != 0 {
			name += fmt.Sprintf(", %+g %%", 100*growth)
		}
		return &row{
			name: name, perHour: perHour, talk: talk, growth: growth,
			want: figures{alerts, [outages]quantiles{says(outage), says(drop)}},
		}
	}
	return []*row{
		with(10, 1, 0, 0.06, "74m 6.1h", "96% 6.0h 19h"),
		with(10, 6, 0, 0.07, "7.7h 15h", "50%"),
		with(50, 1, 0, 0.01, "28m 2.7h", "98% 1.9h 9.3h"),
		with(50, 6, 0, 0.04, "2.1h 7.2h", "90% 10.4h 45h"),
		with(50, 20, 0, 0.14, "5.1h 12h", "64% 26h"),
		with(300, 1, 0, 0.01, "15m 29m", "98% 46m 5.0h"),
		with(300, 6, 0, 0.03, "26m 2.0h", "98% 2.8h 12h"),
		with(300, 20, 0, 0.17, "47m 4.2h", "97% 5.9h 19h"),
		with(5000, 6, 0, 0.00, "13m 15m", "98% 29m 3.8h"),
		with(300, 6, 0.05, 0.04, "27m 2.1h", "97% 3.1h"),
		with(300, 6, 0.10, 0.05, "27m 2.1h", "98% 3.2h"),
		with(300, 6, -0.05, 0.06, "26m 2.1h", "98% 2.8h"),
	}
}

// pick gives the figure for a rate; NaN says nothing of an outage.
func pick(perHour float64, alerts [3]float64, outages [3]string) figures {
	i := map[float64]int{50: 0, 300: 1, 3000: 2}[perHour]
	f := figures{alerts: alerts[i], seen: [...]quantiles{none, none}}
	if outages[i] != "" {
		f.seen[full] = says(outages[i])
	}
	return f
}

// drops adds the share of 70% drops seen.
func (f figures) drops(perHour float64, share50, share300, share3000 float64) figures {
	share := map[float64]float64{50: share50, 300: share300, 3000: share3000}[perHour]
	f.seen[drop].share = share
	return f
}

var nan = math.NaN()

func level(from, to int64, factor float64) chatapitest.TrafficLevel {
	return chatapitest.TrafficLevel{From: at(from), To: at(to), Factor: factor}
}

// spell is a level from now on for some days.
func spell(days int64, factor float64) func(*chatapitest.Traffic, int64, *rand.Rand) {
	return func(t *chatapitest.Traffic, now int64, _ *rand.Rand) {
		t.Levels = append(t.Levels, level(now, now+days*day, factor))
	}
}

// set changes the traffic.
func set(change func(t *chatapitest.Traffic)) func(*chatapitest.Traffic, int64, *rand.Rand) {
	return func(t *chatapitest.Traffic, _ int64, _ *rand.Rand) { change(t) }
}

const (
	mailing       = 4.0
	mailingLength = 2 * hour
)

func randomMailings(t *chatapitest.Traffic, now int64, chance *rand.Rand) {
	for w := int64(-12); w < 14; w++ {
		from := now + w*week + chance.Int64N(7*24)*hour
		t.Levels = append(t.Levels, level(from, from+mailingLength, mailing))
	}
}

// endedMailings are at ten o'clock on the weekday of now, until now.
func endedMailings(t *chatapitest.Traffic, now int64, _ *rand.Rand) {
	for w := int64(-12); w < 0; w++ {
		from := now - now%day + w*week + 10*hour
		t.Levels = append(t.Levels, level(from, from+mailingLength, mailing))
	}
}

// aTuesday is one at midnight.
func aTuesday(chance *rand.Rand) int64 {
	return time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC).Unix() + chance.Int64N(52)*week
}

// clocksChange gives the moment four weeks before clocks in Europe do.
func clocksChange(chance *rand.Rand) int64 {
	shifts := []time.Time{
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), time.Date(2027, 10, 31, 1, 0, 0, 0, time.UTC),
	}
	return shifts[chance.IntN(len(shifts))].Unix() - 4*week
}

func attacks(perHour float64) []*row {
	one := func(a, b, c float64, full ...string) figures {
		return pick(perHour, [3]float64{a, b, c}, [3]string(append(full, "", "", "")[:3]))
	}
	berlin := func(t *chatapitest.Traffic) { t.Zone = mustZone("Europe/Berlin") }
	nothing := func(int64, int64) int64 { return 0 }
	return []*row{
		{name: "a no weekly season", traffic: set(func(t *chatapitest.Traffic) { t.Weekend = 1 }),
			want: one(0.09, 0.07, nan, "2.0h", "26m")},
		{name: "a weekend 50 %", traffic: set(func(t *chatapitest.Traffic) { t.Weekend = 0.5 }),
			want: one(0.02, 0.01, nan, "2.4h", "27m")},
		{name: "b office hours only", traffic: set(func(t *chatapitest.Traffic) { t.OfficeHours = true }),
			want: one(0.07, 0, 0, "93%", "93%", "94%").drops(perHour, 0.77, 0.85, 0.88)},
		{name: "c random mailing a week, x4, 2 h", traffic: randomMailings,
			want: one(0, 0.04, 0, "2.1h", "26m", "13m")},
		{name: "c weekly mailing that stops: 6 weeks after", note: "the mailing did not come", traffic: endedMailings, start: aTuesday, days: 42,
			want: one(1.8, 2.6, 2.7)},
		{name: "c ten days at x3: meanwhile", traffic: spell(10, 3), days: 10,
			want: one(0, 0, 0, "65m", "17m", "13m")},
		{name: "c the two weeks after", note: "a level step", traffic: spell(10, 3), from: 10, days: 14,
			want: one(0.3, 0.24, 0, "100%", "100%", "100%")},
		{name: "d two weeks at 35 %: week 1", note: "a level step", traffic: spell(14, 0.35), days: 7,
			want: one(9.8, 7.4, 7.9, "100%", "100%", "100%")},
		{name: "d week 2", traffic: spell(14, 0.35), from: 7, days: 7,
			want: one(0, 0, 0, "100%", "100%", "100%")},
		{name: "d two weeks after return", traffic: spell(14, 0.35), from: 14, days: 14,
			want: one(0, 0, 0, "3.5h", "48m", "13m")},
		{name: "e -20 %/week", traffic: set(func(t *chatapitest.Traffic) { t.Growth = -0.2 }),
			want: one(0.03, 0.04, 0.06, "2.5h", "28m", "13m")},
		{name: "e +25 %/week", traffic: set(func(t *chatapitest.Traffic) { t.Growth = 0.25 }),
			want: one(0, 0, 0, "2.8h", "35m", "14m").drops(perHour, nan, nan, 0.68)},
		{name: "f history 7 weeks", history: 49, days: 21,
			want: one(0.04, 0.04, nan, "1.8h", "26m")},
		{name: "f history 5 weeks", history: 35, days: 21,
			want: one(0.04, 0, nan, "1.9h", "26m")},
		{name: "f history 3 weeks", note: "what cannot be judged is not", history: 21, days: 21,
			want: one(0.11, 0.04, nan, "99% 4.5h", "29m")},
		{name: "f history 10 days", note: "not judged", history: 10, days: 4,
			want: one(0, 0, nan, "0%", "0%")},
		{name: "g half of everything older than 30 d deleted", erased: half, days: 14,
			want: one(0.13, 0.06, 0, "2.0h", "26m", "14m")},
		{name: "g all older than 30 d deleted", erased: nothing, days: 14,
			want: one(0.13, 0.06, 0, "100%", "100%", "100%")},
		{name: "h clocks change, zone right", traffic: set(berlin), local: mustZone("Europe/Berlin"), start: clocksChange, days: 56,
			want: one(nan, 0.20, 0.04)},
		{name: "h clocks change, zone UTC", traffic: set(berlin), start: clocksChange, days: 56,
			want: one(0.16, 0.29, 0.31)},
		{name: "h clocks change 3 weeks off (zone 5 h away)", traffic: set(berlin), local: mustZone("America/New_York"), start: clocksChange, days: 56,
			want: one(nan, 0.26, 0.31)},
		{name: "i bot 1/min, all stops", traffic: set(func(t *chatapitest.Traffic) { t.Bot = time.Minute }),
			want: one(0.07, 0, 0, "17m", "14m", "13m")},
		{name: "i bot 1/min goes on, humans stop", bot: true, traffic: set(func(t *chatapitest.Traffic) { t.Bot = time.Minute }),
			want: one(nan, nan, nan, "99% 6.4h", "30m", "24m")},
		{name: "j Pareto sizes, alpha 1.5", traffic: set(func(t *chatapitest.Traffic) { t.Pareto = 1.5 }),
			want: one(0.04, 0.05, 0.06, "2.3h", "28m", "13m")},
		{name: "j Pareto sizes, alpha 2.2", traffic: set(func(t *chatapitest.Traffic) { t.Pareto = 2.2 }),
			want: one(0.05, 0.03, 0, "1.9h", "26m", "13m")},
		{name: "k rate wanders by 25 % within hours", traffic: set(func(t *chatapitest.Traffic) { t.Wander = 0.25 }),
			want: one(0.06, 0.04, 0, "2.4h", "29m", "13m")},
		{name: "k day noise 25 %", traffic: set(func(t *chatapitest.Traffic) { t.Noise = 0.25 }),
			want: one(0.07, 0.09, 0.06, "2.4h", "30m", "13m")},
	}
}
