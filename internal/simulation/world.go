package main

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const (
	bin  = activity.BinSeconds
	hour = 3600
	day  = 24 * hour
	week = 7 * day

	holidaysAYear = 6
	outageEvery   = 13 * week
	outageLength  = 4 * hour
	aftermath     = day // after a holiday or an outage, in which alerts are not counted as false
	followed      = 2 * day
)

// track is a count of messages for each bin, and where in it the newest lies.
type track struct {
	counts []int32
	newest []int16 // second of the bin, -1: none
}

func newTrack(n int) track {
	t := track{make([]int32, n), make([]int16, n)}
	for i := range t.newest {
		t.newest[i] = -1
	}
	return t
}

func (t *track) add(bin int, second int16) {
	t.counts[bin]++
	t.newest[bin] = max(t.newest[bin], second)
}

// world is one application's messages from start to end, as they were, and as
// each kind of outage would leave them.
type world struct {
	traffic    chatapitest.Traffic
	start, end int64 // unix seconds, whole hours
	all        track
	left       [outages]track
	excluded   []bool // by bin: a holiday or an outage, or soon after
}

// outage is what a failure does.
type outage int

const (
	full outage = iota // all messages are lost
	drop               // 70% of conversations are
	outages
)

const dropShare = 0.3 // of conversations that go on

// newWorld draws the messages of [start, end). The row decides what else goes
// on around its moment, now.
func newWorld(r *row, seed uint64, start, end, now int64) *world {
	chance := rand.New(rand.NewPCG(seed, 0x776f726c64))
	w := &world{start: start, end: end, traffic: chatapitest.Traffic{
		Seed: seed, PerHour: r.perHour, Talk: r.talk, Growth: r.growth, Since: at(now + r.days*day/2), Zone: time.UTC,
	}}
	if r.traffic != nil {
		r.traffic(&w.traffic, now, chance)
	}
	n := int((end - start) / bin)
	w.excluded = make([]bool, n)
	w.befall(chance)
	w.all = newTrack(n)
	for kind := range w.left {
		w.left[kind] = newTrack(n)
	}
	w.traffic.Each(start*1000, end*1000, func(m chatapitest.TrafficMessage) {
		b, second := w.place(m.At)
		w.all.add(b, second)
		for kind := range w.left {
			if r.goesOn(outage(kind), &m) {
				w.left[kind].add(b, second)
			}
		}
	})
	return w
}

func (w *world) place(millis int64) (bin int, second int16) {
	s := millis/1000 - w.start
	return int(s / activity.BinSeconds), int16(s % activity.BinSeconds)
}

func at(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// befall adds holidays that nobody listed, and outages, and notes when alerts
// would not be false.
func (w *world) befall(chance *rand.Rand) {
	for t := w.start; t < w.end; t += day {
		if chance.Float64() >= holidaysAYear/365.0 {
			continue
		}
		y, m, d := at(t).In(w.traffic.Zone).Date()
		w.traffic.Holidays = append(w.traffic.Holidays, fmt.Sprintf("%04d-%02d-%02d", y, m, d))
		from := time.Date(y, m, d, 0, 0, 0, 0, w.traffic.Zone)
		w.exclude(from.Unix(), from.AddDate(0, 0, 1).Unix())
	}
	for t := w.start; t < w.end; t += outageEvery {
		from := t + chance.Int64N(outageEvery)
		w.traffic.Cuts = append(w.traffic.Cuts, chatapitest.TrafficCut{From: at(from), To: at(from + outageLength)})
		w.exclude(from, from+outageLength)
	}
}

func (w *world) exclude(from, to int64) {
	for t := max(from, w.start); t < min(to+aftermath, w.end); t += bin {
		w.excluded[(t-w.start)/bin] = true
	}
}

// count is the number of messages in [from, to), multiples of five minutes.
func (w *world) count(from, to int64) (n int64) {
	for t := from; t < to; t += bin {
		n += int64(w.all.counts[(t-w.start)/bin])
	}
	return n
}

// newest is the time of the newest message before t, a multiple of five
// minutes, that is not older than from.
func newest(t *track, start, from, to int64) int64 {
	for at := to - bin; at >= from; at -= bin {
		if s := t.newest[(at-start)/bin]; s >= 0 {
			return at + int64(s)
		}
	}
	return 0
}

// half is what is left of n messages of a time when every second of them is
// deleted by chance.
func half(n, at int64) (left int64) {
	source := rand.NewPCG(uint64(at), 1)
	for ; n > 0; n -= 64 {
		word := source.Uint64()
		if n < 64 {
			word &= 1<<n - 1
		}
		left += int64(bits.OnesCount64(word))
	}
	return left
}
