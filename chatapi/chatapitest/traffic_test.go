package chatapitest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"time"
)

// golden is of before there was a Config.Traffic.
const golden = "908f89606adc49d2"

func TestWithoutTrafficNothingHasChanged(t *testing.T) {
	s := New(Config{Seed: 5, Dialogs: 120, Messages: 1500, Weeks: 3, Rate: 0.7, Now: fixedNow})
	s.Step(fixedNow().Add(2 * time.Hour))
	sum := sha256.Sum256(bytesOf(s))
	if got := hex.EncodeToString(sum[:8]); got != golden {
		t.Errorf("other rows than before: %s", got)
	}
}

func unixMilli(year int, month time.Month, day, hour int) int64 {
	return time.Date(year, month, day, hour, 0, 0, 0, time.UTC).UnixMilli()
}

func all(t Traffic, from, to int64) (out []TrafficMessage) {
	t.Each(from, to, func(m TrafficMessage) { out = append(out, m) })
	slices.SortFunc(out, func(a, b TrafficMessage) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Talk, b.Talk))
	})
	return out
}

func numberOf(t Traffic, from, to int64) (n int) {
	t.Each(from, to, func(TrafficMessage) { n++ })
	return n
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: %.4g, want %.4g", what, got, want)
	}
}

func TestTrafficIsTheSameHoweverTimeIsCut(t *testing.T) {
	from, to := unixMilli(2026, 3, 2, 5), unixMilli(2026, 3, 4, 0)
	for _, traffic := range []Traffic{
		{Seed: 1, PerHour: 40},
		{Seed: 1, PerHour: 200, Talk: 20, Wander: 0.25, Bot: time.Minute},
		{Seed: 2, PerHour: 200, Talk: 6, Pareto: 1.5, Growth: 0.1, Since: time.UnixMilli(to)},
	} {
		once := all(traffic, from, to)
		var often []TrafficMessage
		for at := from; at < to; at += 17*60_000 + 333 {
			often = append(often, all(traffic, at, min(at+17*60_000+333, to))...)
		}
		if len(once) < 500 || !slices.Equal(once, often) {
			t.Fatalf("%+v: %d messages at once, %d in pieces", traffic, len(once), len(often))
		}
		middle := from + 12345_678
		stream, i := traffic.Stream(time.UnixMilli(middle)), 0
		for i < len(once) && once[i].At < middle {
			i++
		}
		for at := middle; at < to; at += 777_777 {
			for {
				m, ok := stream.Next(min(at+777_777, to))
				if !ok {
					break
				}
				if i == len(once) || m != once[i] {
					t.Fatalf("%+v: message %d of the stream differs", traffic, i)
				}
				i++
			}
		}
		if i != len(once) {
			t.Errorf("%+v: the stream ends after %d of %d", traffic, i, len(once))
		}
		traffic.Seed += 7
		if slices.Equal(once, all(traffic, from, to)) {
			t.Errorf("%+v: another seed gave the same", traffic)
		}
	}
}

func TestTrafficHasItsMeanAndSeasons(t *testing.T) {
	const weeks = 12
	from := unixMilli(2026, 3, 2, 0)
	to := from + weeks*7*24*3600_000
	for _, c := range []struct {
		traffic        Traffic
		weekend, night float64
	}{
		{Traffic{PerHour: 200}, 0.75, 0.1},
		{Traffic{PerHour: 200, Talk: 6}, 0.75, 0.1},
		{Traffic{PerHour: 200, Talk: 6, Steep: true}, 0.75, 0.1},
		{Traffic{PerHour: 200, Talk: 20, Weekend: 1}, 1, 0.1},
		{Traffic{PerHour: 200, Talk: 6, Pareto: 1.5, Weekend: 0.5}, 0.5, 0.15}, // some talk all night
		{Traffic{PerHour: 200, Talk: 6, OfficeHours: true}, 0, 0},
	} {
		var weekend, night, busiest float64
		hours := [24]float64{}
		n := 0.0
		c.traffic.Each(from, to, func(m TrafficMessage) {
			at := time.UnixMilli(m.At).UTC()
			n++
			hours[at.Hour()]++
			if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
				weekend++
			}
		})
		night, busiest = (hours[3]+hours[4])/2, slices.Max(hours[:])
		near(t, "mean", n/(weeks*7*24), 200, 12)
		near(t, "weekend", weekend/2/((n-weekend)/5), c.weekend, 0.08)
		near(t, "night", night*24/n, c.night, 0.03)
		if !c.traffic.OfficeHours && (busiest*24/n < 1.5 || hours[15] > 0.95*hours[12] || hours[15] > 0.95*hours[20]) {
			t.Errorf("%+v: no two peaks: %.0f", c.traffic, hours)
		}
	}
}

