package chatapitest

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// happening is a kind of live event.
type happening int

const (
	talks   happening = iota // a conversation begins; the next one is planned
	writes                   // the next message of Config.Traffic arrives
	says                     // a message arrives in dialog row
	reads                    // message row is read
	edits                    // message row is edited
	unsays                   // message row is deleted for all
	renames                  // dialog row is edited
	mutes
	unmutes
	leaves // a user deletes dialog row for himself
	ends   // dialog row is deleted for all
)

// event is something that happens at a time, unix milliseconds by the true
// clock, to a row.
type event struct {
	at   int64
	seq  uint64 // orders events of the same millisecond
	what happening
	row  uint32
}

// eventQueue is a heap of events, the next one first.
type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(e any)   { *q = append(*q, e.(event)) }
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

// live plans what happens after the history. Chance is drawn in the order of
// the events, so that it does not matter how time is cut into steps.
type live struct {
	rand  *rand.Rand
	rate  float64 // conversations a second, in the mean
	start int64   // unix milliseconds; what is planned for earlier does not happen
	queue eventQueue
	seq   uint64

	traffic *traffic
}

// meanTalk is the mean of talk.
const meanTalk = 5.01

// warmUp is how long before the start conversations begin, so that the first
// minutes are as busy as the others.
const warmUp = 10 * time.Minute

func newLive(c Config, now time.Time) *live {
	l := &live{rand: newRand(c.Seed, "live"), rate: c.Rate / meanTalk, start: now.UnixMilli()}
	switch {
	case c.Traffic != nil:
		l.traffic = newTraffic(c, now)
		l.planWrite(l.start)
	case c.Rate > 0:
		l.planTalk(now.Add(-warmUp).UnixMilli())
	}
	return l
}

func (l *live) plan(at int64, what happening, row uint32) {
	l.seq++
	heap.Push(&l.queue, event{at, l.seq, what, row})
}

// planTalk draws when the next conversation after at begins: at the highest
// rate, thinned to that of the hour.
func (l *live) planTalk(at int64) {
	for {
		at += 1 + int64(1000*l.rand.ExpFloat64()/(l.rate*wildest))
		if l.rand.Float64()*wildest < mildRhythm(time.UnixMilli(at).UTC()) {
			l.plan(at, talks, 0)
			return
		}
	}
}

// soon draws a delay in milliseconds.
func (l *live) soon(mean time.Duration) int64 {
	return 1 + int64(l.rand.ExpFloat64()*float64(mean.Milliseconds()))
}

// Step lets everything happen that is due by until, by the true clock:
// conversations, new dialogs, reads and edits, mutes and unmutes, deletions.
// Without Config.Rate and Config.Traffic nothing does.
func (s *Server) Step(until time.Time) {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	for s.stepSome(until.UnixMilli()) {
	}
}

// stepSome holds the lock for some events only, so that a long step does not
// stop requests.
func (s *Server) stepSome(until int64) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 256 {
		if len(s.live.queue) == 0 || s.live.queue[0].at > until {
			return false
		}
		s.happen(heap.Pop(&s.live.queue).(event))
	}
	return true
}

func (s *Server) happen(e event) {
	at := s.serverTime(time.UnixMilli(e.at))
	switch {
	case e.what == talks:
		s.talk(e.at)
		return
	case e.what == writes:
		s.write(e.at)
		return
	case e.at <= s.live.start:
		return
	case e.what == reads, e.what == edits, e.what == unsays:
		s.happenToMessage(e, at)
		return
	case s.store.dialogs[e.row].dead:
		return
	}
	d := &s.store.dialogs[e.row]
	switch e.what {
	case says:
		s.say(e, at)
	case renames:
		s.store.touchDialog(e.row, at)
	case mutes:
		s.mute(e.row, s.people.member(s.live.rand, d), true, at)
	case unmutes:
		if len(d.silent) > 0 {
			s.mute(e.row, d.silent[0], false, at)
		}
	case leaves:
		s.deleteFor(e.row, s.people.member(s.live.rand, d))
	case ends:
		s.store.removeDialog(e.row)
	}
}

func (s *Server) happenToMessage(e event, at int64) {
	if s.store.messages[e.row].dead {
		return
	}
	switch e.what {
	case reads:
		s.readMessage(e.row, at)
	case edits:
		s.editMessage(e.row, at)
	case unsays:
		s.store.removeMessage(e.row)
	}
}

// talk begins a conversation, in a new dialog now and then, and sometimes
// something happens to its dialog besides.
func (s *Server) talk(at int64) {
	l := s.live
	l.planTalk(at)
	row, ok := s.anyDialog()
	switch begun := at > l.start; {
	case !ok && !begun:
		return
	case !ok, begun && l.rand.IntN(25) == 0:
		row = s.store.addDialog(s.people.newDialog(l.rand, s.serverTime(time.UnixMilli(at))))
	}
	when := at
	for range talk(l.rand) {
		l.plan(when, says, row)
		when += pause(l.rand)
	}
	l.planChange(at, row, true)
}

// planChange draws whether something happens to a dialog in which a
// conversation begins; mayEnd: it may be deleted for all.
func (l *live) planChange(at int64, row uint32, mayEnd bool) {
	switch n := l.rand.IntN(100); {
	case n < 4:
		l.plan(at+l.soon(time.Minute), mutes, row)
	case n < 7:
		l.plan(at+l.soon(time.Minute), unmutes, row)
	case n < 9:
		l.plan(at+l.soon(time.Hour), leaves, row)
	case n < 11:
		l.plan(at+l.soon(time.Minute), renames, row)
	case n < 12 && mayEnd:
		l.plan(at+l.soon(time.Hour), ends, row)
	}
}

// anyDialog draws one that exists.
func (s *Server) anyDialog() (uint32, bool) {
	for range 100 {
		if len(s.store.dialogs) == 0 {
			break
		}
		if row := popular(s.live.rand, len(s.store.dialogs)); !s.store.dialogs[row].dead {
			return row, true
		}
	}
	return 0, false
}

func (s *Server) say(e event, at int64) {
	l := s.live
	row := s.store.addMessage(s.people.newMessage(l.rand, &s.store.dialogs[e.row], e.row, at))
	switch n := l.rand.IntN(100); {
	case n < 60:
		l.plan(e.at+l.soon(90*time.Second), reads, row)
	case n < 63:
		l.plan(e.at+l.soon(5*time.Minute), edits, row)
	case n < 64:
		l.plan(e.at+l.soon(10*time.Minute), unsays, row)
	}
}
