package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// mode is what the exporter knows of the past.
type mode int

const (
	longRunning mode = iota // every five minutes
	justArmed               // since a day ago every five minutes, before that what is asked for at the first start
)

const (
	settle    = 60      // seconds after which a settled time is judged
	reachDays = 7*7 + 1 // that a judge looks back, and the pool before them
	poolDays  = 14
	recalled  = reachDays + poolDays + 4
	pageSize  = 100
)

// result is what one seed shows.
type result struct {
	false  [2]int // alerts, by the kind that began
	days   float64
	judged [2]float64 // days in which a silence, and any window, can be judged
	delays [outages][]float64
}

// simulate runs one row with one seed.
func simulate(r *row, seed uint64) result {
	chance := rand.New(rand.NewPCG(seed, 0x72756e))
	now := r.moment(chance)
	from, to := now+r.from*day, now+(r.from+r.days)*day
	w := newWorld(r, seed, now-r.history*day, to+followed+hour, now)
	calendar, err := activity.NewCalendar(r.zone(), nil)
	if err != nil {
		panic(err) // it has no holidays to misspell
	}
	s := &simulation{row: r, world: w, calendar: calendar, now: now}
	out := result{}
	s.falseAlerts(&out, from, to)
	for kind := range outage(outages) {
		for range r.outages[kind] {
			begins := s.moment(chance, from, to)
			out.delays[kind] = append(out.delays[kind], s.seen(kind, begins))
		}
	}
	return out
}

type simulation struct {
	row      *row
	world    *world
	calendar *activity.Calendar
	now      int64
}

// moment draws a minute that is not excluded.
func (s *simulation) moment(chance *rand.Rand, from, to int64) int64 {
	for range 1000 {
		t := from + chance.Int64N((to-from)/60)*60
		if !s.world.excluded[(t-s.world.start)/bin] {
			return t
		}
	}
	return from
}

// known is the history as it is known at t, a multiple of five minutes.
func (s *simulation) known(t int64) *activity.History {
	h := activity.NewHistory()
	w := s.world
	erased := int64(math.MinInt64)
	if s.row.erased != nil {
		erased = s.now - 30*day
	}
	count := func(from, to int64) int64 {
		n := w.count(from, to)
		if from < erased {
			n = s.row.erased(n, from)
		}
		return n
	}
	fine := activity.Floor(t-day, hour)
	for at := max(w.start, activity.Floor(t-recalled*day, hour)); at < t; at += hour {
		if s.row.mode == longRunning || at >= fine || count(at, at+hour) <= pageSize {
			for b := at; b < min(at+hour, t); b += bin {
				h.SetBin(b, count(b, b+bin))
			}
			continue
		}
		h.SetHour(at, count(at, at+hour))
		if at >= t-poolDays*day && at/hour%2 == 0 {
			h.SetTail(at, count(at+hour-activity.TailSeconds, at+hour))
		}
	}
	return h
}

// falseAlerts lets the exporter run from one time to another.
func (s *simulation) falseAlerts(out *result, from, to int64) {
	w := s.world
	begin := max(from-s.row.warm*day, w.start+bin)
	h := s.known(begin)
	judge := activity.NewJudge(h, s.calendar, activity.DefaultWeeks)
	alarms := &activity.Alarms{}
	last := newest(&w.all, w.start, max(w.start, begin-3*day), begin)
	for t := begin; t < to; {
		v := judge.At(t, last)
		was := alarms.Firing(activity.Silent) || alarms.Firing(activity.Drop)
		alarms.Add(&v)
		if t >= from && !w.excluded[(t-w.start)/bin] {
			out.days += bin / float64(day)
			out.note(&v)
			is := alarms.Firing(activity.Silent) || alarms.Firing(activity.Drop)
			if is && !was {
				kind := activity.Drop
				if alarms.Firing(activity.Silent) {
					kind = activity.Silent
				}
				out.false[kind]++
			}
		}
		if s.row.mode == justArmed && (t-begin)%day == day-bin {
			h = s.known(t)
			judge = activity.NewJudge(h, s.calendar, activity.DefaultWeeks)
		}
		b := (t - w.start) / bin
		h.SetBin(t, int64(w.all.counts[b]))
		if second := w.all.newest[b]; second >= 0 {
			last = t + int64(second)
		}
		t += bin
	}
}

func (r *result) note(v *activity.Verdict) {
	if v.Silence.Bound >= 0 {
		r.judged[0] += bin / float64(day)
	}
	for i := range v.Windows {
		if v.Windows[i].Bound >= 0 {
			r.judged[1] += bin / float64(day)
			return
		}
	}
}

// seen lets an outage begin, and gives the minutes until an alarm fires;
// infinite if none does within two days.
func (s *simulation) seen(kind outage, begins int64) float64 {
	w := s.world
	t := activity.Floor(begins, bin)
	h := s.known(t)
	judge := activity.NewJudge(h, s.calendar, activity.DefaultWeeks)
	alarms := &activity.Alarms{}
	last := newest(&w.all, w.start, max(w.start, t-3*day), t)
	// The five minutes in which it begins.
	n := int64(0)
	w.traffic.Each(t*1000, (t+bin)*1000, func(m chatapitest.TrafficMessage) {
		if m.At < begins*1000 || s.row.goesOn(kind, &m) {
			n++
			last = max(last, m.At/1000)
		}
	})
	for {
		h.SetBin(t, n)
		t += bin
		if t > begins+followed {
			return math.Inf(1)
		}
		v := judge.At(t, last)
		alarms.Add(&v)
		if alarms.Firing(activity.Silent) || alarms.Firing(activity.Drop) {
			return float64(t+settle-begins) / 60
		}
		b := (t - w.start) / bin
		n = int64(w.left[kind].counts[b])
		if second := w.left[kind].newest[b]; second >= 0 {
			last = t + int64(second)
		}
	}
}

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}