func TestTrafficComesInConversations(t *testing.T) {
	from := unixMilli(2026, 3, 2, 0)
	to := from + 14*24*3600_000
	for _, c := range []struct {
		traffic      Traffic
		size, spread float64 // of a conversation; variance over mean of a day's count
	}{
		{Traffic{PerHour: 300}, 1, 1},
		{Traffic{PerHour: 300, Talk: 6}, 6, 11},
		{Traffic{PerHour: 300, Talk: 20}, 20, 39},
		{Traffic{PerHour: 300, Talk: 6, Pareto: 2.2}, 6, math.NaN()},
	} {
		talks, first, last := map[uint64]float64{}, map[uint64]int64{}, map[uint64]int64{}
		rank := 0.0
		for _, m := range all(c.traffic, from, to) {
			if talks[m.Talk] == 0 {
				first[m.Talk] = m.At
			}
			talks[m.Talk]++
			last[m.Talk] = m.At
			if m.Rank < 0.3 {
				rank++
			}
		}
		n, length := 0.0, 0.0
		for talk, size := range talks {
			n += size
			length += float64(last[talk]-first[talk]) / 60_000
		}
		near(t, "size", n/float64(len(talks)), c.size, 0.07*c.size)
		near(t, "minutes between messages", length/max(1, n-float64(len(talks))), min(1, c.size-1), 0.05)
		near(t, "share of the lower ranks", rank/n, 0.3, 0.03)
		if math.IsNaN(c.spread) {
			continue
		}
		// The spread of one conversation's size tells that of the counts.
		square := 0.0
		for _, size := range talks {
			square += size * size
		}
		near(t, "dispersion", square/n, c.spread, 0.12*c.spread)
	}
}

func TestWhatBefallsTraffic(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	monday := unixMilli(2026, 3, 2, 0)
	const hour, day, week = 3600_000, 24 * 3600_000, 7 * 24 * 3600_000
	plain := Traffic{PerHour: 2000, Noise: 1e-9}
	n := func(t Traffic, from, to int64) float64 { return float64(numberOf(t, from, to)) }

	with := plain
	with.Holidays = []string{"2026-03-03"}
	near(t, "a holiday", n(with, monday+day, monday+2*day)/n(plain, monday+day, monday+2*day), 0.4, 0.02)
	near(t, "the day after", n(with, monday+2*day, monday+3*day), n(plain, monday+2*day, monday+3*day), 0)

	with = plain
	with.Levels = []TrafficLevel{{time.UnixMilli(monday), time.UnixMilli(monday + day), 3}}
	near(t, "a level", n(with, monday, monday+day)/n(plain, monday, monday+day), 3, 0.1)

	with = plain
	with.Talk = 6
	whole := with
	with.Cuts = []TrafficCut{
		{time.UnixMilli(monday + 12*hour), time.UnixMilli(monday + 13*hour), 0},
		{time.UnixMilli(monday + 13*hour), time.UnixMilli(monday + 20*hour), 0.3},
	}
	near(t, "an outage", n(with, monday+12*hour, monday+13*hour), 0, 0)
	near(t, "a drop", n(with, monday+13*hour, monday+20*hour)/n(whole, monday+13*hour, monday+20*hour), 0.3, 0.03)
	near(t, "the rest", n(with, monday, monday+12*hour)+n(with, monday+20*hour, monday+week),
		n(whole, monday, monday+12*hour)+n(whole, monday+20*hour, monday+week), 0)

	with = Traffic{Bot: time.Minute}
	near(t, "a bot", n(with, monday, monday+day), 1440, 1)
	for from := monday; from < monday+day; from += hour / 12 {
		if got := numberOf(with, from, from+hour/12); got < 4 || got > 6 {
			t.Fatalf("%d messages of a bot in five minutes", got)
		}
	}

	with = plain
	with.Growth, with.Since = 0.1, time.UnixMilli(monday+week/2)
	near(t, "growth", n(with, monday+3*week, monday+4*week)/n(with, monday, monday+week), math.Pow(1.1, 3), 0.02)
	near(t, "the week of Since", n(with, monday, monday+week)/168, 2000, 45)

	// Noon in Berlin is 11 in UTC in winter, and 10 in summer.
	with = plain
	with.Zone, with.OfficeHours = zone, true
	opens := func(date int64) int {
		for h := range 24 {
			if numberOf(with, date+int64(h)*hour, date+int64(h+1)*hour) > 0 {
				return h
			}
		}
		return -1
	}
	if winter, summer := opens(unixMilli(2026, 3, 27, 0)), opens(unixMilli(2026, 3, 30, 0)); winter != 7 || summer != 6 {
		t.Errorf("opens at %d and %d", winter, summer)
	}

	days := func(with Traffic) (spread float64) {
		var counts [200]float64
		with.Each(monday, monday+200*day, func(m TrafficMessage) { counts[(m.At-monday)/day]++ })
		usual := n(plain, monday, monday+day)
		for d, count := range counts {
			if d%7 < 5 {
				spread += math.Pow(count/usual-1, 2) / 144
			}
		}
		return math.Sqrt(spread)
	}
	noisy := Traffic{PerHour: 2000}
	near(t, "noise of days", days(noisy), 0.12, 0.02)
	noisy.Noise = 0.25
	near(t, "much noise of days", days(noisy), 0.25, 0.04)

	with = Traffic{PerHour: 20_000, Noise: 1e-9, Wander: 0.25}
	level := Traffic{PerHour: 20_000, Noise: 1e-9}
	hourly := func(t Traffic) (out [7 * 24]float64) {
		t.Each(monday, monday+week, func(m TrafficMessage) {
			if at := m.At - monday; at%hour < hour/12 {
				out[at/hour]++
			}
		})
		return out
	}
	wander, even, spread := hourly(with), hourly(level), 0.0
	for h := range wander {
		spread += math.Pow(wander[h]/even[h]-1, 2) / float64(len(wander))
	}
	near(t, "wandering", math.Sqrt(spread), 0.25, 0.06)
}

