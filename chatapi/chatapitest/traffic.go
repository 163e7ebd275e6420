package chatapitest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Traffic is a model of when messages are created: conversations of several
// messages, by the season of day and week, in days that are not all alike, with
// what else befalls a chat. The same Traffic always gives the same messages,
// however time is cut.
type Traffic struct {
	Seed    uint64
	PerHour float64 // messages an hour, in the mean over a week

	// Talk is how many messages a conversation has in the mean, about a minute
	// apart; up to 1, each stands alone. Sizes are geometric, or have a Pareto
	// tail with this exponent, above 1.
	Talk   float64
	Pareto float64

	Growth float64   // a week, such as 0.05
	Since  time.Time // when PerHour holds, if there is growth

	Zone        *time.Location // of days, UTC by default
	OfficeHours bool           // 8 to 20 on weekdays, nothing else
	Steep       bool           // the two peaks of the day are narrower
	Weekend     float64        // a day's share of a weekday's, 0.75 by default; 1: no weekly season
	Noise       float64        // spread of a day's level, 0.12 by default
	Wander      float64        // spread of the level within hours
	Holidays    []string       // local dates such as 2026-12-25, with 40% of the messages
	Levels      []TrafficLevel // times of more or of fewer conversations
	Cuts        []TrafficCut   // times when messages are lost
	Bot         time.Duration  // a message this often, besides PerHour; 0: none
}

// TrafficLevel is a time in which conversations begin more often or less.
type TrafficLevel struct {
	From, To time.Time
	Factor   float64
}

// TrafficCut is a time in which only some conversations go on: all messages of
// the others are lost.
type TrafficCut struct {
	From, To time.Time
	Share    float64 // that goes on; 0: a full outage
}

// TrafficMessage is one message of the model.
type TrafficMessage struct {
	At   int64   // unix milliseconds
	Talk uint64  // names its conversation
	Rank float64 // of its conversation, from 0 up to 1: with a share of x, those below x go on
	Bot  bool
}

const (
	trafficBlock  = time.Hour // chance is drawn for each anew
	trafficBins   = 12        // of a block, each with one rate
	longestTalk   = 16 * time.Hour
	mostInTalk    = 720
	meanPause     = time.Minute
	holidayShare  = 0.4
	officeOpens   = 8 // o'clock
	officeCloses  = 20
	nightShare    = 0.1 // of the mean, at the lowest
	blockMillis   = int64(trafficBlock / time.Millisecond)
	trafficMillis = blockMillis / trafficBins
	secondsOfDay  = 24 * 3600
)

// trafficModel is a Traffic made ready to draw from.
type trafficModel struct {
	Traffic
	day      [secondsOfDay / 300]float64
	week     [7]float64 // from Sunday
	holidays map[int64]bool
	size     float64 // mean of a conversation
	rand     *rand.Rand
	source   *rand.PCG
}

func newTrafficModel(t Traffic) *trafficModel {
	m := &trafficModel{Traffic: t, holidays: map[int64]bool{}, source: rand.NewPCG(0, 0)}
	m.rand = rand.New(m.source)
	if m.Zone == nil {
		m.Zone = time.UTC
	}
	if m.Weekend == 0 {
		m.Weekend = 0.75
	}
	if m.Noise == 0 {
		m.Noise = 0.12
	}
	for _, text := range m.Holidays {
		if at, err := time.Parse(time.DateOnly, text); err == nil {
			m.holidays[at.Unix()/secondsOfDay] = true
		}
	}
	m.shape()
	m.size = m.meanSize()
	return m
}

