package activity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func calendar(t testing.TB, zone string, holidays ...string) *Calendar {
	t.Helper()
	at, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCalendar(at, holidays)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// steady fills a history with the same number of messages every five minutes,
// up to until.
func steady(h *History, from, until, perBin int64) *History {
	for t := from; t < until; t += BinSeconds {
		h.SetBin(t, perBin)
	}
	return h
}

const (
	day  = int64(daySeconds)
	week = int64(weekSeconds)
)

// TestAWeekByHand is small enough to be followed with pencil and paper. Every
// hour of the past ten weeks held 120 messages, ten in each five minutes, but
// the hour from 9 to 10 of Monday, 2026-03-16, which is judged at its end: it
// held 30.
//
//	W, W_k        120 * 168 = 20,160 each: no trend, g_k = 1
//	B_1 ... B_6   120 each; a(120) = sqrt(120.375) = 10.97155
//	expected      10.97155^2 - 0.375 = 120
//	pool          every hour of 14 days was as expected but the last: q80 = 0
//	f             sqrt(1 + pi/12) = 1.123287
//	s             1/2 * f = 0.561643
//	bound         (10.97155 - 4 * 0.561643)^2 - 0.375 = 75.752, more than half of 120: 60
//	score         (10.97155 - sqrt(30.375)) / 0.561643 = (10.97155 - 5.511352) / 0.561643 = 9.7218
//	dispersion    (2 * 0.561643 / 1.123287)^2 = 1
func TestAWeekByHand(t *testing.T) {
	now := int64(1_773_655_200) // 2026-03-16 10:00 UTC
	h := steady(NewHistory(), now-10*week, now-3600, 10)
	steady(h, now-3600, now, 2)
	h.SetBin(now-300, 8) // 11 * 2 + 8 = 30
	v := NewJudge(h, calendar(t, "UTC"), 6).At(now, now-100)
	w := v.Windows[1]
	if w.Messages != 30 || w.Samples != 6 || math.Abs(w.Expected-120) > 1e-9 || w.Bound != 60 ||
		math.Abs(w.Score-9.7218) > 1e-4 || math.Abs(w.Dispersion-1) > 1e-9 || !w.Drop() {
		t.Errorf("the hour: %+v", w)
	}
	// The last quarter: 2 + 2 + 8 of 30, a(30) = 5.511352; 5.511352 - 4 * 0.561643
	// = 3.26478; squared less 0.375: 10.28; half of 30 is 15: 10.
	if w := v.Windows[0]; w.Messages != 12 || math.Abs(w.Expected-30) > 1e-9 || w.Bound != 10 || w.Drop() {
		t.Errorf("the last quarter: %+v", w)
	}
	// The day lacks 90 of 2,880: far above half of them.
	if w := v.Windows[3]; w.Messages != 2790 || math.Abs(w.Expected-2880) > 1e-6 || w.Bound != 1440 || w.Drop() {
		t.Errorf("the day: %+v", w)
	}
	// A hundred seconds are no silence; none was in 14 days, so the bound is the floor.
	if s := v.Silence; !s.Known || s.Expected != 0 || s.Bound != 15 || s.Silent() {
		t.Errorf("silence: %+v", s)
	}
	// Fifteen minutes without a message weigh 30.
	if s := NewJudge(h, calendar(t, "UTC"), 6).At(now, now-900).Silence; math.Abs(s.Expected-30) > 1e-9 || !s.Silent() {
		t.Errorf("fifteen minutes of silence: %+v", s)
	}
}

// oracle says what section 2 of the statistic says, word for word and slowly,
// from counts of five minutes, for an application in UTC without holidays.
type oracle struct {
	m     model
	weeks int64
}

// between is H(to) - H(from): whole hours, straight lines inside.
func (o oracle) between(from, to int64) (sum float64, known bool) {
	for at := Floor(from, 3600); at < to; at += 3600 {
		n, ok := o.m.count(at, at+3600)
		if !ok {
			return 0, false
		}
		sum += float64(n) * float64(min(to, at+3600)-max(from, at)) / 3600
	}
	return sum, true
}

func (o oracle) expect(t, w int64) (m float64, n int) {
	var values []float64
	now, nowKnown := o.between(t-8*day, t-day)
	for k := int64(1); k <= o.weeks; k++ {
		tk := t - k*week
		b, known := o.between(tk-w, tk)
		if w < 3600 && known {
			var around float64
			if around, known = o.between(tk-w/2-1800, tk-w/2+1800); known {
				b = min(b, float64(w)/3600*around)
			}
		}
		then, thenKnown := o.between(tk-8*day, tk-day)
		both := nowKnown && thenKnown
		if !known || both && then < now/5 {
			continue
		}
		g := 1.0
		if both && now >= 50 && then >= 50 {
			g = min(max(now/then, 0.5), 2)
		}
		values = append(values, math.Sqrt(g*b+0.375))
	}
	slices.Sort(values)
	if n = len(values); n == 0 {
		return 0, 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2, n
}

func (o oracle) bound(t, w int64) int64 {
	m, n := o.expect(t, w)
	type past struct{ m, r float64 }
	var pool []past
	if _, known := o.between(t-8*day, t-day); !known {
		return -1
	}
	for h := Floor(t, 3600); h > t-14*day; h -= 3600 {
		c, ok := o.m.count(h-w, h)
		if _, known := o.between(h-8*day, h-day); !known {
			continue
		}
		if pm, pn := o.expect(h, w); ok && pn >= 2 {
			pool = append(pool, past{pm, math.Abs(math.Sqrt(float64(c)+0.375) - pm)})
		}
	}
	pick := func(is func(past) bool) (out []float64) {
		for _, p := range pool {
			if is(p) {
				out = append(out, p.r)
			}
		}
		slices.Sort(out)
		return out
	}
	like := pick(func(p past) bool { return p.m >= m/2 && p.m <= 2*m })
	if len(like) < 24 {
		like = pick(func(p past) bool { return p.m*p.m-0.375 >= 1 })
	}
	if len(like) < 24 {
		like = pick(func(past) bool { return true })
	}
	if _, ok := o.m.count(t-w, t); len(like) < 24 || n < 3 || !ok {
		return -1
	}
	at := 0.8 * float64(len(like)-1)
	q := like[int(at)]
	if rest := at - math.Floor(at); rest > 0 {
		q += rest * (like[int(at)+1] - q)
	}
	f := math.Sqrt(1 + math.Pi/(2*float64(n)))
	s := max(0.5, q/1.2816/f) * f
	if m-4*s <= math.Sqrt(0.375) {
		return -1
	}
	return int64(math.Floor(min(0.5*max(0, m*m-0.375), (m-4*s)*(m-4*s)-0.375)))
}

// TestJudgeAgainstTheText draws applications of all sizes, with nights, growth,
// gaps and a late beginning, and holds every expectation and bound against the
// oracle's. The judge goes from grid point to grid point, as in real life.
func TestJudgeAgainstTheText(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for round := range 6 {
		rate := math.Exp(r.Float64()*7) / 12 // 1 to 1,100 an hour, per five minutes
		growth := 1 + (r.Float64()-0.4)/4
		start, end := int64(monday), monday+9*week
		if round == 3 {
			start += 3 * week
		}
		h, m := NewHistory(), model{}
		for at := start; at < end; at += BinSeconds {
			if r.IntN(4000) == 0 {
				at += r.Int64N(5) * 1800 // a gap
			}
			hour := float64(at % day / 3600)
			mean := rate * (1 + math.Sin(hour/24*2*math.Pi)) * math.Pow(growth, float64(at-monday)/float64(week))
			n := int64(mean/2 + mean*r.Float64())
			h.SetBin(at, n)
			m[at] = n
		}
		o := oracle{m, 6}
		j := NewJudge(h, calendar(t, "UTC"), 6)
		at := end - 3*day
		for range 5 {
			at = min(at+r.Int64N(300)*BinSeconds, end)
			v := j.At(at, 0)
			for i, w := range Windows {
				wantM, wantN := o.expect(at, w.Seconds)
				got := v.Windows[i]
				if got.Samples != wantN || wantN > 0 && math.Abs(got.Expected-max(0, wantM*wantM-0.375)) > 1e-6*(1+got.Expected) {
					t.Errorf("round %d, %s: %v of %d weeks expected, not %v of %d", round, w.Label, got.Expected, got.Samples, wantM*wantM-0.375, wantN)
				}
				if want := o.bound(at, w.Seconds); got.Bound != want {
					t.Errorf("round %d, %s: bound %d, not %d", round, w.Label, got.Bound, want)
				}
			}
		}
	}
}

// TestTheOrderOfJudgementsDoesNotMatter: a judge that went along says what a
// new one says.
func TestTheOrderOfJudgementsDoesNotMatter(t *testing.T) {
	h := bursty(3, monday, monday+9*week, 4)
	along := NewJudge(h, calendar(t, "Europe/Kyiv", "2026-03-02"), 6)
	for at := monday + 8*week; at < monday+9*week; at += 7 * BinSeconds {
		got := along.At(at, at-700)
		if at%(7*12*BinSeconds) != 0 {
			continue
		}
		if want := NewJudge(h, calendar(t, "Europe/Kyiv", "2026-03-02"), 6).At(at, at-700); got != want {
			t.Fatalf("at %d: %+v, a new judge says %+v", at, got, want)
		}
	}
}

// bursty draws conversations: of so many messages an hour, most five minutes
// hold none.
func bursty(seed uint64, from, to int64, perHour float64) *History {
	r := rand.New(rand.NewPCG(seed, 1))
	h := NewHistory()
	for at := from; at < to; at += BinSeconds {
		n := int64(0)
		for x := r.Float64(); x < perHour/12/6; x += 1 {
			n += 1 + int64(r.ExpFloat64()*5)
		}
		h.SetBin(at, n)
	}
	return h
}

// TestNeverAFalseAlarm: applications of which nothing can be said are absent,
// or -1, or right.
func TestNeverAFalseAlarm(t *testing.T) {
	end := int64(monday + 10*week)
	office := NewHistory()
	for at := int64(monday); at < end; at += BinSeconds {
		n := int64(0)
		if in := time.Unix(at, 0).UTC(); in.Hour() >= 9 && in.Hour() < 17 && in.Weekday() != time.Saturday && in.Weekday() != time.Sunday {
			n = 25 + at/BinSeconds%7
		}
		office.SetBin(at, n)
	}
	for name, c := range map[string]struct {
		h      *History
		judged bool
	}{
		"nothing is known":             {NewHistory(), false},
		"no message ever":              {steady(NewHistory(), monday, end, 0), false},
		"two days old":                 {steady(NewHistory(), end-2*day, end, 20), false},
		"ten days old":                 {steady(NewHistory(), end-10*day, end, 20), false},
		"zero until two days ago":      {steady(steady(NewHistory(), monday, end-2*day, 0), end-2*day, end, 20), false},
		"zero until two weeks ago":     {steady(steady(NewHistory(), monday, end-2*week, 0), end-2*week, end, 20), false},
		"one message in ten hours":     {bursty(1, monday, end, 0.1), true},
		"open in office hours only":    {office, true},
		"busy and steady":              {steady(NewHistory(), monday, end, 20), true},
		"a few conversations an hour":  {bursty(2, monday, end, 20), true},
		"erased but for the last week": {steady(steady(NewHistory(), monday, end-week, 1), end-week, end, 40), true},
	} {
		t.Run(name, func(t *testing.T) {
			j := NewJudge(c.h, calendar(t, "UTC"), 6)
			judged := false
			last := int64(0)
			for at := end - 3*week; at <= end; at += BinSeconds {
				if n, known := c.h.Bin(at - BinSeconds); known && n > 0 {
					last = at - 10
				}
				v := j.At(at, last)
				for i, w := range v.Windows {
					judged = judged || w.Bound >= 0
					if w.Drop() {
						t.Fatalf("%s: a drop in %s: %+v", time.Unix(at, 0).UTC(), Windows[i].Label, w)
					}
					if w.Bound < -1 || w.Counted && w.Judged && (w.Dispersion < 1-1e-9 || math.IsNaN(w.Score)) || float64(w.Bound) > w.Expected/2 {
						t.Fatalf("impossible: %+v", w)
					}
				}
				if v.Silence.Silent() {
					t.Fatalf("%s: silent: %+v", time.Unix(at, 0).UTC(), v.Silence)
				}
				judged = judged || v.Silence.Bound >= 0 && v.Silence.Expected > 0
			}
			if judged != c.judged {
				t.Errorf("judged: %t", judged)
			}
		})
	}
}

// TestAnOutageIsSeen, of the busy application at any hour, and ends.
func TestAnOutageIsSeen(t *testing.T) {
	start := int64(monday + 9*week)
	h := steady(NewHistory(), monday, start, 20)
	steady(h, start, start+6*3600, 0)
	steady(h, start+6*3600, start+2*day, 20)
	j := NewJudge(h, calendar(t, "UTC"), 6)
	silent, low := map[int64]bool{}, map[int64]bool{}
	for at := start; at <= start+2*day; at += BinSeconds {
		newest := start - 1
		if at > start+6*3600 {
			newest = at - 1
		}
		v := j.At(at, newest)
		silent[(at-start)/BinSeconds], low[(at-start)/BinSeconds] = v.Silence.Silent(), v.Windows[0].Drop()
	}
	if silent[0] || !silent[1] || !silent[72] || silent[73] {
		t.Errorf("silent after 0, 5 and 360 minutes, and after the end: %t, %t, %t, %t", silent[0], silent[1], silent[72], silent[73])
	}
	if low[1] || !low[3] || !low[72] || low[75] {
		t.Errorf("low after 5, 15 and 360 minutes, and 15 after the end: %t, %t, %t, %t", low[1], low[3], low[72], low[75])
	}
}

// TestMoreMessagesAreNeverWorse, and a higher past is never an excuse.
func TestMoreMessagesAreNeverWorse(t *testing.T) {
	end := int64(monday + 9*week)
	past := bursty(5, monday, end-day, 60)
	for _, at := range []int64{end - day + 3600, end - day + 7*3600} {
		previous := math.Inf(1)
		for n := int64(0); n < 20; n++ {
			packed, err := past.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			h := NewHistory()
			if err := h.UnmarshalBinary(packed); err != nil {
				t.Fatal(err)
			}
			steady(h, end-day, at, n)
			w := NewJudge(h, calendar(t, "UTC"), 6).At(at, 0).Windows[1]
			if !w.Judged || w.Score > previous {
				t.Errorf("%d more messages in five minutes: score %v after %v", n, w.Score, previous)
			}
			previous = w.Score
		}
	}
}

// TestHolidays: a listed day is neither judged nor compared with.
func TestHolidays(t *testing.T) {
	now := int64(monday + 9*week + 12*3600) // a Monday, noon
	h := steady(NewHistory(), monday, now, 10)
	listed := []string{}
	for _, k := range []int64{0, 1, 2} {
		listed = append(listed, time.Unix(now-k*week, 0).UTC().Format(time.DateOnly))
	}
	v := NewJudge(h, calendar(t, "UTC", listed[1:]...), 6).At(now, now-600)
	if w := v.Windows[1]; w.Samples != 4 || w.Bound < 0 || v.Holiday {
		t.Errorf("two weeks are holidays: %+v", w)
	}
	v = NewJudge(h, calendar(t, "UTC", listed...), 6).At(now, now-600)
	for _, w := range v.Windows {
		if w.Bound != -1 || w.Samples != 4 {
			t.Errorf("on a holiday: %+v", w)
		}
	}
	if !v.Holiday || v.Silence.Bound != -1 {
		t.Errorf("on a holiday: %t, %+v", v.Holiday, v.Silence)
	}
	// The day after, the window of a day still reaches into it.
	steady(h, now, now+day, 10)
	v = NewJudge(h, calendar(t, "UTC", listed...), 6).At(now+20*3600, now+20*3600-600)
	if v.Windows[3].Bound != -1 || v.Windows[1].Bound < 0 || v.Holiday {
		t.Errorf("the morning after: %+v", v.Windows)
	}
}

// TestClocksChange: the same local time is compared, whatever the clocks did.
func TestClocksChange(t *testing.T) {
	for zone, want := range map[string]int64{"UTC": 0, "Europe/Kyiv": -3600, "Asia/Kathmandu": 0, "Australia/Lord_Howe": 0} {
		// 2026-04-02, 12:00 UTC: Kyiv went to summer time on 2026-03-29.
		now := time.Date(2026, 4, 2, 12, 0, 0, 0, time.UTC).Unix()
		if got := calendar(t, zone).weeksBefore(now, 1) - (now - week); got != -want {
			t.Errorf("%s: %d seconds off", zone, got)
		}
	}
	// Work begins at 9 in Kyiv: at half past, on the first Monday of summer
	// time, half an hour's messages are normal, not an hour and a half's.
	at := time.Date(2026, 3, 30, 6, 30, 0, 0, time.UTC).Unix()
	zone := calendar(t, "Europe/Kyiv")
	h := NewHistory()
	for t := at - 10*week; t < at; t += BinSeconds {
		n := int64(0)
		if time.Unix(t, 0).In(zone.zone).Hour() >= 9 {
			n = 10
		}
		h.SetBin(t, n)
	}
	if w := NewJudge(h, zone, 6).At(at, 0).Windows[1]; math.Abs(w.Expected-60) > 1 || w.Messages != 60 {
		t.Errorf("in its zone: %+v", w)
	}
	if w := NewJudge(h, calendar(t, "UTC"), 6).At(at, 0).Windows[1]; w.Expected > 1 {
		t.Errorf("in UTC, where the week before had not begun yet: %+v", w)
	}
}

func TestCalendar(t *testing.T) {
	if _, err := NewCalendar(time.UTC, []string{"2026-13-01"}); err == nil {
		t.Error("a thirteenth month is taken")
	}
	c := calendar(t, "America/New_York", "2026-12-25")
	at := func(text string) int64 {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v.Unix()
	}
	for _, s := range []struct {
		from, to string
		want     bool
	}{
		{"2026-12-25T05:00:00Z", "2026-12-25T05:05:00Z", true},
		{"2026-12-25T04:00:00Z", "2026-12-25T05:00:00Z", false},
		{"2026-12-25T04:00:00Z", "2026-12-25T05:00:01Z", true},
		{"2026-12-26T04:59:59Z", "2026-12-27T00:00:00Z", true},
		{"2026-12-26T05:00:00Z", "2026-12-27T00:00:00Z", false},
		{"2026-12-20T05:00:00Z", "2026-12-30T00:00:00Z", true},
		{"2026-12-25T05:00:00Z", "2026-12-25T05:00:00Z", false},
	} {
		if got := c.Holiday(at(s.from), at(s.to)); got != s.want {
			t.Errorf("from %s to %s: %t", s.from, s.to, got)
		}
	}
}

func TestParseHolidays(t *testing.T) {
	got, err := ParseHolidays("2026-12-25\r\n# of the new year\n\n 2026-01-01 # again\n2026-12-25")
	if err != nil || fmt.Sprint(got) != "[2026-01-01 2026-12-25]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseHolidays("2026-12-25\n\n25.12.2026\n"); err == nil || err.Error() != "line 3: it must be a date such as 2026-12-25" {
		t.Errorf("error %v", err)
	}
}

func TestSettled(t *testing.T) {
	for _, c := range []struct{ now, want int64 }{{monday, monday - 300}, {monday + 59, monday - 300}, {monday + 60, monday}, {monday + 359, monday}, {monday + 360, monday + 300}} {
		if got := Settled(c.now); got != c.want {
			t.Errorf("%d seconds after the hour: %d", c.now-monday, got-monday)
		}
	}
}

// TestAPastThatChangesIsLookedAtAnew: what is filled in later counts.
func TestAPastThatChangesIsLookedAtAnew(t *testing.T) {
	end := int64(monday + 9*week)
	h := steady(NewHistory(), end-2*day, end, 10)
	j := NewJudge(h, calendar(t, "UTC"), 6)
	if v := j.At(end, 0); v.Windows[1].Samples != 0 {
		t.Fatalf("%+v", v.Windows[1])
	}
	for at := end - 9*week; at < end-2*day; at += 3600 {
		h.SetHour(at, 120)
		h.SetTail(at, 30)
	}
	if v, want := j.At(end, end-900), NewJudge(h, calendar(t, "UTC"), 6).At(end, end-900); v != want || v.Windows[0].Bound < 0 || v.Silence.Bound < 0 {
		t.Errorf("%+v, a new judge says %+v", v, want)
	}
}

func BenchmarkJudge(b *testing.B) {
	h := bursty(1, monday, monday+10*week, 50)
	j := NewJudge(h, calendar(b, "Europe/Kyiv"), 6)
	at := int64(monday + 10*week - day)
	for b.Loop() {
		j.At(at, at-600)
		if at += BinSeconds; at > monday+10*week {
			at = monday + 10*week - day
		}
	}
}

// TestDaysThatDoNotBeginAtMidnight end all the same: where the clocks change at
// midnight, the first hour of a day is missing.
func TestDaysThatDoNotBeginAtMidnight(t *testing.T) {
	for _, zone := range []string{"America/Santiago", "America/Havana", "Atlantic/Azores", "Africa/Cairo"} {
		c := calendar(t, zone, "2026-01-01", "2028-02-03")
		for at := int64(monday) + 30*day; at < monday+380*day; at += 7 * 3600 {
			if c.Holiday(at, at+2*day) {
				t.Fatalf("%s: a holiday at %d", zone, at)
			}
		}
		if !c.Holiday(monday, monday+800*day) {
			t.Errorf("%s: no holiday in two years", zone)
		}
	}
}

// TestNothingIsJudgedWithoutTheTrend: a shrinking application with one hour
// unknown of late would be compared with what it was.
func TestNothingIsJudgedWithoutTheTrend(t *testing.T) {
	end := int64(monday + 10*week)
	h := NewHistory()
	for at := int64(monday); at < end; at += BinSeconds {
		if at >= end-3*day && at < end-3*day+3600 {
			continue
		}
		h.SetBin(at, int64(1000*math.Pow(0.8, float64(at-monday)/float64(week))))
	}
	v := NewJudge(h, calendar(t, "UTC"), 6).At(end, end-900)
	for i, w := range v.Windows {
		if w.Bound != -1 || w.Samples == 0 {
			t.Errorf("%s: %+v", Windows[i].Label, w)
		}
	}
	if v.Silence.Bound != -1 || !v.Silence.Known {
		t.Errorf("silence: %+v", v.Silence)
	}
}

// TestSilencesNeedFiveWeeks, whether there were any in the last two or not.
func TestSilencesNeedFiveWeeks(t *testing.T) {
	end := int64(monday + 10*week)
	for days, judged := range map[int64]bool{29: false, 34: false, 37: true} {
		h := NewHistory()
		for at := end - days*day; at < end; at += 3600 {
			h.SetHour(at, 300)
		}
		if s := NewJudge(h, calendar(t, "UTC"), 6).At(end, end-900).Silence; (s.Bound >= 0) != judged {
			t.Errorf("after %d days: %+v", days, s)
		}
	}
}

// TestTheEveningBeforeAHoliday is judged; what follows is not.
func TestTheEveningBeforeAHoliday(t *testing.T) {
	midnight := int64(monday + 9*week)
	h := steady(NewHistory(), monday, midnight+300, 10)
	j := NewJudge(h, calendar(t, "UTC", Time(midnight).Format(time.DateOnly)), 6)
	if v := j.At(midnight, midnight-10); v.Holiday || v.Windows[1].Bound < 0 {
		t.Errorf("at midnight: %+v", v)
	}
	if v := j.At(midnight+300, midnight); !v.Holiday || v.Windows[1].Bound >= 0 {
		t.Errorf("five minutes later: %+v", v)
	}
}
