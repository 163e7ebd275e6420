package chatapitest

import (
	"slices"
	"time"
)

// traffic gives the messages of a Config.Traffic to a Server.
type traffic struct {
	model  Traffic
	stream *TrafficStream // of what is to come
	next   *TrafficMessage
	share  float64
	talks  map[uint64]talkPlace // conversations that may go on
}

// talkPlace is where a conversation takes place.
type talkPlace struct {
	dialog uint32
	last   int64 // unix milliseconds by the true clock
}

func newTraffic(c Config, now time.Time) *traffic {
	t := &traffic{model: *c.Traffic, share: 1, talks: map[uint64]talkPlace{}}
	if t.model.Seed == 0 {
		t.model.Seed = c.Seed
	}
	t.stream = t.model.Stream(now)
	return t
}

// place is the dialog of a message's conversation; of a new one, draw gives it.
func (t *traffic) place(m *TrafficMessage, draw func() uint32) uint32 {
	p, known := t.talks[m.Talk]
	if !known {
		p.dialog = draw()
	}
	p.last = m.At
	t.talks[m.Talk] = p
	return p.dialog
}

// forget drops the conversations that have ended before a time.
func (t *traffic) forget(at int64) {
	for talk, p := range t.talks {
		if p.last < at {
			delete(t.talks, talk)
		}
	}
}

// planTraffic plans the messages of Config.Traffic from start to now, both by
// the server's clock.
func (h *history) planTraffic(start time.Time) {
	skew := h.config.Quirks.Skew.Milliseconds()
	stream := h.traffic.model.Stream(time.UnixMilli(start.UnixMilli() - skew))
	for {
		m, ok := stream.Next(h.now - skew)
		if !ok {
			break
		}
		at := m.At + skew
		row := h.traffic.place(&m, func() uint32 {
			n, _ := slices.BinarySearchFunc(h.dialogs, at, func(d dialog, at int64) int { return int(d.created - at) })
			return popular(h.rand, n)
		})
		h.add(max(at, h.dialogs[row].created), row)
	}
	h.traffic.forget(h.now - skew - longestTalk.Milliseconds())
}

// planWrite plans the next message after a time, or to look again later.
func (l *live) planWrite(at int64) {
	next := at + blockMillis
	l.traffic.next = nil
	if m, ok := l.traffic.stream.Next(next); ok {
		l.traffic.next, next = &m, m.At
	}
	if next/blockMillis > at/blockMillis {
		l.traffic.forget(at - longestTalk.Milliseconds())
	}
	l.plan(next, writes, 0)
}

// write adds the message of Config.Traffic that is due. What else people do
// removes no messages: counts of the past stay what they were.
func (s *Server) write(at int64) {
	l := s.live
	m := l.traffic.next
	l.planWrite(at)
	if m == nil || m.Rank >= l.traffic.share {
		return
	}
	created := s.serverTime(time.UnixMilli(at))
	d := l.traffic.place(m, func() uint32 {
		row, ok := s.anyDialog()
		if !ok || l.rand.IntN(25) == 0 {
			row = s.store.addDialog(s.people.newDialog(l.rand, created))
		}
		l.planChange(at, row, false)
		return row
	})
	if s.store.dialogs[d].dead {
		return // a test deleted it
	}
	row := s.store.addMessage(s.people.newMessage(l.rand, &s.store.dialogs[d], d, created))
	switch n := l.rand.IntN(100); {
	case n < 60:
		l.plan(at+l.soon(90*time.Second), reads, row)
	case n < 63:
		l.plan(at+l.soon(5*time.Minute), edits, row)
	}
}

// SetTraffic lets only a share of the conversations of Config.Traffic go on
// from now: with 0 there are no messages, with 0.3 all those of seven in ten
// conversations are lost, with 1 none is. What was lost does not come back.
func (s *Server) SetTraffic(share float64) {
	s.Step(s.config.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.traffic != nil {
		s.live.traffic.share = share
	}
}