// shape sets the seasons, each with a mean of 1.
func (m *trafficModel) shape() {
	sum := 0.0
	for i := range m.day {
		m.day[i] = daily((float64(i)+0.5)*24/float64(len(m.day)), m.OfficeHours, m.Steep)
		sum += m.day[i]
	}
	base, mean := 0.0, sum/float64(len(m.day))
	if least := slices.Min(m.day[:]); least > 0 {
		base = (nightShare*mean - least) / (1 - nightShare)
	}
	for i := range m.day {
		m.day[i] = (m.day[i] + base) / (mean + base)
	}
	m.week = [7]float64{m.Weekend, 1, 1, 1, 1, 1, m.Weekend}
	if m.OfficeHours {
		m.week[time.Saturday], m.week[time.Sunday] = 0, 0
	}
	sum = 0
	for _, w := range m.week {
		sum += w
	}
	for i := range m.week {
		m.week[i] *= 7 / sum
	}
}

// daily is how busy an hour of the day is, in no unit; shape raises the nights.
func daily(hour float64, office, steep bool) float64 {
	if office {
		if hour < officeOpens || hour >= officeCloses {
			return 0
		}
		return 0.6 + 0.4*bell(hour, 11, 1.5) + 0.4*bell(hour, 16, 1.5)
	}
	noon, evening := 3.0, 2.5 // widths
	if steep {
		noon, evening = 2.2, 2
	}
	return 0.8*bell(hour, 12, noon) + bell(hour, 19.5, evening) + bell(hour+24, 19.5, evening)
}

// perHour is how many messages an hour the people write at a time, unix
// milliseconds.
func (m *trafficModel) perHour(at int64) float64 {
	t := time.UnixMilli(at)
	_, offset := t.In(m.Zone).Zone()
	local := at/1000 + int64(offset)
	date := floorDiv(local, secondsOfDay)
	rate := m.PerHour * m.day[(local-date*secondsOfDay)/300] * m.week[((date+4)%7+7)%7]
	if rate == 0 {
		return 0
	}
	rate *= spreadOut(m.Noise, m.normal("day", date))
	if m.Wander > 0 {
		hour := floorDiv(at, blockMillis)
		sin, cos := math.Sincos(float64(at-hour*blockMillis) / float64(blockMillis) * math.Pi / 2)
		rate *= spreadOut(m.Wander, cos*m.normal("wander", hour)+sin*m.normal("wander", hour+1))
	}
	if m.Growth != 0 {
		rate *= math.Pow(1+m.Growth, t.Sub(m.Since).Hours()/(7*24))
	}
	if m.holidays[date] {
		rate *= holidayShare
	}
	for _, l := range m.Levels {
		if !t.Before(l.From) && t.Before(l.To) {
			rate *= l.Factor
		}
	}
	return rate
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// spreadOut makes a factor with a mean of 1 of a normal draw.
func spreadOut(spread, z float64) float64 { return math.Exp(spread*z - spread*spread/2) }

// normal is a normal draw that belongs to a number, always the same.
func (m *trafficModel) normal(purpose string, n int64) float64 {
	h := m.hash(purpose, n)
	u, v := float64(mix(h)>>11)/(1<<53), float64(mix(h+1)>>11)/(1<<53)
	return math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*v)
}

func (m *trafficModel) hash(purpose string, n int64) uint64 {
	h := mix(m.Seed ^ 0x7472616666696373)
	for _, c := range []byte(purpose) {
		h = mix(h ^ uint64(c))
	}
	return mix(h ^ uint64(n))
}

// sizeOf is the size of a conversation that this share of all exceed.
func (m *trafficModel) sizeOf(exceeded float64) int {
	var x float64
	switch {
	case m.Talk <= 1:
		return 1
	case m.Pareto > 1:
		x = math.Round(m.Talk * (m.Pareto - 1) / m.Pareto * math.Pow(exceeded, -1/m.Pareto))
	default:
		x = 1 + math.Floor(math.Log(exceeded)/math.Log1p(-1/m.Talk))
	}
	return int(min(max(x, 1), mostInTalk))
}

// meanSize is the mean of sizeOf, which differs from Talk by its limits.
func (m *trafficModel) meanSize() float64 {
	const steps = 20_000
	sum := 0
	for i := range steps {
		sum += m.sizeOf((float64(i) + 0.5) / steps)
	}
	return float64(sum) / steps
}