func TestServerWithTraffic(t *testing.T) {
	now := fixedNow()
	config := Config{
		Seed: 3, Dialogs: 200, Weeks: 1, Traffic: &Traffic{PerHour: 120, Talk: 6, Bot: 10 * time.Minute},
		Now: func() time.Time { return now }, Quirks: Quirks{Skew: time.Hour},
	}
	model := *config.Traffic
	model.Seed = config.Seed
	skew := config.Quirks.Skew.Milliseconds()
	start := now.UnixMilli()
	s, often := New(config), New(config)
	was := s.Truth()

	wrong := func(when string, from, to int64, share float64) {
		t.Helper()
		want := map[int64]int{}
		model.Each(from, to, func(m TrafficMessage) {
			if m.Rank < share {
				want[(m.At+skew)/1000]++
			}
		})
		n := 0
		for _, m := range s.Truth().Messages {
			if m.CreatedAt*1000 >= from+skew && m.CreatedAt*1000 < to+skew {
				want[m.CreatedAt]--
				n++
			}
		}
		for at, n := range want {
			if n != 0 && at != (from+skew)/1000 && at != (to+skew)/1000 {
				t.Fatalf("%s: %d messages too few at %d", when, n, at)
			}
		}
		if n == 0 && share > 0 {
			t.Errorf("%s: no messages", when)
		}
	}
	wrong("history", start-7*24*3600_000, start, 1)
	if n := len(was.Messages); n < 15_000 || n > 30_000 {
		t.Errorf("%d messages in a week", n)
	}

	// An hour as it should be, two of an outage, two of a drop, one of all again.
	for _, part := range []struct {
		length time.Duration
		share  float64
	}{{time.Hour, 1}, {2 * time.Hour, 0}, {2 * time.Hour, 0.3}, {time.Hour, 1}} {
		from := now
		s.SetTraffic(part.share)
		often.SetTraffic(part.share)
		for now.Before(from.Add(part.length)) {
			now = now.Add(1700 * time.Millisecond)
			often.Step(now)
		}
		s.Step(now)
		wrong("live", from.UnixMilli(), now.UnixMilli(), part.share)
	}
	if !bytes.Equal(bytesOf(s), bytesOf(often)) {
		t.Error("one long step and many short ones give different rows")
	}

	truth := s.Truth()
	created, perDialog := map[string]int64{}, map[string]int{}
	for _, d := range truth.Dialogs {
		created[d.ID] = d.CreatedAt
	}
	for _, m := range truth.Messages {
		if at, ok := created[m.DialogID]; !ok || at > m.CreatedAt {
			t.Fatalf("message %s is in dialog %s of %d", m.ID, m.DialogID, at)
		}
		perDialog[m.DialogID]++
	}
	if len(perDialog) < 100 || len(truth.Dialogs) <= 200 {
		t.Errorf("%d dialogs have messages, of %d", len(perDialog), len(truth.Dialogs))
	}
	if truth.CountMessages(func(m TruthMessage) bool { return m.CreatedAt*1000 > start+skew && m.UpdatedAt > m.CreatedAt }) == 0 {
		t.Error("nothing was read or edited")
	}
	s.SetTraffic(0)
	if plain := small(); plain.live.traffic != nil {
		t.Error("traffic without a model")
	} else {
		plain.SetTraffic(0)
	}
}

func BenchmarkTraffic(b *testing.B) {
	from := unixMilli(2026, 3, 2, 0)
	for b.Loop() {
		numberOf(Traffic{PerHour: 5000, Talk: 6}, from, from+7*24*3600_000)
	}
}