// block draws the conversations that begin in one hour, and gives their
// messages, some of which are of later hours.
func (m *trafficModel) block(n int64, yield func(TrafficMessage)) {
	m.source.Seed(m.Seed, m.hash("block", n))
	start := n * blockMillis
	m.bot(start, yield)
	for bin := range int64(trafficBins) {
		from := start + bin*trafficMillis
		begin := m.perHour(from+trafficMillis/2) / trafficBins / m.size
		if begin <= 0 {
			continue
		}
		for x := m.rand.ExpFloat64() / begin; x < 1; x += m.rand.ExpFloat64() / begin {
			at := float64(from) + x*float64(trafficMillis)
			talk := TrafficMessage{Talk: m.rand.Uint64()}
			talk.Rank = float64(mix(talk.Talk)>>11) / (1 << 53)
			for range m.sizeOf(1 - m.rand.Float64()) {
				if talk.At = int64(at); talk.At >= start+longestTalk.Milliseconds() {
					break
				}
				if !m.lost(&talk) {
					yield(talk)
				}
				at += m.rand.ExpFloat64() * float64(meanPause.Milliseconds())
			}
		}
	}
}

// bot gives the messages of the bot in one hour: regular, with a jitter of
// some seconds.
func (m *trafficModel) bot(start int64, yield func(TrafficMessage)) {
	every := m.Bot.Milliseconds()
	if every <= 0 {
		return
	}
	for k := floorDiv(start+every-1, every); k*every < start+blockMillis; k++ {
		h := m.hash("bot", k)
		talk := TrafficMessage{At: k*every + int64(h%uint64(min(every, 5000))), Talk: 1, Bot: true}
		if !m.lost(&talk) {
			yield(talk)
		}
	}
}

func (m *trafficModel) lost(message *TrafficMessage) bool {
	for i := range m.Cuts {
		c := &m.Cuts[i]
		if message.Rank >= c.Share && message.At >= c.From.UnixMilli() && message.At < c.To.UnixMilli() {
			return true
		}
	}
	return false
}

// Each gives all messages in [from, to), unix milliseconds, in no order.
func (t Traffic) Each(from, to int64, yield func(TrafficMessage)) {
	m := newTrafficModel(t)
	for n := floorDiv(from-longestTalk.Milliseconds(), blockMillis); n*blockMillis < to; n++ {
		m.block(n, func(message TrafficMessage) {
			if message.At >= from && message.At < to {
				yield(message)
			}
		})
	}
}

// Stream gives the messages from a time on in the order of their creation.
func (t Traffic) Stream(from time.Time) *TrafficStream {
	first := from.UnixMilli()
	s := &TrafficStream{model: newTrafficModel(t), next: floorDiv(first-longestTalk.Milliseconds(), blockMillis)}
	for s.next*blockMillis <= first {
		s.fill()
	}
	n, _ := slices.BinarySearchFunc(s.queue, first, func(m TrafficMessage, at int64) int { return cmp.Compare(m.At, at) })
	s.queue = s.queue[n:]
	return s
}

// TrafficStream gives one message after another.
type TrafficStream struct {
	model *trafficModel
	next  int64            // hour to draw
	queue []TrafficMessage // in order; complete up to that hour
}

func (s *TrafficStream) fill() {
	s.queue = slices.Clone(s.queue)
	s.model.block(s.next, func(m TrafficMessage) { s.queue = append(s.queue, m) })
	s.next++
	slices.SortFunc(s.queue, func(a, b TrafficMessage) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Talk, b.Talk))
	})
}

// Next gives the next message if it is created before a time, unix
// milliseconds.
func (s *TrafficStream) Next(before int64) (TrafficMessage, bool) {
	for s.next*blockMillis < before && (len(s.queue) == 0 || s.queue[0].At >= s.next*blockMillis) {
		s.fill()
	}
	if len(s.queue) == 0 || s.queue[0].At >= before {
		return TrafficMessage{}, false
	}
	first := s.queue[0]
	s.queue = s.queue[1:]
	return first, true
}
